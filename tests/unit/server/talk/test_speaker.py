"""The virtual speaker: what is played when, to the sample."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from server.talk.speaker import CAPACITY_S, State, VirtualSpeaker

RATE = 8000
BEGAN = 1000.0


def at(samples: float) -> float:
    """The instant of a sample."""
    return BEGAN + samples / RATE


def pcm(first: int, count: int) -> bytes:
    """Samples that can be told apart."""
    return np.arange(first, first + count, dtype="<i2").tobytes()


def numbers(sound: bytes) -> list[int]:
    """The samples."""
    return [int(sample) for sample in np.frombuffer(sound, "<i2")]


@pytest.fixture
def speaker() -> VirtualSpeaker:
    return VirtualSpeaker(RATE, BEGAN)


def test_silence_until_something_comes(speaker: VirtualSpeaker) -> None:
    assert speaker.render(at(3)) == bytes(6)
    assert speaker.played == 0


def test_audio_is_played_from_the_instant_at_which_it_comes(speaker: VirtualSpeaker) -> None:
    speaker.push(pcm(1, 3), at(2))
    assert numbers(speaker.render(at(4))) == [0, 0, 1, 2]
    assert (speaker.played, speaker.queued, speaker.state) == (2, 1, State.PLAYING)
    assert numbers(speaker.render(at(8))) == [3, 0, 0, 0]
    assert (speaker.played, speaker.queued, speaker.state) == (3, 0, State.EMPTY)


def test_more_audio_is_played_after_what_came_before(speaker: VirtualSpeaker) -> None:
    speaker.push(pcm(1, 3), at(0))
    speaker.push(pcm(4, 3), at(1))
    assert numbers(speaker.render(at(7))) == [1, 2, 3, 4, 5, 6, 0]


def test_late_audio_leaves_a_gap_of_its_lateness(speaker: VirtualSpeaker) -> None:
    speaker.push(pcm(1, 2), at(0))
    speaker.push(pcm(3, 2), at(5))
    assert numbers(speaker.render(at(7))) == [1, 2, 0, 0, 0, 3, 4]


def test_a_pause_keeps_what_is_queued(speaker: VirtualSpeaker) -> None:
    speaker.push(pcm(1, 4), at(0))
    speaker.pause(at(2))
    speaker.push(pcm(5, 1), at(3))
    assert numbers(speaker.render(at(5))) == [1, 2, 0, 0, 0]
    assert (speaker.played, speaker.queued, speaker.state) == (2, 3, State.PAUSED)
    speaker.resume(at(6))
    assert numbers(speaker.render(at(10))) == [0, 3, 4, 5, 0]


def test_a_pause_of_nothing_ends_in_nothing(speaker: VirtualSpeaker) -> None:
    speaker.pause(at(1))
    speaker.resume(at(2))
    assert speaker.state is State.EMPTY
    speaker.resume(at(3))
    assert speaker.state is State.EMPTY


def test_what_is_cleared_is_never_played(speaker: VirtualSpeaker) -> None:
    speaker.push(pcm(1, 10), at(0))
    assert speaker.clear(at(3)) == 7
    assert (speaker.played, speaker.skipped, speaker.queued, speaker.state) == (3, 7, 0, State.EMPTY)
    speaker.push(pcm(20, 2), at(5))
    assert numbers(speaker.render(at(8))) == [1, 2, 3, 0, 0, 20, 21, 0]
    assert speaker.played == 5


def test_a_clear_ends_a_pause(speaker: VirtualSpeaker) -> None:
    speaker.push(pcm(1, 4), at(0))
    speaker.pause(at(1))
    assert speaker.clear(at(2)) == 3
    speaker.push(pcm(9, 1), at(3))
    assert numbers(speaker.render(at(4))) == [1, 0, 0, 9]


def test_half_a_sample_is_refused(speaker: VirtualSpeaker) -> None:
    with pytest.raises(ValueError, match="two bytes a sample; there were 3"):
        speaker.push(b"abc", at(0))
    assert speaker.queued == 0


def test_too_much_is_dropped_as_a_whole(speaker: VirtualSpeaker) -> None:
    full = bytes(int(CAPACITY_S) * RATE * 2)
    assert speaker.push(full, at(0))
    assert not speaker.push(b"\1\0", at(0))
    assert speaker.queued == len(full) // 2
    assert speaker.push(b"\1\0", at(1))


def test_a_clock_that_stands_still_plays_nothing(speaker: VirtualSpeaker) -> None:
    speaker.push(pcm(1, 2), at(5))
    speaker.render(at(6))
    assert speaker.render(at(6)) == b""
    assert speaker.played == 1


class SampleBySample:
    """The same speaker, one sample at a time: slow and plain."""

    def __init__(self) -> None:
        self.queue: list[int] = []
        self.paused = False
        self.heard: list[int] = []
        self.played = 0

    def until(self, sample: int) -> None:
        """Let the time pass up to a sample."""
        while len(self.heard) < sample:
            sounds = bool(self.queue) and not self.paused
            self.heard.append(self.queue.pop(0) if sounds else 0)
            self.played += sounds


@pytest.mark.parametrize("seed", range(30))
def test_it_is_a_speaker_whatever_happens(seed: int) -> None:
    random = Random(seed)
    speaker, plain = VirtualSpeaker(RATE, BEGAN), SampleBySample()
    heard, now, next_sample = b"", 0, 1
    for _ in range(200):
        now += random.choice([0, 1, 5, 30])
        plain.until(now)
        match random.choice(["push", "push", "pause", "resume", "clear", "render"]):
            case "push":
                count = random.randint(0, 40)
                speaker.push(pcm(next_sample, count), at(now))
                plain.queue += range(next_sample, next_sample + count)
                next_sample += count
            case "pause":
                speaker.pause(at(now))
                plain.paused = True
            case "resume":
                speaker.resume(at(now))
                plain.paused = False
            case "clear":
                assert speaker.clear(at(now)) == len(plain.queue)
                plain.queue, plain.paused = [], False
            case "render":
                heard += speaker.render(at(now))
        assert speaker.played <= plain.played
    heard += speaker.render(at(now))
    assert numbers(heard) == plain.heard
    assert speaker.played == plain.played
