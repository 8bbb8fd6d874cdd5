"""A detector of keys that are heard as tones."""

from __future__ import annotations

import math
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from audio.dtmf import HIGH_HZ, KEYS, LOW_HZ

BLOCK_MS = 20
TWIST, HARMONIC = 2.5, 10.0  # 4 dB between the two tones; what else there is stays 10 dB below them


def power(block: NDArray[np.float64], hz: float, rate_hz: int) -> float:
    """Goertzel's: how strong one frequency is in a block."""
    turn = 2 * math.cos(2 * math.pi * hz / rate_hz)
    before = last = 0.0
    for sample in block.tolist():
        before, last = last, sample + turn * last - before
    return before**2 + last**2 - turn * before * last


def key(block: NDArray[np.float64], rate_hz: int) -> str:
    """The key that sounds in a block; empty for none."""
    if np.abs(block).max() < 1000:
        return ""
    powers = [[power(block, hz, rate_hz) for hz in band] for band in (LOW_HZ, HIGH_HZ)]
    row, column = (band.index(max(band)) for band in powers)
    low, high = powers[0][row], powers[1][column]
    assert 1 / TWIST < low / high < TWIST
    assert sum(map(sum, powers)) - low - high < (low + high) / HARMONIC
    return KEYS[row][column]


def decoded(pcm: bytes, rate_hz: int) -> list[tuple[str, int]]:
    """What sounds, and for how many ms."""
    size = rate_hz * BLOCK_MS // 1000
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)
    blocks = [key(samples[at : at + size], rate_hz) for at in range(0, len(samples), size)]
    return [(each, BLOCK_MS * len(list(group))) for each, group in groupby(blocks)]
