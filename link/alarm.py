"""One timer of the loop for who has a deadline that moves."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable


class Alarm:
    """Calls back at the time it was set for, or before: one that is set for earlier stays, and does no harm."""

    def __init__(self, ring: Callable[[float], None]) -> None:
        """`ring` gets the time, never less than the one that was set."""
        self._ring = ring
        self._timer: asyncio.TimerHandle | None = None

    def set(self, at: float) -> None:
        """Ring at this time of the loop's clock; inf for never."""
        if self._timer is not None:
            if self._timer.when() <= at:
                return
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(at, self._due) if at < math.inf else None

    def cancel(self) -> None:
        """Ring no more."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None

    def _due(self) -> None:
        assert self._timer is not None
        due, self._timer = self._timer.when(), None
        self._ring(max(asyncio.get_running_loop().time(), due))  # a loop may be early by its clock's resolution
