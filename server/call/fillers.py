"""Fillers: what a caller who waits for a slow tool hears ("one moment"). Pure.

    the tool runs, nobody says anything ─ `filler_ms` ─► the first ─ it was heard, `filler_again_ms` ─► the next ─ …
    the answer's voice is there ─► one that is being said ends with its word; one that is not begun is dropped

Each is said once in a wait; the next wait goes on with the one after. They are no words of the model's: the log does
not have them, so the model neither repeats them nor takes them for its answer, and what a provider has cached holds.
"""

from __future__ import annotations

import math

from server.call import events as e
from server.call.calling import Calling
from server.call.outbox import Outbox
from server.call.policy import CallSettings, Policy
from server.call.speaking import Speaking


class Fillers:
    """What is said while a tool runs that the model waits for."""

    def __init__(self, speaking: Speaking, calling: Calling, out: Outbox) -> None:
        self._speaking = speaking
        self._calling = calling
        self._out = out
        self._since: float | None = None  # the tool runs, and nobody says anything
        self._said = 0  # in this wait
        self._next = 0  # of the agent's, in this call

    def watch(self, settings: CallSettings, now: float, *, silent: bool) -> None:
        """Say the next when it is due. `silent`: the caller only listens, and the model is not asked."""
        blocking = self._calling.blocking
        if not blocking:
            self._said = 0
        self._speaking.end_filler(wanted=blocking)
        if not blocking or not silent or not self._speaking.idle:
            self._since = None
        elif self._since is None:
            self._since = now
        elif now >= self.deadline(settings):
            self._say(self._wanted(settings), settings.policy)

    def _wanted(self, settings: CallSettings) -> tuple[str, ...]:
        own = self._calling.filler
        return settings.sentences.fillers if own is None else tuple(filter(None, [own]))

    def _say(self, wanted: tuple[str, ...], policy: Policy) -> None:
        text = wanted[self._next % len(wanted)]
        self._next += 1
        self._said += 1
        self._since = None
        self._speaking.fill(text, policy)
        self._out.tell(e.Filler(text))

    def deadline(self, settings: CallSettings) -> float:
        """When the next is due; inf for not now."""
        if self._since is None or self._said >= len(self._wanted(settings)):
            return math.inf
        return self._since + (settings.policy.filler_again_ms if self._said else settings.policy.filler_ms) / 1000
