"""Which pauses are judged, by which audio, and whose judgement counts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from audio.endpoint import Rule, TurnOptions
from audio.events import TurnJudged
from audio.turn import Turn
from server.call.judging import Judging

RATE_HZ = 8000
SECOND = RATE_HZ * 2  # bytes


class NotedJudge:
    """A `TurnJudge` that answers when the test does, also what nobody asks any more."""

    def __init__(self) -> None:
        self.windows: list[bytes] = []
        self.patience_s: list[float] = []
        self.answers: list[Callable[[float | None], None]] = []
        self.forgets = 0

    def judge(self, pcm: bytes, rate_hz: int, within_s: float, answer: Callable[[float | None], None]) -> None:
        """Note it."""
        assert rate_hz == RATE_HZ
        self.windows.append(pcm)
        self.patience_s.append(within_s)
        self.answers.append(answer)

    def forget(self) -> None:
        """Count it."""
        self.forgets += 1

    def close(self) -> None:
        """Nothing is held."""


class Scene:
    """A caller, whose voice goes on and off."""

    def __init__(self, *rules: Rule) -> None:
        self.judge = NotedJudge()
        self.turn = Turn(TurnOptions(rules=rules or ("acoustic",)))
        self.posted: list[TurnJudged] = []
        self.judging = Judging(self.judge, self.turn, RATE_HZ, self.posted.append)
        self._said = 0

    def starts(self) -> None:
        self.judging.start(64.0)
        self.turn.begin(0.0)

    def says(self, seconds: float = 1.0) -> None:
        """Audio, each second of which is another number."""
        for _ in range(round(seconds * 10)):
            self.judging.hear(bytes([self._said // 10]) * (SECOND // 10))
            self._said += 1

    def stops(self) -> None:
        self.turn.stop(0.0)
        self.judging.pause(200.0)


def test_a_pause_is_judged_and_the_turn_hears_of_it() -> None:
    scene = Scene()
    scene.starts()
    scene.says()
    scene.stops()
    assert scene.judge.patience_s == [pytest.approx(0.3)], "of 500 ms, 200 are over"
    scene.judge.answers[0](0.7)
    assert scene.posted == [TurnJudged(0.7)]


def test_a_judgement_that_comes_when_the_caller_speaks_again_is_void() -> None:
    scene = Scene()
    scene.starts()
    scene.stops()
    scene.starts()
    assert scene.judge.forgets == 2
    scene.judge.answers[0](0.9)
    scene.stops()
    scene.judge.answers[0](0.9)
    assert scene.posted == []
    scene.judge.answers[1](0.2)
    assert scene.posted == [TurnJudged(0.2)]


def test_what_was_not_judged_is_counted_unless_nobody_waits_any_more() -> None:
    scene = Scene()
    scene.starts()
    scene.stops()
    scene.judge.answers[0](None)
    assert (scene.posted, scene.judging.unjudged) == ([], 1)
    scene.starts()
    scene.judge.answers[0](None)
    assert scene.judging.unjudged == 1


def test_neither_without_a_turn_nor_without_the_rule() -> None:
    scene = Scene()
    scene.judging.pause(200.0)
    assert scene.judge.windows == []
    other = Scene("transcript")
    other.starts()
    other.stops()
    assert other.judge.windows == []


def test_the_window_is_the_turn_with_half_a_second_before_it() -> None:
    scene = Scene()
    scene.says(5)
    scene.starts()
    scene.says(1)
    scene.stops()
    assert len(scene.judge.windows[0]) == pytest.approx(SECOND * 1.564, abs=2)
    scene.starts()
    scene.says(1)
    scene.stops()
    assert len(scene.judge.windows[1]) == pytest.approx(SECOND * 2.564, abs=2), "it is the same turn"
    scene.turn.take()
    scene.says(3)
    scene.starts()
    scene.says(1)
    scene.stops()
    assert len(scene.judge.windows[2]) == pytest.approx(SECOND * 1.564, abs=2), "and this is another"
    assert scene.judge.windows[2].endswith(bytes([10]) * SECOND)


def test_the_window_ends_with_the_newest_eight_seconds() -> None:
    scene = Scene()
    scene.starts()
    scene.says(20)
    scene.stops()
    assert scene.judge.windows == [b"".join(bytes([second]) * SECOND for second in range(12, 20))]
