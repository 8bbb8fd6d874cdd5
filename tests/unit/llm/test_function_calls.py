"""The ledger: every rule of function calls that it keeps."""

from __future__ import annotations

import json
import math
from itertools import permutations
from random import Random
from typing import Literal

import pytest

from llm.context import IN_PROGRESS
from llm.events import FunctionCall, Outcome, ToolSchema
from llm.function_calls import (
    CANCELLED,
    MAX_RESULT_BYTES,
    MAX_RUNNING,
    CallOptions,
    Finished,
    Ledger,
    State,
    ToolSpec,
    async_note,
    bounded,
)

OUTCOMES: tuple[Outcome, ...] = ("completed", "failed", "timed_out", "cancelled")


def spec(
    *, background: bool = False, timeout_s: float | None = None, when: Literal["now", "after_speech"] = "now"
) -> ToolSpec:
    schema = ToolSchema("look_up", "", {})
    return ToolSpec(schema, cancel_on_interruption=not background, timeout_s=timeout_s, when=when)


BLOCKING = spec()
BACKGROUND = spec(background=True)


def made(call_id: str, reply: int = 1) -> FunctionCall:
    return FunctionCall(reply, call_id, "look_up", "{}")


def ledger(*calls: tuple[str, ToolSpec], options: CallOptions | None = None, group: int = 1) -> Ledger:
    """A ledger with the calls of one response."""
    book = Ledger(options or CallOptions())
    for call_id, each in calls:
        assert book.dispatch(made(call_id), each, group) is not None
    return book


def start(book: Ledger, now: float = 0.0, *, words_heard: bool = True) -> list[str]:
    """Start what may start."""
    calls = book.startable(words_heard=words_heard)
    for call in calls:
        book.start(call, now)
    return [call.call_id for call in calls]


def finish(book: Ledger, *call_ids: str, outcome: Outcome = "completed", run_llm: bool | None = None) -> None:
    for call_id in call_ids:
        assert book.finish(call_id, outcome, "42", run_llm) is not None


# --- exactly one result ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("begun", [False, True])
def test_a_blocking_call_ends_in_one_result_in_its_place(outcome: Outcome, begun: bool) -> None:
    book = ledger(("a", BLOCKING))
    assert book.blocking
    if begun:
        start(book)
    output = CANCELLED if outcome == "cancelled" else "42"
    assert book.finish("a", outcome, "42") == Finished("a", "look_up", outcome, output, None)
    assert (book.open(), book.blocking, book.late) == ([], False, 0)


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("spec_", [BLOCKING, BACKGROUND])
def test_a_second_result_is_late_ignored_and_counted(outcome: Outcome, spec_: ToolSpec) -> None:
    book = ledger(("a", spec_))
    start(book)
    finish(book, "a", outcome=outcome)
    asked = book.settle(None)
    for times in (1, 2):
        assert book.finish("a", "completed", "again") is None
        assert book.late == times
    assert not book.settle(None), f"a late result asks nobody, whatever came before ({asked})"


def test_a_result_of_no_call_is_late() -> None:
    book = Ledger(CallOptions())
    assert book.finish("nobody", "completed", "42") is None
    assert book.late == 1


@pytest.mark.parametrize("spec_", [BLOCKING, BACKGROUND])
@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("reply", [1, 2])
def test_a_call_that_is_made_twice_runs_once(spec_: ToolSpec, done: bool, reply: int) -> None:
    book = ledger(("a", spec_))
    assert start(book) == ["a"]
    if done:
        finish(book, "a")
    assert book.dispatch(made("a", reply), spec_, reply) is None
    assert not book.refuse(made("a", reply), reply)
    assert start(book) == []
    assert book.late == 2


def test_a_refused_call_is_over_and_asks_the_model() -> None:
    book = Ledger(CallOptions())
    assert book.refuse(made("a"), 1)
    assert (book.open(), book.blocking, start(book)) == ([], False, [])
    assert book.settle(None)
    assert not book.refuse(made("a"), 1)
    assert book.dispatch(made("a"), BLOCKING, 1) is None
    assert book.finish("a", "completed", "42") is None
    assert not book.settle(None)


@pytest.mark.parametrize(
    ("size", "note"), [(MAX_RESULT_BYTES, ""), (MAX_RESULT_BYTES + 1, f" [cut: {MAX_RESULT_BYTES + 1} bytes]")]
)
def test_a_result_is_bounded(size: int, note: str) -> None:
    assert MAX_RESULT_BYTES == 65536
    book = ledger(("a", BLOCKING), ("b", BACKGROUND))
    blocking, background = (book.finish(each, "completed", "x" * size) for each in "ab")
    assert blocking is not None
    assert background is not None
    assert blocking.output == "x" * MAX_RESULT_BYTES + note
    assert background.developer is not None
    assert json.loads(background.developer)["result"] == blocking.output


def test_a_cut_never_splits_a_letter() -> None:
    assert bounded("x" + "é" * 40_000) == "x" + "é" * 32767 + " [cut: 80001 bytes]"
    assert bounded("€" * 30_000) == "€" * 21845 + " [cut: 90000 bytes]"
    assert bounded("é" * 32768) == "é" * 32768


def test_what_utf8_cannot_say_is_no_fault_of_the_call() -> None:
    """Half a surrogate pair, as os.fsdecode gives it."""
    assert bounded("a\ud800b") == "a?b"
    assert bounded("\ud800" * 70_000).startswith("?" * MAX_RESULT_BYTES + " [cut")


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


def test_async_calls_count_too() -> None:
    book = ledger(*((f"c{number}", BACKGROUND) for number in range(8)), ("last", BLOCKING))
    assert len(start(book)) == 8
    assert start(book) == []
    finish(book, "c0")
    assert start(book) == ["last"]


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


# --- when the model is asked ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", list(permutations("abc")))
@pytest.mark.parametrize("outcome", ["completed", "failed", "timed_out"])
def test_a_group_asks_once_after_its_last_result(order: tuple[str, ...], outcome: Outcome) -> None:
    book = ledger(*((each, BLOCKING) for each in "abc"))
    start(book)
    for each in order[:-1]:
        finish(book, each, outcome=outcome)
        assert not book.settle(None)
    finish(book, order[-1], outcome=outcome)
    assert book.settle(None)
    assert not book.settle(None)


@pytest.mark.parametrize(
    ("results", "asks"),
    [
        ([("completed", None)], True),
        ([("completed", True)], True),
        ([("completed", False)], False),
        ([("failed", None)], True),
        ([("failed", False)], False),
        ([("timed_out", None)], True),
        ([("cancelled", None)], False),
        ([("cancelled", True)], False),
        ([("cancelled", None), ("cancelled", None)], False),
        ([("cancelled", None), ("completed", None)], True),
        ([("completed", None), ("cancelled", None)], True),
        ([("completed", False), ("completed", False)], False),
        ([("completed", False), ("completed", None)], True),
        ([("completed", None), ("completed", False)], True),
        ([("completed", True), ("completed", False)], True),
    ],
)
def test_which_results_ask(results: list[tuple[Outcome, bool | None]], asks: bool) -> None:
    book = ledger(*((str(number), BLOCKING) for number in range(len(results))))
    start(book)
    for number, (outcome, run_llm) in enumerate(results):
        finish(book, str(number), outcome=outcome, run_llm=run_llm)
    assert book.settle(None) is asks
    assert not book.settle(None)


def test_a_group_is_not_settled_while_its_response_is_coming() -> None:
    book = ledger(("a", BLOCKING), group=7)
    finish(book, "a")
    assert not book.settle(7)
    book.dispatch(made("b", 7), BLOCKING, 7)
    assert not book.settle(None)
    finish(book, "b")
    assert not book.settle(7)
    assert book.settle(8)


def test_groups_are_settled_each_for_itself() -> None:
    book = ledger(("a", BLOCKING), group=1)
    book.dispatch(made("b", 2), BLOCKING, 2)
    finish(book, "b")
    assert book.settle(None), "group 2 has all its results, whatever group 1 does"
    assert not book.settle(None)
    finish(book, "a", run_llm=False)
    assert not book.settle(None)


@pytest.mark.parametrize("silent", ["a", "b"])
def test_groups_that_end_together_ask_once(silent: str) -> None:
    book = ledger(("a", BLOCKING), group=1)
    book.dispatch(made("b", 2), BLOCKING, 2)
    for each in "ab":
        finish(book, each, run_llm=False if each == silent else None)
    assert book.settle(None)
    assert not book.settle(None)


def test_a_refused_call_waits_for_the_others_of_its_group() -> None:
    book = ledger(("a", BLOCKING))
    book.refuse(made("b"), 1)
    assert not book.settle(None)
    finish(book, "a", outcome="cancelled")
    assert book.settle(None)


def test_a_book_without_calls_asks_nobody() -> None:
    assert not Ledger(CallOptions()).settle(None)


# --- async calls ----------------------------------------------------------------------------------------------------


def test_the_model_goes_on_at_once_after_an_async_call() -> None:
    book = ledger(("a", BACKGROUND))
    assert not book.blocking
    assert not book.settle(1), "more may come"
    assert book.settle(None)
    start(book)
    finish(book, "a")
    assert not book.settle(None), "its result is told in a message; who hears of that is not the group's business"


def test_a_blocking_call_beside_it_is_waited_for() -> None:
    book = ledger(("a", BACKGROUND), ("b", BLOCKING))
    assert book.blocking
    assert not book.settle(None)
    finish(book, "b", run_llm=False)
    assert book.settle(None)


def test_placeholders() -> None:
    book = Ledger(CallOptions())
    assert book.dispatch(made("a"), BLOCKING, 1) == IN_PROGRESS == "IN_PROGRESS"
    started = json.loads(book.dispatch(made("b"), BACKGROUND, 1) or "")
    description = started.pop("description")
    assert started == {"type": "async_tool", "status": "started", "tool_call_id": "b"}
    assert "look_up" in description
    assert "Do not call it again" in description


@pytest.mark.parametrize(
    ("outcome", "status", "result"),
    [
        ("completed", "finished", "42"),
        ("failed", "failed", "42"),
        ("timed_out", "timed_out", "42"),
        ("cancelled", "cancelled", "CANCELLED"),
    ],
)
def test_the_final_result_of_an_async_call_is_a_message(outcome: Outcome, status: str, result: str) -> None:
    book = ledger(("a", BACKGROUND))
    start(book)
    finished = book.finish("a", outcome, "42")
    assert finished is not None
    assert (finished.outcome, finished.output) == (outcome, None)
    message = {"type": "async_tool", "tool_call_id": "a", "status": status, "result": result}
    assert json.loads(finished.developer or "") == message


def test_an_update_is_a_message_too_and_its_letters_are_not_escaped() -> None:
    note = async_note("a", "running", 'é "€"')
    message = {"type": "async_tool", "tool_call_id": "a", "status": "running", "result": 'é "€"'}
    assert json.loads(note) == message
    assert 'é \\"€\\"' in note


def test_only_an_async_call_that_is_not_over_can_be_updated() -> None:
    book = ledger(("a", BLOCKING), ("b", BACKGROUND))
    assert [book.async_name(each) for each in ("a", "b", "c")] == [None, "look_up", None]
    finish(book, "b")
    assert book.async_name("b") is None


def test_a_barge_in_cancels_blocking_calls_only() -> None:
    book = ledger(("a", BLOCKING), ("b", BACKGROUND), ("c", spec(when="after_speech")))
    start(book, words_heard=False)
    assert [call.call_id for call in book.interruptible()] == ["a", "c"]
    assert [call.call_id for call in book.open()] == ["a", "b", "c"]
    finish(book, "a", "c", outcome="cancelled")
    assert book.interruptible() == []
    assert [call.call_id for call in book.open()] == ["b"]


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
    book = ledger(("a", spec(background=background, timeout_s=own_s)), options=CallOptions(timeout_s=service_s))
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
    assert CallOptions() == CallOptions(run_in_parallel=True, timeout_s=30.0)


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


# --- all together ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("run_in_parallel", [True, False])
def test_any_course_of_events_leaves_nothing_open(seed: int, run_in_parallel: bool) -> None:
    """Calls come, start, end twice and are cancelled: each has one result, each response asks at most once."""
    dice = Random(seed)
    book = Ledger(CallOptions(run_in_parallel=run_in_parallel))
    results: dict[str, list[Finished]] = {}
    asked = group = 0
    now = 0.0
    while len(results) < 60 or book.open():
        now += dice.random()
        calls = book.open()
        match dice.randrange(6):
            case 0 if len(results) < 60:
                group += dice.random() < 0.4
                call_id = f"c{len(results)}"
                assert book.dispatch(made(call_id, group), dice.choice([BLOCKING, BACKGROUND]), group)
                results[call_id] = []
            case 1 if results:
                assert book.dispatch(made(dice.choice(list(results)), group), BLOCKING, group) is None
            case 2:
                start(book, now, words_heard=dice.random() < 0.5)
                assert sum(call.state is State.RUNNING for call in book.open()) <= MAX_RUNNING
            case 3 | 4 if calls:
                call = dice.choice(calls)
                outcome: Outcome = dice.choice(OUTCOMES) if call.state is State.RUNNING else "cancelled"
                if finished := book.finish(call.call_id, outcome, "42"):
                    results[call.call_id].append(finished)
            case 5 if results and (over := [each for each in results if results[each]]):
                assert book.finish(dice.choice(over), "completed", "again") is None
            case _:
                asked += book.settle(group)
        assert book.blocking is any(not call.is_async for call in book.open())
    asked += book.settle(None)
    assert {len(each) for each in results.values()} == {1}
    assert 0 < asked <= group + 1
    assert not book.settle(None)
