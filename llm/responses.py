"""The OpenAI Responses protocol as a client, over a websocket: requests to text, events to facts. Pure.

Reference: the types of the `openai` package (`openai.types.responses`), against which the tests check both ways.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import Struct

from link.errors import ProviderError
from llm.events import Delta, FunctionCall, Output, Progress, ReplyDone, ReplyFailed, Request, Usage
from llm.items import AssistantMessage, DeveloperMessage, Item, UserMessage

MAX_WISH_S = 10.0
"""No caller waits longer for a provider that is over its limit."""
_WISH = re.compile(r"try again in (\d{1,6}(?:\.\d{1,6})?) ?(ms|s)\b", re.IGNORECASE)
NOBODY = 0
"""The reply of what belongs to none; replies are numbered from 1."""

# What no second attempt cures; the rest may pass (overload, rate limits, an internal error).
FATAL_CODES = frozenset({"invalid_api_key", "model_not_found", "insufficient_quota", "invalid_prompt"})


class ConnectionOver(ProviderError):
    """The provider ends this connection (its 60 minutes are over): a new one, at once."""


class _Head(Struct):
    type: str
    stream_id: str | None = None


class _Text(Struct):
    delta: str


class _Kind(Struct):
    type: str


class _ItemDone(Struct):
    item: _Kind


class _Call(Struct):
    call_id: str
    name: str
    arguments: str


class _CallDone(Struct):
    item: _Call


class _Error(Struct):
    code: str | None = None
    message: str = ""


class _Tokens(Struct):
    input_tokens: int = 0
    output_tokens: int = 0


class _Response(Struct):
    usage: _Tokens | None = None
    error: _Error | None = None


class _Ended(Struct):
    response: _Response


class _Failure(Struct):
    error: _Error | None = None
    code: str | None = None
    message: str = ""


_head = msgspec.json.Decoder(_Head)
_text = msgspec.json.Decoder(_Text)
_item_done = msgspec.json.Decoder(_ItemDone)
_call_done = msgspec.json.Decoder(_CallDone)
_ended = msgspec.json.Decoder(_Ended)
_failure = msgspec.json.Decoder(_Failure)


class ResponsesSettings(Struct, frozen=True):
    """What a request carries besides the conversation. `extra` goes into it as it is."""

    model: str
    lanes: bool = True
    """The provider takes `stream_id`: several answers on one connection."""
    extra: dict[str, Any] = {}


class ResponsesCodec:
    """Requests and events of one connection."""

    def __init__(self, settings: ResponsesSettings) -> None:
        self._settings = settings

    @property
    def lanes(self) -> bool:
        """An abandoned answer is left on its lane; else it has to be drained."""
        return self._settings.lanes

    def request(self, reply: int, request: Request) -> str:
        """The message that asks for an answer."""
        items = [part for item in request.items for part in _item(item)]
        if request.note:
            items.append(_message("developer", request.note))
        body: dict[str, Any] = {
            "type": "response.create",
            "model": self._settings.model,
            "instructions": request.instructions,
            "input": items,
            "tools": [
                {
                    "type": "function",
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": tool.parameters,
                    "strict": False,
                }
                for tool in request.tools
            ],
            "store": False,
            **self._settings.extra,
        }
        if self._settings.lanes:
            body["stream_id"] = f"r{reply}"
        return msgspec.json.encode(body).decode()

    def events(self, message: str | bytes, current: int | None) -> list[Output]:
        """The facts of one message. Without lanes they belong to `current`, or to NOBODY.

        Raises ProviderError for what is not of this protocol, ConnectionOver when the provider ends the connection.
        """
        try:
            head = _head.decode(message)
            return self._facts(head.type, message, self._reply(head, current) or NOBODY)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise ProviderError(f"the provider sent what is not a Responses event: {error}") from error

    def _reply(self, head: _Head, current: int | None) -> int | None:
        if head.stream_id is not None:
            return int(head.stream_id.removeprefix("r"))
        failed = head.type in ("error", "response.failed")
        return current if failed or not self.lanes else None  # with lanes words that belong nowhere are nobody's

    def _facts(self, kind: str, message: str | bytes, reply: int) -> list[Output]:
        match kind:
            case "response.output_text.delta" | "response.refusal.delta":
                return [Delta(reply, _text.decode(message).delta)]
            case "response.output_item.done":
                if _item_done.decode(message).item.type != "function_call":
                    return []
                call = _call_done.decode(message).item
                return [FunctionCall(reply, call.call_id, call.name, call.arguments)]
            case "response.completed" | "response.incomplete":
                usage = _ended.decode(message).response.usage or _Tokens()
                return [ReplyDone(reply, Usage(usage.input_tokens, usage.output_tokens))]
            case "response.failed":
                return [_failed(reply, _ended.decode(message).response.error or _Error())]
            case "error":
                failure = _failure.decode(message)
                return [_failed(reply, failure.error or _Error(failure.code, failure.message))]
            case _ if kind.startswith("response.") and kind.endswith(".delta"):
                return [Progress(reply)]  # it reasons, or writes the arguments of a call
            case _:
                return []


def _failed(reply: int, error: _Error) -> ReplyFailed:
    if error.code == "websocket_connection_limit_reached":
        raise ConnectionOver("the provider's time limit for a connection")
    reason = f"{error.code or 'error'}: {error.message}"[:300]
    return ReplyFailed(
        reply, reason, kind="fatal" if error.code in FATAL_CODES else "passing", retry_after_s=_wish_s(error.message)
    )


def _wish_s(message: str) -> float:
    """When to ask again, which the provider says in words only: "Please try again in 1.2s", or "in 20ms"."""
    found = _WISH.search(message)
    if found is None:
        return 0.0
    return min(float(found[1]) / (1000 if found[2] == "ms" else 1), MAX_WISH_S)


def _item(item: Item) -> list[dict[str, Any]]:
    match item:
        case UserMessage(text):
            return [_message("user", text)]
        case DeveloperMessage(text):
            return [_message("developer", text)]
        case AssistantMessage(text, calls):
            said = [_message("assistant", text)] if text else []
            made = [
                {"type": "function_call", "call_id": call.call_id, "name": call.name, "arguments": call.arguments}
                for call in calls
            ]
            results = [
                {"type": "function_call_output", "call_id": call.call_id, "output": call.output} for call in calls
            ]
            return [*said, *made, *results]


def _message(role: str, text: str) -> dict[str, Any]:
    """Content is plain text: as a list of parts, an assistant message would need the id that the provider gave it."""
    return {"type": "message", "role": role, "content": text}
