"""The sending side of one Chat Completions answer, and where its faults strike: in a stream, or before the whole."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from llm.local.chat_protocol import DONE, ChatWriter, error_body
from llm.local.connection import send_outputs
from llm.local.faults import Faults
from llm.local.outlet import GARBAGE, BrokenOff, ResponseOutlet
from llm.local.protocol import RequestError
from llm.local.request import Output

SEND_TIMEOUT_S = 20.0
"""A client that does not read for so long is cut off; the websocket's pings have the same limit."""
STALL_S = 600.0
"""A connection that was told to stall is cut after so long; no client waits longer."""

Write = Callable[[bytes], Awaitable[None]]


class HttpOutlet:
    """Sends the chunks of one answer as server-sent events, once it has a stream; a whole answer is sent at its end.

    Raises ConnectionError when the client is gone, or the connection was cut.
    """

    def __init__(self, abort: Callable[[], None]) -> None:
        """`abort` cuts the connection."""
        self.garbled = False
        """What cannot be read belongs into the answer."""
        self._write: Write | None = None
        self._abort = abort
        self._stalled = False

    def stream_to(self, write: Write) -> None:
        """Send from now on."""
        self._write = write

    async def send(self, event: bytes) -> None:
        """Send one event. Waits while the client does not read, though not for ever."""
        await self.hold()
        if self._write is not None:
            await self.within(self._write(b"data: " + event + b"\n\n"))

    async def send_garbage(self) -> None:
        """Send what no client can read."""
        self.garbled = True
        await self.send(GARBAGE.encode())

    async def hold(self) -> None:
        """Wait as long as this connection was told to stall, then cut it."""
        if self._stalled:
            await asyncio.sleep(STALL_S)
            await self.drop(None)

    def stall(self) -> None:
        """Say nothing more, but stay connected."""
        self._stalled = True

    async def drop(self, _close_code: int | None) -> None:
        """Cut the connection. Raises ConnectionError."""
        self._abort()
        raise ConnectionAbortedError("the connection was cut")

    async def within(self, sending: Awaitable[object]) -> None:
        """Wait until something is sent, but not for ever."""
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await sending
        except TimeoutError:
            await self.drop(None)


async def give(outputs: list[Output], writer: ChatWriter, outlet: HttpOutlet, faults: Faults, most: int | None) -> None:
    """Send the chunks of an answer, to its end or its `most` tokens. Raises RequestError where it is told to fail."""
    paced = ResponseOutlet(outlet, faults)
    try:
        if outputs:
            await paced.before_first()
        await paced.send(writer.begin())
        complete = await send_outputs(outputs, writer, paced, most)
    except BrokenOff as broken:
        if not broken.reason:
            raise RequestError("An end, as this server was told to.", code="server_error", status=500) from broken
        for event in writer.end(broken.reason):
            await outlet.send(event)
        return
    for event in writer.end("" if complete else "length"):
        with contextlib.suppress(BrokenOff):  # a fault that counts to the end of an answer has come too late
            await paced.send([event])


async def give_stream(
    outputs: list[Output], writer: ChatWriter, outlet: HttpOutlet, faults: Faults, most: int | None
) -> None:
    """The same with the last word of a stream: `[DONE]`, or an error."""
    try:
        await give(outputs, writer, outlet, faults, most)
    except RequestError as error:
        await outlet.send(error_body(error))
    else:
        await outlet.send(DONE)


async def give_whole(
    outputs: list[Output], writer: ChatWriter, outlet: HttpOutlet, faults: Faults, most: int | None
) -> bytes:
    """The same at the same pace as one body, which is still to be sent. Raises RequestError."""
    await give(outputs, writer, outlet, faults, most)
    await outlet.hold()
    return GARBAGE.encode() if outlet.garbled else writer.whole()
