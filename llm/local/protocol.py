"""What a client sends in OpenAI's Responses protocol over a websocket, read by its server. Pure.

Shapes are those of the public types of OpenAI's own client, `openai.types.responses`. What the server answers is in
`response_events.py`.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from llm.local.request import Assistant, Called, Developer, Item, Request, Result, Tool, User


class RequestError(Exception):
    """A message of the client that cannot be answered; becomes an `error` event."""

    def __init__(self, message: str, *, code: str = "invalid_request", param: str | None = None, status: int = 400):
        super().__init__(message)
        self.code = code
        self.param = param
        self.status = status


class Create(Struct):
    """The fields of `response.create` that matter here; others are accepted and ignored (`store` among them)."""

    model: str | None = None
    input: str | list[dict[str, Any]] | None = None
    instructions: str | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    previous_response_id: str | None = None
    stream_id: str | None = None
    generate: bool | None = None
    metadata: dict[str, str] | None = None
    parallel_tool_calls: bool | None = None
    max_output_tokens: int | None = None


class _Envelope(Struct):
    type: str
    stream_id: str | None = None


class Part(Struct):
    """A part of a message; one that is no text (a picture) says nothing to a brain."""

    type: str = "input_text"
    text: str = ""


class _Message(Struct):
    role: str
    content: str | list[Part]


class Function(Struct):
    """A tool that is a function, as the client describes it."""

    name: str
    type: str = "function"
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class _Output(Struct):
    call_id: str
    output: str | list[Part]


UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding may raise."""
_ENVELOPE = msgspec.json.Decoder(_Envelope)
_CREATE = msgspec.json.Decoder(Create)
_FAMILIES: dict[str, type[User | Assistant | Developer]] = {
    "user": User,
    "assistant": Assistant,
    "developer": Developer,
    "system": Developer,
}


def stream_of(message: str | bytes) -> str | None:
    """The lane that a message names, if that much of it can be read."""
    try:
        return _ENVELOPE.decode(message).stream_id
    except UNREADABLE:
        return None


def read(message: str | bytes) -> Create:
    """Decode a client's message. Raises RequestError, whose words are for the client."""
    if isinstance(message, bytes):
        raise RequestError("Messages must be text frames that hold JSON.", code="invalid_message")
    try:
        kind = _ENVELOPE.decode(message).type
        if kind == "response.create":
            return _CREATE.decode(message)
    except UNREADABLE as error:
        raise unreadable(error, "message") from error
    raise RequestError(f"Unknown event type '{kind}'; this server takes response.create.", param="type")


def unreadable(error: Exception, what: str) -> RequestError:
    """Why a message or a body, `what` it is, could not be decoded."""
    if not isinstance(error, msgspec.ValidationError):
        return RequestError(f"The {what} is not JSON that can be read: {error}.", code="invalid_json")
    reason, _, path = str(error).partition(" - at `$")
    return RequestError(f"{reason}.", param=path.strip("`").lstrip(".") or None)


def missing(param: str) -> RequestError:
    """What the provider says of a field that must be there."""
    return RequestError(f"Missing required parameter: '{param}'.", code="missing_required_parameter", param=param)


def conversation(create: Create, earlier: tuple[Item, ...]) -> Request:
    """What to answer: the earlier conversation, then the new input. Raises RequestError."""
    if create.input is None and create.previous_response_id is None and create.generate is not False:
        raise missing("input")
    given = [{"role": "user", "content": create.input}] if isinstance(create.input, str) else create.input or []
    items = [item for index, each in enumerate(given) if (item := _item(each, f"input[{index}]"))]
    tools = tuple(map(tool_of, functions(create)))
    return Request(earlier + tuple(items), create.instructions or "", tools, choice_of(create.tool_choice, tools))


def functions(create: Create) -> list[Function]:
    """The tools that are functions; built-in tools of other providers are passed over."""
    found = []
    for index, tool in enumerate(create.tools or ()):
        if tool.get("type", "function") == "function":
            found.append(_convert(tool, Function, f"tools[{index}]"))
    return found


def _item(raw: dict[str, Any], place: str) -> Item | None:
    """One item of the input; None for a kind that says nothing to a brain (reasoning, references)."""
    kind = raw.get("type", "message" if "role" in raw else None)
    if kind == "message":
        message = _convert(raw, _Message, place)
        family = _FAMILIES.get(message.role)
        if family is None:
            raise RequestError(f"Unknown role '{message.role}'.", param=f"{place}.role")
        return family(text_of(message.content))
    if kind == "function_call":
        call: Called = _convert(raw, Called, place)
        return call
    if kind == "function_call_output":
        output = _convert(raw, _Output, place)
        return Result(output.call_id, text_of(output.output))
    if isinstance(kind, str):
        return None
    raise RequestError("An input item needs a 'type', or a 'role'.", param=place)


def _convert(raw: dict[str, Any], shape: type[Any], place: str) -> Any:
    try:
        return msgspec.convert({name: value for name, value in raw.items() if name != "type"}, shape)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$")
        raise RequestError(f"{reason}.", param=place + path.strip("`")) from error


def text_of(content: str | list[Part]) -> str:
    """The words of a message."""
    return content if isinstance(content, str) else " ".join(part.text for part in content if part.text)


def tool_of(function: Function) -> Tool:
    """A function as a brain knows it."""
    return Tool(function.name, function.description or "", function.parameters or {})


def choice_of(choice: str | dict[str, Any] | None, tools: tuple[Tool, ...]) -> str:
    """The tool choice of a Request. Raises RequestError for one that there is not."""
    if choice is None:
        return "auto"
    if isinstance(choice, str) and choice in {"auto", "none", "required"}:
        return choice
    if isinstance(choice, dict) and choice.get("type") == "function":
        if any(tool.name == choice.get("name") for tool in tools):
            return f"function:{choice['name']}"
        raise RequestError(f"tool_choice names '{choice.get('name')}', which is not in tools.", param="tool_choice")
    raise RequestError("tool_choice must be auto, none, required, or a function.", param="tool_choice")


def error_event(error: RequestError, stream_id: str | None) -> bytes:
    """The `error` event of the protocol."""
    event: dict[str, Any] = {"type": "error", "status": error.status, "error": error_object(error)}
    if stream_id is not None:
        event["stream_id"] = stream_id
    return msgspec.json.encode(event)


def error_object(error: RequestError) -> dict[str, Any]:
    """An error as the provider describes it, in both of its protocols."""
    kind = "server_error" if error.status >= 500 else "invalid_request_error"
    return {"type": kind, "code": error.code, "message": str(error), "param": error.param}
