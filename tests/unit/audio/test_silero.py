"""Holds the net in numpy to the original: the package's own ONNX file in onnxruntime, on recorded speech and noise."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import soundfile
import soxr
from numpy.typing import NDArray

from audio.blas import blas_threads, set_blas_threads
from audio.events import SpeechStarted, SpeechStopped
from audio.silero import BLOCK, Silero, sizes
from audio.vad import Hysteresis, VadOptions, load_weights
from tools.extract_silero import DATA, extract, onnx_path

RECORDINGS = Path(__file__).parents[2] / "data"
SPEECH = ("silero_test", "librivox_0870", "sb_vad_train", "sb_spk1_snt1")
NOISE = ("office_ambience", "sb_noise2")
RATES_HZ = (16000, 8000)

Pcm = NDArray[np.int16]
Probabilities = NDArray[np.float32]


@cache
def recording(name: str, rate_hz: int) -> Pcm:
    samples, own_rate = soundfile.read(RECORDINGS / f"{name}.flac", dtype="int16")
    if own_rate != rate_hz:
        samples = soxr.resample(samples, own_rate, rate_hz)
    return np.asarray(samples, np.int16)


@cache
def original() -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(onnx_path()), options, providers=["CPUExecutionProvider"])


@cache
def expected(name: str, rate_hz: int) -> Probabilities:
    """What the original says, chunk by chunk."""
    size, rate = sizes(rate_hz), np.array(rate_hz, np.int64)
    state = np.zeros((2, 1, 128), np.float32)
    found = []
    for window in windows(recording(name, rate_hz), rate_hz):
        samples = window[np.newaxis].astype(np.float32) / 32768
        assert samples.shape == (1, size.context + size.chunk)
        probability, state = original().run(None, {"input": samples, "state": state, "sr": rate})
        found.append(probability[0, 0])
    return np.array(found)


@cache
def weights() -> dict[str, Probabilities]:
    return dict(load_weights())


def windows(pcm: Pcm, rate_hz: int) -> list[Pcm]:
    """The whole chunks of a recording, each with its context."""
    size = sizes(rate_hz)
    padded = np.concatenate([np.zeros(size.context, np.int16), pcm])
    return [padded[at : at + size.window] for at in range(0, len(pcm) - size.chunk + 1, size.chunk)]


def alone(name: str, rate_hz: int) -> Probabilities:
    net = Silero(rate_hz, weights(), capacity=1)
    slots = np.array([0])
    return np.concatenate([net.run(slots, w[np.newaxis]).copy() for w in windows(recording(name, rate_hz), rate_hz)])


def facts(probabilities: Probabilities) -> list[tuple[int, SpeechStarted | SpeechStopped]]:
    hysteresis = Hysteresis(VadOptions())
    steps = [(chunk, hysteresis.step(float(p))) for chunk, p in enumerate(probabilities)]
    return [(chunk, fact) for chunk, fact in steps if fact is not None]


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("name", SPEECH + NOISE)
def test_it_says_what_the_original_says(name: str, rate_hz: int) -> None:
    ours, theirs = alone(name, rate_hz), expected(name, rate_hz)
    assert len(ours) == len(theirs) > 80
    assert np.abs(ours - theirs).max() <= 1e-4
    assert facts(ours) == facts(theirs)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_the_recordings_put_it_to_the_test(rate_hz: int) -> None:
    """Speech is found in each of the recordings of speech, often in the long one, and none in noise."""
    assert all(facts(expected(name, rate_hz)) for name in SPEECH)
    assert len(facts(expected("silero_test", rate_hz))) > 20
    assert not any(facts(expected(name, rate_hz)) for name in NOISE)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_calls_in_one_batch_hear_what_each_hears_alone(rate_hz: int) -> None:
    """Six calls that begin one after the other and end at different times, in slots that are in no order."""
    names = SPEECH + NOISE
    calls = [[None] * (3 * i) + windows(recording(name, rate_hz), rate_hz) for i, name in enumerate(names)]
    slot_of = [4, 0, 5, 2, 1, 3]
    net = Silero(rate_hz, weights(), capacity=len(names))
    heard: list[list[float]] = [[] for _ in names]
    for turn in range(250):
        present = [i for i, call in enumerate(calls) if turn < len(call) and call[turn] is not None]
        batch = np.stack([w for i in present if (w := calls[i][turn]) is not None])
        probabilities = net.run(np.array([slot_of[i] for i in present]), batch)
        for i, probability in zip(present, probabilities, strict=True):
            heard[i].append(probability)
    for name, batched in zip(names, heard, strict=True):
        assert len(batched) > 80
        np.testing.assert_allclose(batched, alone(name, rate_hz)[: len(batched)], rtol=0, atol=1e-5)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_every_size_of_batch_gives_the_same(rate_hz: int) -> None:
    chunks = np.stack(windows(recording("librivox_0870", rate_hz), rate_hz)[10 : 10 + BLOCK])
    net = Silero(rate_hz, weights())
    single = np.concatenate([net.run(np.array([i]), chunks[i : i + 1]).copy() for i in range(BLOCK)])
    assert single.max() - single.min() > 0.5
    for n in range(1, BLOCK + 1):
        batch = Silero(rate_hz, weights()).run(np.arange(n), chunks[:n])
        np.testing.assert_allclose(batch, single[:n], rtol=0, atol=1e-5)


def test_a_slot_remembers_until_it_is_cleared() -> None:
    net = Silero(16000, weights(), capacity=2)
    chunks = windows(recording("librivox_0870", 16000), 16000)[:40]
    fresh = [float(net.run(np.array([0]), w[np.newaxis])[0]) for w in chunks]
    again = [float(net.run(np.array([0]), w[np.newaxis])[0]) for w in chunks]
    assert fresh != again
    net.clear(0)
    assert fresh == [float(net.run(np.array([0]), w[np.newaxis])[0]) for w in chunks]


def test_growing_keeps_what_the_slots_remember() -> None:
    chunks = windows(recording("librivox_0870", 16000), 16000)[:40]
    small, grown = Silero(16000, weights(), capacity=1), Silero(16000, weights(), capacity=1)
    for number, window in enumerate(chunks):
        if number == 20:
            grown.grow(3)
            assert grown.capacity == 3
        assert small.run(np.array([0]), window[np.newaxis]) == grown.run(np.array([0]), window[np.newaxis])
    new = float(grown.run(np.array([2]), chunks[0][np.newaxis])[0])
    assert new == pytest.approx(alone("librivox_0870", 16000)[0], abs=1e-6)


def test_other_rates_are_refused_with_a_way_out() -> None:
    with pytest.raises(ValueError, match=r"8000 and 16000 Hz, not 44100; resample"):
        Silero(44100, weights())


def test_the_weights_are_those_of_the_package() -> None:
    """The committed file is what the tool would make today, from the file that the provenance names."""
    source = onnx_path().read_bytes()
    extracted = extract(source)
    assert extracted.keys() == weights().keys()
    assert all(np.array_equal(extracted[name], weights()[name]) for name in extracted)
    assert hashlib.sha256(source).hexdigest() in (DATA / "SILERO-PROVENANCE.txt").read_text()
    assert "MIT License" in (DATA / "SILERO-LICENSE").read_text()


def test_blas_is_held_to_as_many_threads_as_asked() -> None:
    for count in (2, 1):
        assert set_blas_threads(count)
        assert blas_threads() == count
