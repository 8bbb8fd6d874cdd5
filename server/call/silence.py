"""A caller who says nothing is asked, once, whether they are there. Pure."""

from __future__ import annotations

import math


class Silence:
    """How long nobody has said, done or owed anything."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._asked = False

    def broken(self) -> None:
        """The caller said something: they may be asked again."""
        self._asked = False

    def lasts(self, quiet: bool, idle_ms: float, now: float) -> bool:
        """Whether it is quiet now; True when that has lasted so long that the caller is to be asked."""
        if not quiet:
            self._since = None
        elif self._since is None:
            self._since = now
        elif not self._asked and now >= self._since + idle_ms / 1000:
            self._asked = True
            return True
        return False

    def deadline(self, idle_ms: float) -> float:
        """When the caller is to be asked; inf for not at all."""
        return math.inf if self._since is None or self._asked else self._since + idle_ms / 1000
