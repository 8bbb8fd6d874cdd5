"""A server for the tests of the page: `static/` under a strict policy, and a native wire that a test plays by hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from aiohttp import WSMsgType, web

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 5.0
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' ws: wss:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "Cache-Control": "no-cache",
}
Message = dict[str, Any]


class PageCall:
    """The server's end of one call: what the page sent so far, and what the test says."""

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport | None) -> None:
        self._socket = socket
        self._transport = transport
        self._changed = asyncio.Condition()
        self.messages: list[Message] = []
        self.pcm = bytearray()
        self.audio_bytes: list[int] = []
        self.pcm_at: dict[str, int] = {}
        """How many bytes of audio had come before the last message of a kind."""
        self.close_code: int | None = None

    async def send(self, kind: str, **fields: object) -> None:
        """Send one message."""
        await self._socket.send_str(json.dumps({"type": kind, **fields}))

    async def text(self, text: str) -> None:
        """Send a text message as it is."""
        await self._socket.send_str(text)

    async def audio(self, pcm: bytes) -> None:
        """Send PCM16."""
        await self._socket.send_bytes(pcm)

    async def ready(self, **fields: object) -> None:
        """Answer `start`, with what it asked for."""
        start = await self.expect("start")
        rates = {key: start[key] for key in ("sample_rate", "output_sample_rate")}
        await self.send("ready", **({"call_id": "c1", "version": "0.1.0"} | rates | fields))

    async def close(self, code: int = 1000) -> None:
        """Close the socket."""
        await self._socket.close(code=code)

    def drop(self) -> None:
        """Cut the connection without a word."""
        if self._transport is not None:
            self._transport.abort()

    async def expect(self, kind: str, **fields: object) -> Message:
        """The first message of a kind that has these fields; it is taken out."""
        found: Message = {}

        def arrived() -> bool:
            wanted = {"type": kind, **fields}.items()
            index = next((i for i, message in enumerate(self.messages) if wanted <= message.items()), None)
            if index is not None:
                found.update(self.messages.pop(index))
            return index is not None

        await self._until(arrived, f"{kind} {fields}")
        return found

    async def heard(self, samples: int) -> bytes:
        """The page's microphone, once there are so many samples of it."""
        await self._until(lambda: len(self.pcm) >= samples * 2, f"{samples} samples")
        return bytes(self.pcm)

    async def closed(self) -> int | None:
        """The code with which the page closed the socket."""
        await self._until(lambda: self.close_code is not None, "the end of the call")
        return self.close_code

    async def run(self) -> None:
        """Read until the socket closes."""
        async for message in self._socket:
            async with self._changed:
                if message.type is WSMsgType.BINARY:
                    self.pcm += message.data
                    self.audio_bytes.append(len(message.data))
                else:
                    self.messages.append(json.loads(message.data))
                    self.pcm_at[self.messages[-1]["type"]] = len(self.pcm)
                self._changed.notify_all()
        async with self._changed:
            self.close_code = self._socket.close_code or 1006
            self._changed.notify_all()

    async def _until(self, condition: Callable[[], bool], what: str) -> None:
        try:
            async with asyncio.timeout(DEADLINE_S), self._changed:
                await self._changed.wait_for(condition)
        except TimeoutError:
            kinds = [message["type"] for message in self.messages]
            raise AssertionError(f"the page did not send {what}; waiting are {kinds}, {len(self.pcm)} bytes") from None


class PageServer:
    """`async with PageServer() as server:` serves the page at `server.url`; each call arrives at `server.call()`."""

    def __init__(self) -> None:
        self._calls: asyncio.Queue[PageCall] = asyncio.Queue()
        self.refuse = False
        """Answer upgrades with 503, as a full server does."""
        self.refused = 0
        app = web.Application()
        app.router.add_get("/", self._index)
        app.router.add_get("/ws", self._websocket)
        app.router.add_static("/static", ROOT / "static")
        app.router.add_static("/tests", ROOT / "tests")
        app.on_response_prepare.append(_add_headers)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port: int = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self.port}/"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def call(self) -> PageCall:
        """The next call that the page makes."""
        async with asyncio.timeout(DEADLINE_S):
            return await self._calls.get()

    def forget_calls(self) -> None:
        """Whatever a test left behind is of no concern to the next."""
        self.refuse, self.refused = False, 0
        while not self._calls.empty():
            self._calls.get_nowait()

    async def _index(self, _: web.Request) -> web.FileResponse:
        return web.FileResponse(ROOT / "static" / "index.html")

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        if self.refuse:
            self.refused += 1
            return web.Response(status=503)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        call = PageCall(socket, request.transport)
        self._calls.put_nowait(call)
        await call.run()
        return socket


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
