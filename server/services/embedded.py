"""What runs in processes of its own: PocketSphinx, espeak-ng, a turn model. Their packages are imported here only."""

from __future__ import annotations

from functools import partial

from server.factories import Factory
from server.services.remote import Given


def pocketsphinx(given: Given) -> Factory:
    """Ears that understand what is in the agent's vocabulary."""
    from audio.stt.pocketsphinx import PocketSphinxEngine

    return partial(PocketSphinxEngine, given.words, spawn=given.spawn)


def espeak(given: Given) -> Factory:
    """The embedded voice."""
    from audio.tts.espeak import espeak_voices

    return partial(espeak_voices, spawn=given.spawn)


def smart_turn(given: Given) -> Factory:
    """A model in the form of Smart Turn v3, whose file the table names."""
    from audio.smart_turn.engine import SmartTurnEngine

    return partial(SmartTurnEngine, spawn=given.spawn)
