"""Kokoro: voices on this machine, in a process of their own. Its model and its voices are files that you have.

tts = {name = "kokoro", model = "/path/kokoro.onnx", voices = "/path/voices.bin", voice = "…"}
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from audio.tts.worker_voice import MOST, VoicePool
from server.services.options import converted, file_of, named, within
from server.services.remote import Given

RATE_HZ = 24000
"""Of every model of Kokoro."""


class VoiceOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """`tts = {name = "kokoro", model = "/path/kokoro.onnx", voices = "/path/voices.bin", voice = "…"}`."""

    model: str
    """The file of the model, `….onnx`; it must be given."""
    voices: str
    """The file of its voices, `….bin`; it must be given."""
    voice: str
    """The name of one of them; it must be given."""
    language: str = "en-us"
    """As espeak-ng names it, which reads the words for it."""
    speed: float = 1.0
    """0.5 to 2."""
    workers: int = 1
    """Processes, 1 to 64; each loads the model."""
    slots: int = 4
    """Calls per process, 1 to 1024: they are spoken for one after the other."""


def voice(given: Given, **options: Any) -> VoicePool:
    """A voice. Its files are looked for now, and loaded when the server starts."""
    place = given.place
    chosen = converted(place, options, VoiceOptions)
    for name, low, high in (("speed", 0.5, 2), *((name, 1, most) for name, most in MOST.items())):
        within(place, name, getattr(chosen, name), low, high)
    named(place, voice=chosen.voice, language=chosen.language)
    model = file_of(place, "model", chosen.model, "Kokoro, an `.onnx` file")
    voices = file_of(place, "voices", chosen.voices, "the voices of Kokoro, a `.bin` file")
    return VoicePool(
        "audio.tts.kokoro_job:kokoro",
        RATE_HZ,
        workers=chosen.workers,
        slots=chosen.slots,
        spawn=given.spawn,
        options={
            "place": place,
            "model": str(model),
            "voices": str(voices),
            "voice": chosen.voice,
            "language": chosen.language,
            "speed": chosen.speed,
        },
    )
