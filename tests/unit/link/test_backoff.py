"""Delays between attempts."""

from __future__ import annotations

from itertools import islice
from random import Random

import pytest

from link.backoff import CAP_S, FIRST_S, delays
from tests.unit.link.dice import LongestDelays, ShortestDelays


def test_the_limits_double_from_a_quarter_of_a_second_up_to_five_seconds() -> None:
    assert list(islice(delays(LongestDelays()), 8)) == [0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0]


def test_each_delay_may_be_nothing_at_all() -> None:
    assert list(islice(delays(ShortestDelays()), 8)) == [0.0] * 8


def test_the_jitter_is_spread_over_the_whole_range() -> None:
    firsts = [next(delays(Random(seed))) for seed in range(400)]
    assert all(0 <= delay <= FIRST_S for delay in firsts)
    quarters = [sum(FIRST_S * n / 4 <= delay < FIRST_S * (n + 1) / 4 for delay in firsts) for n in range(4)]
    assert all(60 <= count <= 140 for count in quarters), quarters
    late = [next(islice(delays(Random(seed)), 9, None)) for seed in range(400)]
    assert all(0 <= delay <= CAP_S for delay in late)
    assert min(late) < 0.5
    assert max(late) > 4.5


def test_the_same_dice_give_the_same_delays_and_others_do_not() -> None:
    def some(seed: int) -> list[float]:
        return list(islice(delays(Random(seed)), 20))

    assert some(1) == some(1)
    assert some(1) != some(2)


@pytest.mark.parametrize(
    ("first_s", "cap_s", "limits"), [(1.0, 3.0, [1.0, 2.0, 3.0, 3.0]), (0.5, 0.5, [0.5, 0.5, 0.5, 0.5])]
)
def test_other_limits(first_s: float, cap_s: float, limits: list[float]) -> None:
    assert list(islice(delays(LongestDelays(), first_s, cap_s), 4)) == limits
