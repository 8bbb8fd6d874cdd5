"""How long an exchange over HTTP may take, its answer included, and that it ends when nobody waits for it any more.

A read time-out begins anew with each byte, so a server that drips could hold a connection for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncGenerator
from contextvars import ContextVar
from weakref import WeakValueDictionary

import msgspec
from msgspec import Struct


class Term:
    """The time until which an exchange may last, in the loop's; `end` brings it forward."""

    def __init__(self, until: float) -> None:
        self._until = until
        self._running: asyncio.Timeout | None = None

    @contextlib.asynccontextmanager
    async def kept(self) -> AsyncGenerator[None]:
        """A part of the exchange. Raises TimeoutError when the term is over; one part at a time."""
        try:
            async with asyncio.timeout_at(None if self._until == math.inf else self._until) as self._running:
                yield
        finally:
            self._running = None

    def end(self) -> None:
        """Nobody waits for the answer."""
        self._until = -math.inf
        if self._running is not None and not self._running.expired():
            self._running.reschedule(asyncio.get_running_loop().time())


class _Params(Struct, frozen=True, rename="camel"):
    request_id: int | str = ""


class _Message(Struct, frozen=True):
    method: str = ""
    id: int | str | None = None
    params: _Params = _Params()


class Terms:
    """The terms of the exchanges with a server: a call's lasts `limit_s` seconds at most, which may be infinite."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._of_call: WeakValueDictionary[int | str, Term] = WeakValueDictionary()
        """By the number of the call; each lives as long as the package's task that has it in its context."""

    def of(self, body: bytes) -> Term:
        """The term of a request. One that tells the server of a call that was given up ends that call's term.

        Without a body it goes on with what its task has begun: for the rest of an answer, or elsewhere.
        """
        message = _message_of(body)
        if message is None:
            return _OF_TASK.get() or Term(math.inf)
        if message.method == "notifications/cancelled" and (given_up := self._of_call.get(message.params.request_id)):
            given_up.end()
        if message.method != "tools/call" or message.id is None:
            return Term(math.inf)
        term = self._of_call[message.id] = Term(asyncio.get_running_loop().time() + self._limit_s)
        _OF_TASK.set(term)
        return term


_OF_TASK: ContextVar[Term | None] = ContextVar("term", default=None)


def _message_of(body: bytes) -> _Message | None:
    """What a request carries to the server, if it can be read."""
    try:
        return msgspec.json.decode(body, type=_Message)
    except (ValueError, RecursionError):
        return None
