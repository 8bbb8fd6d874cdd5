"""Keys of a telephone as tones, for wires that cannot press them. Pure."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

LOW_HZ: Final = (697, 770, 852, 941)
HIGH_HZ: Final = (1209, 1336, 1477, 1633)
"""Rows and columns of the keypad, from ITU-T Recommendation Q.23."""
KEYS: Final = ("123A", "456B", "789C", "*0#D")
PAUSE: Final = "w"

TONE_MS: Final = 100
GAP_MS: Final = 100
"""Those who hear them need 40 ms of each at the most (ITU-T Q.24); some want more."""
PAUSE_MS: Final = 500
LEVEL: Final = 10 ** (-9 / 20)
"""Of each of the two sines, below full scale: both together stay below it."""


def are_keys(digits: str) -> bool:
    """Whether all of them are keys (0-9, *, #, A-D) or pauses (w)."""
    return all(digit == PAUSE or any(digit in row for row in KEYS) for digit in digits)


def tones(digits: str, rate_hz: int) -> bytes:
    """PCM16 of these keys, a gap behind each; `w` is a pause of PAUSE_MS. Raises ValueError for what is no key."""
    return b"".join(bytes(rate_hz * PAUSE_MS // 1000 * 2) if each == PAUSE else _key(each, rate_hz) for each in digits)


def _key(digit: str, rate_hz: int) -> bytes:
    row = next((row for row, keys in enumerate(KEYS) if digit in keys), None)
    if row is None:
        raise ValueError(f"{digit!r} is no key")
    radians = 2 * math.pi / rate_hz * np.arange(rate_hz * TONE_MS // 1000)
    sound = np.sin(LOW_HZ[row] * radians) + np.sin(HIGH_HZ[KEYS[row].index(digit)] * radians)
    return bytes((sound * LEVEL * 32767).astype("<i2").tobytes()) + bytes(rate_hz * GAP_MS // 1000 * 2)
