"""The ledger of function calls: exactly one result for each, in its place or as a message."""

from __future__ import annotations

import json
from random import Random

import pytest

from llm.context import IN_PROGRESS
from llm.events import Outcome
from llm.function_calls import (
    CANCELLED,
    MAX_ASYNC,
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
from tests.unit.llm.ledger_stand import BACKGROUND, BLOCKING, finish, ledger, made, spec, start

OUTCOMES: tuple[Outcome, ...] = ("completed", "failed", "timed_out", "cancelled")


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
def test_a_call_that_is_made_twice_runs_once(spec_: ToolSpec, done: bool) -> None:
    book = ledger(("a", spec_))
    assert start(book) == ["a"]
    if done:
        finish(book, "a")
    assert book.admit("a", 1) is None
    assert start(book) == []
    assert book.late == 1


def test_an_id_that_another_response_used_is_another_call() -> None:
    book = ledger(("a", BLOCKING))
    assert book.admit("a", 2) == "a.2"
    assert book.admit("a", 2) is None, "twice in one response it is the same call"
    assert book.admit("a", 3) == "a.3"


def test_calls_in_the_background_are_bounded() -> None:
    book = ledger(*((f"c{number}", BACKGROUND) for number in range(MAX_ASYNC)))
    assert len(start(book)) == MAX_ASYNC
    assert not book.has_room(BACKGROUND)
    assert book.has_room(BLOCKING)
    finish(book, "c0")
    assert book.has_room(BACKGROUND)


def test_calls_in_the_background_never_hold_back_the_others() -> None:
    book = ledger(*((f"c{number}", BACKGROUND) for number in range(MAX_RUNNING + 1)))
    assert len(start(book)) == MAX_RUNNING + 1
    assert book.admit("x", 2) == "x"
    book.dispatch(made("x", 2), BLOCKING, 2)
    assert start(book) == ["x"]


def test_what_the_caller_stopped_asks_nobody() -> None:
    book = ledger(("a", BLOCKING), ("b", BLOCKING))
    start(book)
    finish(book, "a")
    finish(book, "b", outcome="cancelled")
    book.forget_wishes()
    assert not book.settle(None)


def test_a_refused_call_is_over_and_asks_the_model() -> None:
    book = Ledger(CallOptions())
    assert book.admit("a", 1) == "a"
    book.refuse(1)
    assert (book.open(), book.blocking, start(book)) == ([], False, [])
    assert book.settle(None)
    assert book.admit("a", 1) is None
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
    started = json.loads(book.dispatch(made("b"), BACKGROUND, 1))
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


# --- all together ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("run_in_parallel", [True, False])
def test_any_course_of_events_leaves_nothing_open(seed: int, run_in_parallel: bool) -> None:
    """Calls come, start, end twice and are cancelled: each has one result, each response asks at most once."""
    dice = Random(seed)
    book = Ledger(CallOptions(run_in_parallel=run_in_parallel))
    results: dict[str, list[Finished]] = {}
    groups: dict[str, int] = {}
    asked = group = 0
    now = 0.0
    while len(results) < 60 or book.open():
        now += dice.random()
        calls = book.open()
        match dice.randrange(6):
            case 0 if len(results) < 60:
                group += dice.random() < 0.4
                call_id = f"c{len(results)}"
                assert book.admit(call_id, group) == call_id
                book.dispatch(made(call_id, group), dice.choice([BLOCKING, BACKGROUND]), group)
                results[call_id] = []
                groups[call_id] = group
            case 1 if results:
                again = dice.choice(list(results))
                assert book.admit(again, groups[again]) is None
            case 2:
                start(book, now, words_heard=dice.random() < 0.5)
                running = [call for call in book.open() if call.state is State.RUNNING and not call.is_async]
                assert len(running) <= MAX_RUNNING
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
