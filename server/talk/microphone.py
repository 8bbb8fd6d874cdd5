"""The caller's voice: recordings that are spoken at real time into an otherwise silent microphone. Pure."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

FRAME_MS = 20
MAX_BEHIND_S = 1.0
"""A program that slept longer than this goes on where it stopped: the server takes a burst for a flood."""
ROUNDING = 1e-6  # of a frame: times are floats

WINDOW_MS = 5
LISTEN_S = 60  # of a recording tell how loud its voice is
QUIETEST_DB = -60.0
FAINTEST_DB, LOUDEST_DB = 35.0, 15.0
"""A voice ends between these below its peak: a fricative at the end of a word is 20-30 dB below the loudest vowel."""
ABOVE_NOISE_DB = 6.0
"""... and above the noise, for which the quietest tenth of a recording stands."""


class Microphone(Protocol):
    """What the caller says, live or recorded."""

    floor_db: float
    """Sound at or above this level is taken for a voice."""

    @property
    def dropouts(self) -> int:
        """How often some of it was lost."""

    def begin(self, now: float) -> None:
        """The call begins."""

    def read(self, now: float) -> bytes:
        """What was said since the last time, mono PCM16."""

    def close(self) -> None:
        """The call is over."""


class VirtualMicrophone:
    """Speaks what it is given. Frame n leaves at t0 + (n + 1) · 20 ms, when a real microphone would have filled it."""

    def __init__(self, rate_hz: int) -> None:
        self._rate = rate_hz
        self._began = 0.0
        self._position = 0  # samples of time, sent or skipped, since the beginning
        self._left = bytearray()
        self.floor_db = QUIETEST_DB
        self.dropouts = 0
        """How often nothing was sent for a while, because the program was stopped for too long."""

    def begin(self, now: float) -> None:
        """The first frame begins now."""
        self._began = now

    def say(self, pcm: bytes) -> None:
        """Speak this from the next frame on, after what is being said."""
        self._left += pcm
        self.floor_db = floor_db(pcm[: LISTEN_S * self._rate * 2], self._rate)

    @property
    def speaking(self) -> bool:
        """Something is left to say."""
        return bool(self._left)

    def read(self, now: float) -> bytes:
        """The frames that are due: speech, or silence."""
        frames = int((now - self._began) * 1000 / FRAME_MS + ROUNDING)
        due = frames * FRAME_MS * self._rate // 1000 - self._position
        self._position += due
        if due > MAX_BEHIND_S * self._rate:
            self.dropouts += 1
            due = FRAME_MS * self._rate // 1000
        size = due * 2
        pcm = bytes(self._left[:size])
        del self._left[:size]
        return pcm + bytes(size - len(pcm))

    def close(self) -> None:
        """Nothing is held."""


def levels_db(pcm: bytes, rate_hz: int) -> NDArray[np.float64]:
    """The level of each whole window of 5 ms, in dB of full scale."""
    size = rate_hz * WINDOW_MS // 1000
    samples = np.frombuffer(pcm, "<i2").astype(np.float64) / 32768
    windows = samples[: len(samples) // size * size].reshape(-1, size)
    return np.asarray(10 * np.log10(np.maximum((windows**2).mean(axis=1), 1e-10)))


def floor_db(pcm: bytes, rate_hz: int) -> float:
    """The level at which the voice of a recording begins and ends."""
    levels = levels_db(pcm, rate_hz)
    if not len(levels):
        return QUIETEST_DB
    peak, noise = float(levels.max()), float(np.quantile(levels, 0.1))
    return max(QUIETEST_DB, min(peak - LOUDEST_DB, max(peak - FAINTEST_DB, noise + ABOVE_NOISE_DB)))


def voiced_samples(pcm: bytes, rate_hz: int, floor: float) -> int:
    """How many samples there are up to the end of the last voiced window; 0 when there is none."""
    voiced = np.flatnonzero(levels_db(pcm, rate_hz) >= floor)
    return (int(voiced[-1]) + 1) * (rate_hz * WINDOW_MS // 1000) if len(voiced) else 0
