"""A provider that goes quiet with its socket open.

Elsewhere nothing noticed: the connection was open and answered pings, no error came, and the caller listened to silence
until they hung up; a time limit for the first word did not help where the provider fell silent after it.
Here each answer must show progress: after 6 s without a first sign of life, or 4 s without another, it is given up, the
connection is replaced because it cannot be trusted, and the rest is asked for again, without repeating.
"""

from __future__ import annotations

import asyncio
from itertools import chain, repeat

import pytest
from websockets.asyncio.server import ServerConnection

from llm.events import Cancel, Delta, FunctionCall, Progress, ReplyDone, ToolDone
from llm.local.faults import Faults
from llm.local.scripted import words as counting
from llm.tools import tool
from server.agent import Agent
from server.call import events as e
from server.call import model_events as of_model
from server.call.policy import Policy
from tests.scenarios.bench import outputs, turns
from tests.scenarios.whole import Asked, Scripted, Whole, going_on, local, saying
from tests.unit.server.call.core_stand import Stand as Core
from tests.unit.server.call.core_stand import spec
from tests.virtual.loop import run

ANSWER = "One two three four five six. Seven eight nine ten."
FIRST_S, NEXT_S = Policy().first_output_s, Policy().next_output_s
RECONNECTED_S = 0.5  # the service's own delays
OUTCOMES = ["stalled", "link_lost", "done"]  # the second was asked before the core heard that its link is given up

# --- the core ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sign", [Progress(1), Delta(1, " and")])
def test_who_shows_signs_of_life_is_waited_for(sign: e.Fact) -> None:
    stand = Core()
    stand.post(e.UserText("think"))
    for _ in range(6):
        stand.post(sign, stand.now + NEXT_S - 0.1)
    assert stand.commands(Cancel) == []
    assert stand.told(of_model.CompletionTimeout) == []


def test_who_shows_nothing_but_signs_of_life_is_not_waited_for_without_end() -> None:
    stand = Core()
    stand.post(e.UserText("think"))
    while stand.now < 40.0 and not stand.told(of_model.CompletionTimeout):
        stand.post(Progress(1), stand.now + 1.0)
    assert stand.now == pytest.approx(Policy().give_up_s, abs=1.0)


def test_signs_of_life_of_another_answer_are_none() -> None:
    stand = Core()
    stand.post(e.UserText("first"))
    stand.post(e.UserText("second"), 1.0)
    for at in range(2, 7):
        stand.post(Delta(1, " late"), float(at))
    stand.wait(1.1 + FIRST_S)
    assert stand.commands(Cancel) == [Cancel(1), Cancel(2, stalled=True)]


def test_the_clock_does_not_run_while_a_tool_does() -> None:
    """After the end of an answer nothing is waited for but the tool."""
    stand = Core(tools=(spec("look"),))
    stand.post(e.UserText("look"))
    stand.post(FunctionCall(1, "c1", "look", "{}"))
    stand.post(ReplyDone(1))
    stand.wait(20.0)
    assert stand.told(of_model.CompletionTimeout) == []
    stand.post(ToolDone("c1", "completed", "found"))
    stand.wait(20.1 + FIRST_S)
    assert stand.told(of_model.CompletionTimeout) == [of_model.CompletionTimeout(2)]


# --- the whole server -------------------------------------------------------------------------------------------------


def quiet_after(count: int) -> Scripted:
    """Falls silent after so many words; the next answer goes on."""

    async def quiet(asked: Asked) -> None:
        await asked.say(" ".join(ANSWER.split()[:count]))

    return Scripted(quiet, going_on(ANSWER))


@pytest.mark.parametrize("lanes", [True, False])
@pytest.mark.parametrize("count", range(0, 11))
def test_the_answer_is_asked_again_on_another_connection(count: int, lanes: bool) -> None:
    provider = quiet_after(count)
    whole = Whole(provider.act, lanes=lanes)
    outcome = run(whole.run("pause 0.1", "type count", "until ten", "wait", "end"))
    assert " ".join(outcome.heard) == ANSWER
    assert whole.told(of_model.CompletionTimeout) == [of_model.CompletionTimeout(1)]
    assert [each.outcome for each in whole.told(of_model.ReplyMetrics)] == OUTCOMES
    noticed_s = whole.told_at(of_model.CompletionTimeout)[0] - provider.asked_at[0]
    assert noticed_s == pytest.approx(0.05 * count + (NEXT_S if count else FIRST_S), abs=0.002)
    assert len(whole.opened_at) == 2
    assert provider.waits[-1] <= noticed_s + RECONNECTED_S
    assert len(provider.asked) == 2


@pytest.mark.parametrize("events", range(0, 12))
def test_the_local_server_goes_quiet_after_any_event(events: int) -> None:
    faults = chain([Faults()], [Faults(token_ms=40, stall_after_events=events)], repeat(Faults(token_ms=40)))
    whole = Whole(local(counting(12), faults))
    outcome = run(whole.run("pause 0.1", "type count", "until (?i)eleven", "wait", "end"))
    assert len(outcome.heard) == len(set(outcome.heard)) == 13, outcome.heard
    assert len(whole.opened_at) == 2
    assert [each.outcome for each in whole.told(of_model.ReplyMetrics)] == OUTCOMES


async def nothing_at_all(connection: ServerConnection) -> None:
    """Takes every request, answers pings, says nothing."""
    async for _ in connection:
        pass


def test_one_that_is_always_quiet_is_apologised_for_once() -> None:
    whole = Whole(nothing_at_all)
    outcome = run(whole.run("pause 0.1", "type hello", "until sorry", "wait", "end"))
    assert len(whole.told(of_model.CompletionTimeout)) == Policy().max_attempts
    assert len(whole.opened_at) == Policy().max_attempts + 1, "none of these connections is used again"
    assert [each.code for each in whole.told(e.Problem)] == ["reply_stalled"] * 4 + ["no_answer"]
    assert outcome.end is not None
    assert outcome.end.code == 1000


@pytest.mark.parametrize("typed_s", [1.0, 5.9, 6.0, 6.1])
def test_the_caller_speaks_into_the_silence(typed_s: float) -> None:
    """Their new turn is what is answered; it waits for its own answer, however long the one before was quiet."""

    async def quiet(asked: Asked) -> None:
        await asyncio.sleep(60.0)

    provider = Scripted(quiet, saying(ANSWER, pace_s=0.5))
    whole = Whole(provider.act)
    outcome = run(whole.run("pause 0.1", "type hello", f"pause {typed_s}", "type hello?", "until ten", "wait", "end"))
    assert " ".join(outcome.heard).endswith(ANSWER)
    assert turns(whole.log) == ["hello", "hello?"]
    assert len(whole.told(of_model.CompletionTimeout)) == (typed_s >= FIRST_S)


@pytest.mark.parametrize("lanes", [True, False])
def test_without_lanes_a_barge_in_on_a_quiet_answer_costs_a_second_at_most(lanes: bool) -> None:
    """Nobody knows yet that it is quiet: it is drained for one second, and then its connection is given up."""

    async def quiet(asked: Asked) -> None:
        await asyncio.sleep(60.0)

    provider = Scripted(quiet, saying(ANSWER))
    whole = Whole(provider.act, lanes=lanes)
    run(whole.run("pause 0.1", "type hello", "pause 2.0", "type hello?", "until ten", "wait", "end"))
    waited_s = provider.waits[-1] - 2.0
    assert waited_s == pytest.approx(0.0, abs=0.002) if lanes else 1.0 <= waited_s <= 1.0 + RECONNECTED_S


@pytest.mark.parametrize("result_s", [0.5, 3.9, 4.0, 4.1, 8.0])
def test_it_falls_silent_after_a_call_that_runs(result_s: float) -> None:
    """The end of the answer never comes; the call keeps its result and is made once, whenever it is there."""
    runs: list[str] = []

    @tool
    async def look() -> str:
        """Look."""
        runs.append("look")
        await asyncio.sleep(result_s)
        return "found"

    async def calls(asked: Asked) -> None:
        await asked.say("Let me see.")
        await asked.call("c1", "look")

    provider = Scripted(calls, saying("Here it is."))
    whole = Whole(provider.act, Agent(tools=[look]))
    outcome = run(whole.run("pause 0.1", "type look", "until here it is|Here it is", "wait", "end"))
    assert (runs, outcome.tools) == (["look"], [("look", "completed")])
    assert " ".join(outcome.heard) == "Let me see. Here it is."
    assert outputs(whole.log) == {"c1": "found"}
    assert len(provider.asked) == 2
    asked_s = provider.waits[-1]
    assert max(NEXT_S, result_s) < asked_s < max(NEXT_S, result_s) + 0.15 + RECONNECTED_S
