"""A websocket that comes back. In virtual time, but for what only a real address can show."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from link.errors import ProviderError
from link.websocket import CLOSE_S, Endpoint, Link, Links, Opener, open_websocket, retry_after_s
from tests.unit.link.dice import LongestDelays, ShortestDelays
from tests.unit.link.peer import DeafPeer, Peer, close_at_once, half_open, refusing, wait_for_the_end
from tests.unit.link.stage import play

URL = Endpoint("ws://localhost/v1/responses")


def links_to(
    opener: Opener,
    endpoint: Endpoint = URL,
    *,
    random: Random | None = None,
    gate: asyncio.Semaphore | None = None,
    on_failure: Callable[[ProviderError], None] = lambda _: None,
) -> Links:
    return Links(
        endpoint,
        random=random or LongestDelays(),
        gate=gate or asyncio.Semaphore(1),
        opener=opener,
        on_failure=on_failure,
    )


@contextlib.asynccontextmanager
async def linked(opener: Opener, endpoint: Endpoint = URL) -> AsyncIterator[Link]:
    """The first connection."""
    async with contextlib.aclosing(links_to(opener, endpoint).links()) as links:
        yield await anext(links)


async def lost(link: Link) -> ProviderError:
    """Why the link is lost."""
    with pytest.raises(ProviderError) as caught:
        while True:
            await link.receive()
    return caught.value


async def failure_of(opener: Opener, endpoint: Endpoint = URL) -> ProviderError:
    """What the first attempt to connect comes to, fatal or not."""
    failed: asyncio.Future[ProviderError] = asyncio.get_running_loop().create_future()
    async with contextlib.aclosing(links_to(opener, endpoint, on_failure=failed.set_result).links()) as links:
        attempt = asyncio.ensure_future(anext(links))
        waiting: set[asyncio.Future[Any]] = {attempt, failed}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if attempt.done():
            with pytest.raises(ProviderError) as caught:
                attempt.result()
            assert caught.value.fatal, "what is not fatal is tried again"
            failed.cancel()
            return caught.value
        attempt.cancel()
        await asyncio.wait({attempt})
        assert not failed.result().fatal
        return failed.result()


def now() -> float:
    return asyncio.get_running_loop().time()


def gaps(times: list[float]) -> list[float]:
    return [round(after - before, 6) for before, after in itertools.pairwise(times)]


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


# --- real addresses -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/",
        "localhost:80",
        "ws:///path",
        "ws://host/#part",
        "",
        "ws://host:port/",
        "ws://host:99999/",
        "ws://[::1/",
        "ws://a..b/",
        f"ws://{'a' * 70}.com/",
    ],
)
def test_a_wrong_url_is_fatal_and_says_what_is_right(url: str) -> None:
    error = asyncio.run(failure_of(open_websocket, Endpoint(url)))
    assert error.fatal
    assert str(error).endswith("is not a websocket address (ws:// or wss://)")


@pytest.mark.asyncio
async def test_a_connection_is_opened_as_the_endpoint_says() -> None:
    seen: list[Request] = []

    async def greet(connection: ServerConnection) -> None:
        assert connection.request is not None
        seen.append(connection.request)
        await connection.send("x" * 101)
        await connection.wait_closed()

    async with serve(greet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        url, headers = f"ws://127.0.0.1:{port}/v1?model=m", (("Authorization", "Bearer key"),)
        endpoint = Endpoint(url, headers, ping_s=7.0, max_message_bytes=100)
        connection = await open_websocket(endpoint)
        assert (connection.ping_interval, connection.ping_timeout, connection.close_timeout) == (7.0, 7.0, CLOSE_S)
        assert (await lost(Link(connection, endpoint))).fatal is False
    assert (seen[0].path, seen[0].headers["Authorization"]) == ("/v1?model=m", "Bearer key")
    assert "Sec-WebSocket-Extensions" not in seen[0].headers, "no compression"


@pytest.mark.asyncio
async def test_a_real_handshake_has_its_deadline_too() -> None:
    closed = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        closed.set()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server, asyncio.timeout(5):
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(TimeoutError):
            await open_websocket(Endpoint(f"ws://127.0.0.1:{port}/", connect_s=0.01))
        await closed.wait()


@pytest.mark.asyncio
async def test_a_refused_connection_is_tried_again() -> None:
    async with serve(wait_for_the_end, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
    error = await failure_of(open_websocket, Endpoint(f"ws://127.0.0.1:{port}/"))
    assert not error.fatal
    assert str(error).startswith(f"ws://127.0.0.1:{port}/ cannot be reached: ConnectionRefusedError: ")


@pytest.mark.asyncio
async def test_a_server_that_speaks_something_else_is_tried_again() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        for scheme in ("ws", "wss"):
            error = await failure_of(open_websocket, Endpoint(f"{scheme}://127.0.0.1:{port}/"))
            assert not error.fatal
            assert "cannot be reached" in str(error)


@pytest.fixture
def self_signed(tmp_path: Path) -> ssl.SSLContext:
    """A server's TLS with a certificate for 127.0.0.1 that nobody vouches for."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command = ["openssl", "req", "-x509", *curve, *names, "-days", "1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


@pytest.mark.asyncio
async def test_a_certificate_that_nobody_vouches_for_is_fatal(self_signed: ssl.SSLContext) -> None:
    async with serve(wait_for_the_end, "127.0.0.1", 0, ssl=self_signed) as server:
        port = server.sockets[0].getsockname()[1]
        error = await failure_of(open_websocket, Endpoint(f"wss://127.0.0.1:{port}/"))
    assert error.fatal
    assert str(error) == f"the certificate of wss://127.0.0.1:{port}/ is not valid: self-signed certificate"


@pytest.mark.asyncio
async def test_loopback_is_not_reached_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ws_proxy", "https_proxy", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)

    async def greet(connection: ServerConnection) -> None:
        await connection.send("hello")

    async with serve(greet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        for host in ("127.0.0.1", "localhost"):
            async with asyncio.timeout(5), linked(open_websocket, Endpoint(f"ws://{host}:{port}/")) as link:
                assert await link.receive() == "hello"


@pytest.mark.asyncio
async def test_a_socks_proxy_without_its_package_is_fatal_and_names_the_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("https_proxy", "socks5://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    error = await failure_of(open_websocket, Endpoint("ws://provider.invalid/"))
    assert error.fatal
    assert "python-socks" in str(error)


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
