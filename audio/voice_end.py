"""Where a voice really ended, once the net has let go of it. Pure.

Silero's net holds on to a voice for 50 to 110 ms after the last sound of it (117 endings of clean recordings; more in
noise), and every answer would come that much later. The levels say more: what is 35 dB below the loudest of this speech
is no voice any more. Where noise hides the end, only that is taken off which the net holds on to in any case.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from audio.silero import CHUNK_MS, Sizes

LOOK_BACK_CHUNKS: Final = 24
"""How much of the sound is looked at: 768 ms, so that a vowel of the speech's last words is in it."""
BLOCK_MS: Final = 8
BELOW_PEAK_DB: Final = 35.0
"""The last sound of a voice, below its loudest: consonants at the end of a word are 20 to 33 dB below (measured)."""
ABOVE_NOISE_DB: Final = 6.0
"""What stands out of the noise that the net takes for silence."""
MOST_MS: Final = 128
"""No voice is taken to have ended earlier than that before the net let go, whatever the levels say."""
HIDDEN_MS: Final = 48
"""The same in noise: what the net holds on to at the least."""


def held_ms(windows: Iterable[bytes], size: Sizes, quiet_ms: float) -> float:
    """How long before the net let go of it the voice had ended, in steps of 8 ms.

    `windows` are the newest that went through the net (PCM16, each with its context first), the last `quiet_ms` of
    which it took for silence, one chunk at least.
    """
    sound = np.frombuffer(b"".join(windows), "<i2").reshape(-1, size.window)[:, size.context :]
    blocks = sound.reshape(-1, size.chunk * BLOCK_MS // CHUNK_MS).astype(np.float32)
    power = np.vecdot(blocks, blocks)
    quiet = int(quiet_ms) // BLOCK_MS
    voice, silence = power[:-quiet], power[-quiet:]
    if not len(voice):
        return 0.0
    weakest = float(voice.max()) / 10 ** (BELOW_PEAK_DB / 10)
    noise = float(np.median(silence)) * 10 ** (ABOVE_NOISE_DB / 10)
    most_ms = MOST_MS if noise < weakest else HIDDEN_MS
    after = np.flatnonzero(voice[::-1] >= max(noise, weakest))
    return float(min(most_ms, int(after[0]) * BLOCK_MS if len(after) else most_ms))
