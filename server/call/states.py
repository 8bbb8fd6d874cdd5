"""Where a call stands. Pure.

CONNECTING ─ Ready ─► READY ─ HangUp ─► ENDING ─ words heard ─► CLOSED     (Gone: from anywhere to CLOSED)
                      READY ─ Transfer ─► TRANSFERRING ─ Transferred ─► CLOSED, or ─ TransferFailed ─► READY
"""

from __future__ import annotations

from enum import Enum, auto


class CallState(Enum):
    """Where the call stands."""

    CONNECTING = auto()
    READY = auto()
    TRANSFERRING = auto()
    ENDING = auto()
    CLOSED = auto()
