"""A websocket server on a unix socket, whose behaviour a test writes; for virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from types import TracebackType

from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.asyncio.server import Server, ServerConnection, unix_serve
from websockets.http11 import Request, Response

from link.websocket import CLOSE_S, Endpoint

Act = Callable[[ServerConnection], Awaitable[None]]
Admit = Callable[[ServerConnection, Request], Awaitable[Response | None]]


async def close_at_once(connection: ServerConnection) -> None:
    """An act: the connection ends in order, with 1000."""


async def wait_for_the_end(connection: ServerConnection) -> None:
    """An act: say nothing."""
    await connection.wait_closed()


async def half_open(connection: ServerConnection) -> None:
    """An act: read nothing, answer no ping, and do not notice the client's end."""
    connection.transport.pause_reading()
    await connection.wait_closed()


def refusing(status: int, headers: dict[str, str] | None = None) -> Admit:
    """Refuses every handshake."""

    async def admit(connection: ServerConnection, request: Request) -> Response | None:
        response = connection.respond(HTTPStatus(status), "no\n")
        response.headers.update(headers or {})
        return response

    return admit


async def admitting(connection: ServerConnection, request: Request) -> Response | None:
    """Lets everybody in."""
    return None


class Peer:
    """Serves while it is entered. `open` is its clients' opener; `opened_at` and `closes` tell what came of them."""

    def __init__(self, folder: Path, act: Act = wait_for_the_end, admit: Admit = admitting) -> None:
        self._path = str(folder / "peer")
        self.act = act
        self._admit = admit
        self._server: Server | None = None
        self.tried_at: list[float] = []
        self.opened_at: list[float] = []
        self.closes: list[int | None] = []
        """The close code that each client sent, in the order of their ends; None for none."""

    async def __aenter__(self) -> Peer:
        """Listen."""
        self._server = await unix_serve(
            self._serve,
            self._path,
            process_request=self._admit,
            compression=None,
            close_timeout=CLOSE_S,
            ping_interval=None,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cut what is left."""
        assert self._server is not None
        self.cut()
        self._server.close()
        await self._server.wait_closed()

    def cut(self) -> None:
        """Cut every connection, without a close frame."""
        assert self._server is not None
        for connection in self._server.connections:
            connection.transport.abort()

    async def open(self, endpoint: Endpoint) -> ClientConnection:
        """Connect to it, as `link.websocket.open_websocket` would."""
        self.tried_at.append(asyncio.get_running_loop().time())
        return await unix_connect(
            self._path,
            endpoint.url,
            additional_headers=list(endpoint.headers),
            compression=None,
            open_timeout=endpoint.connect_s,
            ping_interval=endpoint.ping_s,
            ping_timeout=endpoint.ping_s,
            close_timeout=CLOSE_S,
            max_size=endpoint.max_message_bytes,
        )

    async def _serve(self, connection: ServerConnection) -> None:
        self.opened_at.append(asyncio.get_running_loop().time())
        try:
            await self.act(connection)
        finally:
            await connection.close()
            received = connection.protocol.close_rcvd
            self.closes.append(received.code if received else None)


class DeafPeer:
    """A server on a unix socket that takes connections and never answers the handshake."""

    def __init__(self, folder: Path) -> None:
        self._path = str(folder / "deaf")
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> DeafPeer:
        """Listen."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._writers.append(writer)

        self._server = await asyncio.start_unix_server(serve, self._path)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        assert self._server is not None
        for writer in self._writers:
            writer.transport.abort()
        self._server.close()
        await self._server.wait_closed()

    async def open(self, endpoint: Endpoint) -> ClientConnection:
        """Connect to it."""
        return await unix_connect(self._path, endpoint.url, open_timeout=endpoint.connect_s)
