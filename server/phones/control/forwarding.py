"""Where calls are to go on, for carriers that ask for it later. Pure."""

from __future__ import annotations

MOST = 1000
"""More than that are not being transferred at once; the oldest was never asked for."""


class Forwarding:
    """Numbers to be dialled, by the carrier's name of the call."""

    def __init__(self) -> None:
        self._numbers: dict[str, str] = {}

    def put(self, call_id: str, to: str) -> None:
        """A call is to go on there."""
        self._numbers[call_id] = to
        if len(self._numbers) > MOST:
            del self._numbers[next(iter(self._numbers))]

    def take(self, call_id: str) -> str:
        """Where a call goes on; asked once. Empty: nowhere."""
        return self._numbers.pop(call_id, "")
