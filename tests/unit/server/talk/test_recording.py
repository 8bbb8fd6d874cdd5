"""Recordings: two sides of different pieces on one time line."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import soundfile

from server.talk.recording import BotRecording, StereoRecording

RATE = 8000


def numbers(first: int, count: int) -> bytes:
    """Samples that can be told apart."""
    return np.arange(first, first + count, dtype="<i2").tobytes()


def test_the_bot_alone(tmp_path: Path) -> None:
    recording = BotRecording(tmp_path / "bot.wav", RATE)
    recording.write(numbers(100, 3), numbers(1, 2))
    recording.write(b"", numbers(3, 2))
    recording.close()
    assert soundfile.read(tmp_path / "bot.wav", dtype="int16")[0].tolist() == [1, 2, 3, 4]


def test_both_sides_keep_their_places(tmp_path: Path) -> None:
    random = Random(4)
    recording = StereoRecording(tmp_path / "both.wav", RATE)
    left = right = 0
    for _ in range(500):
        caller, bot = random.randint(0, 30), random.randint(0, 30)
        recording.write(numbers(left, caller), numbers(right, bot))
        left, right = left + caller, right + bot
    recording.close()
    sound = soundfile.read(tmp_path / "both.wav", dtype="int16")[0]
    assert len(sound) == max(left, right)
    assert sound[:left, 0].tolist() == list(range(left))
    assert sound[:right, 1].tolist() == list(range(right))
    assert not sound[left:, 0].any()
    assert not sound[right:, 1].any()


def test_a_side_that_stopped_is_silence_and_holds_nothing_up(tmp_path: Path) -> None:
    recording = StereoRecording(tmp_path / "both.wav", RATE)
    for _ in range(5):
        recording.write(b"", numbers(1, RATE))
    recording.write(numbers(1, 10), b"")
    recording.close()
    sound = soundfile.read(tmp_path / "both.wav", dtype="int16")[0]
    assert len(sound) == 5 * RATE
    assert np.flatnonzero(sound[:, 0]).tolist() == list(range(4 * RATE, 4 * RATE + 10))
