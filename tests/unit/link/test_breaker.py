"""The breaker of a provider: when it opens, when a probe is due, what closes it."""

from __future__ import annotations

import math

import msgspec
import pytest

from link.breaker import MAX_FAILURES, Breaker, BreakerOptions, State

NOW = 1000.0


def opened(now: float = NOW) -> Breaker:
    """One that has just opened."""
    breaker = Breaker()
    assert [breaker.failed(now) for _ in range(3)] == [False, False, True]
    return breaker


def probe(breaker: Breaker, *, worked: bool) -> float:
    """Carry out the probe that is due next; returns how long after NOW."""
    at = breaker.probe_at
    assert not breaker.take_probe(at - 0.001)
    assert breaker.take_probe(at)
    breaker.probed(at, worked=worked)
    return at - NOW


def test_a_new_one_lets_through() -> None:
    breaker = Breaker()
    assert breaker.lets(NOW)
    assert breaker.wait_s(NOW) == 0
    assert breaker.probe_at == math.inf
    assert not breaker.take_probe(NOW)


def test_so_many_failures_within_the_window_open_it() -> None:
    breaker = opened()
    assert breaker.state is State.OPEN
    assert not breaker.lets(NOW)
    assert breaker.wait_s(NOW + 1) == 4


def test_failures_that_are_further_apart_do_not() -> None:
    breaker = Breaker()
    assert not any(breaker.failed(NOW + 31 * number) for number in range(20))
    assert breaker.lets(NOW + 31 * 20)
    assert breaker.failed(NOW + 31 * 19 + 1), "the third within a minute"


def test_a_failure_while_it_is_open_changes_nothing() -> None:
    breaker = opened()
    assert not breaker.failed(NOW + 1)
    assert breaker.probe_at == NOW + 5


def test_each_opening_is_longer_up_to_a_bound() -> None:
    breaker = opened()
    times = [probe(breaker, worked=False) for _ in range(8)]
    waits = [after - before for before, after in zip([0.0, *times], times, strict=False)]
    assert waits == [5, 10, 20, 40, 80, 120, 120, 120]
    assert breaker.state is State.OPEN


def test_a_probe_that_worked_closes_it() -> None:
    breaker = opened()
    probe(breaker, worked=True)
    assert breaker.state is State.CLOSED
    assert breaker.lets(NOW + 5)
    assert breaker.probe_at == math.inf
    assert not any(breaker.failed(NOW + 6) for _ in range(2)), "the failures of before do not count any more"


def test_a_probe_proves_less_than_an_answer() -> None:
    breaker = opened()
    probe(breaker, worked=True)
    for _ in range(3):
        breaker.failed(NOW + 6)
    assert breaker.probe_at == NOW + 6 + 10
    assert breaker.worked()
    for _ in range(3):
        breaker.failed(NOW + 7)
    assert breaker.probe_at == NOW + 7 + 5


def test_one_probe_at_a_time() -> None:
    breaker = opened()
    assert breaker.take_probe(NOW + 5)
    assert not breaker.take_probe(NOW + 500)
    assert not breaker.lets(NOW + 500)
    breaker.give_back(NOW + 500)
    assert breaker.take_probe(NOW + 500)


def test_what_comes_of_a_probe_after_an_answer_does_not_matter() -> None:
    breaker = opened()
    assert breaker.take_probe(NOW + 5)
    assert breaker.worked()
    breaker.probed(NOW + 6, worked=False)
    assert breaker.lets(NOW + 6)
    assert breaker.probe_at == math.inf
    breaker.give_back(NOW + 7)
    assert breaker.probe_at == math.inf


def test_an_answer_closes_it_and_is_told_once() -> None:
    breaker = opened()
    assert breaker.worked()
    assert not breaker.worked()
    assert breaker.lets(NOW)


def test_an_answer_does_not_make_failures_undone() -> None:
    """One that fails every other time is not a good one."""
    breaker = Breaker()
    assert [(breaker.failed(NOW + number), breaker.worked())[0] for number in range(3)] == [False, False, True]


@pytest.mark.parametrize("state", ["closed", "open"])
def test_who_refuses_us_is_out_and_it_is_told_once(state: str) -> None:
    breaker = opened() if state == "open" else Breaker()
    assert breaker.refuse(NOW)
    assert breaker.refused
    assert not breaker.lets(NOW)
    assert not breaker.refuse(NOW)
    assert breaker.probe_at == NOW + 300
    assert probe(breaker, worked=False) == 300
    assert not breaker.lets(NOW + 300)
    assert probe(breaker, worked=True) == 600
    assert breaker.lets(NOW + 600)


def test_the_providers_wish_is_kept_and_is_no_opening() -> None:
    breaker = Breaker()
    assert not breaker.failed(NOW, retry_after_s=8)
    assert not breaker.lets(NOW + 7.9)
    assert breaker.wait_s(NOW + 6) == 2
    assert breaker.state is State.CLOSED
    assert breaker.lets(NOW + 8)
    assert breaker.wait_s(NOW + 9) == 0


def test_a_shorter_wish_does_not_replace_a_longer_one() -> None:
    breaker = Breaker()
    breaker.failed(NOW, retry_after_s=8)
    breaker.failed(NOW + 1, retry_after_s=0)
    assert not breaker.lets(NOW + 7)


def test_the_options_are_its_own() -> None:
    breaker = Breaker(BreakerOptions(failures=1, open_s=2.0, most_open_s=3.0))
    assert breaker.failed(NOW)
    assert [probe(breaker, worked=False) for _ in range(3)] == [2, 5, 8]


@pytest.mark.parametrize("failures", [MAX_FAILURES + 1, 10**30])
def test_failures_have_a_bound(failures: int) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"`int` <= 1000 - at `\$.failures`"):
        msgspec.convert({"failures": failures}, BreakerOptions)


def test_the_largest_bound_can_be_had() -> None:
    assert not Breaker(msgspec.convert({"failures": MAX_FAILURES}, BreakerOptions)).failed(NOW)
