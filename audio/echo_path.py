"""How the bot's voice gets from its speaker into the microphone: how late, and how loud in each band. Pure.

Sound is compared by its power spectrum, in frames of 64 ms every 32 ms, not sample by sample: so neither a network
that jitters, nor clocks that drift, nor a speaker that distorts matters much. Lines of 16 Hz tell two voices apart,
since the harmonics of one fall between those of the other.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from audio.pcm import FULL_SCALE

HOP_S: Final = 0.032
"""As long as a chunk of voice activity detection."""
FIRST_LINE, LINES = 10, 240
"""Lines of 1 / 64 ms: from 156 to 3906 Hz, what a telephone carries and a small speaker plays."""
BANDS: Final = 16
"""The gain of the way is learned in so many bands: it changes less from line to line than a voice does."""
QUIET: Final = 1e-9
"""The power of a line that nobody hears (-90 dB of full scale)."""

MAX_LAG: Final = 25
"""The longest way in frames: 0.8 s."""
JITTER: Final = 2
"""Frames by which the way may be longer or shorter at any time."""
LAGS: Final = MAX_LAG + 1 + 2 * JITTER
"""From -JITTER, since frames are rounded to the clock, to MAX_LAG + JITTER."""
LIKE: Final = 0.45
"""The correlation from which on a lag is believed."""
STRONG: Final = 0.1
"""Gains are measured where a band of the bot's voice is within 10 dB of its loudest: there the echo rules."""
QUANTILE: Final = 0.8
FEW: Final = 6
"""Frames of a band that tell nothing yet."""
NOISE: Final = 3.0
"""Noise is up to so many times what it is in the quietest tenth of the frames."""

Powers = NDArray[np.float32]
"""Powers of full scale; the last axis is LINES or BANDS."""

_EDGES = np.geomspace(FIRST_LINE, FIRST_LINE + LINES, BANDS + 1)
_PLACES = np.arange(FIRST_LINE, FIRST_LINE + LINES)[:, np.newaxis]
BAND_OF: Final[Powers] = ((_EDGES[:-1] <= _PLACES) & (_EDGES[1:] > _PLACES)).astype(np.float32)
"""(LINES, BANDS): 1 where a line belongs to a band."""


class EchoPath(Struct, frozen=True):
    """What is known of the way. An echo is from `first` to `last` frames late, since its exact delay varies."""

    first: int
    last: int
    gain: Powers
    """(LINES,): how loud the echo mostly is where it is loud, of power."""
    noise: Powers
    """(LINES,): what the room adds."""


class Spectrum:
    """PCM16 of one rate to powers, by way of some 8 kHz."""

    def __init__(self, rate_hz: int) -> None:
        self._every = rate_hz // 8000
        self._hop = int(rate_hz / self._every * HOP_S)
        self.hop = self._hop * self._every
        """Samples; a frame is two hops."""
        self._window = (np.hanning(2 * self._hop) / FULL_SCALE / self._hop / self._every).astype(np.float32)

    def powers(self, pcm: bytes | bytearray) -> Powers:
        """Of n + 1 hops n frames, (n, LINES)."""
        samples = np.frombuffer(pcm, "<i2").astype(np.float32)
        fewer = samples[:: self._every].copy()
        for place in range(1, self._every):  # means, which are no good filter; but both sides have the same one
            fewer += samples[place :: self._every]
        hops = fewer.reshape(-1, self._hop)
        spectrum = np.fft.rfft(np.concatenate([hops[:-1], hops[1:]], axis=1) * self._window)
        lines = spectrum[:, FIRST_LINE : FIRST_LINE + LINES]
        return np.asarray(lines.real**2 + lines.imag**2, np.float32)


def learn(microphone: Powers, reference: Powers) -> EchoPath | None:
    """Compare frames that were heard, (n, BANDS), with what was played at each of the LAGS, (n, LAGS, BANDS).

    None while they tell nothing.
    """
    lag, likeness = find_lag(microphone, reference)
    span = slice(lag, lag + 2 * JITTER + 1) if likeness >= LIKE else slice(0, LAGS)
    gains = _gains(microphone, reference[:, span].max(axis=1))
    if gains is None:
        return None
    tenth = len(microphone) // 10
    noise = NOISE * np.partition(microphone, tenth, axis=0)[tenth] / BAND_OF.sum(axis=0)
    return EchoPath(
        first=span.start - JITTER,
        last=span.stop - 1 - JITTER,
        gain=BAND_OF @ gains,
        noise=np.maximum(BAND_OF @ noise, np.float32(QUIET)),
    )


def find_lag(microphone: Powers, reference: Powers) -> tuple[int, float]:
    """The lag in frames at which the two are most alike, and their correlation there (-1 to 1)."""
    heard = _loudness(microphone)
    heard -= heard.mean(axis=0)
    played = _loudness(reference[:, JITTER:-JITTER])
    played -= played.mean(axis=0)
    played = played.transpose(1, 0, 2).reshape(MAX_LAG + 1, -1)
    norms = np.sqrt(np.einsum("ij,ij->i", played, played) * np.vdot(heard, heard))
    likeness = (played @ heard.ravel()) / np.maximum(norms, 1e-12)
    best = int(likeness.argmax())
    return best, float(likeness[best])


def _loudness(powers: Powers) -> Powers:
    """Roughly as the ear has it."""
    return np.asarray(np.sqrt(np.sqrt(powers)))


def _gains(microphone: Powers, loudest: Powers) -> Powers | None:
    """How loud the echo mostly is in each band; in those that tell nothing as in the loudest of the others."""
    strong = loudest > np.maximum(loudest.max(axis=0) * STRONG, QUIET)
    counts = strong.sum(axis=0)
    told = counts >= FEW
    if not told.any():
        return None
    ratios = np.sort(np.where(strong, microphone / np.maximum(loudest, QUIET), np.inf), axis=0)
    gains = ratios[np.minimum((counts * QUANTILE).astype(int), len(ratios) - 1), np.arange(BANDS)]
    return np.asarray(np.where(told, gains, gains[told].max()), np.float32)
