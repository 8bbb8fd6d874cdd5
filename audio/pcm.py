"""Mono PCM16 (little-endian): conversions, level, and the resampler of the microphone's path. Pure.

Why the resampler is not soxr: its HQ streams hold back up to 37 ms from 48 to 16 kHz and up to 115 ms from 8 to 16
(soxr 1.1, fed 20 ms at a time), and every answer would come that much later. A short filter holds 1-2 ms; its price is
a passband that ends at 0.42 of the lower rate. On the way out quality wins, and soxr is right.

Bytes are whole samples: half of one raises ValueError.
"""

from __future__ import annotations

from functools import lru_cache
from math import gcd
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

FULL_SCALE: Final = 32768.0
SILENCE_DB: Final = -96.0
"""The level of nothing, below that of a single step of PCM16 (-90.3 dB)."""

LOWEST_HZ: Final = 8000
HIGHEST_HZ: Final = 48000

Samples = NDArray[np.float32]


def to_float(pcm: bytes) -> Samples:
    """PCM16 as numbers from -1 up to, not quite, 1."""
    return np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(FULL_SCALE)


def to_pcm(samples: Samples | NDArray[np.float64]) -> bytes:
    """Numbers from -1 to 1 as PCM16; what is beyond is clipped."""
    return _clipped(samples * FULL_SCALE)


def level_db(pcm: bytes) -> float:
    """The mean level in dB of full scale: -3 for the loudest sine, -96 for silence."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)
    power = float(np.dot(samples, samples)) / max(1, len(samples)) / FULL_SCALE**2
    return max(SILENCE_DB, 10 * float(np.log10(power))) if power else SILENCE_DB


def _clipped(samples: NDArray[np.floating]) -> bytes:
    whole: NDArray[np.int16] = np.rint(samples.clip(-FULL_SCALE, FULL_SCALE - 1)).astype("<i2")
    return whole.tobytes()


# The filter, in terms of the lower of the two rates: a windowed sinc that spans 32 of its samples, so it delays by 16
# of them: 2 ms at 8 kHz, 1 ms at 16 kHz. Kaiser's formulas give a transition 0.1 wide for 55 dB; centred on 0.45 it
# runs from 0.4 to the Nyquist frequency.
SPAN: Final = 32
CENTRE: Final = 0.45
ATTENUATION_DB: Final = 55.0

MAX_PHASES: Final = 640
"""Positions of the filter between two input samples. The usual pairs of rates need no more. With odd ones (44101 Hz)
the one before is taken, less than 1/640 of a sample off: noise 59 dB below a tone at 0.4 of the rate, less if lower."""

COEFFICIENT_STEP: Final = 2.0**-24
"""Coefficients are whole multiples of this. So all products and sums are exact in float64 (16 + 24 + 8 bits of 53), in
whatever order they are made, and the output does not depend on how the input was cut into chunks."""


class MicResampler:
    """A stream of mono PCM16 from one rate to another, by a short linear-phase filter.

    Output sample m is made as soon as the input sample at its time has come, so the filter's delay (`delay_ms`) is all
    that it adds. With equal rates the bytes pass through unread.
    """

    def __init__(self, rate_in: int, rate_out: int) -> None:
        """Raises ValueError for rates outside 8000-48000 Hz."""
        for rate_hz in (rate_in, rate_out):
            if not LOWEST_HZ <= rate_hz <= HIGHEST_HZ:
                raise ValueError(f"a rate must be from {LOWEST_HZ} to {HIGHEST_HZ} Hz, not {rate_hz}")
        common = gcd(rate_in, rate_out)
        self._in, self._out = rate_in // common, rate_out // common
        self._filter = _filter(self._in, self._out)
        self._taps = self._filter.shape[1]
        self._past = np.zeros(self._taps - 1)
        self._next = 0  # the next output's place after the first sample to come, in 1 / self._out of an input sample
        self.delay_ms = 0.0 if rate_in == rate_out else 1000 * SPAN / 2 / min(rate_in, rate_out)

    def feed(self, pcm: bytes) -> bytes:
        """The output that is due with this input."""
        if self._in == self._out or not pcm:
            return pcm
        samples = np.concatenate([self._past, np.frombuffer(pcm, "<i2")])
        fresh = len(samples) - len(self._past)
        count = max(0, -((self._next - fresh * self._out) // self._in))  # rounded up
        output = self._whole(samples) if self._in == 1 and len(self._filter) == self._out else self._any(samples, count)
        self._next += self._in * count - self._out * fresh
        self._past = samples[fresh:]
        return _clipped(output)

    def _whole(self, samples: NDArray[np.float64]) -> NDArray[np.float64]:
        """To a whole multiple of the rate, as a telephone goes to the ears: in less than half the time of `_any`."""
        return np.stack([np.correlate(samples, row) for row in self._filter], axis=1).ravel()

    def _any(self, samples: NDArray[np.float64], count: int) -> NDArray[np.float64]:
        """To any rate: each output has a window and a position of the filter of its own."""
        at, phase = np.divmod(self._next + self._in * np.arange(count), self._out)
        windows = as_strided(samples, (len(samples) - len(self._past), self._taps), 2 * samples.strides)[at]
        output: NDArray[np.float64] = np.vecdot(windows, self._filter[phase * len(self._filter) // self._out])
        return output


@lru_cache(maxsize=8)
def _filter(rate_in: int, rate_out: int) -> NDArray[np.float64]:
    """The filter at each of its positions between two input samples: (positions, taps), the newest sample last.

    Row p of P serves an output that lies p / P of a sample after the newest one; the rates may be in any common unit.
    """
    lower = min(rate_in, rate_out) / rate_in  # of the two rates, in units of the input's
    centre = SPAN * rate_in / (2 * min(rate_in, rate_out))  # of the filter, in input samples
    positions = min(rate_out, MAX_PHASES)
    newest_last = np.arange(int(2 * centre), -1, -1)
    time = newest_last + np.arange(positions)[:, np.newaxis] / positions - centre
    beta = 0.1102 * (ATTENUATION_DB - 8.7)  # Kaiser's formula for more than 50 dB
    window = np.i0(beta * np.sqrt(np.clip(1 - (time / centre) ** 2, 0, None))) * (np.abs(time) <= centre)
    response = np.sinc(2 * CENTRE * lower * time) * window
    response /= response.sum(axis=1, keepdims=True)
    return np.asarray(np.rint(response / COEFFICIENT_STEP) * COEFFICIENT_STEP)
