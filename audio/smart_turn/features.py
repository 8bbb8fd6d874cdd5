"""What the model hears: Whisper's log-mel spectrogram of the last 8 s of a turn. Pure.

Samples -> zero mean and unit variance -> 800 frames of 25 ms, 10 ms apart, the first one centred on the first sample ->
the power of each frequency -> 80 mel bands -> their logarithm, 80 dB deep. As `WhisperFeatureExtractor(chunk_length=8)`
with `do_normalize` has it; `tests/unit/audio/smart_turn/test_features.py` holds this to an implementation of others.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[np.float32]

RATE_HZ: Final = 16000
SECONDS: Final = 8
SAMPLES: Final = SECONDS * RATE_HZ
BANDS: Final = 80
FRAME: Final = 400
HOP: Final = 160
FRAMES: Final = SAMPLES // HOP
BINS: Final = FRAME // 2 + 1

VARIANCE_FLOOR: Final = 1e-7
POWER_FLOOR: Final = 1e-10
DEPTH: Final = 8.0
"""Powers of ten below the loudest place, under which everything is alike."""

LINEAR_HZ: Final = 1000.0
"""Slaney's mel scale is linear up to here, with 15 mel, and logarithmic above: 27 mel for each factor of 6.4."""


def log_mel(samples: Array) -> Array:
    """The features of the last 8 s at 16 kHz: (80, 800). What is shorter is preceded by silence.

    `samples` run from -1 to 1: the level does not matter, except that near silence stays near silence.
    """
    power = _power(_normal(_at_the_end(samples)))
    levels: Array = np.log10(np.maximum(mel_filters() @ power.T, POWER_FLOOR))
    np.maximum(levels, levels.max() - DEPTH, out=levels)
    levels += 4.0
    levels /= 4.0
    return levels


def _at_the_end(samples: Array) -> Array:
    whole = np.zeros(SAMPLES, np.float32)
    last = samples[-SAMPLES:]
    whole[SAMPLES - len(last) :] = last
    return whole


def _normal(samples: Array) -> Array:
    """Zero mean and unit variance, the silence before the speech included: so the model was trained."""
    samples -= samples.mean()
    samples /= np.sqrt(samples.var() + np.float32(VARIANCE_FLOOR))
    return samples


def _power(samples: Array) -> Array:
    """The power of each frequency in each frame: (800, 201). Before and after the samples is their mirror image."""
    padded = np.pad(samples, FRAME // 2, mode="reflect")
    windowed = sliding_window_view(padded, FRAME)[::HOP][:FRAMES] * _hann()
    spectrum = np.fft.rfft(windowed, norm="forward")  # with this alone numpy stays in single precision
    power: Array = np.square(spectrum.real) + np.square(spectrum.imag)
    return power


@cache
def _hann() -> Array:
    """The window, with the scale that `norm="forward"` takes away."""
    return (np.hanning(FRAME + 1)[:-1] * FRAME).astype(np.float32)


@cache
def mel_filters() -> Array:
    """Triangles between 82 frequencies that are evenly spaced in mel, each of the same area: (80, 201)."""
    corners = _hertz(np.linspace(0.0, _mel(RATE_HZ / 2), BANDS + 2))[:, np.newaxis]
    low, centre, high = corners[:-2], corners[1:-1], corners[2:]
    bins = np.linspace(0.0, RATE_HZ / 2, BINS)
    triangles = np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre)).clip(0.0)
    return np.ascontiguousarray(triangles * 2.0 / (high - low), np.float32)


def _mel(hertz: float) -> float:
    return 15.0 + 27.0 * float(np.log(hertz / LINEAR_HZ) / np.log(6.4))  # of a frequency above LINEAR_HZ


def _hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    above = LINEAR_HZ * 6.4 ** ((mel - 15.0) / 27.0)
    return np.where(mel < 15.0, mel * (LINEAR_HZ / 15.0), above)
