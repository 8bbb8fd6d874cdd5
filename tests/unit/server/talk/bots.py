"""A bot for tests of the caller: what the server would send, when."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

TICK_S = 0.02

At = tuple[float, str | bytes]
"""Seconds since the call began, and a message."""


def message(kind: str, **fields: Any) -> str:
    """A text message."""
    return json.dumps({"type": kind, **fields})


def tone(seconds: float, rate_hz: int = 16000, level: int = 8000) -> bytes:
    """A voice."""
    return level.to_bytes(2, "little", signed=True) * int(seconds * rate_hz)


def speech(begin: float, seconds: float, rate_hz: int = 16000) -> list[At]:
    """The bot speaks: audio in pieces of 40 ms at real time, `bot_started` after the first, then `bot_stopped`."""
    pieces = round(seconds / 0.04)
    audio: list[At] = [(begin + n * 0.04, tone(0.04, rate_hz, 4000)) for n in range(pieces)]
    return [audio[0], (begin, message("bot_started")), *audio[1:], (begin + seconds, message("bot_stopped"))]


def ticks(seconds: float, begin: float = 0.0) -> Iterator[float]:
    """The instants of the clock."""
    yield from (begin + n * TICK_S for n in range(1, round(seconds / TICK_S) + 1))
