"""The models that a fallback can ask: who is up, who has failed lately, who is best. Pure.

What one call knows of them stands here; what all calls of the process know stands in the breakers, which they share.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from link.breaker import Breaker
from llm.rules import Action, Level, Link, Note, Open, Probe


class Candidate:
    """One model."""

    __slots__ = ("avoid_until", "breaker", "has_refused", "link", "name", "warned")

    def __init__(self, name: str, breaker: Breaker) -> None:
        self.name = name
        self.breaker = breaker
        self.link = Link.NONE
        self.avoid_until = 0.0
        self.has_refused = False  # this call itself; others may have been told so before
        self.warned = False  # of an outage that is not over

    @property
    def ended(self) -> bool:
        """It has no service."""
        return self.link in (Link.NONE, Link.LOST)

    @property
    def hopeless(self) -> bool:
        """Nothing is to be expected of it."""
        return self.breaker.refused or self.link is Link.LOST

    @property
    def out(self) -> bool:
        """This call has seen for itself that nothing is to be expected of it."""
        return self.link is Link.LOST or (self.breaker.refused and self.has_refused)


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
    def exhausted(self) -> bool:
        """All were tried, in vain."""
        return all(each.out for each in self._all)

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
        self._count(number, reason, now, retry_after_s)

    def unreachable(self, number: int, reason: str, now: float) -> None:
        """It could not be reached when the call began; nothing was asked of it, so this call does not avoid it."""
        self._count(number, reason, now, 0.0)

    def _count(self, number: int, reason: str, now: float, retry_after_s: float) -> None:
        each = self._all[number]
        if each.breaker.failed(now, retry_after_s):
            self._note("WARNING", f"{each.name} fails again and again ({reason}); the others go before it")
            self._emit(Probe(number))

    def replaced(self, number: int, reason: str, other: int) -> None:
        """Another is asked in its place. That is worth a warning once, until it answers again."""
        each = self._all[number]
        level: Level = "DEBUG" if each.warned else "WARNING"
        each.warned = True
        self._note(level, f"{each.name} does not answer ({reason}); {self._all[other].name} is asked instead")

    def refused(self, number: int, reason: str, now: float) -> None:
        """It refuses us, whatever is asked."""
        self.avoid(number, now)
        each = self._all[number]
        each.has_refused = True
        if each.breaker.refuse(now):
            self._note("ERROR", f"{each.name} refuses us and is left out: {reason}")
            self._emit(Probe(number))

    def answered(self, number: int, now: float) -> None:
        """It gave a whole answer."""
        each = self._all[number]
        each.avoid_until = now
        each.warned = False
        if each.breaker.worked():
            self._note("INFO", f"{each.name} answers again")

    def open_missing(self) -> None:
        """Connect to those that have no service, but refuse us no more.

        When nothing is to be expected of anybody, those are tried as well that have refused only other calls.
        """
        for number, each in enumerate(self._all):
            untried = self.hopeless and not each.has_refused
            if each.link is Link.NONE and (untried or not each.breaker.refused):
                each.link = Link.CONNECTING
                self._emit(Open(number))

    def _note(self, level: Level, text: str) -> None:
        self._emit(Note(level, text))
