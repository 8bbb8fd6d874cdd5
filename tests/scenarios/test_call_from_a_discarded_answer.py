"""A call from a discarded answer.

Elsewhere the model's stream ran on after the barge-in, and a function call that arrived at its end was run: an order
was placed that the caller had just called off, and its result started a reply that nobody had asked for.
Here whatever comes of an answer that was given up is refused at the door: it never runs, stands nowhere in the log, and
its name may be used again by an answer that is wanted.
"""

from __future__ import annotations

import asyncio

import pytest

from llm.events import Cancel, Delta, FunctionCall, LinkDown, LinkUp, Outcome, ReplyDone, ReplyFailed, ToolDone
from llm.tools import tool
from server.agent import Agent
from server.call import events as e
from server.call.policy import Policy
from tests.scenarios.acting import Act, ActedModel, asked
from tests.scenarios.bench import Answer, Calls, Scene, Takes, outputs, turns
from tests.unit.server.call.core_stand import Stand as Core
from tests.unit.server.call.core_stand import spec
from tests.unit.server.call.session_stand import Stand, virtual
from tests.unit.server.parts import Call

ORDER = spec("order")
AGAIN = FunctionCall(1, "c1", "order", "{}")
WORDS = "I am going to place the order for you now and it will arrive on Friday in the morning at your own door. And"


WAYS: dict[str, list[e.Fact]] = {
    "a turn of the caller": [e.UserText("stop")],
    "the stop button": [e.Interrupt(), e.UserText("stop")],
    "a lost link": [LinkDown("reset"), LinkUp()],
    "a broken answer": [ReplyFailed(1, "server_error")],
    "an answer without an end": [Delta(1, "x" * (Policy().max_answer_bytes + 1)), e.UserText("stop")],
}
"""The ways to give up answer 1, and what makes the next one asked for."""


@pytest.mark.parametrize("way", WAYS)
def test_however_it_was_discarded_its_call_never_runs(way: str) -> None:
    stand = Core(tools=(ORDER,))
    stand.post(e.UserText("order it"))
    stand.post(Delta(1, WORDS))
    for fact in WAYS[way]:
        stand.post(fact)
    stand.wait(stand.now + 0.5)
    assert stand.reply == 2
    for late in (AGAIN, Delta(1, "It is ordered."), ReplyDone(1)):
        stand.post(late)
    assert stand.commands(e.RunTool) == []
    assert stand.told(e.ToolFinished) == []
    assert outputs(stand.core.log.items()) == {}
    assert stand.core.answering.stale == 3
    stand.post(FunctionCall(2, "c1", "order", "{}"))
    assert stand.commands(e.RunTool) == [e.RunTool("c1", "order", "{}")], "the same id, of an answer that is wanted"


@pytest.mark.parametrize("silence_s", [6.1, 10.2])
def test_an_answer_that_was_too_late_is_too_late_for_its_calls(silence_s: float) -> None:
    stand = Core(tools=(ORDER,))
    stand.post(e.UserText("order it"))
    if silence_s > 10:
        stand.post(Delta(1, "Well."), 6.0)  # a word in time, and then nothing for more than 4 s
    stand.wait(silence_s)
    assert stand.commands(Cancel) == [Cancel(1, stalled=True)]
    stand.post(AGAIN)
    stand.post(ReplyDone(1))
    assert (stand.commands(e.RunTool), stand.reply) == ([], 2)


def test_a_call_after_the_end_of_its_own_answer_never_runs() -> None:
    stand = Core(tools=(ORDER,))
    stand.post(e.UserText("order it"))
    for fact in (Delta(1, "It is ordered."), ReplyDone(1), AGAIN):
        stand.post(fact)
    assert stand.commands(e.RunTool) == []


def test_a_call_after_the_goodbye_never_runs() -> None:
    stand = Core(tools=(ORDER,))
    stand.post(e.UserText("order it"))
    stand.post(Delta(1, WORDS))
    stand.post(e.HangUp("enough"))
    stand.post(AGAIN)
    assert stand.commands(e.RunTool) == []


@pytest.mark.parametrize("outcome", ["completed", "failed"])
def test_the_result_of_a_call_that_was_never_made_says_nothing(outcome: Outcome) -> None:
    """A task that somebody else started, or a result that came twice."""
    stand = Core(tools=(ORDER,))
    stand.post(ToolDone("c9", outcome, "ordered"))
    assert stand.told(e.ToolFinished) == []
    assert stand.core.log.items() == ()
    assert stand.core.calling.ledger.late == 1


ANSWERS: list[Answer] = [
    [WORDS, 0.5, Calls("order", "x1"), 0.5, Calls("order", "x2"), 0.5, Calls("order", "x3")],
    ["I did not.", Calls("order", "x1")],
    ["Now it is."],
]


@pytest.mark.parametrize("barge_s", [n / 1000 for n in range(15, 1500, 45)])
def test_at_whatever_instant_the_answer_is_given_up(barge_s: float) -> None:
    """A model that goes on regardless makes calls at 0.5, 1.0 and 1.5 s; then another answer uses their ids again."""
    played = Scene(ANSWERS, [Takes(ORDER, 5.0)], rude=True)
    played.types(0.0, "order it")
    played.says(barge_s, "no do not")
    played.run(10.0).check()
    before = [each for each, at in (("x1", 0.5), ("x2", 1.0), ("x3", 1.5)) if at <= barge_s + 0.2]  # its first word
    logged = outputs(played.requests[-1].items)
    again = "x1.2" if "x1" in before else "x1"
    assert logged == {**dict.fromkeys(before, "CANCELLED"), again: "found"}
    assert [each for each in played.ran if each != again] == [each for each in before if float(each[1]) / 2 < barge_s]
    assert turns(played.requests[-1].items) == ["order it", "no do not"]


# --- with tasks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("blocking", [True, False])
@pytest.mark.parametrize("barge_s", [0.2, 0.6, 1.0, 1.3])
@virtual
async def test_in_a_session_nothing_of_it_has_an_effect(barge_s: float, blocking: bool) -> None:
    """The calls come at 2.0 and 2.1 s, when the caller's turn is being answered already."""
    ordered: list[str] = []

    @tool(cancel_on_interruption=blocking)
    async def order(what: str) -> str:
        """Order."""
        ordered.append(what)
        return "ordered"

    late: Act = [
        WORDS,
        2.0,
        Call("order", '{"what": "a bell"}'),
        0.1,
        Call("order", '{"what": "a lamp"}'),
        " It is done.",
    ]
    model = ActedModel([late, ["I did not."]], rude=True)
    async with Stand(Agent(tools=[order]), model=model, lines=["no do not"]) as call:
        call.send("text", text="order it")
        await asyncio.sleep(barge_s)
        await call.speak(0.5)
        await call.hears_the_bot("I did not.")
        await asyncio.sleep(4.0)
        assert call.of("tool_call") == call.of("tool_result") == []
        assert not any("It is done" in text for text in call.bot)
    assert ordered == []
    assert len(model.asked) == 2
    assert outputs(asked(model)[-1]) == {}
    assert call.dropped["reply_events"] == 4, "two calls, words and the end"
