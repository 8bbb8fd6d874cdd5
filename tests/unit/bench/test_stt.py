"""What the ears are given of a recording, without a recogniser."""

from __future__ import annotations

import asyncio

import pytest

from audio.files import read_sound
from audio.services import Begin, Finish
from bench.speech import FRAME_MS, RATE_HZ, RECORDINGS
from bench.stt import HUMAN, Heard, Recording, accuracy, as_heard, foreign, recordings


def test_a_recording_goes_the_way_of_a_call() -> None:
    pcm = read_sound(RECORDINGS / "caller/time.wav", RATE_HZ)
    frames = asyncio.run(as_heard(pcm))
    items = [item for frame in frames for item in frame]
    assert isinstance(items[0], Begin)
    assert isinstance(items[-1], Finish)
    assert len(frames) * FRAME_MS > len(pcm) / 2 / RATE_HZ * 1000  # the silence that ends a voice is there
    heard = Recording("", None, frames)
    assert 0.8 < heard.heard_s < 1.6


def test_silence_is_not_heard() -> None:
    assert not any(asyncio.run(as_heard(bytes(RATE_HZ))))


def test_a_noise_is_given_to_the_ears_whole() -> None:
    office, _ = asyncio.run(recordings("noise"))
    assert office.heard_s == 20.0
    assert office.text is None


def test_the_fitting_vocabulary_has_the_words_that_are_said() -> None:
    known = set(" ".join(HUMAN).split()) | {"ten"}  # ten meters: <number>
    assert all(set((each.text or "").split()) <= known for each in asyncio.run(recordings("human")))


def test_wrong_words_are_counted_over_the_set(capsys: pytest.CaptureFixture[str]) -> None:
    accuracy("readers", Heard((("a b", "a c"), ("d", "d")), cpu_s=1.0, audio_s=10.0))
    foreign("noise", Heard((("", "go on"), ("", ""), ("five", "five")), cpu_s=2.0, audio_s=10.0))
    first, second = capsys.readouterr().out.splitlines()
    assert "33 % of  3 words wrong, real-time factor 0.100" in first
    assert "1 of 3 recordings taken for something else (2 words), real-time factor 0.200" in second
