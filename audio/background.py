"""What is heard under the bot's voice and in the silence: an ambience, and music while a tool takes its time. Pure."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

SEAM_S: Final = 0.5
"""A sound that is repeated fades into itself over this; a shorter one over half its length."""
CLEARED_MS: Final = 20.0
"""After the client has dropped what it had the sound comes back over this, since the places do not fit exactly."""

Sound = NDArray[np.float32]
"""Samples as PCM16 has them, -32768 to 32767, and maybe beyond."""


class Ambience(Struct, frozen=True, forbid_unknown_fields=True):
    """A sound that is heard all the time, such as an office."""

    file: str = ""
    """Any format that libsndfile reads, up to 5 minutes; it is repeated without a seam. Empty: none."""
    attenuation_db: float = 20.0
    """By so much softer than the file."""
    fade_in_ms: float = 1000.0
    """How long it takes to come up when the call begins."""


class HoldMusic(Struct, frozen=True, forbid_unknown_fields=True):
    """Music for a caller who waits for a tool."""

    file: str = ""
    """As of `background`."""
    after_s: float = 3.0
    """It begins when the caller has waited for so long."""
    attenuation_db: float = 12.0
    """By so much softer than the file."""
    fade_in_ms: float = 1500.0
    """How long it takes to come up."""
    fade_out_ms: float = 500.0
    """How long it takes to go, once the bot has something to say."""


def loop(pcm: bytes, rate_hz: int, attenuation_db: float) -> Sound:
    """A sound to be repeated: its end has become a part of its beginning, at equal power."""
    sound = np.frombuffer(pcm, "<i2").astype(np.float32) * np.float32(10 ** (-attenuation_db / 20))
    seam = min(int(SEAM_S * rate_hz), len(sound) // 2)
    if seam == 0:
        return sound
    rise = np.sin(np.linspace(0, math.pi / 2, seam, endpoint=False, dtype=np.float32))
    fall = np.cos(np.linspace(0, math.pi / 2, seam, endpoint=False, dtype=np.float32))
    looped = sound[: len(sound) - seam].copy()
    looped[:seam] = looped[:seam] * rise + sound[len(sound) - seam :] * fall
    return looped


class Track:
    """One repeated sound that comes and goes. The fades are sines: of equal power where one sound follows another."""

    def __init__(self, sound: Sound, rate_hz: int) -> None:
        self._sound = sound
        self._rate = rate_hz
        self._at = 0
        self._level = 0.0  # 0 to 1, before the sine
        self._step = 0.0  # of the level, a sample

    @property
    def audible(self) -> bool:
        """It sounds, or is about to."""
        return self._level > 0 or self._step > 0

    def rise(self, ms: float) -> None:
        """Come up from where it is."""
        self._step = 1 / max(1.0, ms / 1000 * self._rate)

    def fall(self, ms: float) -> None:
        """Go."""
        self._step = -1 / max(1.0, ms / 1000 * self._rate)

    def add_to(self, mix: Sound) -> None:
        """Add the next samples to these."""
        count = len(mix)
        part = self._sound[self._at : self._at + count]
        if len(part) < count:
            part = self._sound[np.arange(self._at, self._at + count) % len(self._sound)]
        self._at = (self._at + count) % len(self._sound)
        mix += part * self._gains(count)

    def back(self, samples: int) -> None:
        """The last samples were not heard."""
        self._at = (self._at - samples) % len(self._sound)
        if self._level >= 1:
            self._level = 0.0
            self.rise(CLEARED_MS)

    def _gains(self, count: int) -> Sound | np.float32:
        if self._step == 0 or (self._level >= 1 and self._step > 0):
            return np.float32(math.sin(self._level * math.pi / 2))
        levels = (self._level + self._step * np.arange(1, count + 1)).clip(0, 1)
        self._level = float(levels[-1])
        if self._level in (0.0, 1.0):
            self._step = 0.0
        return np.asarray(np.sin(levels * (math.pi / 2)), np.float32)


class Mixer:
    """One call's sounds, mixed with what the bot says. Audio is mono PCM16."""

    def __init__(self, tracks: tuple[Track, ...]) -> None:
        self._tracks = tracks

    @property
    def audible(self) -> bool:
        """Something is to be heard where the bot is silent."""
        return any(track.audible for track in self._tracks)

    def over(self, pcm: bytes) -> bytes:
        """The bot's voice over the sounds; what is too loud is clipped."""
        if not self.audible:
            return pcm
        return self._mixed(np.frombuffer(pcm, "<i2").astype(np.float32))

    def alone(self, samples: int) -> bytes:
        """The sounds alone."""
        return self._mixed(np.zeros(samples, np.float32))

    def back(self, samples: int) -> None:
        """The last samples were not heard: the client was told to drop them."""
        for track in self._tracks:
            if track.audible:
                track.back(samples)

    def _mixed(self, mix: Sound) -> bytes:
        for track in self._tracks:
            if track.audible:
                track.add_to(mix)
        return bytes(np.rint(mix).clip(-32768, 32767).astype("<i2").tobytes())
