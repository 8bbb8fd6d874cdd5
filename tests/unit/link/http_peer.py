"""A web server on a unix socket, whose answers a test writes; for virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType

import aiohttp
from aiohttp import web

Act = Callable[[web.Request], Awaitable[web.StreamResponse]]


def answering(text: str = "", status: int = 200, **headers: str) -> Act:
    """An act: this text. Headers have `_` for `-`."""

    async def act(request: web.Request) -> web.StreamResponse:
        await request.read()
        return web.Response(
            text=text, status=status, headers={key.replace("_", "-"): each for key, each in headers.items()}
        )

    return act


async def cut(request: web.Request) -> web.StreamResponse:
    """An act: the connection is lost before anything is said."""
    await request.read()
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def silence(request: web.Request) -> web.StreamResponse:
    """An act: nothing is said, for ever."""
    await request.read()
    await asyncio.Event().wait()
    raise AssertionError


class HttpPeer:
    """Serves while it is entered: the first request is answered by the first act, …; the last act goes on for ever."""

    def __init__(self, folder: Path, *acts: Act) -> None:
        self._path = str(folder / "web")
        self.acts = list(acts)
        self.requests = 0
        self.tried_at: list[float] = []
        self.gone = 0
        """Requests whose client hung up before the answer was complete."""

    async def __aenter__(self) -> HttpPeer:
        """Listen."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        await web.UnixSite(self._runner, self._path).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cut what is left."""
        await self._runner.cleanup()

    def connector(self) -> aiohttp.BaseConnector:
        """Leads here, whatever the address says."""
        return aiohttp.UnixConnector(self._path)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        self.tried_at.append(asyncio.get_running_loop().time())
        act = self.acts[min(self.requests, len(self.acts)) - 1]
        try:
            return await act(request)
        except asyncio.CancelledError:
            self.gone += 1
            raise
