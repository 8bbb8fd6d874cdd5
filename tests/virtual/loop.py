"""An event loop whose clock jumps to the next timer. Sockets are real (unix ones, which deliver at once).

"Nothing will ever happen" raises. Plain functions that are handed to an executor run at once, in the loop's thread, so
the clock never jumps while one owes an answer.
"""

from __future__ import annotations

import asyncio
import math
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar

T = TypeVar("T")


class NothingWillEverHappen(AssertionError):
    """No socket is ready, no timer is set, and something is still awaited."""


class _JumpingSelector(selectors.SelectSelector):
    """Looks at the sockets without waiting, and jumps instead of waiting."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready; if nothing is, time passes."""
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise NothingWillEverHappen(f"at {self.loop.time():.3f} s")
        self.loop.now += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Starts at 1000 s, so that a forgotten 0 shows."""

    def __init__(self) -> None:
        selector = _JumpingSelector()
        selector.loop = self
        self.now = 1000.0
        super().__init__(selector)

    def time(self) -> float:
        """The virtual clock, in seconds."""
        return self.now

    @property
    def _clock_resolution(self) -> float:
        """The smallest step: a timer that came early, however little, would find that time stands still."""
        return math.ulp(self.now)

    @_clock_resolution.setter
    def _clock_resolution(self, _: float) -> None:
        """The base class would set that of the real clock."""

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Run it now."""
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    def timers(self) -> list[asyncio.TimerHandle]:
        """Timers that are still set: at the end of a test there should be none."""
        return [timer for timer in self._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in virtual time; whatever is left of it is an error."""
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    try:
        result = loop.run_until_complete(main)
        left = [task for task in asyncio.all_tasks(loop) if not task.done()]
        if left:
            raise AssertionError(f"tasks are left: {left}")
        timers = [timer for timer in loop.timers() if not timer.when() - loop.time() <= 0]
        if timers:
            raise AssertionError(f"timers are left: {timers}")
        loop.run_until_complete(loop.shutdown_asyncgens())
        return result
    finally:
        asyncio.set_event_loop(None)
        loop.close()
