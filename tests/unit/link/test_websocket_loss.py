"""A websocket that comes back: how a connection is lost, and what is said of it. In virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection

from link.errors import ProviderError
from link.websocket import CLOSE_S, Endpoint
from tests.unit.link.link_stand import URL, failure_of, linked, lost, now
from tests.unit.link.peer import DeafPeer, Peer, half_open, refusing
from tests.unit.link.stage import play

# --- the loss -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 1012, 1013, 1014, 3000, 4000])
def test_only_a_policy_violation_is_fatal(tmp_path: Path, code: int) -> None:
    async def close(connection: ServerConnection) -> None:
        await connection.close(code, "for a reason")

    async def scene() -> None:
        async with Peer(tmp_path, act=close) as peer, linked(peer.open) as link:
            error = await lost(link)
            assert error.fatal is (code == 1008)
            assert f"received {code} " in str(error)
            assert "for a reason" in str(error)
            assert str(error).startswith("the connection to ws://localhost/v1/responses is lost: ")

    play(scene())


def test_a_cut_connection_is_not(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Peer(tmp_path) as peer, linked(peer.open) as link:
            peer.cut()
            error = await lost(link)
            assert not error.fatal
            assert "no close frame" in str(error)
            with pytest.raises(ProviderError):
                await link.send("anybody there?")

    play(scene())


def test_what_came_before_the_end_is_received(tmp_path: Path) -> None:
    async def talk(connection: ServerConnection) -> None:
        await connection.send("one")
        await connection.send(b"two")

    async def scene() -> None:
        async with Peer(tmp_path, act=talk) as peer, linked(peer.open) as link:
            assert [await link.receive(), await link.receive()] == ["one", b"two"]
            await lost(link)

    play(scene())


def test_a_half_open_peer_is_noticed_after_two_ping_intervals(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Peer(tmp_path, act=half_open) as peer, linked(peer.open, Endpoint(URL.url, ping_s=20.0)) as link:
            before = now()
            error = await lost(link)
            assert not error.fatal
            assert "keepalive ping timeout" in str(error)
            assert 20 < now() - before <= 40 + CLOSE_S

    play(scene())


def test_a_peer_that_does_not_read_is_lost_after_the_send_deadline(tmp_path: Path) -> None:
    async def scene() -> None:
        endpoint = Endpoint(URL.url, send_s=5.0, ping_s=600.0)
        async with Peer(tmp_path, act=half_open) as peer, linked(peer.open, endpoint) as link:
            receiving = asyncio.ensure_future(lost(link))
            before = now()
            with pytest.raises(ProviderError, match="did not answer in time") as caught:
                while now() == before:
                    await link.send("x" * 100_000)
            assert not caught.value.fatal
            assert now() - before == pytest.approx(5.0)
            assert not (await receiving).fatal
            assert now() - before == pytest.approx(5.0)

    play(scene())


def test_a_message_that_is_too_big_costs_the_connection(tmp_path: Path) -> None:
    async def talk(connection: ServerConnection) -> None:
        await connection.send("x" * 1000)
        await connection.send("x" * 1001)
        await connection.wait_closed()

    async def scene() -> None:
        endpoint = Endpoint(URL.url, max_message_bytes=1000)
        async with Peer(tmp_path, act=talk) as peer, linked(peer.open, endpoint) as link:
            assert len(await link.receive()) == 1000
            error = await lost(link)
            assert not error.fatal
            assert "1009 (message too big)" in str(error)

    play(scene())


@pytest.mark.parametrize("message", ["é", "é".encode()])
def test_messages_are_sent_as_text(tmp_path: Path, message: str | bytes) -> None:
    received: list[str | bytes] = []

    async def listen(connection: ServerConnection) -> None:
        received.append(await connection.recv())

    async def scene() -> None:
        async with Peer(tmp_path, act=listen) as peer, linked(peer.open) as link:
            await link.send(message)
            await lost(link)
            assert received == ["é"]

    play(scene())


def test_a_link_that_is_given_up_ends_at_once(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Peer(tmp_path) as peer, linked(peer.open) as link:
            receiving = asyncio.ensure_future(lost(link))
            await asyncio.sleep(1)
            before = now()
            link.abort()
            assert not (await receiving).fatal
            assert now() == before
            link.abort()  # and again does no harm

    play(scene())


def test_closing_has_a_deadline(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Peer(tmp_path, act=half_open) as peer, linked(peer.open) as link:
            before = now()
            await link.close()
            assert now() - before <= CLOSE_S

    play(scene())


# --- secrets --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("wss://api.example.com/v1/responses?key=s3cret", "wss://api.example.com/v1/responses"),
        ("wss://me:s3cret@api.example.com:8443/v1", "wss://api.example.com:8443/v1"),
        ("ws://host/#s3cret", "ws://host/"),
        ("ws://me:s3cret@host:port/", "the url of the provider"),
    ],
)
def test_the_name_of_an_endpoint_holds_no_secret(url: str, name: str) -> None:
    assert Endpoint(url).name == name


@pytest.mark.parametrize("admit", [refusing(401), refusing(503, {"Retry-After": "1"})])
def test_no_error_holds_a_secret(tmp_path: Path, admit: Callable[..., object]) -> None:
    endpoint = Endpoint("ws://me:s3cret@localhost/v1?key=s3cret", (("Authorization", "Bearer s3cret"),))

    async def scene() -> None:
        async with Peer(tmp_path, admit=admit) as peer:  # type: ignore[arg-type]
            assert "s3cret" not in str(await failure_of(peer.open, endpoint))
        async with DeafPeer(tmp_path) as deaf:
            assert "s3cret" not in str(await failure_of(deaf.open, endpoint))
        async with Peer(tmp_path) as peer, linked(peer.open, endpoint) as link:
            peer.cut()
            assert "s3cret" not in str(await lost(link))

    play(scene())
