"""Dice that always fall the same way."""

from __future__ import annotations

from random import Random


class LongestDelays(Random):
    """A uniform number is always the largest possible."""

    def uniform(self, a: float, b: float) -> float:
        """The upper end."""
        return b


class ShortestDelays(Random):
    """A uniform number is always the smallest possible."""

    def uniform(self, a: float, b: float) -> float:
        """The lower end."""
        return a
