"""A result that arrives while the user speaks.

Elsewhere the result asked the model at once, and the bot talked into the caller's sentence; or, since it may not ask
while somebody speaks, nothing ever asked again and the caller waited for an answer that had been there all along.
Here the answer stays owed until the turn ends. Words of the caller are answered together with the result; after a
cough, or a sound that nobody understood, the result is answered by itself.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from audio.events import SpeechLost, SpeechStarted, SpeechStopped, Transcript
from llm.events import LinkDown, LinkUp
from llm.function_calls import CallOptions
from llm.tools import tool
from server.agent import Agent
from tests.scenarios.acting import ActedModel, asked
from tests.scenarios.bench import Answer, Calls, Scene, Takes, notes, outputs, turns
from tests.unit.server.call.core_stand import spec
from tests.unit.server.call.session_stand import Stand, virtual
from tests.unit.server.parts import Call

RESULT_S = 3.0
SPEECH_S = 1.0
INSIDE = [n / 1000 for n in range(30, 1300, 60)]  # the result comes so long after the voice came on
LOOK = spec("look")
TIMER = spec("timer", cancel_on_interruption=False)


def waiting(*tools: Takes, **settings: Any) -> Scene:
    """At 0 s a tool is called, whose result comes at 3 s; nothing is being said then."""
    calls: list[Answer] = [[Calls(each.spec.schema.name) for each in tools], ["It is on its way."]]
    blocking = [each for each in tools if each.spec.cancel_on_interruption]
    played = Scene(calls[:1] if len(blocking) == len(tools) else calls, tools, **settings)
    played.types(0.0, "do it")
    return played


def asked_after(played: Scene) -> list[float]:
    """When the model was asked, after the first answers."""
    return [at for at, _ in played.asked if at > 1.0]


# --- a sound without words --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("inside_s", INSIDE)
@pytest.mark.parametrize("kind", [LOOK, TIMER])
def test_after_a_cough_the_result_is_answered(kind: object, inside_s: float) -> None:
    played = waiting(Takes(LOOK if kind is LOOK else TIMER, RESULT_S))
    began = RESULT_S - inside_s
    played.coughs(began, seconds=0.6)  # too short to be asked about, voiced until 0.4 s
    played.run(8.0).check()
    over = began + 0.4 + 0.3
    assert asked_after(played) == pytest.approx([max(RESULT_S, over)], abs=0.03)
    newest = played.requests[-1].items
    assert outputs(newest)["c1"] == "found" or notes(newest)[-1]["result"] == "found"
    assert turns(newest) == ["do it"]


@pytest.mark.parametrize("lost", [False, True])
def test_speech_that_nobody_understood_is_followed_by_the_result(lost: bool) -> None:
    """Who is not understood is told so, but not where they hear something anyway: the result."""
    played = waiting(Takes(TIMER, RESULT_S))
    played.posts(2.5, SpeechStarted(64.0))
    played.posts(4.0, SpeechStopped(200.0))
    played.posts(4.0, SpeechLost("the ears failed") if lost else Transcript("", True))
    played.run(9.0).check()
    assert len(asked_after(played)) == 1
    assert notes(played.requests[-1].items)[-1]["result"] == "found"
    assert turns(played.requests[-1].items) == ["do it"]


def test_words_that_prove_to_be_nothing() -> None:
    """A partial transcript said something, the final one takes it back."""
    played = waiting(Takes(LOOK, RESULT_S))
    played.posts(2.5, SpeechStarted(64.0))
    played.posts(2.7, Transcript("uh", False))
    played.posts(3.3, SpeechStopped(200.0))
    played.posts(3.5, Transcript("", True))
    played.run(8.0).check()
    assert played.outcomes == {"c1": "completed"}
    assert outputs(played.requests[-1].items) == {"c1": "found"}
    assert len(asked_after(played)) == 1


def test_a_television_does_not_hold_the_result_back_for_ever() -> None:
    played = waiting(Takes(LOOK, RESULT_S))
    played.posts(2.0, SpeechStarted(64.0))
    played.run(30.0).check()
    assert asked_after(played) == pytest.approx([2.0 - 0.064 + 15.0 + 0.3], abs=0.05)
    assert outputs(played.requests[-1].items) == {"c1": "found"}


# --- words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("inside_s", INSIDE)
@pytest.mark.parametrize("kind", [LOOK, TIMER])
def test_words_and_the_result_are_answered_together(kind: object, inside_s: float) -> None:
    """Until the turn is confirmed; after that a blocking call is cancelled, and an async one answered later."""
    played = waiting(Takes(LOOK if kind is LOOK else TIMER, RESULT_S))
    began = RESULT_S - inside_s
    played.says(began, "and one more thing", SPEECH_S)
    played.run(10.0).check()
    confirmed = began + SPEECH_S + 0.1
    asks = asked_after(played)
    assert asks[0] == pytest.approx(confirmed, abs=0.03)
    newest = played.requests[-1].items
    assert turns(newest) == ["do it", "and one more thing"]
    in_time = inside_s < SPEECH_S + 0.1
    if kind is LOOK:
        assert outputs(newest) == {"c1": "found" if in_time else "CANCELLED"}
        assert len(asks) == 1
    else:
        assert notes(newest)[-1]["result"] == "found"
        assert len(asks) == (1 if in_time else 2)


@pytest.mark.parametrize("options", [CallOptions(), CallOptions(group_parallel_tools=False)])
@pytest.mark.parametrize("run_llm", [None, True, False])
def test_the_results_of_a_group_one_before_and_one_within_the_words(options: CallOptions, run_llm: bool | None) -> None:
    look, list_ = Takes(LOOK, 2.6, "first", run_llm=run_llm), Takes(spec("list"), RESULT_S, "second", run_llm=run_llm)
    played = waiting(look, list_, calls=options)
    played.says(2.5, "and one more thing", SPEECH_S)
    played.run(9.0).check()
    assert len(asked_after(played)) == 1, "the turn is answered, and it covers what the results asked for"
    assert outputs(played.requests[-1].items) == {"c1": "first", "c2": "second"}


@pytest.mark.parametrize("run_llm", [None, True, False])
def test_the_results_of_a_group_within_a_cough(run_llm: bool | None) -> None:
    look, list_ = Takes(LOOK, 2.6, "first", run_llm=run_llm), Takes(spec("list"), 2.7, "second", run_llm=run_llm)
    played = waiting(look, list_)
    played.coughs(2.5)
    played.run(9.0).check()
    assert len(asked_after(played)) == (0 if run_llm is False else 1)
    assert outputs(played.stand.core.log.items()) == {"c1": "first", "c2": "second"}


@pytest.mark.parametrize("inside_s", INSIDE[::3])
def test_a_link_that_drops_while_the_caller_speaks_and_the_result_comes(inside_s: float) -> None:
    played = waiting(Takes(TIMER, RESULT_S))
    began = RESULT_S - inside_s
    played.says(began, "and one more thing", SPEECH_S)
    played.posts(began + 0.5, LinkDown("reset"))
    played.posts(began + 2.5, LinkUp())
    played.run(12.0).check()
    assert len(asked_after(played)) == 1
    assert notes(played.requests[-1].items)[-1]["result"] == "found"


# --- with tasks -------------------------------------------------------------------------------------------------------


def agent(*, blocking: bool) -> Agent:
    """Its tool takes 3 s."""

    @tool(cancel_on_interruption=blocking)
    async def look() -> str:
        """Look."""
        await asyncio.sleep(3.0)
        return "found"

    return Agent(tools=[look])


@pytest.mark.parametrize("blocking", [True, False])
@pytest.mark.parametrize("line", ["and one more thing", None])
@pytest.mark.parametrize("begins_s", [2.1, 2.4, 2.7, 2.95])
@virtual
async def test_in_a_session(begins_s: float, line: str | None, blocking: bool) -> None:
    acts: list[list[str | Call]] = [[Call("look")], ["It is on its way."], ["Here it is."]]
    model = ActedModel(acts if not blocking else [acts[0], acts[2]])
    async with Stand(agent(blocking=blocking), model=model, lines=[line]) as call:
        call.send("text", text="do it")
        await asyncio.sleep(begins_s)
        before = len(model.asked)
        await call.talk(1.0 if line else 0.6)
        assert len(model.asked) == before, "not while they speak"
        await call.talk(1.0, loud=False)
        await call.hears_the_bot("Here it is.")
        await asyncio.sleep(2.0)
    assert len(model.asked) == len(acts) - blocking
    newest = asked(model)[-1]
    assert outputs(newest)["c1"] == "found" or notes(newest)[-1]["result"] == "found"
    assert turns(newest) == (["do it", line] if line else ["do it"])
