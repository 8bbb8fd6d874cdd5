"""Two voices for models that know a voice that fades."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audio.smart_turn.features import RATE_HZ

SILENCE_S = 0.224
"""What voice activity detection has heard when it says that the voice is off."""


def voice(
    *, fades: bool, seconds: float = 1.5, rate_hz: int = RATE_HZ, silence_s: float = SILENCE_S
) -> NDArray[np.float32]:
    """Something like a voice; its last second fades, or it stops as loud as it was. Then it is silent."""
    count = int(seconds * rate_hz)
    at = np.arange(count) / rate_hz
    sound = np.random.default_rng(1).normal(0, 0.1, count) + 0.2 * np.sin(2 * np.pi * 150 * at)
    if fades:
        sound *= 10 ** (-1.5 * np.clip(at - (seconds - 1.0), 0, 1))
    return np.concatenate([sound, np.zeros(int(silence_s * rate_hz))]).astype(np.float32)
