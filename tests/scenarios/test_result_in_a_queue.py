"""A result that waits in a queue when the caller barges in.

Elsewhere a function's result travels as a frame through the same queues as the speech, and a barge-in empties them: the
call stood in the log as "in progress" for ever, and the model called the function again or invented what came of it.
Here a result is a fact. Whenever the caller barges in, the result is in the log, once, and the next answer sees it.
"""

from __future__ import annotations

import asyncio

import pytest

from llm.tools import FunctionCallParams, FunctionCallResultProperties, tool
from server.agent import Agent
from tests.scenarios.acting import ActedModel, asked
from tests.scenarios.bench import Answer, Calls, Scene, Takes, notes, outputs, turns
from tests.unit.server.call.core_stand import spec
from tests.unit.server.call.session_stand import Stand, virtual
from tests.unit.server.parts import Call

RESULT_S = 2.0  # when the result comes
INSTANTS = [n / 1000 for n in range(-700, 700, 50)]
WORDS = "Let me see what I can find for you, it will only take a moment. "
ANSWERS: list[Answer] = [[WORDS, Calls("look"), Calls("timer")], ["All of it is here now."], ["As you like."]]


def scene(**tools: float) -> Scene:
    """A caller asks at 0 s; a blocking `look` and an async `timer` take as long as is said."""
    specs = (spec("look"), spec("timer", cancel_on_interruption=False))
    scene = Scene(ANSWERS, [Takes(each, tools[each.schema.name], f"{each.schema.name} is done") for each in specs])
    scene.types(0.0, "look it up")
    return scene


@pytest.mark.parametrize("offset_s", INSTANTS)
def test_a_barge_in_around_the_result_of_a_background_call(offset_s: float) -> None:
    played = scene(look=0.5, timer=RESULT_S)
    played.says(RESULT_S + offset_s, "something else")
    played.run(8.0).check()
    assert played.outcomes == {"c1": "completed", "c2": "completed"}
    newest = played.requests[-1].items
    assert [(note["status"], note["result"]) for note in notes(newest)] == [("finished", "timer is done")]
    assert outputs(newest)["c1"] == "look is done"
    assert turns(newest) == ["look it up", "something else"]


@pytest.mark.parametrize("offset_s", INSTANTS)
def test_a_barge_in_around_the_result_of_a_blocking_call(offset_s: float) -> None:
    """The caller's turn is confirmed 0.7 s after it began (0.6 s of speech, 0.1 s more of silence)."""
    played = scene(look=RESULT_S, timer=0.5)
    played.says(RESULT_S + offset_s, "something else")
    played.run(8.0).check()
    cancelled = offset_s + 0.7 <= 0.0
    assert played.outcomes == {"c1": "cancelled" if cancelled else "completed", "c2": "completed"}
    assert outputs(played.requests[-1].items)["c1"] == ("CANCELLED" if cancelled else "look is done")


@pytest.mark.parametrize("typed_first", [True, False])
@pytest.mark.parametrize("name", ["look", "timer"])
def test_a_turn_in_the_same_instant_as_the_result(name: str, typed_first: bool) -> None:
    """Two facts, one clock reading: whichever is first, the call has one result and the turn one answer."""
    other = "timer" if name == "look" else "look"
    played = scene(**{name: RESULT_S, other: 0.3})
    if typed_first:
        played.types(RESULT_S, "something else")
    else:
        played.at(RESULT_S, lambda: played.types(RESULT_S, "something else"))
    played.run(8.0).check()
    assert turns(played.requests[-1].items)[-1] == "something else"
    assert set(played.outcomes) == {"c1", "c2"}


def test_results_that_wait_for_the_end_of_the_words_survive_a_barge_in() -> None:
    """Two results of background calls wait for the bot to finish speaking; then the caller does not let it."""
    timer, egg = (spec(name, cancel_on_interruption=False) for name in ("timer", "egg"))
    answers: list[Answer] = [[Calls("timer"), Calls("egg")], [WORDS * 3], ["Both of them are done."]]
    played = Scene(answers, [Takes(timer, 0.5, "it rang"), Takes(egg, 0.6, "it is hard")])
    played.types(0.0, "set both")
    played.says(1.5, "wait a moment")
    played.run(8.0).check()
    assert len(played.requests) == 3, "the turn and both results are answered together"
    assert [note["result"] for note in notes(played.requests[-1].items)] == ["it rang", "it is hard"]
    assert turns(played.requests[-1].items)[-1] == "wait a moment"


# --- with tasks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset_s", [n / 1000 for n in range(-900, 300, 80)])
@virtual
async def test_in_a_session_a_background_result_around_a_barge_in_is_told(offset_s: float) -> None:
    told: list[str] = []

    @tool(cancel_on_interruption=False)
    async def cook(params: FunctionCallParams) -> None:
        """Cook."""

        async def updated() -> None:
            told.append(str(params.context.messages[-1]))

        await asyncio.sleep(2.0)
        await params.result_callback("it is ready", properties=FunctionCallResultProperties(on_context_updated=updated))

    model = ActedModel([[Call("cook")], [WORDS * 4], ["Your egg is ready, by the way."]])
    async with Stand(Agent(tools=[cook]), model=model, lines=["hold on"]) as call:
        call.send("text", text="cook an egg")
        await asyncio.sleep(2.0 + offset_s)
        await call.speak(0.6)
        await call.hears_the_bot("Your egg is ready, by the way.")
        assert [(each["status"], each["result"]) for each in call.of("tool_result")] == [("completed", "it is ready")]
    newest = asked(model)[2]
    assert [(note["status"], note["result"]) for note in notes(newest)] == [("finished", "it is ready")]
    assert turns(newest) == ["cook an egg", "hold on"]
    assert len(told) == 1, "the log had it before its tool was told so"
    assert "it is ready" in told[0]


@virtual
async def test_in_a_session_a_result_that_is_given_while_the_barge_in_is_carried_out() -> None:
    """The tool is told of the interruption by an event, and gives its result from within the handler of it."""
    results: list[FunctionCallParams] = []

    async def cook(params: FunctionCallParams) -> None:
        """Cook."""
        results.append(params)

    agent = Agent()
    agent.tools.register_function("cook", cook, cancel_on_interruption=False)

    @agent.on("interrupted")
    async def interrupted(call: object) -> None:
        await results[0].result_callback("it is ready")

    model = ActedModel([[Call("cook")], [WORDS * 4], ["Your egg is ready."]])
    async with Stand(agent, model=model, lines=["hold on"]) as call:
        call.send("text", text="cook an egg")
        await call.hears("bot_started")
        await asyncio.sleep(1.0)
        await call.speak(0.6)
        await call.hears_the_bot("Your egg is ready.")
        await asyncio.sleep(3.0)
    assert len(model.asked) == 3, "the result and the turn are answered together"
    assert [note["status"] for note in notes(asked(model)[2])] == ["finished"]
