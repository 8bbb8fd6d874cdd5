"""What is learned of a caller's pauses."""

from __future__ import annotations

from random import Random

import pytest

from audio.pauses import Pauses


def test_nothing_is_expected_of_a_caller_who_never_paused() -> None:
    pauses = Pauses()
    pauses.settle()
    assert pauses.expected_ms == 0.0


def test_regular_pauses_are_expected_as_they_are() -> None:
    pauses = Pauses()
    for _ in range(40):
        pauses.learn(500.0)
    assert pauses.expected_ms == pytest.approx(500.0, abs=1.0)


def test_one_pause_is_no_habit_and_three_are() -> None:
    pauses, expected = Pauses(), []
    for _ in range(3):
        pauses.learn(800.0)
        expected.append(pauses.expected_ms)
    assert expected == pytest.approx([600.0, 950.0, 1137.5])


def test_pauses_that_vary_are_nearly_all_waited_for() -> None:
    random, pauses, missed = Random(1), Pauses(), 0
    for number in range(500):
        pause_ms = random.uniform(200.0, 800.0)
        missed += number > 20 and pause_ms > pauses.expected_ms
        pauses.learn(pause_ms)
    assert missed < 25, "one in twenty"
    assert pauses.expected_ms < 1000.0


def test_turns_without_a_pause_make_it_quicker_again() -> None:
    pauses = Pauses()
    pauses.learn(1000.0)
    before = pauses.expected_ms
    for _ in range(30):
        pauses.settle()
    assert pauses.expected_ms < before / 20
