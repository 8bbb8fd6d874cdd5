"""Runs the agent's event handlers, one at a time and in order, so that a handler sees a call in the order it went."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from loguru import logger

from link.inbox import Inbox, InboxFull
from server.call.events import CallEnded, Event
from server.call.handle import CallHandle

if TYPE_CHECKING:
    from server.agent import Handler

TIMEOUT_S = 30.0


class Handlers:
    """The handlers of one call. A handler that fails or hangs is logged, and the call goes on."""

    def __init__(self, handlers: dict[type[Event], list[tuple[Handler, int]]], handle: CallHandle, limit: int) -> None:
        self._handlers = handlers
        self._handle = handle
        self._events: Inbox[Event] = Inbox(limit)
        self._running: asyncio.Task[None] | None = None
        self._end: CallEnded | None = None
        self.dropped = 0
        """Events that no handler saw, because the ones before took too long."""

    def put(self, event: Event) -> None:
        """An event happened."""
        if isinstance(event, CallEnded):
            self._end = event
        elif type(event) not in self._handlers:
            return
        try:
            self._events.put(event)
        except InboxFull:
            self.dropped += 1
            if self.dropped == 1:
                logger.warning("event handlers are too slow; events are dropped")

    async def run(self) -> None:
        """Handle events until the call has ended."""
        self._running = asyncio.current_task()
        assert self._running is not None
        self._running.set_name("an event handler")
        while not isinstance(event := await self._events.get(), CallEnded):
            await self._dispatch(event)

    async def finish(self, limit_s: float) -> None:
        """The call has ended: what is handled now may take `limit_s`, and so may then the handlers of the end."""
        if self._running is not None and not await _ends(self._running, limit_s):
            logger.warning("event handlers did not end within {:g} s of the call", limit_s)
            self._running.cancel()
        if self._end is None:
            return
        try:
            async with asyncio.timeout(limit_s):
                await self._dispatch(self._end)
        except TimeoutError:
            logger.warning("the handlers of call_ended did not end within {:g} s", limit_s)

    async def _dispatch(self, event: Event) -> None:
        for handler, arguments in self._handlers.get(type(event), []):
            await self._handle_one(handler, arguments, event)

    async def _handle_one(self, handler: Handler, arguments: int, event: Event) -> None:
        name = getattr(handler, "__name__", "handler")
        try:
            async with asyncio.timeout(TIMEOUT_S) as limit:
                await handler(*(self._handle, event)[:arguments])
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and is_cancelled():
                raise
            if limit.expired():
                logger.error("the handler {} did not end within {:g} s", name, TIMEOUT_S)
            else:
                logger.exception("the handler {} failed; the call goes on", name)


async def _ends(task: asyncio.Task[None], limit_s: float) -> bool:
    done, _ = await asyncio.wait([task], timeout=limit_s)
    return bool(done)


def is_cancelled() -> bool:
    """Whether we cancelled this task; the application's code may as well have met a cancelled task of its own."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
