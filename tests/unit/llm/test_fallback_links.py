"""The rules of a fallback: links that come and go, providers that are out, and inferences."""

from __future__ import annotations

import pytest

from link.breaker import Breaker, State
from llm.events import (
    Ask,
    Delta,
    Infer,
    InferenceFailed,
    Inferred,
    LinkDown,
    LinkUp,
    Progress,
    ReplyDone,
    ReplyFailed,
)
from llm.fallback import Fallback
from llm.fallback_inference import MAX_JOBS
from tests.unit.llm.several_stand import Stand, a_request

DOWN = LinkDown("dropped")
OUT = LinkDown("HTTP 401", fatal=True)


def stand(*up: int, breakers: list[Breaker] | None = None) -> Stand:
    """Rules for two models, `a` and `b`; these are up."""
    made = Stand(Fallback(breakers or [Breaker(), Breaker()], "ab"))
    made.start(*up)
    return made


# --- the link of the call ---------------------------------------------------------------------------------------------


def test_the_link_is_up_with_the_first_and_down_with_the_last() -> None:
    call = stand()
    assert call.heard(1, LinkUp()).posted == [LinkUp()]
    assert call.heard(0, LinkUp()).posted == []
    assert call.heard(0, DOWN).posted == []
    assert call.heard(1, DOWN).posted == [LinkDown("b: dropped")]
    assert call.heard(1, DOWN).posted == []
    assert call.heard(0, LinkUp()).posted == [LinkUp()]


def test_before_the_first_is_up_it_is_down_when_all_have_failed_to_connect() -> None:
    call = stand()
    assert call.heard(0, DOWN).posted == []
    assert call.heard(1, DOWN).posted == [LinkDown("b: dropped")]


def test_without_a_link_nothing_is_asked() -> None:
    """The call was told, and asks again; a request that crossed the news is not answered twice."""
    call = stand(0, 1)
    call.heard(0, DOWN)
    call.heard(1, DOWN)
    assert call.ask(1).actions == []
    assert call.prepare().actions == []
    assert call.heard(0, LinkUp()).posted == [LinkUp()]
    assert call.ask(2).asked == [0]


def test_a_request_that_crossed_the_news_is_not_answered() -> None:
    breakers = [Breaker(), Breaker()]
    call = stand(0, breakers=breakers)
    breakers[0].refuse(call.now)  # another call has found out
    assert call.after(0.1).posted == []
    assert call.heard(1, DOWN).posted == [LinkDown("b: dropped")]
    breakers[0].worked()
    told = call.ask(1)
    assert told.asked == []
    assert told.posted == [LinkUp()]


def test_a_link_that_drops_before_a_word_is_not_heard_of() -> None:
    call = stand(0, 1)
    call.ask(1)
    told = call.heard(0, DOWN)
    assert told.posted == [Progress(1)]
    assert told.asked == [1]


def test_a_link_that_drops_in_mid_answer_is_told_as_a_failure_that_may_pass() -> None:
    call = stand(0, 1)
    call.ask(1)
    call.heard(0, Delta(1, "Well, "))
    told = call.heard(0, DOWN)
    assert told.posted == [ReplyFailed(1, "dropped")]
    assert told.asked == []
    call.heard(0, LinkUp())
    assert call.ask(2).asked == [1], "the one that dropped comes after the other for a while"


@pytest.mark.parametrize("began", [True, False])
def test_the_last_link_that_drops_takes_the_answer_with_it(began: bool) -> None:
    call = stand(0)
    call.ask(1)
    if began:
        call.heard(0, Delta(1, "Well, "))
    assert call.heard(0, DOWN).posted == [LinkDown("a: dropped")], "and no ReplyFailed"
    assert call.heard(0, Delta(1, "more"), ReplyDone(1)).posted == []


# --- who refuses us ---------------------------------------------------------------------------------------------------


def test_the_link_is_fatal_only_when_all_are() -> None:
    call = stand(0, 1)
    first = call.heard(0, OUT)
    assert first.posted == []
    assert first.notes == ["a refuses us and is left out: HTTP 401"]
    assert first.probed == [0]
    assert call.heard(1, OUT).posted == [LinkDown("b: HTTP 401", fatal=True)]
    assert call.heard(1, LinkUp()).actions == []
    assert call.ask(1).actions == []
    assert call.infer(1).posted == [InferenceFailed(1, "b: HTTP 401")], "whoever waits for a text hears of it"


def test_one_that_is_away_for_a_while_is_waited_for() -> None:
    call = stand(1)
    assert call.heard(1, DOWN).posted == [LinkDown("b: dropped")]
    assert call.heard(0, OUT).posted == [], "not fatal"
    assert call.heard(1, LinkUp()).posted == [LinkUp()]


def test_a_refused_request_is_not_fatal_while_another_may_come_back() -> None:
    call = stand(0, 1)
    call.heard(1, DOWN)
    call.ask(1)
    assert call.heard(0, ReplyFailed(1, "no such model", "fatal")).posted == [LinkDown("b: dropped")]
    assert call.heard(1, LinkUp()).posted == [LinkUp()]
    assert call.ask(2).asked == [1]


def test_when_all_refuse_requests_it_is_fatal() -> None:
    call = stand(0, 1)
    call.ask(1)
    call.heard(0, ReplyFailed(1, "no such model", "fatal"))
    failed = call.heard(1, ReplyFailed(1, "no credit", "fatal")).posted
    assert failed == [ReplyFailed(1, "a: no such model; b: no credit", "fatal")]


def test_who_refuses_us_is_out_for_other_calls_too_and_is_told_once() -> None:
    breakers = [Breaker(), Breaker()]
    one, other = stand(0, 1, breakers=breakers), stand(0, 1, breakers=breakers)
    one.ask(1)
    other.ask(1)
    assert one.heard(0, ReplyFailed(1, "no credit", "fatal")).notes[0] == "a refuses us and is left out: no credit"
    told = other.heard(0, ReplyFailed(1, "no credit", "fatal"))
    assert told.probed == []
    assert told.notes == ["a does not answer (no credit); b is asked instead"]
    third = Stand(Fallback(breakers, "ab"))
    assert third.start().opened == [1]
    assert third.heard(1, LinkUp()).posted == [LinkUp()]
    assert third.ask(1).asked == [1]


def test_it_is_connected_again_when_a_probe_said_so() -> None:
    breakers = [Breaker(), Breaker()]
    call = stand(0, 1, breakers=breakers)
    call.heard(0, OUT)
    assert call.after(300).opened == []
    assert breakers[0].take_probe(call.now)
    breakers[0].probed(call.now, worked=True)
    assert Stand.start(call, 0).posted == []
    call = stand(0, 1, breakers=breakers)
    assert call.ask(1).asked == [0]


def test_when_all_are_out_they_are_tried_nevertheless() -> None:
    breakers = [Breaker(), Breaker()]
    for breaker in breakers:
        breaker.refuse(1000.0)
    call = Stand(Fallback(breakers, "ab"))
    assert call.start().opened == [0, 1]
    assert call.heard(1, LinkUp()).posted == [LinkUp()]
    assert call.ask(1).asked == [1]
    told = call.heard(1, Delta(1, "Hello."), ReplyDone(1))
    assert told.notes == ["b answers again"]
    assert breakers[1].state is State.CLOSED
    assert breakers[0].refused


def test_a_wish_of_the_call_that_is_refused_does_not_put_the_provider_out() -> None:
    """`call.update(model="typo")` is no reason to leave the provider out for all calls."""
    breakers = [Breaker(), Breaker()]
    call = stand(0, 1, breakers=breakers)
    call.ask(1, model="typo")
    assert call.heard(0, ReplyFailed(1, "no such model", "fatal")).asked == [1]
    assert breakers[0].state is State.CLOSED
    told = call.heard(1, ReplyFailed(1, "overloaded", "blocked"))
    assert told.posted == [ReplyFailed(1, "a: no such model; b: overloaded", "blocked")]


def test_a_wish_of_the_call_that_is_refused_does_not_end_it_while_another_may_come_back() -> None:
    call = stand(0, 1)
    call.heard(1, DOWN)
    call.ask(1, model="typo")
    assert call.heard(0, ReplyFailed(1, "no such model", "fatal")).posted == [ReplyFailed(1, "a: no such model")]


# --- who fails again and again ----------------------------------------------------------------------------------------


def fail_often(breakers: list[Breaker], child: int) -> Stand:
    """Calls in which a child fails until its breaker opens; the last one of them."""
    for _ in range(3):
        call = stand(0, 1, breakers=breakers)
        call.ask(1)
        told = call.heard(child, ReplyFailed(1, "overloaded"))
    assert told.probed == [child]
    assert told.notes[0].startswith(f"{'ab'[child]} fails again and again (overloaded)")
    return call


def test_calls_share_what_they_know_of_a_provider() -> None:
    breakers = [Breaker(), Breaker()]
    fail_often(breakers, 0)
    call = stand(0, 1, breakers=breakers)
    assert call.ask(1).asked == [1]
    breakers[0].take_probe(call.now + 5)
    breakers[0].probed(call.now + 5, worked=True)
    assert call.ask(2).asked == [0]


def test_the_last_one_is_never_ejected() -> None:
    breakers = [Breaker(), Breaker()]
    fail_often(breakers, 0)
    call = stand(0, breakers=breakers)
    assert call.ask(1).asked == [0]
    breakers[0].take_probe(call.now + 5)
    breakers[0].probed(call.now + 5, worked=False)
    for _ in range(3):
        breakers[1].failed(call.now + 6)
    call = stand(0, 1, breakers=breakers)
    call.now += 6
    assert call.ask(1).asked == [1], "both are open: the one that is due sooner is the less bad"


def test_a_provider_that_wants_to_be_left_alone_is() -> None:
    call = stand(0, 1)
    call.ask(1)
    call.heard(0, ReplyFailed(1, "429", retry_after_s=30.0))
    call.heard(1, Delta(1, "x"), ReplyDone(1))
    call.after(29)
    assert call.ask(2).asked == [1]
    call.cancel(2)
    call.after(1)
    assert call.ask(3).asked == [0]


@pytest.mark.parametrize("kind", ["too_long", "blocked"])
def test_a_request_that_cannot_be_answered_is_not_the_providers_fault(kind: str) -> None:
    breakers = [Breaker(), Breaker()]
    for _ in range(5):
        call = stand(0, 1, breakers=breakers)
        call.ask(1)
        call.heard(0, ReplyFailed(1, "no", kind))  # type: ignore[arg-type]
    assert breakers[0].lets(call.now)


def test_a_child_that_breaks_is_lost_to_this_call_alone() -> None:
    breakers = [Breaker(), Breaker()]
    call = stand(0, 1, breakers=breakers)
    call.ask(1)
    told = call.gone(0)
    assert told.asked == [1]
    assert told.opened == []
    assert call.heard(0, LinkUp(), Delta(1, "x")).actions == []
    assert call.gone(0).actions == []
    assert stand(0, 1, breakers=breakers).ask(1).asked == [0]
    assert call.gone(1).posted == [LinkDown("b: broken", fatal=True)]


def test_a_child_that_breaks_in_many_calls_is_like_one_that_fails() -> None:
    breakers = [Breaker(), Breaker()]
    assert [stand(0, 1, breakers=breakers).gone(0).probed for _ in range(3)] == [[], [], [0]]


# --- inferences -------------------------------------------------------------------------------------------------------


def test_an_inference_goes_to_the_preferred_one_and_comes_back_as_it_is() -> None:
    call = stand(0, 1)
    assert call.infer(7, limit_s=60).sent == [(0, Infer(7, a_request(), 30.0))], "half of the time is for the other"
    assert call.heard(1, Inferred(7, "not asked")).posted == []
    assert call.heard(0, Inferred(7, "text")).posted == [Inferred(7, "text")]
    assert call.heard(0, Inferred(7, "text")).posted == []
    assert call.rules.deadline() is None


def test_a_failed_inference_goes_to_the_next() -> None:
    call = stand(0, 1)
    call.infer(7, limit_s=60)
    call.after(10)
    assert call.heard(0, InferenceFailed(7, "no")).sent == [(1, Infer(7, a_request(), 50.0))]
    assert call.heard(1, InferenceFailed(7, "not either")).posted == [InferenceFailed(7, "not either")]


def test_a_late_inference_goes_to_the_next_and_then_ends() -> None:
    call = stand(0, 1)
    call.infer(7, limit_s=60)
    assert call.after(29.9).actions == []
    assert call.after(0.1).sent == [(1, Infer(7, a_request(), 30.0))]
    assert call.heard(0, Inferred(7, "too late")).posted == []
    assert call.after(29.9).actions == []
    assert call.after(0.1).posted == [InferenceFailed(7, "it did not answer in time")]


@pytest.mark.parametrize("fact", [DOWN, OUT])
def test_an_inference_at_a_link_that_drops_goes_to_the_next(fact: LinkDown) -> None:
    call = stand(0, 1)
    call.infer(7, limit_s=60)
    assert [child for child, _ in call.heard(0, fact).sent] == [1]
    told = call.heard(1, fact).posted
    assert told[0] == InferenceFailed(7, fact.reason)
    assert isinstance(told[1], LinkDown)


def test_an_inference_that_nobody_can_take_fails_at_once() -> None:
    assert stand().infer(7).posted == [InferenceFailed(7, "no language model can be asked")]


def test_inferences_are_bounded() -> None:
    call = stand(0)
    for job in range(MAX_JOBS):
        assert len(call.infer(job).sent) == 1
    assert call.infer(MAX_JOBS).posted == [InferenceFailed(MAX_JOBS, "too many inferences at once")]
    call.heard(0, Inferred(3, "text"))
    assert len(call.infer(MAX_JOBS).sent) == 1


def test_an_inference_and_a_reply_do_not_meet() -> None:
    call = stand(0, 1)
    call.infer(1)
    assert call.ask(1).sent == [(0, Ask(1, a_request()))]
    assert call.cancel(1).posted == []
    assert call.heard(0, Inferred(1, "text")).posted == [Inferred(1, "text")]
