"""The built-in function with which the model cancels an async call: its schema, its paragraph, its answers. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from llm.events import ToolSchema
from llm.function_calls import CallOptions, ToolSpec

NAME = "cancel_async_tool_call"

SCHEMA = ToolSchema(
    NAME,
    "Cancel a function that still runs in the background, when its result is not wanted any more.",
    {
        "type": "object",
        "properties": {
            "tool_call_id": {"type": "string", "description": "the tool_call_id of the call, as its message says it"}
        },
        "required": ["tool_call_id"],
        "additionalProperties": False,
    },
)
PARAGRAPH = (
    "Some functions run in the background: their first message says that they have started, and a later one brings"
    f" the result. To stop one whose result the caller does not want any more, call {NAME} with its tool_call_id."
)


class _Arguments(Struct):
    tool_call_id: str


def offered(options: CallOptions, tools: Sequence[ToolSpec]) -> bool:
    """Whether the model has the function: it is switched on, and some tool is async."""
    return options.enable_async_tool_cancellation and any(not spec.cancel_on_interruption for spec in tools)


def target(arguments: str) -> str | None:
    """The call that is to be cancelled; None when the arguments do not say."""
    try:
        return msgspec.json.decode(arguments, type=_Arguments).tool_call_id
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def result(call_id: str | None, *, found: bool) -> str:
    """What the model is told."""
    if call_id is None:
        return f"Error: the arguments of '{NAME}' do not fit: `tool_call_id` is missing or no text."
    if not found:
        return f"Error: no function runs with the tool_call_id {json.dumps(call_id, ensure_ascii=False)}."
    return json.dumps({"tool_call_id": call_id, "status": "cancelled"}, ensure_ascii=False)
