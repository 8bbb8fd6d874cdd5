"""What the client itself has to tell the terminal, beside the server's messages."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

Message = dict[str, Any]
"""A text message of the server, as it came."""


class Connected(Struct, frozen=True, tag="connected"):
    """The server has taken the call."""

    url: str
    call_id: str
    sample_rate: int


class Saying(Struct, frozen=True, tag="saying"):
    """A recording begins to be spoken."""

    name: str
    seconds: float


class Typing(Struct, frozen=True, tag="typing"):
    """A line was typed."""

    text: str


class Unanswered(Struct, frozen=True, tag="unanswered"):
    """The caller waited in vain and goes on."""

    name: str
    waited_s: float


class Response(Struct, frozen=True, tag="response"):
    """The answer to a turn begins. `ms`: from the caller's last voiced sample, or from typing; None if there was none.

    `server` is the server's own account, in ms from the last voiced sample that it heard.
    """

    ms: float | None
    server: dict[str, float | None]


class Trouble(Struct, frozen=True, tag="trouble"):
    """Something is wrong on the client's side, or with what the server sent."""

    message: str


class Summary(Struct, frozen=True, tag="summary"):
    """The call is over. `close_code` is 1006 when the connection was lost."""

    seconds: float
    turns: int
    median_ms: float | None
    worst_ms: float | None
    interruptions: int
    unanswered: int
    unsaid: int
    """Lines that were left when the call ended."""
    dropouts: int
    """How often sound was lost on this side: a machine that was too slow."""
    close_code: int
    reason: str

    @property
    def in_order(self) -> bool:
        """The connection was closed on purpose, with a code or without one."""
        return self.close_code in (1000, 1005)


Event = Connected | Saying | Typing | Unanswered | Response | Trouble | Summary
