"""Ledgers of function calls, and what tests do with them."""

from __future__ import annotations

from typing import Literal

from llm.events import FunctionCall, Outcome, ToolSchema
from llm.function_calls import (
    CallOptions,
    Ledger,
    ToolSpec,
)


def spec(
    *, background: bool = False, timeout_s: float | None = None, when: Literal["now", "after_speech"] = "now"
) -> ToolSpec:
    """A tool as the ledger sees it."""
    schema = ToolSchema("look_up", "", {})
    return ToolSpec(schema, cancel_on_interruption=not background, timeout_s=timeout_s, when=when)


BLOCKING = spec()
BACKGROUND = spec(background=True)


def made(call_id: str, reply: int = 1) -> FunctionCall:
    """What the model asks for."""
    return FunctionCall(reply, call_id, "look_up", "{}")


def ledger(*calls: tuple[str, ToolSpec], options: CallOptions | None = None, group: int = 1) -> Ledger:
    """A ledger with the calls of one response."""
    book = Ledger(options or CallOptions())
    for call_id, each in calls:
        assert book.admit(call_id, group) == call_id
        book.dispatch(made(call_id), each, group)
    return book


def start(book: Ledger, now: float = 0.0, *, words_heard: bool = True) -> list[str]:
    """Start what may start."""
    calls = book.startable(words_heard=words_heard)
    for call in calls:
        book.start(call, now)
    return [call.call_id for call in calls]


def finish(book: Ledger, *call_ids: str, outcome: Outcome = "completed", run_llm: bool | None = None) -> None:
    """Give these calls their results."""
    for call_id in call_ids:
        assert book.finish(call_id, outcome, "42", run_llm) is not None
