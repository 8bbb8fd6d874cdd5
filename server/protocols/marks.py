"""Marks: how far a carrier has played, told by names that it sends back. Pure.

A carrier returns a mark when it gets there, and many return all that are left when they are told to clear. So a name
says after which clear it was put: one of an older epoch tells nothing. A mark that was put after the clear is only
returned for what was played.
"""

from __future__ import annotations

import re

from server.protocols.wire import Complaint, Incoming, PlayedReport

_NAME = re.compile(r"v1:([0-9]{1,9}):([0-9]{1,12})")  # v1:<clears sent>:<samples sent since the last of them>


class Marks:
    """The marks of one connection."""

    def __init__(self) -> None:
        self._epoch = 0
        self._sent = 0
        self._played = 0

    def after(self, samples: int) -> str:
        """The name of the mark that stands behind so many further samples."""
        self._sent += samples
        return f"v1:{self._epoch}:{self._sent}"

    def clear(self) -> None:
        """The carrier is told to drop what it has."""
        self._epoch += 1
        self._sent = self._played = 0

    def returned(self, name: str) -> list[Incoming]:
        """What a mark that came back tells: samples played since the last clear, or nothing."""
        found = _NAME.fullmatch(name)
        epoch, samples = (int(found[1]), int(found[2])) if found else (-1, 0)
        if epoch < 0 or epoch > self._epoch or (epoch == self._epoch and samples > self._sent):
            return [Complaint("bad_mark", f"there is no mark {name[:40]!r}; it was ignored")]
        if epoch < self._epoch or samples <= self._played:
            return []
        self._played = samples
        return [PlayedReport(samples)]
