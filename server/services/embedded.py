"""What is built in: PocketSphinx and espeak-ng, each in processes of its own. Their packages are imported here only."""

from __future__ import annotations

from functools import partial

from server.factories import Factory
from server.services.remote import Given


def pocketsphinx(given: Given) -> Factory:
    """Ears that understand what is in the agent's vocabulary."""
    from audio.stt.pocketsphinx import PocketSphinxEngine

    return partial(PocketSphinxEngine, given.words, spawn=given.spawn)


def espeak(given: Given) -> Factory:
    """The embedded voice, as the agent names it."""
    from audio.tts.espeak import EspeakEngine

    voice = given.agent.voice
    return partial(EspeakEngine, spawn=given.spawn, voice=voice) if voice else partial(EspeakEngine, spawn=given.spawn)
