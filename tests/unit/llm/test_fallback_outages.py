"""The rules of a fallback: what other calls have found out of a provider, and what is told of one that is out."""

from __future__ import annotations

import pytest

from link.breaker import Breaker, State
from llm.events import Delta, LinkDown, LinkUp, ReplyDone, ReplyFailed
from llm.fallback import Fallback
from llm.rules import Note
from tests.unit.llm.several_stand import Stand

DOWN = LinkDown("dropped")
OUT = LinkDown("HTTP 401", fatal=True)


def stand(*up: int, breakers: list[Breaker] | None = None) -> Stand:
    """Rules for two models, `a` and `b`; these are up."""
    made = Stand(Fallback(breakers or [Breaker(), Breaker()], "ab"))
    made.start(*up)
    return made


# --- who refused other calls ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["link", "broken"])
def test_one_that_refused_other_calls_is_tried_before_this_call_gives_up(how: str) -> None:
    breakers = [Breaker(), Breaker()]
    breakers[0].refuse(1000.0)
    call = stand(1, breakers=breakers)
    told = call.heard(1, OUT) if how == "link" else call.gone(1)
    assert told.opened == [0]
    assert told.posted == [LinkDown("b: HTTP 401" if how == "link" else "b: broken")], "not fatal"
    assert call.heard(0, LinkUp()).posted == [LinkUp()]
    assert call.ask(1).asked == [0]
    assert call.heard(0, Delta(1, "Here."), ReplyDone(1)).notes == ["a answers again"]


def test_it_is_tried_once() -> None:
    breakers = [Breaker(), Breaker()]
    breakers[0].refuse(1000.0)
    call = stand(1, breakers=breakers)
    assert call.heard(1, OUT).opened == [0]
    told = call.heard(0, OUT)
    assert told.opened == []
    assert told.posted == [LinkDown("a: HTTP 401", fatal=True)]


def test_one_that_refused_other_calls_is_tried_before_a_refused_request_is_fatal() -> None:
    breakers = [Breaker(), Breaker()]
    breakers[0].refuse(1000.0)
    call = stand(1, breakers=breakers)
    call.ask(1)
    told = call.heard(1, ReplyFailed(1, "no credit", "fatal"))
    assert told.opened == [0]
    assert told.posted == [ReplyFailed(1, "b: no credit")], "and the call asks again"
    call.heard(0, LinkUp())
    assert call.ask(2).asked == [0], "who refused us longer ago"
    assert call.heard(0, ReplyFailed(2, "no credit", "fatal")).asked == [1]
    assert call.heard(1, ReplyFailed(2, "no credit", "fatal")).posted == [
        ReplyFailed(2, "a: no credit; b: no credit", "fatal")
    ]


# --- who cannot be reached --------------------------------------------------------------------------------------------


def test_one_that_cannot_be_reached_counts_once_for_each_outage() -> None:
    breakers = [Breaker(), Breaker()]
    calls = [stand(1, breakers=breakers) for _ in range(3)]
    assert [call.heard(0, DOWN).probed for call in calls] == [[], [], [0]]
    assert breakers[0].state is State.OPEN
    assert breakers[1].state is State.CLOSED
    call = stand(breakers=breakers)
    for _ in range(5):
        call.heard(1, DOWN)
    assert breakers[1].state is State.CLOSED


def test_an_idle_link_that_drops_is_no_failure() -> None:
    breakers = [Breaker(), Breaker()]
    for _ in range(5):
        assert stand(0, 1, breakers=breakers).heard(0, DOWN).probed == []
    assert stand(0, 1, breakers=breakers).ask(1).asked == [0]


def test_one_that_comes_up_late_is_not_avoided_for_it() -> None:
    call = stand(1)
    call.heard(0, DOWN)
    call.heard(0, LinkUp())
    assert call.ask(1).asked == [0]


def test_in_an_outage_only_the_first_replacement_is_a_warning() -> None:
    call = stand(0, 1)

    def level(reply: int) -> str:
        call.after(15.0)
        call.ask(reply)
        [note] = [each for each in call.heard(0, ReplyFailed(reply, "overloaded")).actions if isinstance(each, Note)]
        call.heard(1, Delta(reply, "x"), ReplyDone(reply))
        return note.level

    assert [level(1), level(2)] == ["WARNING", "DEBUG"]
    call.after(15.0)
    call.ask(3)
    call.heard(0, Delta(3, "x"), ReplyDone(3))
    call.after(60.0)
    assert level(4) == "WARNING", "the next outage"
