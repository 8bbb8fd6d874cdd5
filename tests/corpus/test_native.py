"""The corpus against the codec alone, and all of it against a real session over a real websocket in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from link.errors import ClientError
from server.protocols.native import NativeWire
from server.protocols.wire import Complaint
from tests.corpus.native import MESSAGES, Audio, Case, StopReading, Text
from tests.corpus.native_connections import CONNECTIONS
from tests.corpus.raw import RawClient
from tests.corpus.steps import LONG, do, hears_every_second, is_alive
from tests.unit.server.server_stand import ServerStand
from tests.virtual.loop import run

CASES = (*MESSAGES, *CONNECTIONS)
ALONE = [case for case in CASES if case.alone]
OPEN = [case for case in CASES if not case.token]
AT_ONCE = 50


def names(cases: list[Case]) -> list[str]:
    return [case.name for case in cases]


def test_the_corpus_is_large_and_each_case_has_its_own_name() -> None:
    assert len(CASES) >= 150
    assert len(set(names(list(CASES)))) == len(CASES)


# --- the codec alone --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ALONE, ids=names(ALONE))
def test_codec(case: Case) -> None:
    wire = NativeWire()
    errors: list[str] = []
    closes: int | None = None
    if case.start:
        wire.receive('{"type":"start"}')
    try:
        for step in case.steps:
            assert isinstance(step, Text | Audio), "the codec takes whole messages"
            meant = wire.receive(step.text if isinstance(step, Text) else step.pcm)
            errors += [each.code for each in meant if isinstance(each, Complaint)]
    except ClientError as error:
        closes = error.code
    assert (tuple(errors), closes) == (case.errors, case.closes)


# --- over a real websocket --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=names(list(CASES)))
def test_session(case: Case) -> None:
    run(over_the_wire(case))


async def over_the_wire(case: Case) -> None:
    answers = [[LONG]] if case.speaks else []
    model = {"name": "tests.unit.server.parts:model", "answers": answers}
    patient = {"idle_goodbye": ""}  # some callers here are silent for minutes
    async with ServerStand(token=case.token, llm=model, sentences=patient) as stand:
        bystander = await stand.client()
        await bystander.say("start", token=case.token)
        await bystander.hears("ready")
        client = await stand.client(answers_pings=case.pings, headers=case.headers)
        if case.start:
            await client.say("start")
            await client.hears("ready")
        watcher = asyncio.get_running_loop().create_task(reads_at_last(stand, client, case.closes))
        for step in case.steps:
            await do(client, step)
        if case.closes is None:
            await is_alive(client)
        assert await client.closed() == (case.closes or 1000)
        await stand.over(left=1)
        assert await stand.count("voicewire_calls_ended_total", code=str(case.closes or 1000)) == 1
        assert [each["code"] for each in client.of("error")] == list(case.errors)
        watcher.cancel()
        await is_alive(bystander)
        assert await bystander.closed() == 1000
        await takes_the_next_call(stand, case.token)


def test_a_call_goes_on_without_a_gap_while_all_this_happens_on_the_same_server() -> None:
    run(beside_all_cases())


async def beside_all_cases() -> None:
    answers = [[LONG]]
    async with ServerStand(llm={"name": "tests.unit.server.parts:model", "answers": answers}) as stand:
        good = await stand.client()
        await good.say("start")
        await good.say("text", text="tell me a long story")
        await good.hears("bot_started")
        for first in range(0, len(OPEN), AT_ONCE):
            async with asyncio.TaskGroup() as group:
                listener = group.create_task(hears_every_second(good))
                cases = [group.create_task(beside(stand, case)) for case in OPEN[first : first + AT_ONCE]]
                await asyncio.wait(cases)
                listener.cancel()
        assert good.close_code is None
        await is_alive(good)


async def beside(stand: ServerStand, case: Case) -> None:
    """A case as one call of many."""
    client = await stand.client(answers_pings=case.pings, headers=case.headers)
    if case.start:
        await client.say("start")
        await client.hears("ready")
    for step in case.steps:
        await do(client, step)
    if case.closes is None:
        await client.say("end")
    if not any(isinstance(step, StopReading) for step in case.steps):
        assert await client.closed() == (case.closes or 1000), case.name
    client.cut()


async def reads_at_last(stand: ServerStand, client: RawClient, code: int | None) -> None:
    """A client that did not read is cut off while it still does not; what it reads then says why."""
    for _ in range(1500):
        await asyncio.sleep(0.1)
        if stand.log.said(f"closed with {code}"):
            await asyncio.sleep(4)
            client.read_on()
            return


async def takes_the_next_call(stand: ServerStand, token: str) -> None:
    """The server is as it was."""
    client = await stand.client()
    await client.say("start", token=token)
    await client.hears("ready")
    await client.say("end")
    assert await client.closed() == 1000
