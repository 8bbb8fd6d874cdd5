"""A caller who says nothing is asked whether they are there, asked again, and then said goodbye to. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence


class Silence:
    """How long nobody has said, done or owed anything, and how often the caller was asked meanwhile."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._asked = 0

    def broken(self) -> None:
        """The caller said something: it begins anew."""
        self._asked = 0

    def lasts(self, quiet: bool, waits_ms: Sequence[float], now: float) -> int:
        """Whether it is quiet now; the number of the next question, from 1, when it is due, else 0.

        `waits_ms` is the silence before each of them.
        """
        if not quiet:
            self._since = None
        elif self._since is None:
            self._since = now
        elif now >= self.deadline(waits_ms):
            self._asked += 1
            self._since = now
            return self._asked
        return 0

    def deadline(self, waits_ms: Sequence[float]) -> float:
        """When the caller is to be asked; inf for not at all."""
        if self._since is None or self._asked >= len(waits_ms):
            return math.inf
        return self._since + waits_ms[self._asked] / 1000
