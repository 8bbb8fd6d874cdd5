"""The one who writes to a call's socket, pongs too: what is said stands in a bounded outbox, and leaves in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from loguru import logger

from link.errors import ClientError
from server.call.guard import TOO_SLOW
from server.call.shared import Socket
from server.protocols.wire import Message, Ping, Pong

MAX_OUTBOX = 1024  # messages; a client that reads has a few
CLOSE_S = 2.0  # what is left for the last messages
FAREWELL_S = 2.0  # what a client has to answer the end with its own


class Writer:
    """Sends until it is told the last message; `run` is a task of the call."""

    def __init__(self, socket: Socket, clock: Callable[[], float], *, farewell: bool = False) -> None:
        """`clock` gives seconds; `farewell`: as in `Capabilities`."""
        self._socket = socket
        self._clock = clock
        self._outbox: deque[Message | Ping | Pong] = deque()
        self._wake = asyncio.Event()
        self._written = asyncio.Event()
        self._farewell = farewell
        self._left = asyncio.Event()
        self._ends = False
        self.sending_since: float | None = None
        """Since when the message that is being sent waits for the client to read."""

    def say(self, messages: Sequence[Message | Ping | Pong]) -> None:
        """Send these, unless the last message was said. Raises ClientError when the client does not keep up."""
        if self._ends:
            return
        if len(self._outbox) >= MAX_OUTBOX:
            raise ClientError(TOO_SLOW, f"the client left {MAX_OUTBOX} messages unread")
        self._outbox.extend(messages)
        self._wake.set()

    def say_last(self, messages: Sequence[Message]) -> None:
        """Send these, and nothing more; with a farewell, until the client has left."""
        self._ends = not (self._farewell and messages)
        self._outbox.extend(messages)
        self._wake.set()

    def left(self) -> None:
        """The client says no more."""
        self._left.set()

    async def run(self) -> None:
        """Send what is in the outbox, until the last of it is out. Raises EOFError when the connection is gone."""
        try:
            while self._outbox or not self._ends:
                while self._outbox:
                    await self._send(self._outbox.popleft())
                self._wake.clear()
                if not self._ends:
                    await self._wake.wait()
        finally:
            self._written.set()
            self._left.set()

    async def close(self, code: int, reason: str) -> None:
        """Close the connection when the last message is out; a client that does not read is not waited for."""
        if not self._ends:
            await self._part()
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._written.wait()
        except TimeoutError:
            logger.info("the client did not take the last messages")
        await self._socket.close(code, reason)

    async def _part(self) -> None:
        """Wait for the client to leave."""
        try:
            async with asyncio.timeout(FAREWELL_S):
                await self._left.wait()
        except TimeoutError:
            logger.info("the client did not answer the end of the call")
        self.say_last(())

    async def _send(self, message: Message | Ping | Pong) -> None:
        self.sending_since = self._clock()
        await self._socket.send(message)
        self.sending_since = None
