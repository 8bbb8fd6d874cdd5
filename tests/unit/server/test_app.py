"""The routes: the page and its policy, health, readiness, metrics; and what is no websocket, or no HTTP at all."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from urllib.parse import urljoin

import msgspec
import pytest
from loguru import logger

from server import __version__
from server.agent import Agent
from server.app import HANDSHAKE_S, HEADERS, STATIC, Server
from server.config import Settings
from tests.e2e.page_server import HEADERS as PAGE_TEST_HEADERS
from tests.unit.server.call.session_stand import virtual
from tests.unit.server.logbook import Logbook
from tests.unit.server.parts import Call
from tests.unit.server.server_stand import SERVICES, ServerStand

SCRIPT = ("text/javascript", "application/javascript")  # Python versions differ; browsers take both
MIME = {".js": SCRIPT, ".css": ("text/css",), ".svg": ("image/svg+xml",), ".html": ("text/html",)}
IMPORT = re.compile(r'^(?:import|export) .*?"(\..*?)"', re.MULTILINE)
FILES = sorted(str(file.relative_to(STATIC)) for file in STATIC.rglob("*") if file.is_file())


def answering(*answers: list[str | Call]) -> dict[str, object]:
    """A model for the settings."""
    return {"name": "tests.unit.server.parts:model", "answers": answers}


# --- health, readiness, metrics ---------------------------------------------------------------------------------------


@virtual
async def test_health_tells_the_version_and_how_many_calls_go_on() -> None:
    async with ServerStand() as stand:
        assert await stand.json("/health") == (200, {"status": "ok", "version": __version__, "calls": 0})
        await stand.call()
        assert await stand.json("/health") == (200, {"status": "ok", "version": __version__, "calls": 1})


@virtual
async def test_ready_says_why_not_and_is_ready_again() -> None:
    async with ServerStand(max_calls=1) as stand:
        assert await stand.json("/ready") == (200, {"ready": True, "why": None})
        call = await stand.call()
        status, body = await stand.json("/ready")
        assert (status, body) == (503, {"ready": False, "why": "the server has as many calls as it may"})
        await call.say("end")
        await stand.over()
        assert (await stand.json("/ready"))[0] == 200


@virtual
async def test_metrics_are_prometheus_text_and_count_a_call() -> None:
    async with ServerStand(Agent(greeting="Hello.")) as stand:
        _, _, headers = await stand.get("/metrics")
        assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert await stand.count("voicewire_calls_total") == 0
        call = await stand.call()
        assert await stand.count("voicewire_calls_active") == 1
        await call.say("text", text="one")
        await call.hears("turn")
        await call.say("end")
        await stand.over()
        assert await stand.count("voicewire_calls_total") == 1
        assert await stand.count("voicewire_calls_active") == 0
        assert await stand.count("voicewire_calls_ended_total", code="1000") == 1
        assert await stand.count("voicewire_turns_total") == 1
        assert await stand.count("voicewire_turn_seconds_count", until="first_audio") == 1
        assert await stand.count("voicewire_turn_seconds_count", until="end_of_turn") == 0  # typed turns have none


@virtual
async def test_a_tool_that_a_model_invents_makes_no_label_of_its_own() -> None:
    async with ServerStand(llm=answering([Call("invented", "{}")])) as stand:
        call = await stand.call()
        await call.say("text", text="go")
        await call.hears("tool_result", name="invented")
        assert await stand.count("voicewire_tool_calls_total", tool="unknown", outcome="failed") == 1
        _, text, _ = await stand.get("/metrics")
        assert "invented" not in text


# --- plain functions, in real threads ---------------------------------------------------------------------------------


@asynccontextmanager
async def made() -> AsyncIterator[Server]:
    """A server that listens nowhere, on a real loop."""
    server = Server(msgspec.convert(SERVICES, Settings), Agent())
    try:
        yield server
    finally:
        await server.stop()


@pytest.mark.asyncio
async def test_a_plain_function_runs_off_the_loop_and_logs_with_the_id_of_its_call() -> None:
    def work(number: int) -> tuple[int, bool]:
        logger.info("noted")
        return number, threading.current_thread() is threading.main_thread()

    with Logbook() as log:
        async with made() as server:
            with logger.contextualize(call="c1"):
                assert await server._run_sync(work, number=7) == (7, False)
    assert [(entry.message, entry.call) for entry in log.entries] == [("noted", "c1")]


@pytest.mark.asyncio
async def test_a_plain_function_that_raises_what_no_future_can_hold_fails_like_any_other() -> None:
    def work() -> None:
        raise StopIteration

    async with made() as server, asyncio.timeout(20):
        with pytest.raises(RuntimeError, match="StopIteration"):
            await server._run_sync(work)


# --- the page ---------------------------------------------------------------------------------------------------------


def policy(header: str) -> dict[str, list[str]]:
    """A Content-Security-Policy as directive: sources."""
    directives = (each.split() for each in header.split(";"))
    return {name: sources for name, *sources in directives}


class Page(HTMLParser):
    """What a page loads, and what its policy would refuse."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.inline: list[str] = []
        self._in_script = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at an element."""
        self._in_script = tag == "script"
        self.loads += [value or "" for name, value in attrs if name == "src" or (tag == "link" and name == "href")]
        self.inline += [name for name, _ in attrs if name.startswith("on") or name == "style"]
        self.inline += [tag] if tag == "style" else []

    def handle_data(self, data: str) -> None:
        """Look at a text."""
        if self._in_script and data.strip():
            self.inline.append(data)


@virtual
async def test_the_page_comes_with_a_policy_that_lets_no_inline_script_run() -> None:
    async with ServerStand() as stand:
        status, html, headers = await stand.get("/")
    assert (status, headers["Content-Type"]) == (200, "text/html")
    allowed = policy(headers["Content-Security-Policy"])
    assert (allowed["default-src"], allowed["script-src"], allowed["style-src"]) == (["'none'"], ["'self'"], ["'self'"])
    assert allowed["frame-ancestors"] == ["'none'"]
    assert allowed["require-trusted-types-for"] == ["'script'"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert Page(html).inline == []


@virtual
async def test_whatever_the_page_loads_is_there() -> None:
    async with ServerStand() as stand:
        _, html, _ = await stand.get("/")
        found: set[str] = set()
        wanted = {urljoin("/", path) for path in Page(html).loads}
        assert len(wanted) > 3
        while wanted - found:
            path = (wanted - found).pop()
            found.add(path)
            status, text, _ = await stand.get(path)
            assert status == 200, path
            if path.endswith(".js"):
                wanted |= {urljoin(path, each) for each in IMPORT.findall(text)}
        assert len([path for path in found if path.endswith(".js")]) > 5


@virtual
async def test_every_file_is_served_as_what_it_is_under_the_policy() -> None:
    async with ServerStand() as stand:
        for file in FILES:
            status, _, headers = await stand.get(f"/static/{file}")
            assert status == 200
            assert headers["Content-Type"].partition(";")[0] in MIME[f".{file.rpartition('.')[2]}"], file
            assert headers["Content-Security-Policy"] == HEADERS["Content-Security-Policy"]
            assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_page_is_tested_under_the_policy_that_it_is_served_with() -> None:
    assert policy(PAGE_TEST_HEADERS["Content-Security-Policy"]) == policy(HEADERS["Content-Security-Policy"])


# --- what is no call --------------------------------------------------------------------------------------------------

WEBSOCKET = ("Upgrade: websocket", "Connection: Upgrade")
KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
REQUESTS = {
    "a path that is not there": (("GET /nowhere",), 404),
    "a file that is not there": (("GET /static/nowhere.js",), 404),
    "a file beside the page": (("GET /static/../server/app.py",), 404),
    "the same, escaped": (("GET /static/%2e%2e/server/app.py",), 404),
    "the same, escaped twice": (("GET /static/%252e%252e/server/app.py",), 404),
    "the folder itself": (("GET /static/",), 403),
    "another method": (("POST /", "Content-Length: 3"), 405),
    "a websocket by another method": (("POST /ws", *WEBSOCKET), 405),
    "no upgrade": (("GET /ws",), 400),
    "an upgrade to something else": (("GET /ws", "Upgrade: h2c", "Connection: Upgrade"), 400),
    "no key": (("GET /ws", *WEBSOCKET, "Sec-WebSocket-Version: 13"), 400),
    "a short key": (("GET /ws", *WEBSOCKET, "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: x"), 400),
    "an old version": (("GET /ws", *WEBSOCKET, "Sec-WebSocket-Version: 12", KEY), 400),
}
NO_HTTP = {
    "a TLS handshake": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200) + b"\r\n\r\n",
    "a word": b"hello\r\n\r\n",
    "noise": bytes(range(256)) + b"\r\n\r\n",
    "an unknown protocol": b"GET / SIP/2.0\r\n\r\n",
    "a header of 70 kB": b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
    "a path of 70 kB": b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a header without a colon": b"GET / HTTP/1.1\r\nHost: x\r\nhello\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "a length that is none": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "NUL in a header": b"GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n",
}


async def exchange(stand: ServerStand, request: bytes) -> bytes:
    """Send bytes, and read until the server closes."""
    reader, writer = await asyncio.open_unix_connection(str(stand.path))
    writer.write(request)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


@pytest.mark.parametrize(("lines", "status"), REQUESTS.values(), ids=REQUESTS)
@virtual
async def test_a_request_that_asks_for_nothing_here_is_answered(lines: tuple[str, ...], status: int) -> None:
    async with ServerStand() as stand:
        head = "\r\n".join([f"{lines[0]} HTTP/1.1", "Host: localhost", *lines[1:], "", ""])
        answer = await exchange(stand, head.encode() + b"xyz" * ("Content-Length: 3" in lines))
        assert answer.startswith(f"HTTP/1.1 {status} ".encode())
        assert b"Content-Security-Policy: default-src 'none'" in answer
        assert stand.server.calls.count == 0


@pytest.mark.parametrize("request_bytes", NO_HTTP.values(), ids=NO_HTTP)
@virtual
async def test_what_is_no_http_is_refused_without_a_traceback(request_bytes: bytes) -> None:
    async with ServerStand() as stand:
        assert (await exchange(stand, request_bytes))[:13] in (b"HTTP/1.0 400 ", b"HTTP/1.1 400 ")
        await (await stand.call()).say("end")


@pytest.mark.parametrize(
    "request_bytes", [b"", b"G", b"GET /ws HTTP/1.1\r\nHost: x\r\n"], ids=["nothing", "a letter", "half a request"]
)
@virtual
async def test_a_connection_that_does_not_ask_for_anything_is_closed(request_bytes: bytes) -> None:
    async with ServerStand() as stand:
        begin = asyncio.get_running_loop().time()
        assert await exchange(stand, request_bytes) == b""
        assert asyncio.get_running_loop().time() - begin == pytest.approx(HANDSHAKE_S, abs=0.1)
