"""What a carrier's buffer plays when, and when it comes to a mark."""

from __future__ import annotations

import numpy as np
import pytest

from server.load.wires.buffer import Buffer

RATE_HZ = 8000
TENTH = np.arange(800, dtype="<i2").tobytes()


def played(buffer: Buffer) -> list[tuple[float, int]]:
    return [(round(each.at_s, 6), len(each.pcm) // 2) for each in buffer.played]


def test_it_plays_in_real_time_from_when_sound_comes() -> None:
    buffer = Buffer(RATE_HZ)
    buffer.put(TENTH, 5.0)
    assert buffer.left(5.025) == 600
    assert buffer.left(5.2) == 0
    assert played(buffer) == [(5.0, 800)]
    assert bytes(buffer.played[0].pcm) == TENTH


def test_pieces_that_come_in_time_are_one_stretch_and_others_are_not() -> None:
    buffer = Buffer(RATE_HZ)
    for at in (1.0, 1.05, 1.5):
        buffer.put(TENTH, at)
    buffer.left(9.0)
    assert played(buffer) == [(1.0, 1600), (1.5, 800)]
    assert bytes(buffer.played[0].pcm) == TENTH * 2


def test_a_mark_is_reached_when_all_before_it_was_played() -> None:
    buffer = Buffer(RATE_HZ)
    buffer.mark("at once", 0.0)
    buffer.put(TENTH, 0.0)
    buffer.mark("first", 0.0)
    buffer.put(TENTH, 0.0)
    buffer.mark("second", 0.0)
    assert [buffer.reached(at) for at in (0.0, 0.0999, 0.1, 0.1, 0.3)] == [["at once"], [], ["first"], [], ["second"]]


@pytest.mark.parametrize(("returns", "then"), [(True, ["first", "second"]), (False, ["first"])])
def test_a_clear_drops_sound_and_marks_and_returns_them_or_not(returns: bool, then: list[str]) -> None:
    buffer = Buffer(RATE_HZ)
    for name in ("first", "second"):
        buffer.put(TENTH, 0.0)
        buffer.mark(name, 0.0)
    buffer.clear(0.15, returns_marks=returns)
    assert buffer.reached(0.15) == then
    assert buffer.left(0.15) == 0
    buffer.put(TENTH, 0.2)
    assert buffer.reached(1.0) == []
    assert played(buffer) == [(0.0, 1200), (0.2, 800)]


def test_a_pause_keeps_everything() -> None:
    buffer = Buffer(RATE_HZ)
    buffer.put(TENTH, 0.0)
    buffer.mark("end", 0.0)
    buffer.pause(0.04)
    assert buffer.left(3.0) == 480
    assert buffer.reached(3.0) == []
    buffer.resume(4.0)
    assert buffer.reached(4.06) == ["end"]
    assert played(buffer) == [(0.0, 320), (4.0, 480)]


def test_however_often_one_looks_the_same_is_played() -> None:
    rarely, often = Buffer(RATE_HZ), Buffer(RATE_HZ)
    for buffer in (rarely, often):
        for at in range(20):
            buffer.put(TENTH, at * 0.097)
    for tick in range(3000):
        often.left(2.0 + tick / 997)
    rarely.left(6.0)
    assert played(often) == played(rarely) == [(0.0, 16_000)]
