"""A provider's connection with one fault at one message: the n-th of all connections, whichever way it goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

FLAVOURS = ("reset", "1000", "1011", "garbage")
"""Losses that the client notices at once."""


STALL_S = 60.0


class Wire:
    """The messages of all connections, counted; `faults` says what happens after which."""

    def __init__(self, faults: Mapping[int, str] | None = None) -> None:
        self._faults = dict(faults or {})
        self.messages = 0
        self.struck = 0
        self.connections = 0

    async def strike(self, connection: ServerConnection) -> None:
        """A message went through."""
        self.messages += 1
        how = self._faults.pop(self.messages, None)
        self.struck += how is not None
        match how:
            case None:
                pass
            case "reset":
                connection.transport.abort()
            case "stall":  # half open, until the operating system notices
                connection.transport.pause_reading()
                await asyncio.sleep(STALL_S)
                connection.transport.abort()
            case "garbage":
                await connection.send("}{ this is no event")
            case code:
                await connection.close(int(code))

    async def received(self, connection: ServerConnection) -> AsyncIterator[str | bytes]:
        """What the client sends, until the connection is over."""
        self.connections += 1
        try:
            async for message in connection:
                await self.strike(connection)
                yield message
        except ConnectionClosed:
            return

    async def send(self, connection: ServerConnection, message: str) -> None:
        """Say something; a client that is gone does not hear it."""
        try:
            await connection.send(message)
            await self.strike(connection)
        except ConnectionClosed:
            return
