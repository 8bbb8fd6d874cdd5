"""The brain behind a unix socket, with one fault at one message of the link: the n-th, whichever way it goes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

from msgspec import Struct
from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.asyncio.server import Server, ServerConnection, unix_serve

from link.websocket import CLOSE_S, Endpoint
from llm.local import brain
from llm.local.connection import Service, serve_connection
from llm.local.faults import Faults
from llm.local.server import PACE

FLAVOURS = ("1000", "1001", "reset", "1011", "1012", "1013", "stall", "garbage")
NOON = datetime(2026, 11, 21, 12, 0)


class Drop(Struct, frozen=True):
    """After the `at`-th message of the link (counted from 1, both ways, over all connections) it breaks like this."""

    at: int
    how: str


class FaultyConnection:
    """What `serve_connection` sees of a websocket: the same, until the drop strikes."""

    def __init__(self, websocket: ServerConnection, count: Callable[[], str | None]) -> None:
        self._websocket = websocket
        self._count = count
        self._stalled = False

    @property
    def transport(self) -> Any:
        """The socket's transport."""
        return self._websocket.transport

    async def recv(self) -> str | bytes:
        """The next request."""
        message = await self._websocket.recv()
        await self._strike(self._count())
        return message

    async def send(self, message: str | bytes, text: bool | None = None) -> None:
        """Send an event, unless the connection is half open."""
        if not self._stalled:
            await self._websocket.send(message, text=text)
        await self._strike(self._count())

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close in order."""
        await self._websocket.close(code, reason)

    async def wait_closed(self) -> None:
        """Wait until it is closed."""
        await self._websocket.wait_closed()

    async def _strike(self, how: str | None) -> None:
        match how:
            case None:
                pass
            case "reset":
                self._websocket.transport.abort()
            case "stall":  # half open: it says nothing more and answers no ping
                self._stalled = True
                self._websocket.transport.pause_reading()
            case "garbage":
                await self._websocket.send("}{ this is no event")
            case _:
                await self._websocket.close(int(how))


class Provider:
    """Serves the brain on a unix socket and counts the link's messages."""

    def __init__(self, path: Path, drops: tuple[Drop, ...], faults: Faults = PACE) -> None:
        self._path = path
        self._drops = {drop.at: drop.how for drop in drops}
        self._faults = faults
        self._server: Server | None = None
        self.messages = 0
        self.struck = 0
        self.connections = 0

    async def start(self) -> None:
        """Listen."""
        self._server = await unix_serve(
            self._serve, str(self._path), compression=None, close_timeout=CLOSE_S, ping_interval=None
        )

    async def stop(self) -> None:
        """Stop; connections that are half open are cut."""
        assert self._server
        for connection in self._server.connections:
            connection.transport.abort()
        self._server.close()
        await self._server.wait_closed()

    async def open(self, endpoint: Endpoint) -> ClientConnection:
        """What the service opens a connection with (its `opener`)."""
        return await unix_connect(
            str(self._path),
            endpoint.url,
            compression=None,
            open_timeout=endpoint.connect_s,
            ping_interval=endpoint.ping_s,
            ping_timeout=endpoint.ping_s,
            close_timeout=CLOSE_S,
            max_size=endpoint.max_message_bytes,
        )

    def _count(self) -> str | None:
        self.messages += 1
        how = self._drops.get(self.messages)
        self.struck += how is not None
        return how

    async def _serve(self, websocket: ServerConnection) -> None:
        self.connections += 1
        faulty: Any = FaultyConnection(websocket, self._count)
        service = Service(brain.respond, lambda: NOON, lambda: self._faults, Random(0), f"v{self.connections}")
        try:
            await serve_connection(faulty, service)
        except* asyncio.CancelledError:
            raise
