"""The events of one response in OpenAI's Responses protocol, as its server sends them over a websocket. Pure.

Each event is valid against `ResponsesServerEvent` of OpenAI's own client; a test holds this.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import structs

from llm.local.protocol import Create, functions
from llm.local.request import Assistant, Called, FunctionCall, Item, Request

MODEL = "voicewire-local"
CHARACTERS_PER_TOKEN = 4  # a common estimate for English; nothing here counts real tokens


class ResponseWriter:
    """The events of one response, in order, each as encoded JSON; and the items that it adds to the conversation."""

    def __init__(
        self, create: Create, request: Request, response_id: str, created_at: float, *, earlier: int = 0
    ) -> None:
        """`response_id` ends in what makes item and call ids unique; `created_at` is a Unix time in seconds.

        `earlier` items of the request were known before, and count as cached.
        """
        self.id = response_id
        self.items: list[Item] = []
        self._tail = response_id.removeprefix("resp_")
        self._stream_id = create.stream_id
        self._sequence = 0
        self._output: list[dict[str, Any]] = []
        self._text: list[str] | None = None  # the pieces of the message that is open
        self._request = request
        self._earlier = earlier
        self._base = _response(create, response_id, created_at)

    def begin(self) -> list[bytes]:
        """`response.created` and `response.in_progress`."""
        response = {"response": self._base}
        return [self._event("response.created", response), self._event("response.in_progress", response)]

    def text(self, delta: str) -> list[bytes]:
        """A piece of text; opens a message if none is open."""
        events = []
        if self._text is None:
            self._text = []
            events += self._open_message()
        self._text.append(delta)
        events.append(self._event("response.output_text.delta", {**self._place(), "delta": delta, "logprobs": []}))
        return events

    def call(self, call: FunctionCall) -> list[bytes]:
        """A function call, after the end of an open message."""
        events = self._close_message()
        index = len(self._output)
        arguments = msgspec.json.encode(call.arguments).decode()
        item = {
            "id": f"fc_{self._tail}_{index}",
            "type": "function_call",
            "call_id": f"call_{self._tail}_{index}",
            "name": call.name,
        }
        at = {"item_id": item["id"], "output_index": index}
        started = {**item, "arguments": "", "status": "in_progress"}
        done = {**item, "arguments": arguments, "status": "completed"}
        self._output.append(done)
        self.items.append(Called(item["call_id"], call.name, arguments))
        return [
            *events,
            self._event("response.output_item.added", {"output_index": index, "item": started}),
            self._event("response.function_call_arguments.delta", {**at, "delta": arguments}),
            self._event("response.function_call_arguments.done", {**at, "arguments": arguments}),
            self._event("response.output_item.done", {"output_index": index, "item": done}),
        ]

    def complete(self) -> list[bytes]:
        """The end of an open message, then `response.completed`."""
        return self._end("completed")

    def incomplete(self, reason: str) -> list[bytes]:
        """The end of an open message, then `response.incomplete`: max_output_tokens, content_filter."""
        return self._end("incomplete", incomplete_details={"reason": reason})

    def _end(self, status: str, **details: Any) -> list[bytes]:
        events = self._close_message()
        usage = _usage(self._request, self._earlier, self._output)
        response = {**self._base, **details, "status": status, "output": self._output, "usage": usage}
        return [*events, self._event(f"response.{status}", {"response": response})]

    def failed(self, message: str) -> list[bytes]:
        """`response.failed`: the answer broke off on the server's side."""
        error = {"code": "server_error", "message": message}
        return [self._event("response.failed", {"response": {**self._base, "status": "failed", "error": error}})]

    def _open_message(self) -> list[bytes]:
        item = {
            "id": self._message_id(),
            "type": "message",
            "role": "assistant",
            "status": "in_progress",
            "content": [],
        }
        return [
            self._event("response.output_item.added", {"output_index": len(self._output), "item": item}),
            self._event("response.content_part.added", {**self._place(), "part": _part("")}),
        ]

    def _close_message(self) -> list[bytes]:
        if self._text is None:
            return []
        text, place = "".join(self._text), self._place()
        item = {
            "id": self._message_id(),
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [_part(text)],
        }
        events = [
            self._event("response.output_text.done", {**place, "text": text, "logprobs": []}),
            self._event("response.content_part.done", {**place, "part": _part(text)}),
            self._event("response.output_item.done", {"output_index": len(self._output), "item": item}),
        ]
        self._output.append(item)
        self.items.append(Assistant(text))
        self._text = None
        return events

    def _message_id(self) -> str:
        return f"msg_{self._tail}_{len(self._output)}"

    def _place(self) -> dict[str, Any]:
        return {"item_id": self._message_id(), "output_index": len(self._output), "content_index": 0}

    def _event(self, kind: str, fields: dict[str, Any]) -> bytes:
        event = {"type": kind, "sequence_number": self._sequence, **fields}
        self._sequence += 1
        if self._stream_id is not None:
            event["stream_id"] = self._stream_id
        return msgspec.json.encode(event)


def _part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _response(create: Create, response_id: str, created_at: float) -> dict[str, Any]:
    """The response object as it is before anything was answered; it tells the client its own settings back."""
    return {
        "id": response_id,
        "object": "response",
        "created_at": created_at,
        "model": create.model or MODEL,
        "status": "in_progress",
        "instructions": create.instructions,
        "previous_response_id": create.previous_response_id,
        "output": [],
        "tools": msgspec.Raw(msgspec.json.encode(functions(create))),
        "tool_choice": create.tool_choice or "auto",
        "parallel_tool_calls": create.parallel_tool_calls is not False,
        "metadata": create.metadata or {},
        "error": None,
        "incomplete_details": None,
        "usage": None,
    }


def _usage(request: Request, earlier: int, output: list[dict[str, Any]]) -> dict[str, Any]:
    """Tokens, estimated from the number of characters."""
    cached = tokens(characters(request.items[:earlier]))
    tokens_in = cached + tokens(len(request.instructions) + characters(request.items[earlier:]))
    tokens_out = tokens(sum(len(item.get("arguments") or item["content"][0]["text"]) for item in output))
    return {
        "input_tokens": tokens_in,
        "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": 0},
        "output_tokens": tokens_out,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": tokens_in + tokens_out,
    }


def characters(items: tuple[Item, ...]) -> int:
    """How long a conversation is."""
    return sum(len(field) for item in items for field in structs.astuple(item))


def tokens(characters: int) -> int:
    """An estimate, rounded up."""
    return -(-characters // CHARACTERS_PER_TOKEN)
