"""What the pauses of one caller are like: some think between words, and must not be taken for done. Pure."""

from __future__ import annotations

SHARE = 0.25  # of the newest pause in the average, and in how far pauses stray from it
STRAYS = 2.0  # so many times as far is waited for (as TCP does with round trips, RFC 6298)
SETTLE = 0.1  # a turn without a pause takes so much of what was learned away


class Pauses:
    """The exponential average of a caller's pauses within a turn, and of how far they stray from it."""

    def __init__(self) -> None:
        self._average_ms = 0.0
        self._stray_ms = 0.0

    def learn(self, pause_ms: float) -> None:
        """The caller paused and went on. One pause is no habit: who has made none is expected to make none."""
        self._stray_ms += SHARE * (abs(pause_ms - self._average_ms) - self._stray_ms)
        self._average_ms += SHARE * (pause_ms - self._average_ms)

    def settle(self) -> None:
        """A turn went by without a pause."""
        self._average_ms *= 1 - SETTLE
        self._stray_ms *= 1 - SETTLE

    @property
    def expected_ms(self) -> float:
        """How long a silence may well be a pause; 0 while nothing is known."""
        return self._average_ms + STRAYS * self._stray_ms
