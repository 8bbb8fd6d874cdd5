"""A conversation as JSON that a person can write: a list of messages. Pure.

    [
    {"role": "developer", "content": "The caller is a customer since 2019.", "pinned": true},
    {"role": "user", "content": "What do you see here?"},
    {"role": "user", "content": [{"type": "text", "text": "And here?"},
                                 {"type": "image", "url": "https://example.org/door.jpg", "detail": "low"},
                                 {"type": "image", "data": "aGVsbG8=", "mime": "image/png", "width_px": 512},
                                 {"type": "audio", "data": "UklGRg==", "format": "wav"}]},
    {"role": "assistant", "content": "Let me look.",
     "tool_calls": [{"call_id": "c1", "name": "look", "arguments": {"where": "door"}, "output": "It is open."}]}
    ]

`data` is base64. `arguments` may be written as an object; they are kept as JSON text, as the model gave them. A call
stands with its result. An assistant message may have `reasoning`: opaque values of a provider, [{"source", "item"}].
The others may be `pinned`.
What is left out has its default (llm/items.py), and is not written. What is not known is an error.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from link.errors import VoicewireError
from link.text import utf8_text
from llm.items import (
    AssistantMessage,
    Audio,
    Call,
    Detail,
    DeveloperMessage,
    Image,
    Item,
    Media,
    Reasoning,
    UserMessage,
)

ROLES = ("user", "developer", "assistant")
_JPEG = Image().mime
Pixels = Annotated[int, Meta(ge=0)]


class MessagesError(VoicewireError):
    """A conversation is not written as it must be; the message says which message (from 1), where in it and what."""


class _Text(Struct, tag_field="type", tag="text", forbid_unknown_fields=True):
    text: str


class _Image(Struct, tag_field="type", tag="image", forbid_unknown_fields=True, omit_defaults=True):
    data: bytes = b""
    url: str = ""
    mime: Annotated[str, Meta(pattern="^image/(jpeg|png|webp|gif)$")] = _JPEG
    detail: Detail = "auto"
    width_px: Pixels = 0
    height_px: Pixels = 0


class _Audio(Struct, tag_field="type", tag="audio", forbid_unknown_fields=True):
    data: Annotated[bytes, Meta(min_length=1)]
    format: Literal["wav", "mp3"] = "wav"


class _Call(Struct, forbid_unknown_fields=True):
    call_id: Annotated[str, Meta(min_length=1)]
    name: Annotated[str, Meta(min_length=1)]
    output: str
    arguments: str | dict[str, Any] = "{}"


class _Reasoning(Struct, forbid_unknown_fields=True):
    source: str
    item: str


class _User(Struct, tag_field="role", tag="user", forbid_unknown_fields=True, omit_defaults=True):
    content: str | tuple[_Text | _Image | _Audio, ...]
    pinned: bool = False


class _Developer(Struct, tag_field="role", tag="developer", forbid_unknown_fields=True, omit_defaults=True):
    content: str
    pinned: bool = False


class _Assistant(Struct, tag_field="role", tag="assistant", forbid_unknown_fields=True, omit_defaults=True):
    content: str = ""
    tool_calls: tuple[_Call, ...] = ()
    reasoning: tuple[_Reasoning, ...] = ()


_Part = _Text | _Image | _Audio
_Message = _User | _Developer | _Assistant


def to_json(items: Sequence[Item]) -> str:
    """The conversation as JSON, a line for each message. `from_json` gives the same messages back."""
    lines = [json.dumps(msgspec.to_builtins(_written(item)), ensure_ascii=False) for item in items]
    text = "[\n" + ",\n".join(lines) + "\n]" if lines else "[]"
    return utf8_text(text)


def from_json(text: str | bytes) -> tuple[Item, ...]:
    """The conversation that a JSON list says. Raises MessagesError."""
    try:
        values = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise MessagesError(f"the conversation is not JSON: {error}") from error
    if not isinstance(values, list):
        raise MessagesError("the conversation is not a JSON list of messages")
    return from_objects(values)


def from_objects(values: Iterable[Any]) -> tuple[Item, ...]:
    """The same of dicts, as a program writes them; `data` may be bytes. Raises MessagesError."""
    items: list[Item] = []
    seen: dict[str, int] = {}
    for number, value in enumerate(values, 1):
        try:
            item = _read(value)
            _check_ids(item, seen, number)
        except (ValueError, RecursionError) as error:  # msgspec's ValidationError is a ValueError
            raise MessagesError(f"message {number}{_in_words(str(error))}") from error
        items.append(item)
    return tuple(items)


def _read(value: Any) -> Item:
    if not isinstance(value, dict):
        raise ValueError("a message is an object with a role and content")
    if value.get("role") not in ROLES:
        raise ValueError(f"the role is {str(value.get('role'))[:40]!r}; there are {', '.join(ROLES)}")
    message = msgspec.convert(value, _Message)
    try:
        msgspec.json.encode(message)
    except (UnicodeEncodeError, TypeError) as error:
        raise ValueError(f"what it holds cannot be said in JSON: {error}") from error
    return _item(message)


def _check_ids(item: Item, seen: dict[str, int], number: int) -> None:
    """Each call has an id of its own. Raises ValueError."""
    for call in item.calls if isinstance(item, AssistantMessage) else ():
        if call.call_id in seen:
            raise ValueError(f"the call_id {call.call_id!r} is that of a call in message {seen[call.call_id]}")
        seen[call.call_id] = number


def _in_words(error: str) -> str:
    """msgspec's message, with the place in front: `, content[1].data: invalid …`."""
    what, _, place = error.partition(" - at `$")
    place = place.removesuffix("`").removeprefix(".")
    hint = "; a part is a text, image or audio" if place.endswith(".type") or place.endswith("].type") else ""
    return f"{f', {place}' if place else ''}: {what[:1].lower()}{what[1:]}{hint}"


def _item(message: _Message) -> Item:
    if isinstance(message, _Developer):
        return DeveloperMessage(message.content, message.pinned)
    if isinstance(message, _Assistant):
        calls = tuple(
            Call(call.call_id, call.name, _arguments(call.arguments, at), call.output)
            for at, call in enumerate(message.tool_calls)
        )
        thoughts = tuple(Reasoning(thought.source, thought.item) for thought in message.reasoning)
        return AssistantMessage(message.content, calls, thoughts)
    if isinstance(message.content, str):
        return UserMessage(message.content, pinned=message.pinned)
    texts = [part.text for part in message.content if isinstance(part, _Text)]
    media = [_medium(part, at) for at, part in enumerate(message.content) if not isinstance(part, _Text)]
    return UserMessage("\n".join(texts), tuple(media), message.pinned)


def _arguments(arguments: str | dict[str, Any], at: int) -> str:
    if isinstance(arguments, str):
        return arguments
    try:
        return json.dumps(arguments, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:  # msgspec knows more than JSON: a date, bytes, a set
        raise ValueError(f"they cannot be said in JSON: {error} - at `$.tool_calls[{at}].arguments`") from error


def _medium(part: _Image | _Audio, at: int) -> Media:
    if isinstance(part, _Audio):
        return Audio(part.data, part.format)
    if bool(part.data) == bool(part.url):
        raise ValueError(f"an image has either data (base64) or a url - at `$.content[{at}]`")
    return Image(part.data, part.url, part.mime, part.detail, part.width_px, part.height_px)


def _written(item: Item) -> _Message:
    match item:
        case UserMessage(text, media, pinned):
            said = (_Text(text),) if text else ()
            return _User((*said, *map(_part, media)) if media else text, pinned)
        case DeveloperMessage(text, pinned):
            return _Developer(text, pinned)
        case AssistantMessage(text, calls, reasoning):
            made = tuple(_Call(call.call_id, call.name, call.output, call.arguments) for call in calls)
            return _Assistant(text, made, tuple(_Reasoning(thought.source, thought.item) for thought in reasoning))


def _part(medium: Media) -> _Part:
    if isinstance(medium, Audio):
        return _Audio(medium.data, medium.format)
    mime = _JPEG if medium.mime == _JPEG else medium.mime  # msgspec leaves a default out only if it is the same object
    return _Image(medium.data, medium.url, mime, medium.detail, medium.width_px, medium.height_px)
