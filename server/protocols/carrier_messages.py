"""The text messages of carriers: JSON objects whose `event` says what they are. Pure."""

from __future__ import annotations

from collections.abc import Set
from typing import Literal, TypeVar

import msgspec
from msgspec import Struct

from link.errors import ClientError
from server.protocols.wire import Complaint, Message

Content = TypeVar("Content")


class Media(Struct):
    """Audio of a track. `chunk` counts the messages."""

    payload: bytes
    track: Literal["inbound", "outbound"] = "inbound"
    chunk: int | None = None


class Digit(Struct):
    """A key."""

    digit: str


class Name(Struct):
    """A mark."""

    name: str


class Payload(Struct):
    """Audio of ours."""

    payload: bytes


class _Any(Struct):
    event: str


_any = msgspec.json.Decoder(_Any)
_encoder = msgspec.json.Encoder()


def understand(message: Message, decoder: msgspec.json.Decoder[Content], known: Set[str]) -> Content | Complaint:
    """The content of a message, or why it is ignored. Raises ClientError for what no call can go on with."""
    if isinstance(message, bytes):
        raise ClientError(1003, "this wire has text messages only")
    try:
        return decoder.decode(message)
    except msgspec.ValidationError as error:
        return _complaint(message, error, known)
    except (ValueError, RecursionError) as error:  # DecodeError is a ValueError
        raise ClientError(1007, f"a message is not JSON: {error}") from error


def _complaint(message: str, wrong: msgspec.ValidationError, known: Set[str]) -> Complaint:
    try:
        event = _any.decode(message).event
    except msgspec.ValidationError as none:
        raise ClientError(1007, "a message must be a JSON object with an `event`") from none
    except (ValueError, RecursionError) as error:
        raise ClientError(1007, f"a message is not JSON: {error}") from error
    if event not in known:
        return Complaint("unknown_type", f"there is no message of event {event[:40]!r}; it was ignored")
    if event == "start":
        raise ClientError(1008, f"the `start` message is wrong: {wrong}")
    return Complaint("bad_message", f"a {event!r} message was ignored: {wrong}")


def text(content: Struct) -> str:
    """A message as it is sent."""
    return _encoder.encode(content).decode()
