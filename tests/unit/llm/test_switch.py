"""The rules of a switch: who is chosen, what its link is, and what becomes of a choice that cannot answer."""

from __future__ import annotations

import re

import pytest

from link.errors import ConfigError
from llm.events import (
    Ask,
    Cancel,
    Delta,
    Fact,
    Infer,
    InferenceFailed,
    Inferred,
    LinkDown,
    LinkUp,
    Prepare,
    Progress,
    ReplyDone,
    ReplyFailed,
)
from llm.switch import MAX_JOBS, Switch, known
from tests.unit.llm.several_stand import Stand, a_request

FAST, SMART = 0, 1
DOWN = LinkDown("dropped")
OUT = LinkDown("HTTP 401", fatal=True)


def stand(*up: int, names: str = "fast smart") -> Stand:
    """Rules for these models; these are up."""
    made = Stand(Switch(names.split()))
    made.start(*up)
    return made


# --- choosing ---------------------------------------------------------------------------------------------------------


def test_all_are_connected_when_the_call_begins() -> None:
    assert Stand(Switch(["fast", "smart"])).start().opened == [FAST, SMART]


def test_the_request_says_who_answers_and_without_a_name_it_is_the_first() -> None:
    call = stand(FAST, SMART)
    for reply, (service, child) in enumerate(
        [("", FAST), ("smart", SMART), ("fast", FAST), ("smart", SMART), ("", FAST)]
    ):
        request = a_request(service=service)
        assert call.ask(reply, service=service).sent == [(child, Ask(reply, request))]
        facts: list[Fact] = [Progress(reply), Delta(reply, "x"), ReplyDone(reply)]
        assert call.heard(1 - child, *facts).posted == []
        assert call.heard(child, *facts).posted == facts
    assert isinstance(call.rules, Switch)
    assert call.rules.refused == 2 * 5


def test_a_name_that_nobody_has_is_answered_by_the_current_one_and_noted_once() -> None:
    call = stand(FAST, SMART)
    call.ask(1, service="smart")
    told = call.ask(2, service="clever")
    assert told.asked == [SMART]
    assert told.notes == ["there is no language model 'clever'; there are fast, smart"]
    assert call.ask(3, service="clever").notes == []
    assert call.infer(1, service="clever").sent[0][0] == SMART


def test_a_name_can_be_checked_where_it_is_given() -> None:
    assert known("smart", ("fast", "smart")) == "smart"
    assert known("", ()) == ""
    with pytest.raises(ConfigError, match="no language model 'clever' to switch to; there are fast, smart"):
        known("clever", ("fast", "smart"))
    with pytest.raises(
        ConfigError, match=re.escape("no language model 'smart' to switch to; the llm is no \"switch\"")
    ):
        known("smart", ())


# --- the link ---------------------------------------------------------------------------------------------------------


def test_the_link_is_that_of_the_chosen_one() -> None:
    call = stand()
    assert call.heard(SMART, LinkUp()).posted == []
    assert call.heard(FAST, LinkUp()).posted == [LinkUp()]
    assert call.heard(SMART, DOWN).posted == []
    assert call.heard(FAST, DOWN).posted == [LinkDown("fast: dropped")]
    assert call.heard(FAST, DOWN).posted == []
    assert call.heard(FAST, LinkUp()).posted == [LinkUp()]


def test_a_first_attempt_that_fails_is_told() -> None:
    assert stand().heard(FAST, DOWN).posted == [LinkDown("fast: dropped")]


def test_a_preparation_chooses_so_that_a_dead_link_can_be_left() -> None:
    call = stand(SMART)
    call.heard(FAST, DOWN)
    assert call.ask(1).actions == [], "the call knows that the link is down"
    told = call.prepare(service="smart")
    assert told.sent == [(SMART, Prepare(a_request(service="smart")))]
    assert told.posted == [LinkUp()]
    assert call.prepare().posted == [LinkDown("fast: dropped")]


def test_while_one_answers_the_link_of_the_next_choice_does_not_matter() -> None:
    call = stand(FAST)
    call.ask(1)
    assert call.prepare(service="smart").actions == []
    assert call.heard(SMART, DOWN).posted == []
    assert call.heard(FAST, Delta(1, "x")).posted == [Delta(1, "x")]
    assert call.heard(FAST, ReplyDone(1)).posted == [ReplyDone(1), LinkDown("smart: dropped")]


def test_a_link_that_drops_in_mid_answer_takes_the_answer_with_it() -> None:
    call = stand(FAST, SMART)
    call.ask(1)
    call.heard(FAST, Delta(1, "x"))
    assert call.heard(FAST, DOWN).posted == [LinkDown("fast: dropped")]
    assert call.heard(FAST, Delta(1, "y"), ReplyDone(1)).posted == []


def test_a_link_that_drops_in_mid_answer_after_another_choice_is_a_failure_that_may_pass() -> None:
    call = stand(FAST, SMART)
    call.ask(1)
    call.prepare(service="smart")
    assert call.heard(FAST, DOWN).posted == [ReplyFailed(1, "fast: dropped")]
    assert call.ask(2, service="smart").asked == [SMART]


# --- a choice that is not up yet --------------------------------------------------------------------------------------


def test_a_question_waits_for_the_link_of_its_model() -> None:
    call = stand(FAST)
    assert call.ask(1, service="smart").actions == []
    assert call.after(2.9).actions == []
    assert call.heard(SMART, Delta(1, "unasked")).posted == []
    assert call.heard(SMART, LinkUp()).sent == [(SMART, Ask(1, a_request(service="smart")))]
    assert call.rules.deadline() is None
    assert call.heard(SMART, Delta(1, "x")).posted == [Delta(1, "x")]


def test_but_not_for_long() -> None:
    call = stand(FAST)
    call.ask(1, service="smart")
    call.heard(SMART, DOWN)
    told = call.after(3)
    assert told.posted == [ReplyFailed(1, "the link to smart was not up in 3 s"), LinkDown("smart: dropped")]
    assert call.after(60).actions == []
    assert call.heard(SMART, LinkUp()).posted == [LinkUp()]
    assert call.ask(2, service="smart").asked == [SMART]


def test_a_question_that_waits_can_be_cancelled_or_replaced() -> None:
    call = stand(FAST)
    call.ask(1, service="smart")
    assert call.cancel(2).actions == []
    assert call.cancel(1).sent == []
    call = stand(FAST)
    call.ask(1, service="smart")
    assert call.ask(2, service="fast").sent == [(FAST, Ask(2, a_request(service="fast")))]
    assert call.heard(SMART, LinkUp()).sent == []


def test_cancels_go_to_whoever_answers() -> None:
    call = stand(FAST, SMART)
    call.ask(1, service="smart")
    assert call.cancel(1, stalled=True).sent == [(SMART, Cancel(1, stalled=True))]
    assert call.cancel(1).sent == []
    assert call.heard(SMART, Delta(1, "x")).posted == []
    call.ask(2, service="smart")
    assert call.ask(3, service="fast").sent == [(SMART, Cancel(2)), (FAST, Ask(3, a_request(service="fast")))]


# --- who refuses us ---------------------------------------------------------------------------------------------------


def test_a_choice_that_refuses_us_is_answered_by_another() -> None:
    call = stand(FAST, SMART)
    assert call.heard(SMART, OUT).posted == []
    told = call.ask(1, service="smart")
    assert told.asked == [FAST]
    assert told.notes == ["the language model smart is out; another answers in its place"]
    assert call.ask(2, service="smart").notes == []


def test_the_link_is_fatal_only_when_all_are() -> None:
    call = stand(FAST, SMART)
    assert call.heard(FAST, OUT).posted == []
    assert call.ask(1).asked == [SMART]
    call.heard(SMART, ReplyDone(1))
    assert call.heard(SMART, OUT).posted == [LinkDown("smart: HTTP 401", fatal=True)]
    assert call.heard(SMART, LinkUp()).actions == []
    assert call.infer(1).posted == [InferenceFailed(1, "smart: HTTP 401")], "whoever waits for a text hears of it"


def test_a_model_that_refuses_a_request_is_left_and_the_call_asks_again() -> None:
    call = stand(FAST, SMART)
    call.ask(1, service="smart")
    told = call.heard(SMART, ReplyFailed(1, "no such model", "fatal"))
    assert told.posted == [ReplyFailed(1, "smart: no such model")]
    assert told.notes == ["the language model smart refuses us: no such model"]
    assert call.ask(2, service="smart").asked == [FAST]
    assert call.heard(FAST, ReplyFailed(2, "no credit", "fatal")).posted == [ReplyFailed(2, "no credit", "fatal")]


def test_but_not_for_a_wish_of_the_calls_own() -> None:
    call = stand(FAST, SMART)
    call.ask(1, service="smart", model="typo")
    assert call.heard(SMART, ReplyFailed(1, "no such model", "fatal")).posted == [ReplyFailed(1, "no such model")]
    assert call.ask(2, service="smart").asked == [SMART]


def test_a_choice_that_is_out_while_it_is_waited_for() -> None:
    call = stand(FAST)
    call.ask(1, service="smart")
    assert call.heard(SMART, OUT).posted == [ReplyFailed(1, "smart: HTTP 401")]
    assert call.ask(2, service="smart").asked == [FAST]


def test_a_child_that_breaks_is_done_without() -> None:
    call = stand(FAST, SMART)
    call.ask(1)
    assert call.gone(FAST).posted == [ReplyFailed(1, "fast: broken")]
    assert call.gone(FAST).actions == []
    assert call.ask(2).asked == [SMART]
    assert call.gone(SMART).posted == [LinkDown("smart: broken", fatal=True)]


@pytest.mark.parametrize("kind", ["passing", "too_long", "blocked"])
def test_other_failures_pass_as_they_are(kind: str) -> None:
    call = stand(FAST, SMART)
    call.ask(1)
    failed = ReplyFailed(1, "no", kind, 1.5)  # type: ignore[arg-type]
    assert call.heard(FAST, failed).posted == [failed]


# --- inferences -------------------------------------------------------------------------------------------------------


def test_an_inference_goes_to_the_model_that_it_names_and_chooses_nothing() -> None:
    call = stand(FAST, SMART)
    assert call.infer(1, 30.0, service="smart").sent == [(SMART, Infer(1, a_request(service="smart"), 30.0))]
    assert call.heard(FAST, Inferred(1, "not asked")).posted == []
    assert call.heard(SMART, Inferred(1, "text")).posted == [Inferred(1, "text")]
    assert call.heard(SMART, InferenceFailed(1, "twice")).posted == []
    assert call.heard(SMART, DOWN).posted == [], "the chosen one is fast"


def test_inferences_of_a_model_that_is_out_fail() -> None:
    call = stand(FAST, SMART)
    call.infer(1, service="smart")
    call.infer(2)
    assert call.heard(SMART, DOWN).posted == [], "its service says itself what becomes of it"
    assert call.heard(SMART, OUT).posted == [InferenceFailed(1, "smart: HTTP 401")]
    assert call.heard(FAST, OUT).posted[0] == InferenceFailed(2, "fast: HTTP 401")


def test_inferences_are_bounded() -> None:
    call = stand(FAST)
    for job in range(MAX_JOBS):
        assert len(call.infer(job).sent) == 1
    assert call.infer(0).posted == [InferenceFailed(0, "no language model can be asked")]
    assert call.infer(MAX_JOBS).posted == [InferenceFailed(MAX_JOBS, "no language model can be asked")]
