"""Several services of one kind in order of preference: who is to be asked now. Pure; for ears and voices alike.

What one call knows of them stands here; what all calls of the process know stands in the breakers, which they share.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from link.breaker import Breaker
from link.errors import VoicewireError

S = TypeVar("S")


class Preference:
    """The services of one call, the preferred one first."""

    def __init__(self, breakers: Sequence[Breaker], avoid_s: float) -> None:
        """A service that failed comes after the others for `avoid_s`, in this call."""
        self._breakers = breakers
        self._avoid_s = avoid_s
        self._avoid_until = [0.0] * len(breakers)

    def best(self, now: float, tried: Collection[int] = ()) -> int | None:
        """Whom to ask: the first that has not failed lately, else the least bad. None: all were tried."""
        untried = [number for number in range(len(self._breakers)) if number not in tried]
        return min(untried, key=lambda number: self._badness(number, now), default=None)

    def failed(self, number: int, now: float) -> bool:
        """It was late, or failed. Returns whether that was once too often: all calls leave it alone."""
        self.avoid(number, now)
        return self._breakers[number].failed(now)

    def avoid(self, number: int, now: float) -> None:
        """It has no room, which nobody else need hear of: this call goes to the others first."""
        self._avoid_until[number] = now + self._avoid_s

    def worked(self, number: int) -> bool:
        """It did all that it was asked for. Returns whether it was left alone before."""
        self._avoid_until[number] = 0.0
        return self._breakers[number].worked()

    def _badness(self, number: int, now: float) -> tuple[bool, float, bool, int]:
        breaker = self._breakers[number]
        return (not breaker.lets(now), breaker.wait_s(now), now < self._avoid_until[number], number)


def open_first(preference: Preference, opens: Sequence[Callable[[], S]], now: float) -> tuple[int, S]:
    """The best service that can be opened, and its number; who cannot is avoided. Raises what the last of them does."""
    tried: set[int] = set()
    while True:
        number = preference.best(now, tried)
        assert number is not None
        tried.add(number)
        try:
            return number, opens[number]()
        except VoicewireError:
            preference.avoid(number, now)
            if len(tried) == len(opens):
                raise
