"""The connection, against servers that are good, refuse, stall, lie or die. Real sockets on loopback."""

from __future__ import annotations

import asyncio
import http
import json
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from link.errors import ConfigError
from server.talk import client
from server.talk import events as e
from server.talk.address import parse_address
from server.talk.caller import Caller
from server.talk.client import Door, talk
from server.talk.microphone import VirtualMicrophone
from server.talk.script import Script, ScriptOptions, Typed
from tests.unit.server.talk.bots import message, tone

RATE = 16000
READY = message("ready", call_id="c1", sample_rate=RATE, output_sample_rate=RATE, version="1")
Handler = Callable[[ServerConnection], Awaitable[None]]
Told = list[e.Event | e.Message]


@asynccontextmanager
async def server(handler: Handler, **options: Any) -> AsyncIterator[str]:
    """A websocket server; yields its host and port."""
    async with serve(handler, "127.0.0.1", 0, ping_interval=None, close_timeout=0.2, **options) as running:
        port = next(iter(running.sockets)).getsockname()[1]
        yield f"127.0.0.1:{port}"


def caller(told: Told, lines: int = 1) -> Caller:
    """Somebody who types and is not patient."""
    microphone = VirtualMicrophone(RATE)
    options = ScriptOptions(gap_ms=20, wait_s=0.2, greeting_s=0.02)
    script = Script([Typed(f"line {n}") for n in range(lines)], options, microphone)
    return Caller(RATE, microphone, script, (), lambda _, event: told.append(event))


async def call(place: str, told: Told | None = None, scheme: str = "ws", **options: Any) -> e.Summary:
    """One call."""
    async with asyncio.timeout(5):
        address = parse_address(f"{scheme}://{place}/ws")
        return await talk(Door(address, **options), caller(told if told is not None else []))


async def opened(socket: ServerConnection) -> dict[str, Any]:
    """Take a call; returns its `start`."""
    start: dict[str, Any] = json.loads(await socket.recv())
    await socket.send(READY)
    return start


async def goodbye(socket: ServerConnection) -> list[dict[str, Any]]:
    """Read until the client says `end`; returns what it said."""
    said: list[dict[str, Any]] = []
    async for content in socket:
        if isinstance(content, str):
            said.append(json.loads(content))
            if said[-1]["type"] == "end":
                break
    return said


@pytest.mark.asyncio
async def test_a_good_call() -> None:
    seen: dict[str, Any] = {}

    async def serve_call(socket: ServerConnection) -> None:
        assert socket.request
        seen["authorization"] = socket.request.headers.get("Authorization")
        seen["start"] = await opened(socket)
        await socket.send(tone(0.1))
        await socket.send(message("clear"))
        seen["said"] = [each["type"] for each in await goodbye(socket)]
        await socket.send(message("ended", reason="over"))
        await socket.close(1000, "over")

    told: Told = []
    async with server(serve_call) as place:
        end = await call(place, told, token="sesame")
    assert end.in_order
    assert (end.close_code, end.reason, end.unanswered, end.interruptions) == (1000, "over", 1, 1)
    assert seen["authorization"] == "Bearer sesame"
    assert seen["start"]["can"] == ["clear", "pause", "played"]
    assert [kind for kind in seen["said"] if kind != "played"] == ["cleared", "text", "end"]
    assert isinstance(told[0], e.Connected)
    assert told[-1] == end


@pytest.mark.asyncio
async def test_a_server_that_does_not_close_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "LEAVE_S", 0.05)

    async def serve_call(socket: ServerConnection) -> None:
        await opened(socket)
        await goodbye(socket)
        await socket.wait_closed()

    async with server(serve_call) as place:
        assert (await call(place)).close_code == 1000


@pytest.mark.asyncio
@pytest.mark.parametrize("code", [1001, 1008, 1011, 1012, 1013, 4408])
async def test_a_call_that_is_cut_off(code: int) -> None:
    async def serve_call(socket: ServerConnection) -> None:
        await opened(socket)
        await socket.close(code, "why")

    async with server(serve_call) as place:
        end = await call(place)
    assert (end.close_code, end.reason, end.in_order, end.unsaid) == (code, "why", False, 1)


@pytest.mark.asyncio
async def test_a_connection_that_is_lost() -> None:
    async def serve_call(socket: ServerConnection) -> None:
        await opened(socket)
        socket.transport.abort()

    async with server(serve_call) as place:
        end = await call(place)
    assert (end.close_code, end.in_order) == (1006, False)


@pytest.mark.asyncio
async def test_a_server_that_does_not_read_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "SEND_S", 0.05)

    async def serve_call(socket: ServerConnection) -> None:
        await opened(socket)
        socket.transport.pause_reading()
        await socket.wait_closed()

    told: Told = []
    someone = caller(told)
    out = [bytes(1 << 20)] * 8  # more than the kernel takes
    tick = someone.tick
    monkeypatch.setattr(someone, "tick", lambda now: [*tick(now), *out])
    async with server(serve_call) as place, asyncio.timeout(5):
        end = await talk(Door(parse_address(f"ws://{place}")), someone)
    assert end.close_code == 1006
    assert any(isinstance(event, e.Trouble) and "did not read" in event.message for event in told)


# --- calls that do not come about -------------------------------------------------------------------------------------


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, "", "HTTP 401.*--token"),
        (403, "", "HTTP 403.*--token"),
        (404, "", "no websocket at ws://"),
        (503, "No call: full.\n", "takes no call now .HTTP 503.: No call: full."),
        (500, "oops", "HTTP 500: oops"),
        (200, "hello", "HTTP 200: hello"),
    ],
)
async def test_a_handshake_that_is_refused(status: int, body: str, words: str) -> None:
    def refuse(socket: ServerConnection, _: Request) -> Response:
        return socket.respond(http.HTTPStatus(status), body)

    async def never(_: ServerConnection) -> None:
        raise AssertionError("the call was taken")

    async with server(never, process_request=refuse) as place:
        with pytest.raises(ConfigError, match=words):
            await call(place)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("first", "words"),
    [
        ("hello", "does not speak the native wire.*hello"),
        (message("welcome"), "does not speak the native wire"),
        (b"\0\1", "does not speak the native wire"),
        (READY.replace("16000", "8000"), "hears at 8000 Hz.*try another --rate"),
    ],
)
async def test_a_server_of_another_kind(first: str | bytes, words: str) -> None:
    async def serve_call(socket: ServerConnection) -> None:
        await socket.send(first)
        await socket.wait_closed()

    async with server(serve_call) as place:
        with pytest.raises(ConfigError, match=words):
            await call(place)


@pytest.mark.asyncio
async def test_a_token_that_is_missing() -> None:
    async def serve_call(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.close(1008, "the token is missing or wrong")

    async with server(serve_call) as place:
        with pytest.raises(ConfigError, match=r"took no call: the token is missing or wrong \(1008\) \(--token"):
            await call(place)
        with pytest.raises(ConfigError, match=r"wrong \(1008\)$"):
            await call(place, token="guess")


@pytest.mark.asyncio
async def test_a_server_that_takes_the_connection_and_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "READY_S", 0.05)

    async def serve_call(socket: ServerConnection) -> None:
        await socket.wait_closed()

    async with server(serve_call) as place:
        with pytest.raises(ConfigError, match="but not the call"):
            await call(place)


@pytest.mark.asyncio
async def test_no_server_at_all() -> None:
    async with server(opened) as place:  # type: ignore[arg-type]
        pass
    with pytest.raises(
        ConfigError, match=f"no server can be reached at {place}: Connection refused; `voicewire serve`"
    ):
        await call(place)


@pytest.mark.asyncio
async def test_something_that_is_no_web_server() -> None:
    async def talk_smtp(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.org\r\n")
        writer.close()

    async with await asyncio.start_server(talk_smtp, "127.0.0.1", 0) as other:
        port = other.sockets[0].getsockname()[1]
        with pytest.raises(ConfigError, match="is no websocket server"):
            await call(f"127.0.0.1:{port}")


@pytest.mark.asyncio
async def test_tls_where_there_is_none() -> None:
    async with server(opened) as place:  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match=r"TLS.*is it ws://"):
            await call(place, scheme="wss")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
@pytest.mark.asyncio
async def test_a_certificate_that_nobody_signed(tmp_path: Path) -> None:
    context = self_signed(tmp_path)

    async def serve_call(socket: ServerConnection) -> None:
        await opened(socket)
        await goodbye(socket)

    async with server(serve_call, ssl=context) as place:
        with pytest.raises(ConfigError, match="is not trusted: self-signed certificate; --insecure-tls"):
            await call(place, scheme="wss")
        assert (await call(place, scheme="wss", check_certificate=False)).in_order


def self_signed(folder: Path) -> ssl.SSLContext:
    """A certificate for 127.0.0.1."""
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -keyout key.pem -out cert.pem"
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


# --- what keeps a call from going on ----------------------------------------------------------------------------------


class Full:
    """A disk that takes no more."""

    dropouts = 0

    def write(self, caller: bytes, bot: bytes) -> None:
        """Not any more."""
        raise ConfigError("the sound file cannot be written: the disk is full")

    def close(self) -> None:
        """Nothing is held."""


@pytest.mark.asyncio
async def test_a_full_disk_ends_the_call_in_one_sentence() -> None:
    closed: list[int | None] = []

    async def serve_call(socket: ServerConnection) -> None:
        await opened(socket)
        await socket.wait_closed()
        closed.append(socket.close_code)

    microphone = VirtualMicrophone(RATE)
    someone = Caller(RATE, microphone, None, [Full()], lambda *_: None)
    async with server(serve_call) as place:
        with pytest.raises(ConfigError, match="the disk is full"):
            await talk(Door(parse_address(f"ws://{place}")), someone)
    assert closed == [1000]
