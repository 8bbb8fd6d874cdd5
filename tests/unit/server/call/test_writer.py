"""The writer of a call: in order, bounded, nothing after the last message, no endless wait for who does not read."""

from __future__ import annotations

import asyncio

import pytest

from link.errors import ClientError
from server.call.writer import CLOSE_S, MAX_OUTBOX, Writer
from server.protocols.wire import Ping, Pong
from tests.unit.server.call.session_stand import MemorySocket, virtual


class Desk:
    """A writer that runs on a socket in memory."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.socket = MemorySocket(self._loop.time)
        self.writer = Writer(self.socket, self._loop.time)
        self.task = self._loop.create_task(self.writer.run())

    @property
    def sent(self) -> list[object]:
        """What the client got."""
        return [message for _, message in self.socket.sent]

    def blocked_since(self) -> float | None:
        """Since when a message waits for the client."""
        return self.writer.sending_since

    async def closed(self) -> float:
        """Close; how long it took."""
        begin = self._loop.time()
        await self.writer.close(1000, "done")
        return self._loop.time() - begin


@virtual
async def test_messages_leave_in_the_order_in_which_they_were_said() -> None:
    desk = Desk()
    desk.writer.say(["a", b"\1\0"])
    desk.writer.say([Ping(b"?")])
    await asyncio.sleep(1)
    desk.writer.say([Pong(b"!"), "b"])
    desk.writer.say_last(["c"])
    await desk.task
    assert desk.sent == ["a", b"\1\0", Ping(b"?"), Pong(b"!"), "b", "c"]


@virtual
async def test_the_last_message_is_the_last_whatever_is_said_after_it() -> None:
    desk = Desk()
    desk.writer.say_last(["ended"])
    desk.writer.say(["an error", Pong()])
    await desk.task
    desk.writer.say(["one more"])
    assert desk.sent == ["ended"]


@virtual
async def test_a_writer_with_nothing_to_say_ends_too() -> None:
    desk = Desk()
    await asyncio.sleep(1)
    desk.writer.say_last([])
    await desk.task
    assert desk.sent == []


@virtual
async def test_the_connection_is_closed_once_the_last_message_is_out() -> None:
    desk = Desk()
    desk.writer.say_last(["ended"])
    assert await desk.closed() == 0
    assert desk.sent == ["ended"]
    assert desk.socket.closed == (1000, "done")
    await desk.task


@virtual
async def test_a_client_that_does_not_read_is_waited_for_two_seconds() -> None:
    desk = Desk()
    desk.socket.reading.clear()
    desk.writer.say(["a"])
    desk.writer.say_last(["ended"])
    assert await desk.closed() == pytest.approx(CLOSE_S)
    assert desk.socket.closed == (1000, "done")
    desk.task.cancel()


@virtual
async def test_it_is_known_since_when_the_client_does_not_read() -> None:
    desk = Desk()
    assert desk.blocked_since() is None
    desk.socket.reading.clear()
    await asyncio.sleep(1)
    desk.writer.say(["a", "b"])
    begin = asyncio.get_running_loop().time()
    await asyncio.sleep(3)
    assert desk.blocked_since() == begin
    desk.socket.reading.set()
    await asyncio.sleep(0.1)
    assert desk.blocked_since() is None
    desk.writer.say_last([])
    await desk.task


@virtual
async def test_a_client_that_leaves_too_much_unread_is_refused() -> None:
    desk = Desk()
    desk.socket.reading.clear()
    desk.writer.say(["on its way"])
    await asyncio.sleep(0)
    for _ in range(MAX_OUTBOX):
        desk.writer.say(["x"])
    with pytest.raises(ClientError) as error:
        desk.writer.say(["one too many"])
    assert (error.value.code, str(error.value)) == (4408, "the client left 1024 messages unread")
    desk.writer.say_last(["ended"])  # the end can always be said
    desk.socket.reading.set()
    await desk.task
    assert desk.sent[-2:] == ["x", "ended"]
    assert len(desk.sent) == 1 + MAX_OUTBOX + 1


@virtual
async def test_a_connection_that_is_gone_ends_the_writer_and_its_close_waits_for_nothing() -> None:
    desk = Desk()
    desk.socket.closed = (1006, "")
    desk.writer.say(["a"])
    with pytest.raises(EOFError):
        await desk.task
    assert await desk.closed() == 0
