"""An MCP server over HTTP whose answers never end: they drip, so that no read time-out ends them either."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from enum import Enum
from typing import Any

from aiohttp import web

DRIP_S = 0.01


class Way(Enum):
    """How a call is answered: with what type, and what drips."""

    COMMENTS = ("text/event-stream", b": ping\n\n")
    SPACES = ("application/json", b" ")
    RESUMED = ("text/event-stream", b": pong\n\n")
    """As `COMMENTS`, but the first answer breaks off and says where to ask for the rest, which drips."""
    REDIRECTED = ("text/event-stream", b": elsewhere\n\n")
    """As `COMMENTS`, after a redirect."""


class DripSite:
    """The server, by the protocol before 2026, with a tool `drip`."""

    def __init__(self, way: Way) -> None:
        self.url = ""
        self.open = 0
        """Answers that drip now."""
        self.changed = asyncio.Event()
        self._way = way

    async def until_open(self, number: int) -> None:
        """Wait until so many answers drip."""
        while self.open != number:
            self.changed.clear()
            await self.changed.wait()

    async def post(self, request: web.Request) -> web.StreamResponse:
        """A message."""
        message = await request.json()
        method, number = message["method"], message.get("id")
        result: dict[str, Any] = {}
        if number is None:
            return web.Response(status=202)
        if method == "tools/call":
            if self._way is Way.REDIRECTED and not request.query:
                return web.Response(status=307, headers={"location": "/mcp?again"})
            return await (self._broken(request) if self._way is Way.RESUMED else self._dripping(request))
        if method == "initialize":
            about = {"name": "drip", "version": "1"}
            result = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": about}
        elif method == "tools/list":
            result = {"tools": [{"name": "drip", "inputSchema": {"type": "object"}}]}
        else:
            return web.json_response({"jsonrpc": "2.0", "id": number, "error": {"code": -32601, "message": "what?"}})
        return web.json_response({"jsonrpc": "2.0", "id": number, "result": result}, headers={"mcp-session-id": "1"})

    async def get(self, request: web.Request) -> web.StreamResponse:
        """The rest of an answer; there is no stream of changes."""
        return await self._dripping(request) if "last-event-id" in request.headers else web.Response(status=405)

    async def _broken(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"id: 1\nretry: 1\ndata:\n\n")
        return response

    async def _dripping(self, request: web.Request) -> web.StreamResponse:
        kind, drop = self._way.value
        response = web.StreamResponse(headers={"content-type": kind})
        await response.prepare(request)
        self._count(1)
        try:
            while True:
                await response.write(drop)
                await asyncio.sleep(DRIP_S)
        finally:
            self._count(-1)

    def _count(self, number: int) -> None:
        self.open += number
        self.changed.set()


@contextlib.asynccontextmanager
async def dripping(way: Way) -> AsyncIterator[DripSite]:
    """A site for as long as it is needed."""
    site = DripSite(way)
    app = web.Application()
    app.add_routes([web.post("/mcp", site.post), web.get("/mcp", site.get)])
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        tcp = web.TCPSite(runner, "127.0.0.1", 0)
        await tcp.start()
        site.url = f"http://127.0.0.1:{runner.addresses[0][1]}/mcp"
        yield site
    finally:
        await runner.cleanup()
