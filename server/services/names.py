"""All ears and voices by name: `stt = "pocketsphinx"`, `tts = {name = "elevenlabs", voice = "…", model = "…"}`.

Names of models and of voices are configuration: they come and go.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from audio.services import SpeechToText, TextToSpeech
from link.errors import ConfigError
from server.config import Service
from server.factories import Engine, Factory, Known, make, split
from server.services import (
    cartesia,
    deepgram,
    elevenlabs,
    embedded,
    fallback,
    faster_whisper,
    kokoro,
    moonshine,
    openai,
    piper,
    scripted,
)
from server.services.cached import cached
from server.services.remote import Given

Find = Callable[[Given], Factory]

EARS: dict[str, Find] = {
    "pocketsphinx": embedded.pocketsphinx,
    "deepgram": lambda given: partial(deepgram.nova, given),
    "deepgram-flux": lambda given: partial(deepgram.flux, given),
    "openai-stt": lambda given: partial(openai.transcription, given),
    "openai-realtime-stt": lambda given: partial(openai.realtime, given),
    "faster-whisper": lambda given: partial(faster_whisper.ears, given),
    "moonshine": lambda given: partial(moonshine.ears, given),
    "fallback": lambda given: partial(fallback.ears, given, make_ears),
    "scripted": lambda _: scripted.ears,
}
VOICES: dict[str, Find] = {
    "espeak": embedded.espeak,
    "elevenlabs": lambda given: partial(elevenlabs.voice, given),
    "cartesia": lambda given: partial(cartesia.voice, given),
    "deepgram-tts": lambda given: partial(deepgram.voice, given),
    "openai-tts": lambda given: partial(openai.voice, given),
    "piper": lambda given: partial(piper.voice, given),
    "kokoro": lambda given: partial(kokoro.voice, given),
    "fallback": lambda given: partial(fallback.voice, given, make_voice),
    "scripted": lambda _: scripted.voice,
}

FOLLOW_TURNS = frozenset({"deepgram-flux", "fallback"})
"""Ears that say when a turn is over, as the rule `stt` wants; a factory of the user's own may be such as well."""


def make_ears(service: Service, given: Given) -> Engine[SpeechToText]:
    """The engine of a speech-to-text. Raises ConfigError that names the key."""
    name, _ = split(given.place, service)
    rules = given.settings.over("turn", given.agent.turn).rules
    if "stt" in rules and name in EARS.keys() - FOLLOW_TURNS and given.place == "stt":
        raise ConfigError(
            f'the configuration is wrong: turn.rules: "stt" needs ears that follow turns, and {name!r} does not;'
            ' choose stt = {name = "deepgram-flux", …}, or leave the rule out'
        )
    known: Known = {each: partial(find, given) for each, find in EARS.items()}
    engine: Engine[SpeechToText] = make("stt", given.place, service, known)
    return engine


def make_voice(service: Service, given: Given) -> Engine[TextToSpeech]:
    """The engine of a voice, with a cache where the table has one. Raises ConfigError that names the key."""
    name, options = split(given.place, service)
    folder = options.pop("cache", None)
    if folder is not None and name == "fallback":  # it would keep one voice's sound for another's
        raise ConfigError(f"{given.place}.cache: a fallback has none; give it to each of its services")
    known: Known = {each: partial(find, given) for each, find in VOICES.items()}
    engine: Engine[TextToSpeech] = make("tts", given.place, {"name": name, **options}, known)
    return engine if folder is None else cached(engine, folder, {"name": name, **options}, given)
