"""Companding of ITU-T G.711: mu-law and A-law, a byte a sample at 8 kHz, to mono PCM16 and back. Pure.

A byte stands for one of 256 levels, each of which is the middle of its step; a sample becomes the byte of the step that
it is in, on an edge the louder one. Both ways are a look in a table: about 1 us for 20 ms. PCM of half a sample raises
ValueError.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

_POSITIVE: Final = 128  # the bit of a byte that says so, in both laws
_BYTE: Final = np.dtype(np.uint8)
_WORD: Final = np.dtype("<u2")  # PCM16 as the place in a table, whose upper half is the negative samples


def _mulaw() -> NDArray[np.int16]:
    """What each byte of mu-law stands for. All bits are inverted; the segments double, less 132 all along."""
    code = ~np.arange(256)
    size = ((((code & 15) << 3) + 132) << (code >> 4 & 7)) - 132
    levels: NDArray[np.int16] = np.where(code & 128, -size, size).astype("<i2")
    return levels


def _alaw() -> NDArray[np.int16]:
    """What each byte of A-law stands for. Every second bit is inverted; the two lowest segments are one line."""
    code = np.arange(256) ^ 0x55
    segment = code >> 4 & 7
    size = (((code & 15) << 4) + 8 + 256 * (segment > 0)) << np.maximum(segment - 1, 0)
    levels: NDArray[np.int16] = np.where(code & 128, size, -size).astype("<i2")
    return levels


def _bytes_of(levels: NDArray[np.int16]) -> NDArray[np.uint8]:
    """The byte of each sample, as `_WORD` counts them."""
    order = np.argsort(levels[_POSITIVE:])
    positive = levels[_POSITIVE:][order].tolist()
    edges = [positive[0] - (positive[1] - positive[0]) // 2]  # where the steps begin
    for level in positive:
        edges.append(2 * level - edges[-1])
    sizes = np.arange(32769)
    steps = np.searchsorted(edges[1:-1], sizes, side="right")
    found = (order[steps] + _POSITIVE).astype(np.uint8)
    return np.concatenate([found[:-1], found[:0:-1] - np.uint8(_POSITIVE)])


_MULAW_LEVELS: Final = _mulaw()
_MULAW_BYTES: Final = _bytes_of(_MULAW_LEVELS)
_ALAW_LEVELS: Final = _alaw()
_ALAW_BYTES: Final = _bytes_of(_ALAW_LEVELS)


def from_mulaw(data: bytes) -> bytes:
    """PCM16 of mu-law."""
    return _MULAW_LEVELS.take(np.frombuffer(data, _BYTE)).tobytes()


def to_mulaw(pcm: bytes) -> bytes:
    """Mu-law of PCM16."""
    return _MULAW_BYTES.take(np.frombuffer(pcm, _WORD)).tobytes()


def from_alaw(data: bytes) -> bytes:
    """PCM16 of A-law."""
    return _ALAW_LEVELS.take(np.frombuffer(data, _BYTE)).tobytes()


def to_alaw(pcm: bytes) -> bytes:
    """A-law of PCM16."""
    return _ALAW_BYTES.take(np.frombuffer(pcm, _WORD)).tobytes()
