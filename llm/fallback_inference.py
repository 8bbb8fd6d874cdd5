"""Inferences beside the conversation that go from one model to the next until one gives a text. Pure.

Each has a limit. A model that does not answer may take half of what is left of it, the last one all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import msgspec

from llm.events import Infer, InferenceFailed, Inferred

MAX_JOBS = 16
"""So many may be under way at once; more fail."""

Best = Callable[[float, Collection[int]], int | None]
"""The child to ask at this time, but none of these; None for nobody."""


class _Job:
    """One inference, at one child."""

    __slots__ = ("child", "infer", "late_at", "reason", "tried", "until")

    def __init__(self, infer: Infer, now: float) -> None:
        self.infer = infer
        self.until = now + infer.limit_s
        self.late_at = self.until
        self.child = -1
        self.tried: set[int] = set()
        self.reason = "no language model can be asked"


class Inferences:
    """Those of one call; each ends in one Inferred or InferenceFailed."""

    def __init__(
        self, best: Best, send: Callable[[int, Infer], None], post: Callable[[Inferred | InferenceFailed], None]
    ) -> None:
        self._best = best
        self._send = send
        self._post = post
        self._jobs: dict[int, _Job] = {}

    def begin(self, infer: Infer, now: float) -> None:
        """The call wants a text."""
        if len(self._jobs) >= MAX_JOBS:
            self._post(InferenceFailed(infer.job, "too many inferences at once"))
            return
        self._jobs[infer.job] = _Job(infer, now)
        self._go_on(self._jobs[infer.job], now)

    def heard(self, child: int, fact: Inferred | InferenceFailed, now: float) -> bool:
        """A child has the text, or has none. False for one that was not asked, or not any more."""
        job = self._jobs.get(fact.job)
        if job is None or job.child != child:
            return False
        if isinstance(fact, Inferred):
            del self._jobs[fact.job]
            self._post(fact)
        else:
            job.reason = fact.reason
            self._go_on(job, now)
        return True

    def lost(self, child: int, reason: str, now: float) -> None:
        """A child cannot be asked any more."""
        for job in [job for job in self._jobs.values() if job.child == child]:
            job.reason = reason
            self._go_on(job, now)

    def tick(self, now: float) -> None:
        """Who is late is not waited for any longer."""
        for job in [job for job in self._jobs.values() if now >= job.late_at]:
            job.reason = "it did not answer in time"
            self._go_on(job, now)

    def deadline(self) -> float | None:
        """When the next one is late."""
        return min((job.late_at for job in self._jobs.values()), default=None)

    def _go_on(self, job: _Job, now: float) -> None:
        """Ask the next child, or give up."""
        left_s = job.until - now
        child = self._best(now, job.tried) if left_s > 0 else None
        if child is None:
            del self._jobs[job.infer.job]
            self._post(InferenceFailed(job.infer.job, job.reason))
            return
        job.child = child
        job.tried.add(child)
        limit_s = left_s if self._best(now, job.tried) is None else left_s / 2
        job.late_at = now + limit_s
        self._send(child, msgspec.structs.replace(job.infer, limit_s=limit_s))
