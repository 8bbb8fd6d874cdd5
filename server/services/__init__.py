"""Ears and voices: one file for each provider, with its tables of options; `names` has them by name."""
