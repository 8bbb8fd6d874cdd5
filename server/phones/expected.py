"""Calls that are about to reach us: what is known of them before their audio comes. Pure."""

from __future__ import annotations

from msgspec import Struct, structs

from server.call.line_events import AnsweredBy

MOST = 1000
"""Further ones push the oldest out."""
KEPT_S = 300.0
"""A call that is not answered within so long is not answered at all."""


class Coming(Struct, frozen=True):
    """A call that is to come."""

    greeting: str | None = None
    """What is said first; None: what the agent says to everybody."""
    answered_by: AnsweredBy | None = None
    since: float = 0.0


class Expected:
    """Those of one process, by the carrier's name of the call."""

    def __init__(self) -> None:
        self._calls: dict[str, Coming] = {}

    def dialled(self, call_id: str, greeting: str | None, now: float) -> None:
        """We make a call."""
        self._put(call_id, structs.replace(self._calls.get(call_id, Coming()), greeting=greeting, since=now))

    def answered(self, call_id: str, who: AnsweredBy, now: float) -> None:
        """The carrier knows who answered, and the audio is still to come."""
        self._put(call_id, structs.replace(self._calls.get(call_id, Coming()), answered_by=who, since=now))

    def knows(self, call_id: str) -> bool:
        """Whether it is a call of ours that has not come yet."""
        return call_id in self._calls

    def take(self, call_id: str, now: float) -> Coming | None:
        """The call has come."""
        found = self._calls.pop(call_id, None)
        return found if found is not None and now - found.since <= KEPT_S else None

    def forget(self, call_id: str) -> None:
        """The call is over before it came."""
        self._calls.pop(call_id, None)

    def _put(self, call_id: str, coming: Coming) -> None:
        self._calls.pop(call_id, None)
        self._calls[call_id] = coming
        if len(self._calls) > MOST:
            del self._calls[next(iter(self._calls))]
