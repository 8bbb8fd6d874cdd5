"""Clients that have not shown the token: they take no place from those that have, and have a bound of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from server import calls
from server.call.events import End
from server.calls import CROWDED, FULL
from server.protocols.native import NativeWire
from tests.corpus.raw import RawClient
from tests.unit.server.call.session_stand import MemorySocket, virtual
from tests.unit.server.server_stand import ServerStand

TOKEN = "s3cret-token"
BEARER = (f"Authorization: Bearer {TOKEN}",)
FEW_EARS = {"name": "tests.unit.server.parts:ears", "free": 2}


async def silent(stand: ServerStand, count: int) -> list[RawClient]:
    """Connections that say nothing."""
    return [await stand.client() for _ in range(count)]


async def begun(stand: ServerStand, *headers: str, **start: str) -> RawClient:
    """A call that was let in."""
    client = await stand.client(headers=headers)
    await client.say("start", **start)
    await client.hears("ready")
    return client


@virtual
async def test_silent_strangers_do_not_shut_out_whoever_has_the_token() -> None:
    async with ServerStand(token=TOKEN, max_calls=2, stt=FEW_EARS) as stand:
        await silent(stand, 24)
        assert (await stand.json("/ready"))[0] == 200
        assert (await stand.json("/health"))[1]["calls"] == 0
        await begun(stand, *BEARER)
        await begun(stand, token=TOKEN)


@virtual
async def test_strangers_have_a_bound_and_it_is_not_that_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "MAX_STRANGERS", 3)
    async with ServerStand(token=TOKEN) as stand:
        await silent(stand, 3)
        refused = await stand.client()
        assert (refused.status, refused.body) == (503, f"No call: {CROWDED}.\n")
        await begun(stand, *BEARER)
        await asyncio.sleep(3)
        await begun(stand, token=TOKEN)


@virtual
async def test_of_several_upgrades_for_the_last_place_of_a_stranger_one_is_heard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(calls, "MAX_STRANGERS", 1)
    async with ServerStand(token=TOKEN) as stand:
        sockets = [MemorySocket(asyncio.get_running_loop().time) for _ in range(3)]
        holds = [stand.server.calls.hold(socket, NativeWire(), trusted=False) for socket in sockets]
        knows = stand.server.calls.hold(MemorySocket(asyncio.get_running_loop().time), NativeWire(), trusted=True)
        ends = await asyncio.gather(*holds, wait_for_a_call(knows))
        assert [end and end.code for end in ends] == [1008, 1013, 1013, None]


async def wait_for_a_call(hold: Coroutine[Any, Any, End]) -> End | None:
    """How a call ends that nobody ends: None, after a while."""
    try:
        async with asyncio.timeout(3):
            return await hold
    except TimeoutError:
        return None


@virtual
async def test_a_stranger_that_shows_the_token_when_the_last_place_is_gone_is_told_so() -> None:
    async with ServerStand(token=TOKEN, max_calls=1) as stand:
        (late,) = await silent(stand, 1)
        await begun(stand, *BEARER)
        await late.say("start", token=TOKEN)
        assert (await late.closed(), late.close_reason) == (1013, FULL)
        assert (await stand.client()).status == 503


@virtual
async def test_a_server_that_goes_waits_for_strangers_too() -> None:
    async with ServerStand(token=TOKEN) as stand:
        (client,) = await silent(stand, 1)
        await stand.server.stop()
        assert await client.closed() == 1008


@virtual
async def test_without_a_token_everybody_counts() -> None:
    async with ServerStand(max_calls=1) as stand:
        await silent(stand, 1)
        assert (await stand.client()).body == f"No call: {FULL}.\n"
