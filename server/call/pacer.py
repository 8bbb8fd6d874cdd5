"""One tick for the playing of all calls: a timer each would cost more than the audio."""

from __future__ import annotations

import asyncio
from typing import Protocol

from loguru import logger

TICK_S = 0.02
CHECK_S = 1.0


class Paced(Protocol):
    """A call."""

    def tick(self, now: float) -> bool:
        """Send what is due. False when nothing is left to play."""

    def check(self, now: float) -> None:
        """Look after the connection, every CHECK_S."""


class Pacer:
    """Ticks every 20 ms on an absolute grid while there is something to play; looks after all calls each second."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._playing: set[Paced] = set()
        self._calls: set[Paced] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._checks: asyncio.TimerHandle | None = None
        self._next = 0.0
        self.latest_s = 0.0
        """The largest lateness of a tick since this was last set to 0."""

    def add(self, call: Paced) -> None:
        """A call begins to play; its first tick comes with the next grid point."""
        self._playing.add(call)
        if self._timer is None:
            self._next = self._loop.time() + TICK_S
            self._timer = self._loop.call_at(self._next, self._tick)

    def watch(self, call: Paced) -> None:
        """A call begins: look after it until it is over."""
        self._calls.add(call)
        if self._checks is None:
            self._checks = self._loop.call_later(CHECK_S, self._check)

    def remove(self, call: Paced) -> None:
        """A call is over."""
        self._playing.discard(call)
        self._calls.discard(call)

    def _check(self) -> None:
        now = self._loop.time()
        for call in list(self._calls):
            try:
                call.check(now)
            except Exception:  # the other calls must not pay for it
                logger.exception("a call could not be looked after")
        self._checks = self._loop.call_later(CHECK_S, self._check) if self._calls else None

    def _tick(self) -> None:
        now = self._loop.time()
        self.latest_s = max(self.latest_s, now - self._next)
        for call in list(self._playing):
            if not self._play(call, now):
                self._playing.discard(call)
        self._timer = None
        if self._playing:
            self._next += TICK_S
            if self._next <= now:  # a stall: the lead has covered it; the grid begins anew
                self._next = now + TICK_S
            self._timer = self._loop.call_at(self._next, self._tick)

    def _play(self, call: Paced, now: float) -> bool:
        try:
            return call.tick(now)
        except Exception:  # the other calls must not pay for it
            logger.exception("a call could not play")
            return False
