"""The language model behind a reconnecting websocket: what an outage looks like in the log. In virtual time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection

from link.websocket import Endpoint
from llm.events import LinkDown, LinkUp
from tests.unit.link.peer import Peer
from tests.unit.link.stage import play
from tests.unit.llm.desk import Desk
from tests.unit.llm.provider import Lane, Provider, silence, two_words
from tests.unit.llm.service_stand import kinds, service
from tests.unit.server.logbook import Logbook


def told(book: Logbook) -> list[str]:
    """What was logged, of which the end changes."""
    return [f"{entry.level} {entry.message}".partition(": the connection")[0] for entry in book.entries]


REFUSED = "llm: ws://localhost/ cannot be reached: ConnectionRefusedError: nobody"


def test_an_outage_is_a_warning_its_repetitions_and_its_end(tmp_path: Path) -> None:
    """0.25 + 0.5 + 1 + 2 s of waiting: the fourth attempt succeeds."""
    attempts = 0

    async def open_late(endpoint: Endpoint) -> ClientConnection:
        nonlocal attempts
        attempts += 1
        if attempts in (2, 3, 4):
            raise ConnectionRefusedError("nobody")
        return await peer.open(endpoint)

    peer = Peer(tmp_path, act=Provider(two_words).act)

    async def scene() -> None:
        with Logbook() as book:
            async with peer, Desk(service(open_late)) as desk:
                await desk.until(LinkUp)
                peer.cut()
                await desk.until(LinkUp)
                assert kinds(desk) == ["LinkUp", "LinkDown", "LinkUp"]
        assert told(book) == [
            "INFO llm link lost",
            f"WARNING {REFUSED}",
            f"DEBUG {REFUSED}",
            f"DEBUG {REFUSED}",
            "INFO llm: the link is back after 3.8 s",
        ]

    play(scene())


def test_each_outage_has_its_own_lines_and_a_first_link_is_none(tmp_path: Path) -> None:
    attempts = 0

    async def every_second(endpoint: Endpoint) -> ClientConnection:
        nonlocal attempts
        attempts += 1
        if attempts % 2:
            raise ConnectionRefusedError("nobody")
        return await peer.open(endpoint)

    peer = Peer(tmp_path, act=Provider(two_words).act)

    async def scene() -> None:
        with Logbook() as book:
            async with peer, Desk(service(every_second)) as desk:
                for _ in range(2):
                    assert not (await desk.until(LinkDown)).fatal
                    await desk.until(LinkUp)
                    peer.cut()
        lines = [f"WARNING {REFUSED}", "INFO llm: the link is back"]
        assert [line.partition(" after")[0] for line in told(book)] == [*lines, "INFO llm link lost", *lines]

    play(scene())


def test_a_link_that_comes_at_once_is_worth_no_line(tmp_path: Path) -> None:
    async def scene() -> None:
        with Logbook() as book:
            async with Peer(tmp_path) as peer, Desk(service(peer.open)) as desk:
                await desk.until(LinkUp)
        assert told(book) == []

    play(scene())


@pytest.mark.parametrize("lanes", [True, False])
def test_what_ends_the_call_is_logged_by_the_call(tmp_path: Path, lanes: bool) -> None:
    async def refuse(lane: Lane) -> None:
        await lane.connection.close(1008, "no such project")

    async def scene() -> None:
        with Logbook() as book:
            async with Peer(tmp_path, act=Provider(refuse).act) as peer, Desk(service(peer.open, lanes=lanes)) as desk:
                await desk.until(LinkUp)
                desk.ask(1)
                assert (await desk.until(LinkDown)).fatal
        assert told(book) == []

    play(scene())


def test_a_provider_that_is_away_for_ten_minutes_is_one_line_for_the_operator() -> None:
    async def nobody(endpoint: Endpoint) -> ClientConnection:
        raise ConnectionRefusedError("nobody")

    async def scene() -> None:
        with Logbook() as book:
            async with Desk(service(nobody)) as desk:
                await asyncio.sleep(600)
                assert kinds(desk) == ["LinkDown"]
        assert [line for line in told(book) if not line.startswith("DEBUG")] == [f"WARNING {REFUSED}"]
        assert len(book.entries) > 100

    play(scene())


def test_a_warm_up_that_is_never_answered_is_one_line(tmp_path: Path) -> None:
    async def scene() -> None:
        provider = Provider(two_words, silence)
        with Logbook() as book:
            async with Peer(tmp_path, act=provider.act) as peer:
                model = service(peer.open)
                async with Desk(model) as desk:
                    await desk.until(LinkUp)
                    for _ in range(3):
                        desk.prepare()
                    await asyncio.sleep(0.1)
                    peer.cut()
                    await desk.until(LinkUp)
                assert model.counts.warm_ups_failed == 3
        warnings = [entry.message for entry in book.entries if entry.level == "WARNING"]
        assert warnings == [
            "llm: the provider takes no warm-up: unanswered: the connection was lost before an answer came"
        ]

    play(scene())
