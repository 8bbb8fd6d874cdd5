"""The sending side of one client of the brain, and where its faults strike."""

from __future__ import annotations

import asyncio
from typing import Protocol

from websockets.asyncio.server import ServerConnection

from llm.local.faults import Faults

GARBAGE = "\x00}{ this is not JSON"


class BrokenOff(Exception):
    """The response ends here, as the faults say; `reason` is why it is incomplete, empty where it failed."""

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason or "failed")
        self.reason = reason


class Sink(Protocol):
    """Where the events of an answer go: a websocket (Outlet), or the body of an HTTP answer (chat_outlet.py)."""

    async def send(self, event: bytes) -> None:
        """Send one event."""

    async def send_garbage(self) -> None:
        """Send what no client can read."""

    def stall(self) -> None:
        """Say nothing more."""

    async def drop(self, close_code: int | None) -> None:
        """End the connection."""


class Outlet:
    """Sends events to one client. Raises ConnectionClosed when the client is gone."""

    def __init__(self, websocket: ServerConnection) -> None:
        self._websocket = websocket
        self._stalled = False

    async def send(self, event: bytes) -> None:
        """Send one event, unless this connection was told to stall. Waits while the client does not read."""
        if not self._stalled:
            await self._websocket.send(event, text=True)

    async def send_garbage(self) -> None:
        """Send what no client can read."""
        if not self._stalled:
            await self._websocket.send(GARBAGE)

    def stall(self) -> None:
        """Say nothing more, but stay connected and answer pings."""
        self._stalled = True

    async def drop(self, close_code: int | None) -> None:
        """End the connection; without a close frame where `close_code` is None."""
        if close_code is None:
            self._websocket.transport.abort()
            await self._websocket.wait_closed()
        else:
            await self._websocket.close(close_code, "as this server was told to")


class ResponseOutlet:
    """Sends the events of one response, and does at each count of them what the faults say."""

    def __init__(self, outlet: Sink, faults: Faults) -> None:
        self._outlet = outlet
        self._faults = faults
        self._sent = 0

    async def send(self, events: list[bytes]) -> None:
        """Send events in order. Raises BrokenOff."""
        for event in events:
            if self._sent == 0:
                await self._strike()
            await self._outlet.send(event)
            self._sent += 1
            await self._strike()

    async def before_first(self) -> None:
        """Wait as long as a model thinks before it says anything."""
        await _pause(self._faults.first_token_ms)

    async def between_deltas(self) -> None:
        """Wait as long as a model takes for a few words."""
        await _pause(self._faults.token_ms)

    async def _strike(self) -> None:
        faults = self._faults
        if self._sent == faults.garbage_after_events:
            await self._outlet.send_garbage()
        if self._sent == faults.stall_after_events:
            self._outlet.stall()
        if self._sent == faults.drop_after_events:
            await self._outlet.drop(faults.close_code)
        if self._sent == faults.fail_after_events:
            raise BrokenOff
        if self._sent == faults.filter_after_events:
            raise BrokenOff("content_filter")


async def _pause(milliseconds: float) -> None:
    if milliseconds > 0:
        await asyncio.sleep(milliseconds / 1000)
