"""The models that a fallback can ask: who is up, who has failed lately, who is best. Pure.

What one call knows of them stands here; what all calls of the process know stands in the breakers, which they share.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Literal

from llm.breaker import Breaker
from llm.rules import Action, Link, Note, Open, Probe


class Candidate:
    """One model."""

    __slots__ = ("avoid_until", "breaker", "link", "name")

    def __init__(self, name: str, breaker: Breaker) -> None:
        self.name = name
        self.breaker = breaker
        self.link = Link.NONE
        self.avoid_until = 0.0

    @property
    def ended(self) -> bool:
        """It has no service."""
        return self.link in (Link.NONE, Link.LOST)

    @property
    def hopeless(self) -> bool:
        """Nothing is to be expected of it."""
        return self.breaker.refused or self.link is Link.LOST


class Candidates:
    """The models of one call, in order of preference."""

    def __init__(
        self, names: Sequence[str], breakers: Sequence[Breaker], avoid_s: float, emit: Callable[[Action], None]
    ) -> None:
        self._all = [Candidate(name, breaker) for name, breaker in zip(names, breakers, strict=True)]
        self._avoid_s = avoid_s
        self._emit = emit

    def __getitem__(self, number: int) -> Candidate:
        return self._all[number]

    # --- who can be asked -------------------------------------------------------------------------------------------

    @property
    def hopeless(self) -> bool:
        """Nothing is to be expected of anybody."""
        return all(each.hopeless for each in self._all)

    @property
    def ended(self) -> bool:
        """Nobody has a service."""
        return all(each.ended for each in self._all)

    @property
    def connecting(self) -> bool:
        """Somebody has not said anything yet."""
        return any(each.link is Link.CONNECTING for each in self._all)

    @property
    def usable(self) -> bool:
        """Somebody can be asked."""
        return any(map(self._usable, self._all))

    def _usable(self, candidate: Candidate) -> bool:
        """It can be asked. Who refuses us is asked only when nothing is to be expected of anybody."""
        return candidate.link is Link.UP and (not candidate.breaker.refused or self.hopeless)

    def best(self, now: float, tried: Collection[int] = ()) -> int | None:
        """Whom to ask: who has not failed lately, in the order of preference; else the least bad. None for nobody."""
        usable = [number for number, each in enumerate(self._all) if number not in tried and self._usable(each)]
        return min(usable, key=lambda number: self._badness(number, now), default=None)

    def _badness(self, number: int, now: float) -> tuple[bool, bool, float, bool, int]:
        each = self._all[number]
        breaker = each.breaker
        return (breaker.refused, not breaker.lets(now), breaker.wait_s(now), now < each.avoid_until, number)

    # --- what they did ----------------------------------------------------------------------------------------------

    def avoid(self, number: int, now: float) -> None:
        """In this call it comes after the others for a while."""
        self._all[number].avoid_until = now + self._avoid_s

    def failed(self, number: int, reason: str, now: float, retry_after_s: float = 0.0) -> None:
        """It was late, broke off, or failed in a way that may pass."""
        self.avoid(number, now)
        each = self._all[number]
        if each.breaker.failed(now, retry_after_s):
            self.note("WARNING", f"{each.name} fails again and again ({reason}); the others go before it")
            self._emit(Probe(number))

    def refused(self, number: int, reason: str, now: float) -> None:
        """It refuses us, whatever is asked."""
        self.avoid(number, now)
        each = self._all[number]
        if each.breaker.refuse(now):
            self.note("ERROR", f"{each.name} refuses us and is left out: {reason}")
            self._emit(Probe(number))

    def answered(self, number: int, now: float) -> None:
        """It gave a whole answer."""
        each = self._all[number]
        each.avoid_until = now
        if each.breaker.worked():
            self.note("INFO", f"{each.name} answers again")

    def open_all(self) -> None:
        """Connect to those that refuse us as well."""
        for number in range(len(self._all)):
            self._open(number)

    def open_missing(self) -> None:
        """Connect to those that have no service, but refuse us no more."""
        for number, each in enumerate(self._all):
            if each.link is Link.NONE and not each.breaker.refused:
                self._open(number)

    def _open(self, number: int) -> None:
        self._all[number].link = Link.CONNECTING
        self._emit(Open(number))

    def note(self, level: Literal["INFO", "WARNING", "ERROR"], text: str) -> None:
        """A line for the log."""
        self._emit(Note(level, text))
