"""The language model behind a reconnecting websocket: its link, with peers made for one fault. In virtual time."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection

from llm.events import LinkDown, LinkUp, ReplyDone, ReplyFailed
from llm.items import UserMessage
from tests.unit.link.peer import Peer, close_at_once, half_open, refusing
from tests.unit.link.stage import play
from tests.unit.llm.desk import Desk
from tests.unit.llm.provider import Lane, Provider, silence, two_words
from tests.unit.llm.service_stand import a_moment, kinds, now, service, text_of


def test_the_end_of_a_call_closes_its_connection_in_order_and_leaves_no_task(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Peer(tmp_path, act=Provider(silence).act) as peer:
            async with Desk(service(peer.open)) as desk:
                await desk.until(LinkUp)
                desk.ask(1)
                await a_moment()
            assert len(asyncio.all_tasks()) <= 3, "its own tasks are over; what is left is the peer's"
            await a_moment()
            assert peer.closes == [1000]

    play(scene())


def test_a_provider_that_is_away_is_told_once_until_it_is_back(tmp_path: Path) -> None:
    answers = [refusing(503), refusing(500), refusing(502), None, None]

    async def in_turn(connection: ServerConnection, request: object) -> object:
        admit = answers.pop(0)
        return await admit(connection, request) if admit else None  # type: ignore[arg-type]

    async def scene() -> None:
        async with Peer(tmp_path, admit=in_turn) as peer, Desk(service(peer.open)) as desk:  # type: ignore[arg-type]
            await desk.until(LinkUp)
            assert kinds(desk) == ["LinkDown", "LinkUp"]
            assert len(peer.tried_at) == 4
            peer.cut()
            await desk.until(LinkUp)
            assert kinds(desk) == ["LinkDown", "LinkUp", "LinkDown", "LinkUp"]

    play(scene())


def test_after_a_loss_failed_attempts_are_not_told_again(tmp_path: Path) -> None:
    answers = [None, refusing(503), refusing(503), None]

    async def in_turn(connection: ServerConnection, request: object) -> object:
        admit = answers.pop(0)
        return await admit(connection, request) if admit else None  # type: ignore[arg-type]

    async def scene() -> None:
        async with Peer(tmp_path, admit=in_turn) as peer, Desk(service(peer.open)) as desk:  # type: ignore[arg-type]
            await desk.until(LinkUp)
            peer.cut()
            await desk.until(LinkUp)
            assert kinds(desk) == ["LinkUp", "LinkDown", "LinkUp"]
            assert not answers

    play(scene())


def test_a_policy_close_is_fatal_and_the_last_fact(tmp_path: Path) -> None:
    async def refuse(lane: Lane) -> None:
        await lane.connection.close(1008, "no such key")

    async def scene() -> None:
        async with Peer(tmp_path, act=Provider(refuse).act) as peer, Desk(service(peer.open)) as desk:
            await desk.until(LinkUp)
            desk.ask(1)
            down = await desk.until(LinkDown)
            await asyncio.sleep(60)
            assert down.fatal
            assert "no such key" in down.reason
            assert desk.ended
            assert kinds(desk) == ["LinkUp", "LinkDown"]
            assert len(peer.tried_at) == 1

    play(scene())


@pytest.mark.parametrize("asking", [True, False])
def test_the_providers_time_limit_is_answered_with_a_new_connection(tmp_path: Path, asking: bool) -> None:
    async def over(lane: Lane) -> None:
        await lane.error("websocket_connection_limit_reached")

    async def over_while_idle(connection: ServerConnection) -> None:
        await connection.send('{"type":"error","error":{"code":"websocket_connection_limit_reached","message":""}}')
        await connection.wait_closed()

    async def scene() -> None:
        act = Provider(over).act if asking else over_while_idle
        async with Peer(tmp_path, act=act) as peer, Desk(service(peer.open)) as desk:
            await desk.until(LinkUp)
            if asking:
                desk.ask(1)
            down = await desk.until(LinkDown)
            assert not down.fatal
            assert "time limit" in down.reason
            peer.act = Provider(two_words).act
            await desk.until(LinkUp)
            desk.ask(2)
            assert (await desk.until(ReplyDone)).reply == 2

    play(scene())


def test_whoever_sends_garbage_is_not_waited_for(tmp_path: Path) -> None:
    """Not even for its close frame."""

    async def babble(connection: ServerConnection) -> None:
        await connection.send("}{")
        await half_open(connection)

    async def scene() -> None:
        async with Peer(tmp_path, act=babble) as peer, Desk(service(peer.open)) as desk:
            await desk.until(LinkDown)
            before = now()
            await desk.until(LinkUp)
            assert now() - before == pytest.approx(0.25)

    play(scene())


def test_delays_start_anew_only_after_an_answer(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Peer(tmp_path, act=close_at_once) as peer, Desk(service(peer.open)) as desk:
            for _ in range(4):
                await desk.until(LinkUp)
            peer.act = Provider(two_words).act
            await desk.until(LinkUp)
            desk.ask(1)
            await desk.until(ReplyDone)
            peer.cut()
            await desk.until(LinkUp)
            gaps = [round(after - before, 6) for before, after in itertools.pairwise(peer.opened_at)]
            assert gaps == [0.25, 0.5, 1.0, 2.0, pytest.approx(0.25)]

    play(scene())


def test_a_refused_answer_proves_nothing(tmp_path: Path) -> None:
    async def refuse(lane: Lane) -> None:
        await lane.error("server_error")
        await lane.connection.close(1011)

    async def scene() -> None:
        async with Peer(tmp_path, act=Provider(refuse).act) as peer, Desk(service(peer.open)) as desk:
            for reply in range(1, 5):
                await desk.until(LinkUp)
                desk.ask(reply)
            await desk.until(ReplyFailed)
            gaps = [round(after - before, 6) for before, after in itertools.pairwise(peer.opened_at)]
            assert gaps == [0.25, 0.5, 1.0]

    play(scene())


def test_an_ask_while_the_link_is_down_is_ignored(tmp_path: Path) -> None:
    """The core asks again when the link is up."""

    async def scene() -> None:
        provider = Provider(two_words)
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open)) as desk:
            desk.ask(1)
            await desk.until(LinkUp)
            peer.cut()
            await desk.until(LinkDown)
            desk.ask(2)
            desk.cancel(2)
            await desk.until(LinkUp)
            await asyncio.sleep(1)
            assert provider.asked_at == []
            desk.ask(3)
            assert (await desk.until(ReplyDone)).reply == 3
            assert len(provider.asked_at) == 1

    play(scene())


def test_a_provider_that_does_not_read_costs_the_connection_after_the_send_deadline(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Peer(tmp_path, act=half_open) as peer, Desk(service(peer.open)) as desk:
            await desk.until(LinkUp)
            before = now()
            desk.ask(1, UserMessage("x" * 900_000))
            down = await desk.until(LinkDown)
            assert now() - before == pytest.approx(5.0)
            assert not down.fatal
            peer.act = Provider(two_words).act
            await desk.until(LinkUp)
            desk.ask(2)
            assert (await desk.until(ReplyDone)).reply == 2

    play(scene())


def test_a_cut_connection_that_was_not_noticed_yet_is_noticed_by_asking(tmp_path: Path) -> None:
    async def scene() -> None:
        provider = Provider(two_words)
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open)) as desk:
            await desk.until(LinkUp)
            peer.cut()
            desk.ask(1)  # nothing of the loss has reached the client yet
            await desk.until(LinkUp)
            assert kinds(desk) == ["LinkUp", "LinkDown", "LinkUp"]
            desk.ask(2)
            assert (await desk.until(ReplyDone)).reply == 2
            assert text_of(desk, 2) == f"answer {len(provider.asked_at)} done"

    play(scene())
