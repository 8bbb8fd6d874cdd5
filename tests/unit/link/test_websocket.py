"""A websocket that comes back: handshakes and delays. In virtual time."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from link.errors import ProviderError
from link.retry_after import retry_after_s
from link.websocket import Endpoint
from tests.unit.link.dice import ShortestDelays
from tests.unit.link.link_stand import URL, failure_of, gaps, linked, links_to, lost, now
from tests.unit.link.peer import DeafPeer, Peer, close_at_once, refusing
from tests.unit.link.stage import play

# --- the handshake --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refusal_that_no_second_attempt_cures_is_fatal_at_once(tmp_path: Path, status: int) -> None:
    async def scene() -> None:
        async with Peer(tmp_path, admit=refusing(status)) as peer:
            error = await failure_of(peer.open)
            assert error.fatal
            assert str(error) == f"ws://localhost/v1/responses answered the handshake with HTTP {status}"
            assert len(peer.tried_at) == 1

    play(scene())


@pytest.mark.parametrize("status", [402, 405, 408, 418, 425, 429, 500, 502, 503, 504])
def test_other_refusals_are_not(tmp_path: Path, status: int) -> None:
    async def scene() -> None:
        async with Peer(tmp_path, admit=refusing(status)) as peer:
            error = await failure_of(peer.open)
            assert not error.fatal
            assert f"HTTP {status}" in str(error)

    play(scene())


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("header", "wish"), [(None, 0.0), ("0", 0.0), ("2", 2.0), ("3600", 10.0), ("soon", 0.0)])
def test_the_providers_wish_comes_on_top_of_the_delays(
    tmp_path: Path, status: int, header: str | None, wish: float
) -> None:
    async def scene() -> None:
        heard: list[ProviderError] = []
        headers = {"Retry-After": header} if header else {}
        async with Peer(tmp_path, admit=refusing(status, headers)) as peer:
            links = links_to(peer.open, on_failure=heard.append).links()
            with pytest.raises(TimeoutError):
                async with contextlib.aclosing(links), asyncio.timeout(4 * wish + 9):
                    await anext(links)
            assert gaps(peer.tried_at)[:4] == [wish + delay for delay in (0.25, 0.5, 1.0, 2.0)]
            assert len(heard) == len(peer.tried_at)

    play(scene())


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("0.5", 0.5),
        ("10", 10.0),
        ("11", 10.0),
        ("1e9", 10.0),
        ("inf", 10.0),
        ("-3", 0.0),
        ("nan", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Fri, 31 Dec 2125 23:59:59 GMT", 10.0),
        ("Fri, 31 Dec 2125 23:59:59 +0200", 10.0),
        ("Fri, 31 Dec 2125 23:59:59", None),
        ("Fri, 41 Dec 2125 23:59:59 GMT", None),
        ("tomorrow", None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header) == seconds


def test_a_date_soon_is_waited_for() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=9), usegmt=True)
    wait_s = retry_after_s(soon)
    assert wait_s is not None
    assert 0 < wait_s < 10


def test_a_handshake_that_is_not_answered_has_a_deadline(tmp_path: Path) -> None:
    async def scene() -> None:
        async with DeafPeer(tmp_path) as peer:
            before = now()
            error = await failure_of(peer.open, Endpoint(URL.url, connect_s=5.0))
            assert now() - before == pytest.approx(5.0)
            assert str(error) == "ws://localhost/v1/responses did not answer in time"

    play(scene())


def test_handshakes_are_bounded_by_the_gate(tmp_path: Path) -> None:
    """Seven at once through a gate of two, each taking a second."""
    under_way: list[int] = [0]

    async def slowly(connection: ServerConnection, request: Request) -> Response | None:
        under_way.append(under_way[-1] + 1)
        await asyncio.sleep(1)
        under_way.append(under_way[-1] - 1)
        return None

    async def scene() -> None:
        async with Peer(tmp_path, admit=slowly) as peer:
            gate = asyncio.Semaphore(2)
            before = now()
            users = [links_to(peer.open, gate=gate).links() for _ in range(7)]
            await asyncio.gather(*(anext(links) for links in users))
            assert gaps([before, *peer.opened_at]) == [1.0, 0, 1.0, 0, 1.0, 0, 1.0]
            assert max(under_way) == 2
            for links in users:
                await links.aclose()

    play(scene())


def test_who_waits_for_the_next_attempt_does_not_hold_the_gate(tmp_path: Path) -> None:
    async def scene() -> None:
        gate = asyncio.Semaphore(1)
        (tmp_path / "well").mkdir()
        async with Peer(tmp_path, admit=refusing(503, {"Retry-After": "10"})) as ill, Peer(tmp_path / "well") as well:
            refused = links_to(ill.open, gate=gate).links()
            waiting = asyncio.ensure_future(anext(refused))
            await asyncio.sleep(1)
            assert len(ill.tried_at) == 1
            before = now()
            other = links_to(well.open, gate=gate).links()
            await anext(other)
            assert now() == before
            waiting.cancel()
            await asyncio.wait({waiting})
            await refused.aclose()
            await other.aclose()

    play(scene())


def test_headers_and_path_reach_the_provider(tmp_path: Path) -> None:
    seen: list[tuple[str, str]] = []

    async def look(connection: ServerConnection, request: Request) -> Response | None:
        seen.append((request.path, request.headers["Authorization"]))
        return None

    async def scene() -> None:
        endpoint = Endpoint("ws://localhost/v1/responses?model=m", (("Authorization", "Bearer key"),))
        async with Peer(tmp_path, admit=look) as peer, linked(peer.open, endpoint):
            assert seen == [("/v1/responses?model=m", "Bearer key")]

    play(scene())


# --- coming back ----------------------------------------------------------------------------------------------------


def test_a_handshake_alone_proves_nothing(tmp_path: Path) -> None:
    """Connections that end at once are opened at ever longer intervals, until one is proved."""

    async def scene() -> None:
        async with Peer(tmp_path, act=close_at_once) as peer:
            async with contextlib.aclosing(links_to(peer.open).links()) as links:
                count = 0
                async for link in links:
                    await lost(link)
                    count += 1
                    if count in (4, 5, 9):
                        link.proved()
                    if count == 11:
                        break
            assert gaps(peer.opened_at) == [0.25, 0.5, 1.0, 0.25, 0.25, 0.5, 1.0, 2.0, 0.25, 0.5]

    play(scene())


def test_failed_handshakes_and_unproved_connections_count_together(tmp_path: Path) -> None:
    answers = [refusing(503), refusing(503), None, refusing(503), None, None]

    async def in_turn(connection: ServerConnection, request: Request) -> Response | None:
        admit = answers.pop(0)
        return await admit(connection, request) if admit else None

    async def scene() -> None:
        async with Peer(tmp_path, act=close_at_once, admit=in_turn) as peer:
            async with contextlib.aclosing(links_to(peer.open).links()) as links:
                async for link in links:
                    await lost(link)
                    if not answers:
                        break
            assert gaps(peer.tried_at) == [0.25, 0.5, 1.0, 2.0, 4.0]

    play(scene())


def test_a_proved_link_comes_back_at_once_for_lucky_dice(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Peer(tmp_path, act=close_at_once) as peer:
            async with contextlib.aclosing(links_to(peer.open, random=ShortestDelays()).links()) as links:
                async for link in links:
                    link.proved()
                    await lost(link)
                    if len(peer.opened_at) == 3:
                        break
            assert gaps(peer.opened_at) == [0, 0]

    play(scene())


def test_every_failed_attempt_is_told(tmp_path: Path) -> None:
    async def scene() -> None:
        heard: list[str] = []
        async with Peer(tmp_path, admit=refusing(500)) as peer:
            links = links_to(peer.open, on_failure=lambda error: heard.append(str(error))).links()
            with pytest.raises(TimeoutError):
                async with contextlib.aclosing(links), asyncio.timeout(20):
                    await anext(links)
            assert len(heard) == len(peer.tried_at) == 8
            assert set(heard) == {"ws://localhost/v1/responses answered the handshake with HTTP 500"}

    play(scene())


def test_whoever_stops_early_closes_the_connection(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Peer(tmp_path) as peer:
            async with linked(peer.open):
                assert peer.closes == []
            await asyncio.sleep(0.1)
            assert peer.closes == [1000]

    play(scene())
