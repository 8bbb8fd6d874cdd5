"""A provider's connection with faults after given messages: the n-th of all connections, whichever way it goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tests.unit.link.peer import refusing

STALL_S = 60.0
AGAIN_S = 0.05
FLAVOURS = ("reset", "1000", "1011", "garbage")
"""Losses that the client notices at once."""
MISFITS: dict[str, str | bytes] = {
    "garbage": "}{ this is no event",
    "a list": "[1, 2]",
    "deep": '{"x":' + "[" * 5000 + "]" * 5000 + "}",
    "huge": '{"x":"' + "x" * (1 << 20) + '"}',
    "binary": b"\xff\xfe\x00\x01",
    "no utf-8": b'{"type":"\xff","isFinal":"\xff"}',
    "unknown": '{"type":"SomethingNew","id":7}',
}
"""What no provider should say, and what one may say some day."""
DOORS = ("429", "500", "503", "cut", "deaf")
"""What becomes of a handshake; whoever tries again later gets in."""


class Wire:
    """The messages of all connections, counted; `faults` says what happens after which, 0 being before the first."""

    def __init__(
        self,
        faults: Mapping[int, str] | None = None,
        misfits: Mapping[str, str | bytes] | None = None,
        unrepeated: str = "?",
    ) -> None:
        """`misfits`: further messages that may be said at a wrong time, by the name of their fault.

        `unrepeated` marks a message that is not said "twice": sound has no number, so nobody could know.
        """
        self.faults = dict(faults or {})
        self._misfits = {**MISFITS, **(misfits or {})}
        self._unrepeated = unrepeated
        self._stalled: set[ServerConnection] = set()
        self.messages = 0
        self.struck = 0
        self.connections = 0

    async def received(self, connection: ServerConnection) -> AsyncIterator[str | bytes]:
        """What the client sends, until the connection is over."""
        self.connections += 1
        try:
            if not self.messages:
                await self._strike(connection, None)
            async for message in connection:
                self.messages += 1
                await self._strike(connection, None)
                if connection in self._stalled:
                    return
                yield message
        except ConnectionClosed:
            return

    async def send(self, connection: ServerConnection, message: str | bytes) -> None:
        """Say something; a client that is gone does not hear it."""
        if connection in self._stalled:
            return
        try:
            await connection.send(message)
            self.messages += 1
            await self._strike(connection, message)
        except ConnectionClosed:
            return

    async def _strike(self, connection: ServerConnection, said: str | bytes | None) -> None:
        how = self.faults.pop(self.messages, None)
        if how is None:
            return
        self.struck += 1
        match how:
            case "reset":
                connection.transport.abort()
            case "stall":  # half open, until the operating system notices
                self._stalled.add(connection)
                connection.transport.pause_reading()
                await asyncio.sleep(STALL_S)
                connection.transport.abort()
            case "twice" | "again":
                if isinstance(said, str) and self._unrepeated not in said:
                    await asyncio.sleep(AGAIN_S if how == "again" else 0)
                    await connection.send(said)
            case _ if how.isdecimal():
                await connection.close(int(how), "something went wrong")
            case _:
                await connection.send(self._misfits.get(how, how))


class Door:
    """What becomes of handshakes: `faults` of the n-th, from 1. Its `admit` is that of a `Peer`."""

    def __init__(self, faults: Mapping[int, str]) -> None:
        self._faults = dict(faults)
        self._tried = 0

    async def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Let them in, or not."""
        self._tried += 1
        match self._faults.pop(self._tried, ""):
            case "":
                return None
            case "cut":
                connection.transport.abort()
            case "deaf":
                await asyncio.Event().wait()
            case status:
                response: Any = await refusing(int(status))(connection, request)
                return response  # type: ignore[no-any-return]
        return None
