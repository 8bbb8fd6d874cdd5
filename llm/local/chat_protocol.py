"""OpenAI's Chat Completions protocol over HTTP, on its server's side: what is asked, and what is answered. Pure.

Shapes are those of the public types of OpenAI's own client, `openai.types.chat`; a test holds all that is answered to
them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec import Struct

from llm.local.protocol import (
    UNREADABLE,
    Function,
    Part,
    RequestError,
    choice_of,
    error_object,
    missing,
    text_of,
    tool_of,
    unreadable,
)
from llm.local.request import Assistant, Called, Developer, FunctionCall, Item, Output, Request, Result, Tool, User
from llm.local.response_events import MODEL, characters, tokens

DONE = b"[DONE]"
"""What a stream ends with."""
ARGUMENT_PIECE = 16  # characters of a call's arguments in one chunk: a client must put them together
_APPLICATION = ("system", "developer")


# --- what is asked ----------------------------------------------------------------------------------------------------


class _StreamOptions(Struct):
    include_usage: bool | None = None


class _Called(Struct):
    name: str
    arguments: str


class _Call(Struct):
    id: str
    type: str = "function"
    function: _Called | None = None


class _Message(Struct):
    role: str
    content: str | list[Part] | None = None
    tool_calls: list[_Call] | None = None
    tool_call_id: str | None = None


class _Tool(Struct):
    type: str = "function"
    function: Function | None = None


class _Named(Struct):
    name: str


class _Choice(Struct):
    type: str
    function: _Named | None = None


class Completion(Struct):
    """The fields of a request that matter here; others are accepted and ignored."""

    messages: list[_Message] | None = None
    model: str | None = None
    tools: list[_Tool] | None = None
    tool_choice: str | _Choice | None = None
    parallel_tool_calls: bool | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    max_completion_tokens: int | None = None
    max_tokens: int | None = None

    @property
    def most(self) -> int | None:
        """How many tokens of words the answer may have; None: all."""
        return self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens

    @property
    def wants_usage(self) -> bool:
        """Whether the stream is to end with what the answer took."""
        return bool(self.stream_options and self.stream_options.include_usage)


_COMPLETION = msgspec.json.Decoder(Completion)


def read(body: bytes) -> Completion:
    """Decode the body of a request. Raises RequestError, whose words are for the client."""
    try:
        return _COMPLETION.decode(body)
    except UNREADABLE as error:
        raise unreadable(error, "body") from error


def conversation(asked: Completion) -> Request:
    """What to answer; a leading message of the application is the instructions. Raises RequestError."""
    if asked.messages is None:
        raise missing("messages")
    if not asked.messages:
        raise RequestError("'messages' must hold at least one message.", code="empty_array", param="messages")
    items = [item for index, each in enumerate(asked.messages) for item in _items(each, f"messages[{index}]")]
    leading = items[0] if items else None
    instructions = leading.text if isinstance(leading, Developer) else ""
    tools = tuple(_tools(asked.tools or ()))
    choice = choice_of(_flat(asked.tool_choice), tools)
    return Request(tuple(items[isinstance(leading, Developer) :]), instructions, tools, choice)


def permitted(outputs: Iterable[Output], asked: Completion) -> list[Output]:
    """The outputs without the calls that the client does not take: all but the first, where it takes one at a time."""
    kept: list[Output] = []
    for output in outputs:
        another = isinstance(output, FunctionCall) and any(isinstance(each, FunctionCall) for each in kept)
        if not (another and asked.parallel_tool_calls is False):
            kept.append(output)
    return kept


def _items(message: _Message, place: str) -> Iterator[Item]:
    """What a message says; one with calls has words before them, or none. Raises RequestError."""
    role = message.role
    if message.content is None and not (role == "assistant" and message.tool_calls):
        raise missing(f"{place}.content")
    text = text_of(message.content or "")
    if role == "user":
        yield User(text)
    elif role in _APPLICATION:
        yield Developer(text)
    elif role == "assistant":
        if text or not message.tool_calls:
            yield Assistant(text)
        yield from _calls(message.tool_calls or (), f"{place}.tool_calls")
    elif role == "tool":
        if message.tool_call_id is None:
            raise missing(f"{place}.tool_call_id")
        yield Result(message.tool_call_id, text)
    else:
        raise RequestError(f"Unknown role '{role}'.", param=f"{place}.role")


def _calls(calls: Iterable[_Call], place: str) -> Iterator[Item]:
    """Calls of functions; of other tools there are none here."""
    for index, call in enumerate(calls):
        if call.function is not None:
            yield Called(call.id, call.function.name, call.function.arguments)
        elif call.type == "function":
            raise missing(f"{place}[{index}].function")


def _tools(tools: Iterable[_Tool]) -> Iterator[Tool]:
    """The tools that are functions; others are passed over."""
    for index, tool in enumerate(tools):
        if tool.type != "function":
            continue
        if tool.function is None:
            raise missing(f"tools[{index}].function")
        yield tool_of(tool.function)


def _flat(choice: str | _Choice | None) -> str | dict[str, Any] | None:
    """A tool choice as the Responses protocol writes it."""
    if not isinstance(choice, _Choice):
        return choice
    if choice.type == "function" and choice.function is None:
        raise missing("tool_choice.function")
    return {"type": choice.type, "name": choice.function.name if choice.function else None}


# --- what is answered -------------------------------------------------------------------------------------------------


class ChatWriter:
    """One answer: its chunks in order, each as encoded JSON; and at its end all of it as one completion."""

    def __init__(self, asked: Completion, request: Request, answer_id: str, created_at: float) -> None:
        """`answer_id` ends in what makes call ids unique; `created_at` is a Unix time in seconds."""
        self._head = {"id": answer_id, "created": int(created_at), "model": asked.model or MODEL}
        self._tail = answer_id.removeprefix("chatcmpl-")
        self._asked = asked
        self._request = request
        self._said: list[str] = []
        self._calls: list[dict[str, Any]] = []
        self._reason = ""

    def begin(self) -> list[bytes]:
        """The role."""
        return [self._chunk({"role": "assistant", "content": ""})]

    def text(self, delta: str) -> list[bytes]:
        """A piece of text."""
        self._said.append(delta)
        return [self._chunk({"content": delta})]

    def call(self, call: FunctionCall) -> list[bytes]:
        """A function call: its name, then its arguments in pieces."""
        index = len(self._calls)
        call_id, arguments = f"call_{self._tail}_{index}", msgspec.json.encode(call.arguments).decode()
        made = {"id": call_id, "type": "function", "function": {"name": call.name, "arguments": arguments}}
        self._calls.append(made)
        begun = {**made, "index": index, "function": {"name": call.name, "arguments": ""}}
        pieces = (arguments[at : at + ARGUMENT_PIECE] for at in range(0, len(arguments), ARGUMENT_PIECE))
        more = ({"index": index, "function": {"arguments": piece}} for piece in pieces)
        return [self._chunk({"tool_calls": [delta]}) for delta in (begun, *more)]

    def end(self, reason: str = "") -> list[bytes]:
        """Why it ends, by itself or for a `reason` (length, content_filter); then the usage, if that is wanted."""
        self._reason = reason or ("tool_calls" if self._calls else "stop")
        chunks = [self._chunk({}, self._reason)]
        if self._asked.wants_usage:
            chunks.append(self._encode([], usage=self._usage()))
        return chunks

    def whole(self) -> bytes:
        """The completion, after its end."""
        message: dict[str, Any] = {"role": "assistant", "content": "".join(self._said), "refusal": None}
        if self._calls:
            message |= {"content": message["content"] or None, "tool_calls": self._calls}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self._reason}
        body = {**self._head, "object": "chat.completion", "choices": [choice], "usage": self._usage()}
        return msgspec.json.encode(body)

    def _chunk(self, delta: dict[str, Any], reason: str | None = None) -> bytes:
        return self._encode([{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}], usage=None)

    def _encode(self, choices: list[Any], *, usage: dict[str, Any] | None) -> bytes:
        chunk = {**self._head, "object": "chat.completion.chunk", "choices": choices}
        return msgspec.json.encode({**chunk, "usage": usage} if self._asked.wants_usage else chunk)

    def _usage(self) -> dict[str, Any]:
        """Tokens, estimated from the number of characters."""
        tokens_in = tokens(len(self._request.instructions) + characters(self._request.items))
        arguments = (call["function"]["arguments"] for call in self._calls)
        tokens_out = tokens(sum(map(len, (*self._said, *arguments))))
        return {
            "prompt_tokens": tokens_in,
            "completion_tokens": tokens_out,
            "total_tokens": tokens_in + tokens_out,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        }


def error_body(error: RequestError) -> bytes:
    """An error as the provider tells it: the body of a refusal, or an event within a stream."""
    return msgspec.json.encode({"error": error_object(error)})
