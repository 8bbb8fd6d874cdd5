"""The rules of a fallback: who is asked, who is late, who takes over, and what the call hears of it."""

from __future__ import annotations

import pytest

from link.breaker import Breaker
from llm.events import (
    Ask,
    Cancel,
    Delta,
    Fact,
    Failure,
    FunctionCall,
    Prepare,
    Progress,
    ReplyDone,
    ReplyFailed,
    Thought,
    Usage,
)
from llm.fallback import Fallback
from llm.items import Reasoning
from tests.unit.llm.several_stand import Stand, a_request

DONE = ReplyDone(1, Usage(1, 2), "m")
CALL = FunctionCall(1, "c1", "look_up", "{}")
THOUGHT = Thought(1, Reasoning("a", "{}"))


def stand(*up: int, count: int = 2, breakers: list[Breaker] | None = None) -> Stand:
    """Rules for two models, `a` and `b`, or three; these are up."""
    breakers = breakers or [Breaker() for _ in range(count)]
    made = Stand(Fallback(breakers, "abc"[: len(breakers)]))
    made.start(*up)
    return made


# --- the usual --------------------------------------------------------------------------------------------------------


def test_the_first_child_is_asked_and_its_answer_passes_as_it_is() -> None:
    call = stand(0, 1)
    told = call.ask(1)
    assert told.sent == [(0, Ask(1, a_request()))]
    assert told.posted == []
    facts: list[Fact] = [Progress(1), Delta(1, "One"), CALL, Delta(1, " two."), DONE]
    assert call.heard(0, *facts).posted == facts
    assert call.ask(2).asked == [0]


def test_all_children_are_connected_when_the_call_begins() -> None:
    assert Stand(Fallback([Breaker(), Breaker()])).start().opened == [0, 1]


def test_while_the_first_is_not_up_the_second_is_asked() -> None:
    call = stand(1)
    assert call.ask(1).asked == [1]
    call.heard(1, Delta(1, "x"), DONE)
    call.start(0)
    assert call.ask(2).asked == [0]


def test_settings_of_the_first_model_are_not_shown_to_the_others() -> None:
    call = stand(0, 1)
    assert call.ask(1, model="big", tool_choice="none").sent == [
        (0, Ask(1, a_request(model="big", tool_choice="none")))
    ]
    told = call.after(2.5)
    assert told.sent[1] == (1, Ask(1, a_request(tool_choice="none")))


def test_output_of_who_was_not_asked_is_refused() -> None:
    call = stand(0, 1)
    call.ask(1)
    assert call.heard(1, Delta(1, "x"), CALL, DONE).posted == []
    assert call.heard(0, Delta(2, "x"), Progress(2)).posted == []
    assert isinstance(call.rules, Fallback)
    assert call.rules.refused == 4


# --- late -------------------------------------------------------------------------------------------------------------


def test_who_is_late_is_replaced_and_refused_from_then_on() -> None:
    call = stand(0, 1)
    call.ask(1)
    assert call.after(2.4).actions == []
    told = call.after(0.1)
    assert told.sent == [(0, Cancel(1, stalled=True)), (1, Ask(1, a_request()))]
    assert told.posted == [Progress(1)], "the patience of the call begins anew"
    assert told.notes == ["a does not answer (no output in 2.5 s); b is asked instead"]
    assert call.heard(0, Delta(1, "too late"), CALL, DONE).posted == []
    assert call.heard(1, Delta(1, "here"), DONE).posted == [Delta(1, "here"), DONE]


def test_a_model_that_thinks_is_not_late() -> None:
    call = stand(0, 1)
    call.ask(1)
    for _ in range(3):
        assert call.after(2.4).actions == []
        call.heard(0, Progress(1))
    assert call.after(4.9).actions == []
    assert call.after(0.1).cancelled == [(0, Cancel(1, stalled=False))], "it has gone silent"


def test_but_not_for_ever() -> None:
    call = stand(0, 1)
    call.ask(1)
    for _ in range(14):
        assert call.after(1).actions == []
        call.heard(0, Progress(1))
    assert call.after(1).asked == [1]


def test_an_empty_piece_is_no_output() -> None:
    call = stand(0, 1)
    call.ask(1)
    assert call.heard(0, Delta(1, "")).posted == [Progress(1)]
    assert call.after(5).asked == [1]


@pytest.mark.parametrize("output", [Delta(1, "Well"), CALL])
def test_after_its_first_output_nobody_takes_over(output: Delta | FunctionCall) -> None:
    call = stand(0, 1)
    call.ask(1)
    call.heard(0, output)
    assert call.rules.deadline() is None
    assert call.after(60).actions == []


def test_the_last_one_has_as_long_as_the_call_has_patience() -> None:
    call = stand(0, 1)
    call.ask(1)
    call.after(2.5)
    assert call.after(60).actions == []
    assert call.rules.deadline() is None
    assert call.heard(1, Delta(1, "at last")).posted == [Delta(1, "at last")]


def test_while_there_is_nobody_else_who_is_late_is_waited_for() -> None:
    call = stand(0)
    call.ask(1)
    assert call.after(4).actions == []
    told = call.start(1)
    assert told.sent == [(0, Cancel(1, stalled=True)), (1, Ask(1, a_request()))]


def test_who_is_late_is_not_replaced_by_one_that_fails_again_and_again() -> None:
    bad = Breaker()
    call = stand(0, 1, breakers=[Breaker(), bad])
    for _ in range(3):
        bad.failed(call.now)
    call.ask(1)
    assert call.after(10).actions == []
    assert call.heard(0, ReplyFailed(1, "no")).asked == [1], "but one that failed is"


# --- failed before the first output -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["passing", "too_long", "blocked", "fatal"])
def test_who_fails_before_a_word_is_replaced_at_once(kind: Failure) -> None:
    call = stand(0, 1)
    call.ask(1)
    told = call.heard(0, ReplyFailed(1, "no", kind))
    assert told.sent == [(1, Ask(1, a_request()))]
    assert told.posted == [Progress(1)]
    assert call.heard(0, Delta(1, "still")).posted == []


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (ReplyFailed(1, "x", "fatal"), ReplyFailed(1, "y", "passing", 3.0), ("passing", 3.0)),
        (ReplyFailed(1, "x", "passing", 9.0), ReplyFailed(1, "y", "passing", 2.0), ("passing", 2.0)),
        (ReplyFailed(1, "x", "passing", 9.0), ReplyFailed(1, "y", "blocked"), ("passing", 9.0)),
        (ReplyFailed(1, "x", "blocked"), ReplyFailed(1, "y", "too_long"), ("too_long", 0.0)),
        (ReplyFailed(1, "x", "blocked"), ReplyFailed(1, "y", "blocked"), ("blocked", 0.0)),
        (ReplyFailed(1, "x", "fatal"), ReplyFailed(1, "y", "fatal"), ("fatal", 0.0)),
        (ReplyFailed(1, "x", "fatal"), ReplyFailed(1, "y", "blocked"), ("blocked", 0.0)),
    ],
)
def test_when_all_have_failed_the_call_hears_the_mildest(
    first: ReplyFailed, second: ReplyFailed, told: tuple[Failure, float]
) -> None:
    call = stand(0, 1)
    call.ask(1)
    assert call.heard(0, first).posted == [Progress(1)]
    assert call.heard(1, second).posted == [ReplyFailed(1, "a: x; b: y", *told)]
    assert call.heard(1, Delta(1, "x"), DONE).posted == []


def test_an_empty_answer_that_was_cut_short_is_none_while_there_is_another() -> None:
    call = stand(0, 1)
    call.ask(1)
    filtered = ReplyDone(1, incomplete="content_filter")
    assert call.heard(0, filtered).asked == [1]
    assert call.heard(1, filtered).posted == [filtered]


def test_an_empty_answer_is_an_answer() -> None:
    call = stand(0, 1)
    call.ask(1)
    assert call.heard(0, DONE).posted == [DONE]


def test_three_children_are_tried_in_turn() -> None:
    call = stand(0, 1, 2, count=3)
    call.ask(1)
    assert call.heard(0, ReplyFailed(1, "x")).asked == [1]
    assert call.after(2.5).asked == [2]
    failed = ReplyFailed(1, "a: x; b: no output in 2.5 s; c: z")
    assert call.heard(2, ReplyFailed(1, "z", "blocked")).posted == [failed]


# --- failed in the middle ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "told"), [("passing", "passing"), ("fatal", "passing"), ("blocked", "blocked")])
def test_an_answer_that_breaks_off_is_told_and_the_next_request_goes_to_another(kind: Failure, told: Failure) -> None:
    call = stand(0, 1)
    call.ask(1)
    call.heard(0, Delta(1, "Well, "))
    heard = call.heard(0, ReplyFailed(1, "no", kind, 0.5))
    assert heard.posted == [ReplyFailed(1, "no", told, 0.5)]
    assert heard.sent == []
    assert call.ask(2).asked == [1]


def test_a_silent_child_is_cancelled_by_the_call_and_avoided_for_a_while() -> None:
    call = stand(0, 1)
    call.ask(1)
    call.heard(0, Delta(1, "Well, "))
    assert call.cancel(1, stalled=True).sent == [(0, Cancel(1, stalled=True))]
    assert call.ask(2).asked == [1]
    call.heard(1, Delta(2, "x"), ReplyDone(2))
    call.after(14.9)
    assert call.ask(3).asked == [1]
    call.cancel(3)
    call.after(0.1)
    assert call.ask(4).asked == [0]


def test_a_good_answer_makes_it_the_first_again() -> None:
    call = stand(0)
    call.ask(1)
    call.cancel(1, stalled=True)
    call.ask(2)
    call.heard(0, Delta(2, "x"), ReplyDone(2))
    call.start(1)
    assert call.ask(3).asked == [0]


# --- cancels ----------------------------------------------------------------------------------------------------------


def test_a_cancel_goes_to_whoever_answers() -> None:
    call = stand(0, 1)
    call.ask(1)
    call.after(2.5)
    assert call.cancel(1).sent == [(1, Cancel(1))]
    assert call.cancel(1).sent == []
    assert call.heard(1, Delta(1, "x"), DONE).posted == []
    assert call.rules.deadline() is None
    assert call.ask(2).asked == [1], "the late one is avoided"


def test_a_cancel_of_another_reply_is_nobodys() -> None:
    call = stand(0, 1)
    call.ask(2)
    assert call.cancel(1).sent == []
    assert call.heard(0, Delta(2, "x")).posted == [Delta(2, "x")]


def test_a_new_request_ends_the_one_before() -> None:
    call = stand(0, 1)
    call.ask(1)
    assert call.ask(2).sent == [(0, Cancel(1)), (0, Ask(2, a_request()))]
    assert call.heard(0, Delta(1, "old"), Delta(2, "new")).posted == [Delta(2, "new")]


# --- thoughts and preparations ----------------------------------------------------------------------------------------


def test_thoughts_are_held_back_until_the_answer_is_the_childs() -> None:
    call = stand(0, 1)
    call.ask(1)
    assert call.heard(0, THOUGHT).posted == [Progress(1)]
    call.after(5)
    theirs = Thought(1, Reasoning("b", "{}"))
    assert call.heard(1, theirs).posted == [Progress(1)]
    assert call.heard(1, CALL).posted == [theirs, CALL]
    assert call.heard(1, theirs).posted == [theirs]


def test_thoughts_of_an_empty_answer_come_with_its_end() -> None:
    call = stand(0)
    call.ask(1)
    call.heard(0, THOUGHT)
    assert call.heard(0, DONE).posted == [THOUGHT, DONE]


def test_who_would_be_asked_is_prepared_and_a_better_one_that_comes_later_too() -> None:
    call = stand(1)
    assert call.prepare().sent == [(1, Prepare(a_request()))]
    assert call.start(0).sent == [(0, Prepare(a_request()))]
    call.ask(1)
    call.heard(0, Delta(1, "x"), DONE)
    call = stand(0)
    call.prepare()
    assert call.start(1).sent == [], "the second is not needed yet"


def test_nobody_is_prepared_after_the_first_request() -> None:
    call = stand(1)
    call.prepare()
    call.ask(1)
    assert call.start(0).sent == []
