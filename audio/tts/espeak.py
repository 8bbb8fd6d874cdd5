"""The embedded voice: espeak-ng in a process of its own, shared by all calls.

espeak-ng is GPL-3 and is loaded in the child process only (`audio.tts.espeak_job`).
"""

from __future__ import annotations

from audio.tts.espeak_ng import RATE_HZ
from audio.tts.worker_voice import MOST, VoicePool
from link.errors import ConfigError
from link.tasks import Spawn

_RANGES = {
    "rate_wpm": (80, 450),  # these three: speak_lib.h
    "pitch": (0, 99),
    "volume": (0, 200),
    **{name: (1, most) for name, most in MOST.items()},
}


def espeak_voices(
    *,
    spawn: Spawn,
    voice: str = "en-us",
    rate_wpm: int = 175,
    pitch: int = 50,
    volume: int = 80,
    workers: int = 1,
    slots: int = 256,
) -> VoicePool:
    """The process that speaks for all calls.

    `voice` is a language ("en-us", "de") or a voice's own name, with a variant if wanted ("en-gb+f3"). `rate_wpm` is 80
    to 450, `pitch` 0 to 99, `volume` 0 to 200; at 80 the loudest voice peaks 3 dB below full scale. `slots`: calls per
    process. Raises ConfigError for a number out of range.
    """
    options = {"rate_wpm": rate_wpm, "pitch": pitch, "volume": volume}
    for name, value in {**options, "workers": workers, "slots": slots}.items():
        low, high = _RANGES[name]
        if not low <= value <= high:
            raise ConfigError(f"tts: {name} must be from {low} to {high}, not {value}")
    target = "audio.tts.espeak_job:espeak"
    return VoicePool(target, RATE_HZ, workers=workers, slots=slots, spawn=spawn, options={"voice": voice, **options})
