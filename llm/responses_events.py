"""Events of OpenAI's Responses protocol: a message becomes the lane that it is of, and a sign. Pure.

Reference: `ResponsesServerEvent` of the `openai` package, from whose models the tests build every event.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, Struct

from link.errors import ProviderError
from llm.events import Usage

NOT_FOUND = "previous_response_not_found"
OVER = "websocket_connection_limit_reached"
SHOWN = ("type", "id", "summary", "content", "encrypted_content")
"""What a request may have of a thought."""
_ESCAPE = re.compile(
    r"\\(?:ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|u(?P<half>d[89a-f][0-9a-f]{2})|.)", re.IGNORECASE | re.DOTALL
)


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


class _Incomplete(Struct):
    reason: str | None = ""


class _Response(Struct):
    id: str | None = ""
    model: str | None = ""
    usage: Raw = Raw()
    error: Any = None
    incomplete_details: _Incomplete | None = None


_head = msgspec.json.Decoder(_Head)
_header = msgspec.json.Decoder(_Item)
_made = msgspec.json.Decoder(Made)
_table = msgspec.json.Decoder(dict[str, Any])
_response = msgspec.json.Decoder(_Response)
_Count = Annotated[int, Meta(ge=0, lt=1 << 53)]  # what every reader of JSON takes


def read(message: str | bytes) -> tuple[str | None, Sign | None]:
    """The lane that a message names, and its sign; None for what says nothing new.

    Raises ProviderError for what is not of this protocol, ConnectionOver when the provider ends the connection.
    """
    try:
        try:
            return _read(message)
        except msgspec.DecodeError:
            return _read(_with_whole_characters(message))
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise ProviderError(f"the provider sent what is not a Responses event: {error}") from error


def _read(message: str | bytes) -> tuple[str | None, Sign | None]:
    head = _head.decode(message)
    return head.stream_id, _sign(head, message)


def _with_whole_characters(message: str | bytes) -> str:
    """JSON may hold half a character, which a server cut in two; no text can."""
    text = message if isinstance(message, str) else message.decode()
    return _ESCAPE.sub(lambda escape: r"\ufffd" if escape["half"] else escape[0], text)


def _sign(head: _Head, message: str | bytes) -> Sign | None:
    match head.type:
        case "response.output_text.delta" | "response.refusal.delta":
            return Text(msgspec.convert(head.delta, str))
        case "response.output_item.done":
            return _item(head.item)
        case "response.completed" | "response.incomplete":
            return _ended(_response.decode(head.response))
        case "response.failed":
            return _failed(_response.decode(head.response).error)
        case "error":
            failure = _table.decode(message)
            return _failed(failure.get("error") or failure, failure.get("status"))
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
            return _thinking(_table.decode(item))
        case _:
            return None


def _thinking(item: dict[str, Any]) -> Sign:
    """A summary alone tells the model nothing: it is not kept."""
    if not (item.get("encrypted_content") or item.get("content")):
        return Working()
    kept = {"summary": []} | {name: item[name] for name in SHOWN if item.get(name) is not None}
    return Thinking(msgspec.json.encode(kept).decode())


def _ended(response: _Response) -> Ended:
    incomplete = response.incomplete_details.reason if response.incomplete_details else ""
    return Ended(response.id or "", response.model or "", _usage(response.usage), incomplete or "")


def _usage(said: Raw) -> Usage:
    """What cannot be read is no reason to lose an answer."""
    try:
        usage = _table.decode(said)
    except (msgspec.DecodeError, RecursionError):
        return Usage()
    cached, reasoned = usage.get("input_tokens_details"), usage.get("output_tokens_details")
    return Usage(
        _whole(usage.get("input_tokens")),
        _whole(usage.get("output_tokens")),
        _whole(cached.get("cached_tokens") if isinstance(cached, dict) else 0),
        _whole(reasoned.get("reasoning_tokens") if isinstance(reasoned, dict) else 0),
    )


def _failed(error: object, status: object = None) -> Failed:
    """An error in each of its forms: a table, or only words. Some servers put the HTTP status where the code is."""
    table = error if isinstance(error, dict) else {"message": error}
    code = table.get("code")
    if code == OVER:
        raise ConnectionOver("the provider's time limit for a connection")
    return Failed(_word(code), _word(table.get("message")), _whole(status) or _whole(code))


def _whole(value: object) -> int:
    """A count, also where it stands as text; 0 for what is none: -1 is that of who has not counted."""
    try:
        return msgspec.convert(value, _Count, strict=False)
    except msgspec.ValidationError:
        return 0


def _word(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)
