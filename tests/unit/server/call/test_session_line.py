"""A real session with a telephone line: when its carrier is told something, and what comes of it."""

from __future__ import annotations

import asyncio

import pytest

from link.errors import ProviderError
from server.agent import Agent
from server.call import line
from server.call.events import CallEnded, Problem
from server.call.handle import CallHandle
from server.protocols.wire import Phone
from tests.unit.server.call.session_stand import Stand, virtual

PHONE = Phone("twilio", "CA1", caller="+491", called="+492")
TO = "+4930"


class Exchange:
    """What a carrier was told; meets `server.call.line.Control`."""

    def __init__(self, fails: Exception | None = None, takes_s: float = 0.5) -> None:
        self.told: list[tuple[str, ...]] = []
        self._fails = fails
        self.takes_s = takes_s

    async def hang_up(self, phone: Phone) -> None:
        """Note it."""
        await self._do("hang_up", phone.call_id)

    async def transfer(self, phone: Phone, to: str, words: str) -> None:
        """Note it."""
        await self._do("transfer", phone.call_id, to, words)

    async def _do(self, *what: str) -> None:
        self.told.append(what)
        await asyncio.sleep(self.takes_s)
        if self._fails:
            raise self._fails


def receptionist(words: str = "") -> tuple[Agent, list[Problem]]:
    """An agent that transfers everybody, and the problems that it was told of."""
    agent, problems = Agent(), list[Problem]()

    @agent.on("call_started")
    async def started(call: CallHandle) -> None:
        assert call.phone == PHONE
        await call.say("One moment.")
        await call.transfer(TO, words)

    @agent.on("error")
    async def failed(call: CallHandle, event: Problem) -> None:
        problems.append(event)

    return agent, problems


@virtual
async def test_a_call_is_transferred_and_then_over() -> None:
    exchange = Exchange()
    agent, _ = receptionist("A caller.")
    async with Stand(agent, control=exchange, phone=PHONE) as call:
        end = await call.ended()
        assert exchange.told == [("transfer", "CA1", TO, "A caller.")]
        assert end.reason == "the call was transferred"
        assert call.noted.events[-1][1] == CallEnded("the call was transferred")


@virtual
@pytest.mark.parametrize(
    ("exchange", "words"),
    [
        (Exchange(ProviderError("the line is busy")), "the line is busy"),
        (Exchange(takes_s=1000.0), "nobody took the call within 60 s"),
        (None, "the carrier's keys are not configured"),
    ],
)
async def test_a_transfer_that_fails_is_told_and_the_call_goes_on(exchange: Exchange | None, words: str) -> None:
    agent, problems = receptionist()
    async with Stand(
        agent, [["I could not connect you."]], control=exchange, phone=PHONE, expects_failures=exchange is not None
    ) as call:
        await call.talk(line.TRANSFER_S if exchange and exchange.takes_s > line.TRANSFER_S else 0.0, loud=False)
        await call.hears_the_bot("I could not connect you.")
        assert problems == [Problem("transfer_failed", words)]


@virtual
async def test_the_carrier_is_told_when_we_hang_up_and_not_when_the_caller_does() -> None:
    for we, told in ((True, [("hang_up", "CA1")]), (False, [])):
        exchange = Exchange()
        async with Stand(control=exchange, phone=PHONE) as call:
            if we:
                await call.session.handle.hang_up()
            else:
                call.send("end")
            await call.ended()
        assert exchange.told == told


@virtual
async def test_a_carrier_that_does_not_answer_keeps_no_call() -> None:
    async with Stand(control=Exchange(takes_s=1000.0), phone=PHONE, expects_failures=True) as call:
        await call.session.handle.hang_up()
        await call.ended()


def test_the_limits_fit() -> None:
    assert line.HANG_UP_S < line.TRANSFER_S
