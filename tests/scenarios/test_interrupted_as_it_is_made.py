"""A call that is interrupted at the moment it is made.

Elsewhere the barge-in and the function call met half-way: the call was in the log and its task was never started, or
the task ran and nobody waited for it, and the next request was refused by the provider for a call without a result.
Here a call is either not made at all, or it stands in the log with exactly one result; whichever of the two comes
first, and however close they are.
"""

from __future__ import annotations

import asyncio

import pytest

from audio.events import SpeechStarted
from llm.events import Ask, Delta, FunctionCall, Progress, ReplyDone, ToolDone
from llm.tools import tool
from server.agent import Agent
from server.call import events as e
from server.call.handle import CallHandle
from tests.scenarios.acting import ActedModel, asked
from tests.scenarios.bench import Answer, Calls, Scene, Takes, notes, outputs, turns
from tests.unit.server.call.core_stand import Stand as Core
from tests.unit.server.call.core_stand import spec
from tests.unit.server.call.session_stand import Stand, virtual
from tests.unit.server.parts import Call

CALL_S = 1.2  # when the model makes the call
WORD_S, TURN_S = 0.2, 0.7  # after the caller began: the first word is understood, the turn is confirmed
INSTANTS = [n / 1000 for n in range(-985, 500, 45)]
WORDS = "Let me see what I can find for you in all of my books and it will really not take very long at all. Well, "
ANSWERS: list[Answer] = [[WORDS, CALL_S, Calls("tool")], ["As you like."]]


def scene(*, rude: bool, **options: bool) -> Scene:
    """A call that takes 3 s is made at 1.2 s, while the words before it are still being said."""
    played = Scene(ANSWERS, [Takes(spec("tool", **options), 3.0)], rude=rude)
    played.types(0.0, "do it")
    return played


@pytest.mark.parametrize("rude", [False, True])
@pytest.mark.parametrize("offset_s", INSTANTS)
def test_a_blocking_call_is_not_made_or_is_cancelled(offset_s: float, rude: bool) -> None:
    played = scene(rude=rude)
    played.says(CALL_S + offset_s, "stop it")
    played.run(7.0).check()
    made = offset_s + WORD_S >= 0  # else the answer is given up before the call is there
    ran = offset_s > 0  # else the caller speaks already
    assert played.outcomes == ({"c1": "cancelled"} if made else {})
    assert played.ran == (["c1"] if ran else [])
    assert played.stand.commands(e.CancelTool) == ([e.CancelTool("c1")] if ran else [])
    newest = played.requests[-1].items
    assert turns(newest) == ["do it", "stop it"]
    assert outputs(newest) == ({"c1": "CANCELLED"} if made else {})


@pytest.mark.parametrize("offset_s", INSTANTS)
def test_an_async_call_is_not_made_or_is_done(offset_s: float) -> None:
    played = scene(rude=True, cancel_on_interruption=False)
    played.says(CALL_S + offset_s, "and be quick")
    played.run(8.0).check()
    made = offset_s + WORD_S >= 0
    assert played.outcomes == ({"c1": "completed"} if made else {})
    assert played.ran == (["c1"] if made else [])
    newest = played.requests[-1].items
    assert turns(newest) == ["do it", "and be quick"]
    assert [note["status"] for note in notes(newest)] == (["finished"] if made else [])


@pytest.mark.parametrize("offset_s", INSTANTS[::2])
def test_a_cough_at_that_moment_changes_nothing(offset_s: float) -> None:
    played = scene(rude=False)
    played.coughs(CALL_S + offset_s)
    played.run(8.0).check()
    assert played.outcomes == {"c1": "completed"}
    assert played.ran == ["c1"]
    assert outputs(played.requests[-1].items) == {"c1": "found"}
    assert len(played.requests) == 2


# --- in the same instant ----------------------------------------------------------------------------------------------


def order(*facts: e.Fact) -> Core:
    """A call whose facts all have the same time."""
    stand = Core(tools=(spec("tool"), spec("timer", cancel_on_interruption=False)))
    stand.post(e.UserText("do it"))
    for fact in facts:
        stand.post(fact)
    return stand


CALL = FunctionCall(1, "c1", "tool", "{}")
STOP = e.UserText("stop it")


@pytest.mark.parametrize("stop", [STOP, e.Interrupt(), e.HangUp("done"), e.Gone("gone")])
def test_the_call_first(stop: e.Fact) -> None:
    stand = order(Progress(1), CALL, stop, ReplyDone(1))
    assert stand.commands(e.CancelTool) == [e.CancelTool("c1")]
    assert [(each.call_id, each.outcome) for each in stand.told(e.ToolFinished)] == [("c1", "cancelled")]


@pytest.mark.parametrize("stop", [STOP, e.Interrupt(), e.HangUp("done"), e.Gone("gone")])
def test_the_interruption_first(stop: e.Fact) -> None:
    """The model was writing the arguments: the call is complete when nobody wants it any more."""
    stand = order(Progress(1), stop, CALL, ReplyDone(1))
    assert stand.commands(e.RunTool) == []
    assert stand.told(e.ToolFinished) == []
    assert outputs(stand.core.log.items()) == {}


def test_between_two_calls_of_one_answer() -> None:
    """The first is cancelled, the second was never made; the new turn's answer may call again."""
    stand = order(CALL, STOP, FunctionCall(1, "c2", "tool", "{}"), ReplyDone(1))
    assert outputs(stand.request.items) == {"c1": "CANCELLED"}
    stand.post(FunctionCall(2, "c2", "tool", "{}"))
    stand.post(ReplyDone(2))
    assert [each.call_id for each in stand.commands(e.RunTool)] == ["c1", "c2"]


@pytest.mark.parametrize("name", ["tool", "timer"])
def test_who_stops_the_bot_wants_no_answer_to_what_it_called_for(name: str) -> None:
    """A result that was there already, and a background call that has just begun: both would have asked the model."""
    stand = order(FunctionCall(1, "c1", name, "{}"))
    if name == "tool":
        stand.post(ToolDone("c1", "completed", "found"))
    stand.post(e.Interrupt())
    stand.wait(5.0)
    assert len(stand.commands(Ask)) == 1
    stand.post(ToolDone("c1", "completed", "it rang"))
    assert len(stand.commands(Ask)) == (1 if name == "tool" else 2), "what comes later is news"


def test_a_call_that_comes_twice_is_one_call() -> None:
    """Before the interruption and after it; with a new answer it is another one."""
    stand = order(CALL, CALL, STOP, CALL)
    assert [each.call_id for each in stand.commands(e.RunTool)] == ["c1"]
    assert outputs(stand.request.items) == {"c1": "CANCELLED"}
    assert [each.outcome for each in stand.told(e.ToolFinished)] == ["cancelled"]
    stand.post(FunctionCall(2, "c1", "tool", "{}"))
    assert [each.call_id for each in stand.commands(e.RunTool)] == ["c1", "c1.2"]


def test_an_async_call_that_waits_for_the_caller_outlives_their_turn() -> None:
    stand = order(SpeechStarted(64.0), FunctionCall(1, "c1", "timer", "{}"), STOP)
    assert stand.commands(e.RunTool) == [], "a typed turn, and the voice is still on"
    assert stand.told(e.ToolFinished) == []
    stand.wait(30.0)
    assert stand.commands(e.RunTool) == [e.RunTool("c1", "timer", "{}")]


# --- with tasks -------------------------------------------------------------------------------------------------------


class Kitchen:
    """A blocking tool that notes what became of each run."""

    def __init__(self) -> None:
        self.runs: list[str] = []

    async def cook(self) -> str:
        """Cook."""
        self.runs.append("began")
        try:
            await asyncio.sleep(3.0)
        except asyncio.CancelledError:
            self.runs[-1] = "cancelled"
            raise
        self.runs[-1] = "done"
        return "cooked"

    def agent(self) -> Agent:
        """An agent with this tool."""
        return Agent(tools=[tool(self.cook)])


@pytest.mark.parametrize("rude", [False, True])
@pytest.mark.parametrize("offset_s", [n / 1000 for n in range(-960, 300, 90)])
@virtual
async def test_in_a_session_no_run_is_left_behind(offset_s: float, rude: bool) -> None:
    kitchen = Kitchen()
    model = ActedModel([[WORDS, CALL_S, Call("cook")], ["As you like."]], rude=rude)
    async with Stand(kitchen.agent(), model=model, lines=["stop it"]) as call:
        call.send("text", text="cook an egg")
        await asyncio.sleep(CALL_S + offset_s)
        await call.speak(0.6)
        await call.hears_the_bot("As you like.")
        await asyncio.sleep(5.0)
        finished = [each["status"] for each in call.of("tool_result")]
    assert kitchen.runs in ([], ["cancelled"])
    assert finished in ([], ["cancelled"]) if not kitchen.runs else finished == ["cancelled"]
    assert outputs(asked(model)[-1]) == dict.fromkeys(["c1"][: len(finished)], "CANCELLED")
    assert len(model.asked) == 2


@pytest.mark.parametrize("steps", range(4))
@virtual
async def test_in_a_session_a_turn_a_few_steps_of_the_loop_after_the_call(steps: int) -> None:
    """The tool's task is made and has not begun; has begun; waits."""
    kitchen = Kitchen()
    model = ActedModel([[60.0], ["As you like."]])
    async with Stand(kitchen.agent(), model=model) as call:
        call.send("text", text="cook an egg")
        await asyncio.sleep(1.0)
        model.post(FunctionCall(1, "c1", "cook", "{}"))
        for _ in range(steps):
            await asyncio.sleep(0)
        call.session.post(e.UserText("stop it"))
        model.post(Delta(1, "too late"))
        model.post(ReplyDone(1))
        await call.hears_the_bot("As you like.")
        await asyncio.sleep(5.0)
        assert [each["status"] for each in call.of("tool_result")] == ["cancelled"]
    assert kitchen.runs == ([] if steps == 0 else ["cancelled"])
    assert outputs(asked(model)[-1]) == {"c1": "CANCELLED"}


@virtual
async def test_in_a_session_who_hears_that_calls_start_may_stop_them() -> None:
    kitchen = Kitchen()
    agent = kitchen.agent()

    @agent.on("function_calls_started")
    async def started(call: CallHandle) -> None:
        await call.interrupt()

    model = ActedModel([[Call("cook"), Call("cook")]])
    async with Stand(agent, model=model) as call:
        call.send("text", text="cook two eggs")
        await asyncio.sleep(5.0)
        assert [each["status"] for each in call.of("tool_result")] == ["cancelled", "cancelled"]
        assert outputs(call.session.handle.log) == {"c1": "CANCELLED", "c2": "CANCELLED"}
    assert "done" not in kitchen.runs
    assert len(model.asked) == 1, "whoever stops the bot does not want to hear of it"
