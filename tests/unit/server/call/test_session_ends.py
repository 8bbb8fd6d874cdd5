"""A real session where something refuses to end, or never ends by itself."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from llm.tools import tool
from server.agent import Agent
from server.call.events import CallEnded, UserTurn
from server.call.handle import CallHandle
from server.config import Limits
from tests.unit.server.call.session_stand import Stand, virtual
from tests.unit.server.call.test_session_tools import ask, outputs
from tests.unit.server.parts import Answer, Call, DirectModel


@dataclass
class Seat:
    """A type of an application that takes no argument at all."""

    row: str

    def __post_init__(self) -> None:
        raise KeyError(self.row)


@virtual
async def test_a_client_that_stops_sending_in_the_middle_of_a_word_is_answered() -> None:
    async with Stand(answers=[["You let go of the key."]]) as call:
        await call.talk(1.0)
        await call.hears("speech_stopped")
        await call.hears_the_bot("You let go of the key.")
        assert call.at("speech_stopped") - call.at("speech_started") < 3.5


@virtual
async def test_a_network_that_stalls_for_a_moment_ends_nothing() -> None:
    async with Stand(answers=[["Yes."]]) as call:
        await call.talk(0.6)
        await asyncio.sleep(0.9)
        await call.talk(0.6)
        assert call.of("speech_stopped") == []


@virtual
async def test_a_tool_that_refuses_to_end_does_not_keep_the_call() -> None:
    release = asyncio.Event()

    @tool
    async def stubborn() -> None:
        """Never ends."""
        while not release.is_set():
            try:
                await asyncio.wait_for(release.wait(), 1.0)
            except (TimeoutError, asyncio.CancelledError):
                continue

    async with Stand(Agent(tools=[stubborn]), [[Call("stubborn")]], expects_failures=True) as call:
        await ask(call)
        await call.hears("tool_call")
        began = asyncio.get_running_loop().time()
        call.send("end")
        await call.ended()
        assert asyncio.get_running_loop().time() - began == pytest.approx(5.0, abs=0.1)
        assert call.log.said("the tool stubborn does not end when it is cancelled", "ERROR")
        release.set()


@virtual
async def test_the_handlers_of_the_end_run_although_another_is_still_busy() -> None:
    agent = Agent()
    told: list[object] = []

    @agent.on("user_turn")
    async def slow(call: CallHandle, event: UserTurn) -> None:
        await asyncio.sleep(20)
        told.append("never")

    @agent.on("call_ended")
    async def bye(call: CallHandle, event: CallEnded) -> None:
        told.append(event)

    async with Stand(agent, [["Yes."]]) as call:
        await ask(call)
        await call.hears_the_bot("Yes.")
        call.send("end")
        await call.ended()
    assert told == [CallEnded("the client ended the call")]


@virtual
async def test_the_handlers_of_the_end_run_although_events_were_dropped() -> None:
    agent = Agent()
    told: list[object] = []

    @agent.on("dtmf")
    async def slow(call: CallHandle) -> None:
        await asyncio.sleep(30)

    @agent.on("call_ended")
    async def bye(call: CallHandle, event: CallEnded) -> None:
        told.append(event)

    async with Stand(agent, limits=Limits(events=4)) as call:
        for _ in range(12):
            call.send("dtmf", digits="1")
        await asyncio.sleep(1)
        call.send("end")
        await call.ended()
    assert len(told) == 1
    assert call.dropped["handler_events"] > 0


@virtual
async def test_arguments_that_a_type_of_the_application_refuses_are_told_to_the_model() -> None:
    @tool
    async def book(seat: Seat) -> str:
        """Book a seat."""
        return "booked"

    answers: list[Answer] = [[Call("book", '{"seat": {"row": "z"}}')], ["There is no such row."]]
    async with Stand(Agent(tools=[book]), answers, expects_failures=True) as call:
        await ask(call)
        await call.hears_the_bot("There is no such row.")
    assert isinstance(call.model, DirectModel)
    assert outputs(call.model.asked[-1].items) == {"c1": "Error: KeyError: 'z'"}
