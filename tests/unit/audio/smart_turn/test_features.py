"""The features are those of an implementation of others (faster-whisper's), on recorded speech."""

from __future__ import annotations

import numpy as np
import pytest
from faster_whisper.feature_extractor import FeatureExtractor
from numpy.typing import NDArray

from audio.files import read_sound
from audio.pcm import to_float
from audio.smart_turn.features import FRAMES, RATE_HZ, SAMPLES, log_mel, mel_filters
from tests.unit.docs.pages import ROOT

Array = NDArray[np.float32]
REFERENCE = FeatureExtractor(chunk_length=8)
CLOSE = 1e-4  # of features that lie between -1.5 and 1.5; measured: 2e-5, from single precision
RECORDED = ("jfk.flac", "cards_001.flac", "librivox_0870.flac", "office_ambience.flac", "caller/time.wav")


def recorded(name: str) -> Array:
    """A recording, from -1 to 1."""
    return to_float(read_sound(ROOT / "tests" / "data" / name, RATE_HZ))


def reference(samples: Array) -> Array:
    """The last 8 s of what was said, silence before it, made of zero mean and unit variance; then theirs."""
    window = np.concatenate([np.zeros(SAMPLES, np.float32), samples])[-SAMPLES:].astype(np.float64)
    normal = (window - window.mean()) / np.sqrt(window.var() + 1e-7)
    features: Array = REFERENCE(normal.astype(np.float32), padding=0)
    return features


@pytest.mark.parametrize("name", RECORDED)
def test_the_features_of_a_recording_are_those_of_the_reference(name: str) -> None:
    samples = recorded(name)
    features = log_mel(samples)
    assert features.shape == (80, FRAMES)
    assert features.dtype == np.float32
    assert np.abs(features - reference(samples)).max() < CLOSE


def test_the_filters_are_those_of_the_reference() -> None:
    assert np.array_equal(mel_filters(), REFERENCE.mel_filters)


@pytest.mark.parametrize("count", [0, 1, 399, SAMPLES - 1, SAMPLES, SAMPLES + 1])
def test_audio_of_any_length_fills_the_window_from_its_end(count: int) -> None:
    samples = np.random.default_rng(count).normal(0, 0.1, count).astype(np.float32)
    assert np.abs(log_mel(samples) - reference(samples)).max() < CLOSE


def test_what_is_short_stands_at_the_end() -> None:
    features = log_mel(recorded("cards_001.flac")[:RATE_HZ])
    assert features[:, : FRAMES - 110].std(axis=1).max() < 1e-6, "silence comes before it"
    assert features[:, FRAMES - 90 :].std(axis=1).min() > 0.05


def test_the_callers_samples_are_left_as_they_are() -> None:
    samples = recorded("jfk.flac")[:SAMPLES]
    before = samples.copy()
    log_mel(samples)
    assert np.array_equal(samples, before)
