"""Settings changed in the middle of an answer.

Elsewhere tools that were taken away while the model was about to call one crashed the call or left it hanging; a change
of the instructions cut the answer off that was being spoken; or a change made while the connection was away was lost.
Here what is being said goes on, a call whose function is gone is answered with an error that says so, and every change
holds from the next request on, whoever asks it and over whichever connection.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec import structs

from llm.events import Ask, Cancel, Delta, FunctionCall, LinkDown, LinkUp, ModelSettings, ReplyDone, ToolDone
from llm.function_calls import CallOptions
from llm.tools import FunctionCallParams, Tool, tool
from server.agent import Agent
from server.call import events as e
from tests.scenarios.acting import ActedModel, asked
from tests.scenarios.bench import notes, outputs, words
from tests.scenarios.whole import Asked, Scripted, Whole, saying
from tests.unit.server.call.core_stand import Stand as Core
from tests.unit.server.call.core_stand import spec
from tests.unit.server.call.session_stand import Stand, virtual
from tests.unit.server.parts import Call
from tests.virtual.loop import run

GONE = "Error: function 'look' is not registered."
STORY = "Once upon a time there was a cat. She lived in a lighthouse. That is all."


def looking(when: str = "now", cancel_on_interruption: bool = True) -> Tool:
    """A tool of half a second."""

    @tool(when="after_speech" if when == "after_speech" else "now", cancel_on_interruption=cancel_on_interruption)
    async def look() -> str:
        """Look."""
        await asyncio.sleep(0.5)
        return "found"

    return look


# --- tools ------------------------------------------------------------------------------------------------------------


def change(stand: Core, **settings: Any) -> None:
    """New settings."""
    stand.post(e.Configure(structs.replace(stand.core.settings, **settings)))


def test_a_call_of_a_function_that_went_while_the_answer_was_made() -> None:
    stand = Core(tools=(spec("look"),))
    stand.post(e.UserText("look"))
    assert [each.name for each in stand.request.tools] == ["look"]
    change(stand, tools=())
    stand.post(FunctionCall(1, "c1", "look", "{}"))
    stand.post(ReplyDone(1))
    assert stand.commands(e.RunTool) == []
    assert stand.reply == 2
    assert outputs(stand.request.items) == {"c1": GONE}
    assert stand.request.tools == ()


def test_a_call_of_a_function_that_came_while_the_answer_was_made() -> None:
    """The model knew its name from the instructions."""
    stand = Core()
    stand.post(e.UserText("look"))
    change(stand, tools=(spec("look"),))
    stand.post(FunctionCall(1, "c1", "look", "{}"))
    assert stand.commands(e.RunTool) == [e.RunTool("c1", "look", "{}")]


WAITS = ["for the words before it", "for the one before it", "for the caller", "for a place"]


@pytest.mark.parametrize("waits", WAITS)
@pytest.mark.parametrize("again", [False, True])
@virtual
async def test_a_function_that_goes_while_its_call_waits(waits: str, again: bool) -> None:
    """And perhaps comes back before the call is due: then it runs."""
    look = looking("after_speech" if waits == WAITS[0] else "now")
    runs: list[str] = []

    async def other(params: FunctionCallParams) -> None:
        runs.append("other")
        await asyncio.sleep(2.0)
        await params.result_callback("done")

    agent = Agent(tools=[look])
    agent.tools.register_function("other", other)
    before: dict[str, list[str | Call | float]] = {
        WAITS[0]: ["This is a sentence of some two seconds. "],
        WAITS[1]: [Call("other")],
        WAITS[2]: [0.7],
        WAITS[3]: [Call("other")] * 8,
    }
    model = ActedModel([[*before[waits], Call("look")], ["Well, well."]])
    calls = CallOptions(run_in_parallel=waits != WAITS[1])
    async with Stand(agent, model=model, calls=calls, lines=[None]) as call:
        call.send("text", text="look")
        if waits == WAITS[2]:
            await asyncio.sleep(0.4)
            await call.talk(0.5)  # a cough, in which the call is made
        else:
            await asyncio.sleep(1.0)
        assert not call.of("tool_call", name="look")
        call.session.handle.llm.unregister_function("look")
        if again:
            call.session.handle.tools.register(look)
            call.session.handle.llm.register_function("unused", other)  # and it is offered again
        if waits == WAITS[2]:
            await call.talk(1.0, loud=False)
        await call.hears_the_bot("Well, well.")
    results = outputs(asked(model)[1])
    assert list(results.values())[-1] == ("found" if again else GONE)
    assert list(results.values())[:-1] == ["done"] * len(runs)


@pytest.mark.parametrize("blocking", [True, False])
@virtual
async def test_a_function_that_goes_while_its_call_runs(blocking: bool) -> None:
    """It is not taken from under the call: the result counts."""
    model = ActedModel([[Call("look")], ["It is on its way."] if not blocking else ["Here."], ["Here it is."]])
    async with Stand(Agent(tools=[looking(cancel_on_interruption=blocking)]), model=model) as call:
        call.send("text", text="look")
        await asyncio.sleep(0.25)
        await call.session.handle.set_tools([])
        await call.hears_the_bot("Here." if blocking else "Here it is.")
    newest = asked(model)[-1]
    assert outputs(newest)["c1"] == "found" or notes(newest)[-1]["result"] == "found"
    assert [len(request.tools) for request in model.asked] == [1, *[0 if blocking else 1], *[0] * (not blocking)]


@virtual
async def test_a_tool_that_replaces_all_tools() -> None:
    """The next request offers the new ones; the calls of the old that came with it are over or go on."""

    @tool
    async def cancel_order() -> str:
        """Cancel the order."""
        return "cancelled"

    @tool
    async def order(params: FunctionCallParams) -> str:
        """Order."""
        await params.call.set_tools([cancel_order])
        await params.call.update(instructions="The order is placed.")
        return "ordered"

    model = ActedModel([[Call("order"), Call("order")], ["It is ordered.", Call("cancel_order")], ["No more."]])
    async with Stand(Agent(instructions="Take orders.", tools=[order]), model=model) as call:
        call.send("text", text="order")
        await call.hears_the_bot("No more.")
    assert [[each.name for each in request.tools] for request in model.asked] == [["order"], *[["cancel_order"]] * 2]
    assert [request.instructions for request in model.asked] == ["Take orders.", *["The order is placed."] * 2]
    assert outputs(asked(model)[2]) == {
        "c1": "ordered",
        "c2": "Error: function 'order' is not registered.",
        "c3": "cancelled",
    }


# --- instructions, model and the rest ---------------------------------------------------------------------------------


def test_the_answer_that_is_being_given_goes_on() -> None:
    stand = Core(instructions="Be brief.")
    stand.post(e.UserText("a story"))
    stand.post(Delta(1, "Once upon a time. "))
    change(stand, instructions="Be long.", model=ModelSettings(model="larger"))
    assert stand.commands(Cancel) == []
    assert len(stand.commands(Ask)) == 1
    stand.post(Delta(1, "There was a cat."))
    stand.post(ReplyDone(1))
    stand.voice()
    stand.wait(5.0)
    assert words(stand.core.log.items()) == ["Once upon a time. There was a cat."]
    stand.post(e.UserText("go on"))
    assert (stand.request.instructions, stand.request.settings.model) == ("Be long.", "larger")


@pytest.mark.parametrize("asks", ["a result", "a drop", "a turn"])
def test_whoever_asks_next_asks_with_the_new_settings(asks: str) -> None:
    stand = Core(instructions="Be brief.", tools=(spec("look"),))
    stand.post(e.UserText("a story"))
    stand.post(Delta(1, "Once upon a time. There"))
    change(stand, instructions="Be long.", model=ModelSettings(temperature=0.1))
    if asks == "a result":
        stand.post(FunctionCall(1, "c1", "look", "{}"))
        stand.post(ReplyDone(1))
        stand.post(ToolDone("c1", "completed", "found"))
    elif asks == "a drop":
        stand.post(LinkDown("reset"))
        stand.post(LinkUp())
    else:
        stand.post(e.UserText("go on"))
    assert stand.reply == 2
    assert (stand.request.instructions, stand.request.settings.temperature) == ("Be long.", 0.1)


def test_a_change_while_the_link_is_away_is_not_lost() -> None:
    stand = Core(instructions="Be brief.")
    stand.post(LinkDown("reset"))
    stand.post(e.UserText("a story"))
    change(stand, instructions="Be long.")
    stand.post(LinkUp())
    assert stand.request.instructions == "Be long."


@virtual
async def test_an_answer_to_be_read_from_the_next_one_on() -> None:
    model = ActedModel([["This is heard.", 2.0, " And this."], ["This is read."]])
    async with Stand(Agent(), model=model) as call:
        call.send("text", text="first")
        await call.hears("bot_started")
        await call.session.handle.update(skip_tts=True)
        await call.hears_the_bot("This is heard. And this.")
        spoken = len(call.heard)
        call.send("text", text="second")
        await call.hears_the_bot("This is read.")
        await asyncio.sleep(2.0)
        assert len(call.heard) == spoken


# --- the whole server -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lanes", [True, False])
@pytest.mark.parametrize("after_s", [0.05, 0.2, 0.5, 0.9])
def test_on_the_wire(after_s: float, lanes: bool) -> None:
    """A tool changes everything a while after its own answer began; the words of that are heard to their end."""

    @tool(cancel_on_interruption=False)
    async def change_all(params: FunctionCallParams) -> str:
        """Change everything."""
        await asyncio.sleep(after_s)
        await params.call.update(instructions="Be long.", model=ModelSettings(model="larger", temperature=0.1))
        await params.call.set_tools([])
        return "changed"

    async def calls(asked: Asked) -> None:
        await asked.call("c1", "change_all")
        await asked.done()

    provider = Scripted(calls, saying(STORY), saying("It is all new."))
    whole = Whole(provider.act, Agent(instructions="Be brief.", tools=[change_all]), lanes=lanes)
    outcome = run(whole.run("pause 0.1", "type change", "until new", "wait", "end"))
    assert " ".join(outcome.heard) == f"{STORY} It is all new."
    shown = [(asked.body["instructions"], asked.body["model"], len(asked.body["tools"])) for asked in provider.asked]
    assert shown == [("Be brief.", "brain", 1), ("Be brief.", "brain", 1), ("Be long.", "larger", 0)]
    assert provider.asked[2].body["temperature"] == 0.1
    assert len(whole.opened_at) == 1
