"""Chat Completions as a client: from a request to the body that asks for its answer. Pure.

A body holds what `chat.completions.create` of the `openai` package takes by keyword; the tests check it against the
package's own types.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from llm.chat_options import OURS, ChatOptions
from llm.events import Request, ToolSchema
from llm.items import AssistantMessage, Call, DeveloperMessage, Image, Item, Media, Reasoning, UserMessage
from llm.media import base64_text, data_url

_CHOICES = ("auto", "none", "required")
_thought = msgspec.json.Decoder(str)


def body_of(options: ChatOptions, request: Request) -> dict[str, Any]:
    """The body of a streaming request. What the request has settings for goes before all options."""
    settings = request.settings
    body = {
        **_chosen(options.temperature, options.max_output_tokens, options.max_tokens_field),
        **({"service_tier": options.service_tier} if options.service_tier else {}),
        **({"stream_options": {"include_usage": True}} if options.usage else {}),
        **_tools(options, request.tools, settings.tool_choice or options.tool_choice),
        **options.extra,
        **settings.extra,
        **_chosen(settings.temperature, settings.max_output_tokens, options.max_tokens_field),
    }
    for name in OURS:
        body.pop(name, None)
    head = {"model": settings.model or options.model, "messages": list(_messages(options, request)), "stream": True}
    return head | body


def source_of(options: ChatOptions) -> str:
    """Who can read the reasoning of this endpoint again."""
    return f"chat completions: {options.reasoning_field} of {options.name}"


def _chosen(temperature: float | None, most: int | None, field: str) -> dict[str, Any]:
    chosen = {"temperature": temperature, field: most}
    return {name: value for name, value in chosen.items() if value is not None}


def _tools(options: ChatOptions, tools: tuple[ToolSchema, ...], choice: str) -> dict[str, Any]:
    """Without tools nothing may be said of them."""
    if not tools:
        return {}
    said = {"tool_choice": _choice(tools, choice), "parallel_tool_calls": options.parallel_tool_calls}
    return {
        "tools": [{"type": "function", "function": _function(tool)} for tool in tools],
        **{name: value for name, value in said.items() if value is not None},
    }


def _function(tool: ToolSchema) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "parameters": tool.parameters}


def _choice(tools: tuple[ToolSchema, ...], choice: str) -> str | dict[str, Any] | None:
    """A tool that is not offered cannot be asked for: the provider would refuse the request."""
    if choice in _CHOICES:
        return choice
    if any(tool.name == choice for tool in tools):
        return {"type": "function", "function": {"name": choice}}
    return None


# --- messages -------------------------------------------------------------------------------------------------------


def _messages(options: ChatOptions, request: Request) -> Iterator[dict[str, Any]]:
    if request.instructions:
        yield {"role": "developer" if options.developer_role else "system", "content": request.instructions}
    for item in request.items:
        yield from _message(options, item)
    if request.note:
        yield from _message(options, DeveloperMessage(request.note))


def _message(options: ChatOptions, item: Item) -> Iterator[dict[str, Any]]:
    match item:
        case UserMessage(text, media):
            yield {"role": "user", "content": _content(text, media) if media else text}
        case DeveloperMessage(text):
            yield {"role": "developer" if options.developer_role else "user", "content": text}
        case AssistantMessage(text, calls, reasoning):
            if text or calls:
                yield {"role": "assistant", "content": text or None, **_calls(options, calls, reasoning)}
            for call in calls:
                yield {"role": "tool", "tool_call_id": call.call_id, "content": call.output}


def _calls(options: ChatOptions, calls: tuple[Call, ...], reasoning: tuple[Reasoning, ...]) -> dict[str, Any]:
    """What stands beside the words of a message with calls."""
    if not calls:
        return {}
    made = [
        {
            "id": call.call_id,
            "type": "function",
            "function": {"name": call.name, "arguments": _readable(call.arguments)},
        }
        for call in calls
    ]
    source = source_of(options)
    thoughts = [_thought.decode(each.item) for each in reasoning if options.reasoning_field and each.source == source]
    return {"tool_calls": made, **({options.reasoning_field: "".join(thoughts)} if thoughts else {})}


def _readable(arguments: str) -> str:
    """Arguments that the provider can read back. Several refuse the whole conversation for one that is not JSON."""
    return arguments if is_object(arguments) else msgspec.json.encode({"unreadable": arguments}).decode()


def is_object(arguments: str) -> bool:
    """Whether a model's arguments are a whole JSON object."""
    try:
        return isinstance(msgspec.json.decode(arguments), dict)
    except (msgspec.DecodeError, RecursionError):
        return False


def _content(text: str, media: tuple[Media, ...]) -> list[dict[str, Any]]:
    words = [{"type": "text", "text": text}] if text else []
    return [*words, *map(_part, media)]


def _part(medium: Media) -> dict[str, Any]:
    if isinstance(medium, Image):
        return {"type": "image_url", "image_url": {"url": data_url(medium), "detail": medium.detail}}
    return {"type": "input_audio", "input_audio": {"data": base64_text(medium.data), "format": medium.format}}
