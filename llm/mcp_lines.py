"""A line that a child wrote becomes a message, also where its JSON is a little wrong.

Somebody waits for an answer: one that cannot be read becomes an error, because nothing at all would be waited for.
"""

from __future__ import annotations

import json
import re
from typing import Any

from mcp_types import ErrorData, JSONRPCError, JSONRPCMessage, jsonrpc_message_adapter

from llm.mcp_http import FAILED

_ESCAPE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # both halves of an emoji
    r"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"  # one of them: a text was cut there
    r"|\\."
)
_ANSWER = re.compile(r'\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*(\d{1,15})\s*,\s*"(?:result|error)"\s*:')


def message_of(line: bytes) -> JSONRPCMessage | None:
    """The message, or the error that an answer stands for which cannot be read; None for what is no message."""
    try:
        return jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValueError:
        return _mended(line)


def _mended(line: bytes) -> JSONRPCMessage | None:
    text = _ESCAPE.sub(lambda found: r"\ufffd" if found[1] else found[0], line.decode(errors="replace"))
    try:
        value = json.loads(text, strict=False)  # control characters in a text may stand as they are
    except (ValueError, RecursionError):
        begin = _ANSWER.match(text)
        return _unreadable(int(begin[1])) if begin else None
    try:
        return jsonrpc_message_adapter.validate_python(value, by_name=False)
    except ValueError:
        return _unreadable(value["id"]) if _is_answer(value) else None


def _is_answer(value: Any) -> bool:
    return isinstance(value, dict) and type(value.get("id")) in (int, str) and bool({"result", "error"} & value.keys())


def _unreadable(number: int | str) -> JSONRPCError:
    return JSONRPCError(
        jsonrpc="2.0", id=number, error=ErrorData(code=FAILED, message="its answer is no message of MCP")
    )
