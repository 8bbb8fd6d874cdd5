"""The language model behind a reconnecting websocket: a fatal end is the end of all its links. In virtual time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection

from link.websocket import Endpoint
from llm.events import InferenceFailed, LinkDown, LinkUp
from llm.responses import ResponsesSettings
from tests.unit.link.peer import Peer
from tests.unit.link.stage import play
from tests.unit.llm.desk import Desk
from tests.unit.llm.provider import Lane, Provider, silence
from tests.unit.llm.service_stand import a_moment, kinds, now, service

RENEW_S = 100.0
HANDSHAKE_S = 2.0
BOTH = pytest.mark.parametrize("lanes", [True, False])


async def ten_words(lane: Lane) -> None:
    """Ten seconds."""
    for number in range(10):
        await lane.delta(f"{number} ")
        await asyncio.sleep(1)
    await lane.done()


@BOTH
@pytest.mark.parametrize("renewals", [1, 2])
def test_an_answer_on_a_replaced_link_ends_too(tmp_path: Path, lanes: bool, renewals: int) -> None:
    """The link is renewed while an answer comes; the new one is refused; the old one is not left open."""
    provider = Provider(ten_words)

    async def act(connection: ServerConnection) -> None:
        if len(peer.opened_at) <= renewals:
            await provider.act(connection)
        else:
            await asyncio.sleep(1)
            await connection.close(1008, "policy")

    async def open_slowly(endpoint: Endpoint) -> ClientConnection:
        if peer.opened_at:
            await asyncio.sleep(HANDSHAKE_S)
        return await peer.open(endpoint)

    peer = Peer(tmp_path, act=act)

    async def scene() -> None:
        settings = ResponsesSettings("m", renew_s=RENEW_S, lanes=lanes)
        async with peer, Desk(service(open_slowly, settings=settings)) as desk:
            await desk.until(LinkUp)
            await asyncio.sleep((RENEW_S + HANDSHAKE_S) * renewals - 1.5)  # the last handshake is under way
            desk.ask(1)
            assert (await desk.until(LinkDown)).fatal
            await a_moment()
            assert desk.ended
            assert len(peer.opened_at) == len(peer.closes) == renewals + 1, "nothing is left open"
            told = kinds(desk)
            assert told[0] == "LinkUp"
            assert told[-1] == "LinkDown"
            assert set(told[1:-1]) == {"Delta"}
            desk.ask(2)
            desk.cancel(2)
            await asyncio.sleep(20)
            assert kinds(desk) == told

    play(scene())


@BOTH
def test_afterwards_inferences_are_refused_and_nothing_is_opened(tmp_path: Path, lanes: bool) -> None:
    async def refuse(lane: Lane) -> None:
        await lane.connection.close(1008, "policy")

    async def scene() -> None:
        async with Peer(tmp_path, act=Provider(refuse).act) as peer, Desk(service(peer.open, lanes=lanes)) as desk:
            await desk.until(LinkUp)
            desk.ask(1)
            assert (await desk.until(LinkDown)).fatal
            before = now()
            desk.infer(1)
            assert (await desk.until(InferenceFailed)).job == 1
            assert now() == before
            assert len(peer.opened_at) == 1

    play(scene())


def test_an_inference_whose_own_link_is_on_its_way_is_not_asked(tmp_path: Path) -> None:
    provider = Provider(silence)

    async def open_slowly(endpoint: Endpoint) -> ClientConnection:
        if peer.opened_at:
            await asyncio.sleep(HANDSHAKE_S)
        return await peer.open(endpoint)

    peer = Peer(tmp_path, act=provider.act)

    async def scene() -> None:
        async with peer, Desk(service(open_slowly, lanes=False)) as desk:
            await desk.until(LinkUp)
            desk.ask(1)
            desk.infer(1)
            await a_moment()
            await provider.lanes[0].connection.close(1008)
            assert (await desk.until(LinkDown)).fatal
            await asyncio.sleep(10)
            assert kinds(desk) == ["LinkUp", "InferenceFailed", "LinkDown"]
            assert len(provider.lanes) == 1
            assert len(peer.closes) == len(peer.opened_at)

    play(scene())
