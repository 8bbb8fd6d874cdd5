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
        self._ended = asyncio.Event()
        self.dropped = 0
        """Events that no handler saw, because the ones before took too long."""

    def put(self, event: Event) -> None:
        """An event happened."""
        if type(event) not in self._handlers and not (self._handlers and isinstance(event, CallEnded)):
            return
        try:
            self._events.put(event)
        except InboxFull:
            self.dropped += 1
            if self.dropped == 1:
                logger.warning("event handlers are too slow; events are dropped")

    async def run(self) -> None:
        """Handle events until the call has ended."""
        while True:
            event = await self._events.get()
            for handler, arguments in self._handlers.get(type(event), []):
                await self._handle_one(handler, arguments, event)
            if isinstance(event, CallEnded):
                self._ended.set()
                return

    async def finish(self, limit_s: float) -> None:
        """Wait until the last event was handled, for at most `limit_s`."""
        if self._handlers:
            try:
                async with asyncio.timeout(limit_s):
                    await self._ended.wait()
            except TimeoutError:
                logger.warning("event handlers did not end within {:g} s of the call", limit_s)

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


def is_cancelled() -> bool:
    """Whether we cancelled this task; the application's code may as well have met a cancelled task of its own."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
