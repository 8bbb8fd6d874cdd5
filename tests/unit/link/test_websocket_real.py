"""A websocket that comes back: what only a real address can show."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from link.websocket import CLOSE_S, Endpoint, Link, open_websocket
from tests.unit.link.link_stand import failure_of, linked, lost
from tests.unit.link.peer import wait_for_the_end


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
async def test_a_redirection_is_not_followed_for_what_is_secret_was_given_for_one_address() -> None:
    seen: list[str] = []

    def elsewhere(connection: ServerConnection, request: Request) -> Response:
        seen.append(request.path)
        response = connection.respond(307, "")
        response.headers["Location"] = f"ws://127.0.0.1:{port}/new?key=SECRET"
        return response

    async with serve(wait_for_the_end, "127.0.0.1", 0, process_request=elsewhere) as server:
        port = server.sockets[0].getsockname()[1]
        error = await failure_of(open_websocket, Endpoint(f"ws://127.0.0.1:{port}/", (("api-key", "SECRET"),)))
    assert seen == ["/"]
    assert error.fatal
    moved = f"it has moved to ws://127.0.0.1:{port}/new; give that address"
    assert str(error) == f"ws://127.0.0.1:{port}/ answered the handshake with HTTP 307: {moved}"


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
