"""Events of OpenAI's Responses protocol: a message becomes the lane that it is of, and a sign. Pure.

Reference: `ResponsesServerEvent` of the `openai` package, from whose models the tests build every event.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct

from link.errors import ProviderError
from llm.events import Usage

NOT_FOUND = "previous_response_not_found"
OVER = "websocket_connection_limit_reached"
SHOWN = ("type", "id", "summary", "content", "encrypted_content")
"""What a request may have of a thought."""


class ConnectionOver(ProviderError):
    """The provider ends this connection (its 60 minutes are over): a new one, at once."""


# --- signs ----------------------------------------------------------------------------------------------------------


class Text(Struct, frozen=True):
    """More words; a refusal is spoken as well."""

    text: str


class Made(Struct, frozen=True):
    """A complete function call."""

    call_id: str
    name: str
    arguments: str


class Thinking(Struct, frozen=True):
    """A thought that can be shown again: the item as it came, without what no request may have."""

    item: str


class Working(Struct, frozen=True):
    """It reasons, or writes the arguments of a call."""


class Ended(Struct, frozen=True):
    """The response is complete, or as complete as it gets: then `incomplete` says why."""

    response_id: str
    model: str = ""
    usage: Usage = Usage()
    incomplete: str = ""


class Failed(Struct, frozen=True):
    """There is no response, or no more of it. `status` is an HTTP status, 0 for none."""

    code: str
    message: str
    status: int = 0


Sign = Text | Made | Thinking | Working | Ended | Failed

# --- what is read of a message --------------------------------------------------------------------------------------


class _Head(Struct):
    type: str
    stream_id: str | None = None
    delta: Any = None  # text in the events that are read, anything in others
    item: Raw = Raw()
    response: Raw = Raw()


class _Item(Struct):
    type: str
    status: str | None = None


class _Cached(Struct):
    cached_tokens: int | None = 0


class _Reasoned(Struct):
    reasoning_tokens: int | None = 0


class _Usage(Struct):
    input_tokens: int = 0
    output_tokens: int = 0
    input_tokens_details: _Cached | None = None
    output_tokens_details: _Reasoned | None = None


class _Error(Struct):
    code: str | int | None = None
    message: str | None = ""


class _Incomplete(Struct):
    reason: str | None = ""


class _Response(Struct):
    id: str | None = ""
    model: str | None = ""
    usage: _Usage | None = None
    error: _Error | None = None
    incomplete_details: _Incomplete | None = None


class _Failure(Struct):
    error: _Error | None = None
    code: str | int | None = None
    message: str | None = ""
    status: int | None = 0


_head = msgspec.json.Decoder(_Head)
_header = msgspec.json.Decoder(_Item)
_made = msgspec.json.Decoder(Made)
_thought = msgspec.json.Decoder(dict[str, Any])
_response = msgspec.json.Decoder(_Response)
_failure = msgspec.json.Decoder(_Failure)


def read(message: str | bytes) -> tuple[str | None, Sign | None]:
    """The lane that a message names, and its sign; None for what says nothing new.

    Raises ProviderError for what is not of this protocol, ConnectionOver when the provider ends the connection.
    """
    try:
        head = _head.decode(message)
        return head.stream_id, _sign(head, message)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise ProviderError(f"the provider sent what is not a Responses event: {error}") from error


def _sign(head: _Head, message: str | bytes) -> Sign | None:
    match head.type:
        case "response.output_text.delta" | "response.refusal.delta":
            return Text(msgspec.convert(head.delta, str))
        case "response.output_item.done":
            return _item(head.item)
        case "response.completed" | "response.incomplete":
            return _ended(_response.decode(head.response))
        case "response.failed":
            error = _response.decode(head.response).error or _Error()
            return _failed(error, 0)
        case "error":
            failure = _failure.decode(message)
            return _failed(failure.error or _Error(failure.code, failure.message), failure.status or 0)
        case kind if kind.startswith("response.") and kind.endswith(".delta"):
            return Working()
        case _:
            return None


def _item(item: Raw) -> Sign | None:
    header = _header.decode(item)
    match header.type:
        case "function_call":
            return _made.decode(item) if header.status != "incomplete" else Working()  # cut off: it never runs
        case "reasoning":
            return _thinking(_thought.decode(item))
        case _:
            return None


def _thinking(item: dict[str, Any]) -> Sign:
    """A summary alone tells the model nothing: it is not kept."""
    if not (item.get("encrypted_content") or item.get("content")):
        return Working()
    kept = {"summary": []} | {name: item[name] for name in SHOWN if item.get(name) is not None}
    return Thinking(msgspec.json.encode(kept).decode())


def _ended(response: _Response) -> Ended:
    usage = response.usage or _Usage()
    cached = usage.input_tokens_details or _Cached()
    reasoned = usage.output_tokens_details or _Reasoned()
    counted = Usage(usage.input_tokens, usage.output_tokens, cached.cached_tokens or 0, reasoned.reasoning_tokens or 0)
    incomplete = response.incomplete_details.reason if response.incomplete_details else ""
    return Ended(response.id or "", response.model or "", counted, incomplete or "")


def _failed(error: _Error, status: int) -> Failed:
    if error.code == OVER:
        raise ConnectionOver("the provider's time limit for a connection")
    if isinstance(error.code, int):  # some servers put the HTTP status there
        return Failed(str(error.code), error.message or "", status or error.code)
    return Failed(error.code or "", error.message or "", status)
