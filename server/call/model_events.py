"""What observers, the client and the agent's handlers are told of the model's answers and of the log. Frozen facts."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from llm.events import Usage


class EarlyAnswer(Struct, frozen=True, tag=True):
    """An answer that was asked for early is used, or it is not wanted.

    So many pieces of it had come, and so many characters of it were given to the voice.
    """

    reply: int
    used: bool
    pieces: int
    spoken_chars: int = 0


ReplyOutcome = Literal["done", "cancelled", "failed", "stalled", "link_lost"]


class ReplyMetrics(Struct, frozen=True, tag=True):
    """What an answer took. `first_token_s` is None when no token came, `tokens_per_s` when nobody counted them."""

    reply: int
    outcome: ReplyOutcome
    first_token_s: float | None
    duration_s: float
    usage: Usage
    tokens_per_s: float | None
    retries: int
    model: str
    incomplete: str = ""


class Summarised(Struct, frozen=True, tag=True):
    """So many older messages of the log were condensed into one."""

    messages: int


class SummaryFailed(Struct, frozen=True, tag=True):
    """The log could not be condensed; it is as it was."""

    reason: str


class Truncated(Struct, frozen=True, tag=True):
    """So many older messages of the log were dropped."""

    messages: int


class CompletionTimeout(Struct, frozen=True, tag=True):
    """The model went silent in an answer; it is asked again."""

    reply: int
