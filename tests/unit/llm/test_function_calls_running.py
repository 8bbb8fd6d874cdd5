"""The ledger of function calls: which run, and for how long."""

from __future__ import annotations

import math

import pytest

from llm.function_calls import (
    MAX_RUNNING,
    CallOptions,
    State,
)
from tests.unit.llm.ledger_stand import BACKGROUND, BLOCKING, finish, ledger, made, spec, start

# --- which run ------------------------------------------------------------------------------------------------------


def test_in_parallel_all_calls_of_a_response_run_at_once() -> None:
    book = ledger(("a", BLOCKING), ("b", BACKGROUND), ("c", BLOCKING))
    assert start(book) == ["a", "b", "c"]
    assert start(book) == []


def test_in_sequence_one_runs_at_a_time_in_order() -> None:
    book = ledger(("a", BLOCKING), ("b", BLOCKING), ("c", BLOCKING), options=CallOptions(run_in_parallel=False))
    for each in "abc":
        assert start(book) == [each]
        assert start(book) == []
        finish(book, each, outcome="failed" if each == "a" else "completed")
    assert start(book) == []


def test_in_sequence_a_call_that_was_cancelled_before_its_turn_is_passed_over() -> None:
    book = ledger(("a", BLOCKING), ("b", BLOCKING), ("c", BLOCKING), options=CallOptions(run_in_parallel=False))
    start(book)
    finish(book, "b", outcome="cancelled")
    assert start(book) == []
    finish(book, "a")
    assert start(book) == ["c"]


def test_in_sequence_nobody_waits_for_an_async_call_but_it_waits_its_turn() -> None:
    book = ledger(("a", BACKGROUND), ("b", BLOCKING), ("c", BACKGROUND), options=CallOptions(run_in_parallel=False))
    assert start(book) == ["a", "b"]
    finish(book, "b")
    assert start(book) == ["c"]


def test_sequences_of_two_responses_do_not_wait_for_each_other() -> None:
    book = ledger(("a", BLOCKING), ("b", BLOCKING), options=CallOptions(run_in_parallel=False))
    book.dispatch(made("c", 2), BLOCKING, 2)
    assert start(book) == ["a", "c"]


def test_so_many_run_at_most_and_the_rest_follow_in_order() -> None:
    assert MAX_RUNNING == 8
    book = ledger(*((f"c{number}", BLOCKING) for number in range(12)))
    assert start(book) == [f"c{number}" for number in range(8)]
    assert start(book) == []
    finish(book, "c3", "c5")
    assert start(book) == ["c8", "c9"]
    finish(book, *(f"c{number}" for number in (0, 1, 2, 4, 6, 7, 8, 9)))
    assert start(book) == ["c10", "c11"]


@pytest.mark.parametrize("background", [False, True])
def test_a_call_after_speech_waits_for_the_words_before_it(background: bool) -> None:
    book = ledger(("a", spec(when="after_speech", background=background)), ("b", BLOCKING))
    assert start(book, words_heard=False) == ["b"]
    assert start(book, words_heard=False) == []
    assert start(book, words_heard=True) == ["a"]


def test_in_sequence_a_call_after_speech_holds_those_behind_it() -> None:
    book = ledger(("a", spec(when="after_speech")), ("b", BLOCKING), options=CallOptions(run_in_parallel=False))
    assert start(book, words_heard=False) == []
    assert start(book, words_heard=True) == ["a"]


def test_to_look_is_not_to_start() -> None:
    book = ledger(("a", BLOCKING))
    for _ in range(3):
        (call,) = book.startable(words_heard=True)
        assert call.state is State.WAITING
    book.start(call, 5.0)
    assert (call.state, call.started_at) == (State.RUNNING, 5.0)
    assert book.startable(words_heard=True) == []


# --- time-outs ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("background", "own_s", "service_s", "deadline"),
    [
        (False, None, 30.0, 130.0),
        (False, None, 5.0, 105.0),
        (False, 2.0, 30.0, 102.0),
        (False, 60.0, 30.0, 160.0),
        (False, math.inf, 30.0, math.inf),
        (False, None, math.inf, math.inf),
        (True, None, 30.0, math.inf),
        (True, 2.0, 30.0, 102.0),
        (True, math.inf, 30.0, math.inf),
    ],
)
def test_when_a_call_times_out(background: bool, own_s: float | None, service_s: float, deadline: float) -> None:
    book = ledger(
        ("a", spec(background=background, timeout_s=own_s)), options=CallOptions(function_call_timeout_secs=service_s)
    )
    assert book.deadline() == math.inf, "a call that waits has no time-out yet"
    start(book, now=100.0)
    assert book.deadline() == deadline
    assert book.expired(math.nextafter(deadline, 0.0)) == []
    if deadline < math.inf:
        assert [call.call_id for call in book.expired(deadline)] == ["a"]
        finish(book, "a", outcome="timed_out")
    assert book.expired(1e9) == []
    assert book.deadline() == math.inf


def test_thirty_seconds_in_parallel_are_the_default() -> None:
    assert CallOptions() == CallOptions(run_in_parallel=True, function_call_timeout_secs=30.0)


def test_the_time_of_a_call_counts_from_its_start() -> None:
    book = ledger(("a", BLOCKING), ("b", BLOCKING), options=CallOptions(run_in_parallel=False))
    start(book, now=0.0)
    assert book.deadline() == 30.0
    finish(book, "a")
    assert book.deadline() == math.inf
    start(book, now=20.0)
    assert book.deadline() == 50.0


def test_the_first_of_several_times_is_the_next_deadline() -> None:
    book = ledger(("a", spec(timeout_s=9.0)), ("b", spec(timeout_s=3.0)), ("c", spec(timeout_s=6.0)))
    start(book, now=100.0)
    assert book.deadline() == 103.0
    assert [call.call_id for call in book.expired(106.0)] == ["b", "c"]
    finish(book, "b", outcome="timed_out")
    assert book.deadline() == 106.0


def test_times_that_are_over_are_known_with_their_length() -> None:
    book = ledger(("a", spec(timeout_s=2.5)))
    start(book, now=100.0)
    (call,) = book.expired(103.0)
    assert call.deadline - call.started_at == 2.5
