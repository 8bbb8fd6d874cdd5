"""Requests of OpenAI's Responses protocol: the log and the settings become one message. Pure.

Reference: `ResponsesClientEvent` of the `openai` package, which every request is checked against in the tests; and its
`ResponseInputAudio`, which that union leaves out.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec
from msgspec import Struct

from link.errors import ConfigError, VoicewireError
from llm.continuation import Plan
from llm.events import Request, ToolSchema
from llm.items import AssistantMessage, Audio, Call, DeveloperMessage, Image, Item, Media, Reasoning, UserMessage
from llm.media import base64_text, data_url

ENCRYPTED = "reasoning.encrypted_content"
OURS = frozenset("type model input previous_response_id stream_id generate stream background".split())
"""What a request has from the service, or must not have on a websocket; no `extra` sets it."""


class UnsendableRequest(VoicewireError):
    """A request holds what JSON cannot: an object in an `extra`, half a character in a text."""


class ResponsesSettings(Struct, frozen=True):
    """What a request carries besides the conversation. `extra` goes into it as it is."""

    model: str
    lanes: bool = True
    """The provider takes `stream_id`: several answers on one connection."""
    extra: dict[str, Any] = {}
    incremental: bool = True
    """Only what is new goes out, with `previous_response_id`, where the provider knows the rest."""
    warm_up: bool = True
    """`generate: false` may prepare a request. A provider that refuses it is not asked again by that call."""
    renew_s: float = 55 * 60.0
    """A connection that is older is replaced while nobody waits for an answer; OpenAI ends them after 60 minutes."""
    reasoning: bool = False
    """Ask for what the model thought (encrypted), to show it again; so does an `extra` with `reasoning` in it.

    OpenAI sends it unasked; older servers do not, and models that do not reason refuse the question.
    """
    developer_role: bool = True
    """Models without it get what the application says as a user's."""

    def __post_init__(self) -> None:
        if wrong := sorted(OURS.intersection(self.extra)):
            raise ConfigError(f"llm: extra must not set {', '.join(wrong)}: that is for the service to say")
        if not 0 < self.renew_s < math.inf:
            raise ConfigError(f"llm: renew_s must be above zero and have an end, not {self.renew_s:g}")


def model_of(settings: ResponsesSettings, request: Request) -> str:
    """The model that a request is for."""
    return request.settings.model or settings.model


def encode(settings: ResponsesSettings, plan: Plan, *, lane: str, source: str, generate: bool = True) -> str:
    """The message that asks. `source` is whose thoughts may be shown again, `lane` is left out where it is empty.

    Raises UnsendableRequest.
    """
    try:
        return msgspec.json.encode(_body(settings, plan, lane, source, generate)).decode()
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError) as error:
        raise UnsendableRequest(f"the request cannot be written as JSON: {error}") from error


def _body(settings: ResponsesSettings, plan: Plan, lane: str, source: str, generate: bool) -> dict[str, Any]:
    request = plan.request
    body: dict[str, Any] = {
        "instructions": request.instructions,
        "tools": [_tool(tool) for tool in request.tools],
        "store": False,
        **settings.extra,
        **request.settings.extra,
        **_chosen(request),
    }
    for name in OURS:
        body.pop(name, None)
    if settings.reasoning or body.get("reasoning"):
        body["include"] = sorted({ENCRYPTED, *(body.get("include") or ())})
    developer = "developer" if settings.developer_role else "user"
    body |= {"type": "response.create", "model": plan.model, "input": _input(plan, source, developer)}
    if plan.previous:
        body["previous_response_id"] = plan.previous
    if lane:
        body["stream_id"] = lane
    if not generate:
        body["generate"] = False
    return body


def _tool(tool: ToolSchema) -> dict[str, Any]:
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
        "strict": False,
    }


def _chosen(request: Request) -> dict[str, Any]:
    """The settings of one request. A choice among tools that it does not have would be refused."""
    settings, chosen = request.settings, dict[str, Any]()
    if settings.temperature is not None:
        chosen["temperature"] = settings.temperature
    if settings.max_output_tokens is not None:
        chosen["max_output_tokens"] = settings.max_output_tokens
    if settings.tool_choice in ("auto", "none", "required"):
        if request.tools:
            chosen["tool_choice"] = settings.tool_choice
    elif any(tool.name == settings.tool_choice for tool in request.tools):
        chosen["tool_choice"] = {"type": "function", "name": settings.tool_choice}
    return chosen


def _input(plan: Plan, source: str, developer: str) -> list[dict[str, Any]]:
    """The items that go out. Thoughts are shown again within a turn only, as the protocol wants it.

    `developer` is the role of what the application says.
    """
    items = plan.request.items
    turn = max((place for place, item in enumerate(items) if isinstance(item, UserMessage)), default=-1)
    parts = [_output(call) for call in plan.results]
    for place in range(plan.begin, len(items)):
        parts += _parts(items[place], source if place > turn else "", developer)
    if plan.request.note:
        parts.append(_message(developer, plan.request.note))
    return parts


def _parts(item: Item, source: str, developer: str) -> list[dict[str, Any]]:
    match item:
        case UserMessage(text, media):
            return [_message("user", _content(text, media) if media else text)]
        case DeveloperMessage(text):
            return [_message(developer, text)]
        case AssistantMessage(text, calls, reasoning):
            said = [_message("assistant", text)] if text else []
            thoughts = [_thought(each) for each in reasoning if source and each.source == source] if calls else []
            return [*said, *filter(None, thoughts), *map(_call, calls), *map(_output, calls)]


def _message(role: str, content: str | list[dict[str, Any]]) -> dict[str, Any]:
    """An assistant's content is plain text: as a list of parts, it would need the id that the provider gave it."""
    return {"type": "message", "role": role, "content": content}


def _content(text: str, media: tuple[Media, ...]) -> list[dict[str, Any]]:
    said = [{"type": "input_text", "text": text}] if text else []
    return [*said, *map(_shown, media)]


def _shown(media: Media) -> dict[str, Any]:
    match media:
        case Image():
            return {"type": "input_image", "detail": media.detail, "image_url": data_url(media)}
        case Audio(data, kind):
            return {"type": "input_audio", "input_audio": {"data": base64_text(data), "format": kind}}


def _call(call: Call) -> dict[str, Any]:
    return {"type": "function_call", "call_id": call.call_id, "name": call.name, "arguments": call.arguments}


def _output(call: Call) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call.call_id, "output": call.output}


def _thought(reasoning: Reasoning) -> dict[str, Any] | None:
    """What the provider said, as it said it; a log that was edited by hand may hold what it cannot read."""
    try:
        item = msgspec.json.decode(reasoning.item)
    except (msgspec.DecodeError, RecursionError):
        return None
    return item if isinstance(item, dict) and item.get("type") == "reasoning" else None
