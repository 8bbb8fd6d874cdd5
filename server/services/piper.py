"""Piper: voices on this machine, in a process of their own. Its models are files that you have.

tts = {name = "piper", model = "/path/voice.onnx"}
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from audio.tts.worker_voice import MOST, VoicePool
from link.errors import ConfigError
from server.services.options import converted, file_of, within
from server.services.remote import Given


class VoiceOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """`tts = {name = "piper", model = "/path/voice.onnx"}`."""

    model: str
    """The file of the voice, `….onnx`; it must be given."""
    config: str = ""
    """The file that came with it; empty: `….onnx.json`."""
    speaker: str | int | None = None
    """Of a voice that has several: a name or a number."""
    speed: float = 1.0
    """0.25 to 4; at 1 as fast as the voice was trained."""
    volume: float = 1.0
    """0.1 to 2."""
    workers: int = 1
    """Processes, 1 to 64; each loads the voice."""
    slots: int = 8
    """Calls per process, 1 to 1024: they are spoken for one after the other."""


class _Audio(Struct):
    sample_rate: int


class _Card(Struct):
    """What is read of the voice's configuration before it is loaded."""

    audio: _Audio


def voice(given: Given, **options: Any) -> VoicePool:
    """A voice. Its files are looked for now, and loaded when the server starts."""
    place = given.place
    chosen = converted(place, options, VoiceOptions)
    for name, low, high in (("speed", 0.25, 4), ("volume", 0.1, 2), *((name, 1, most) for name, most in MOST.items())):
        within(place, name, getattr(chosen, name), low, high)
    model = file_of(place, "model", chosen.model, "a voice of Piper, an `.onnx` file with an `.onnx.json` beside it")
    config = file_of(place, "config", chosen.config or f"{model}.json", "the `.onnx.json` that came with the voice")
    return VoicePool(
        "audio.tts.piper_job:piper",
        _rate_hz(place, config),
        workers=chosen.workers,
        slots=chosen.slots,
        spawn=given.spawn,
        options={
            "place": place,
            "model": str(model),
            "config": str(config),
            "speaker": chosen.speaker,
            "speed": chosen.speed,
            "volume": chosen.volume,
        },
    )


def _rate_hz(place: str, config: Path) -> int:
    try:
        rate_hz = msgspec.json.decode(config.read_bytes(), type=_Card).audio.sample_rate
    except (msgspec.DecodeError, OSError) as error:
        raise ConfigError(f"{place}.config: {config} is no configuration of a voice of Piper: {error}") from error
    return int(within(place, "config: the rate of its audio", rate_hz, 8000, 48000))
