"""The client of `voicewire talk`: a caller with the native wire, on a terminal."""
