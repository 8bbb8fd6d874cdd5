"""The text messages of Genesys AudioHook v2, as data. Pure."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Struct

from link.errors import ClientError
from server.protocols.wire import Complaint


class Head(Struct, frozen=True):
    """What every message has."""

    type: str
    version: str
    id: str
    seq: Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class Media(Struct, frozen=True):
    """A form of sound that is offered, or taken."""

    type: str
    format: str
    channels: tuple[str, ...]
    rate: int


class Participant(Struct, frozen=True):
    """The customer."""

    ani: str = ""
    dnis: str = ""


class Opening(Struct, frozen=True, rename="camel"):
    """What a session begins with."""

    conversation_id: str
    media: tuple[Media, ...]
    organization_id: str = ""
    participant: Participant = Participant()
    custom_config: dict[str, Any] = {}
    input_variables: dict[str, Any] = {}


class Length(Struct, frozen=True):
    """How much of the sound is not there, as `PT1.5S`."""

    discarded: str


class Digit(Struct, frozen=True):
    """A key."""

    digit: str


class Trouble(Struct, frozen=True):
    """What Genesys finds wrong."""

    code: int = 0
    message: str = ""


class Why(Struct, frozen=True):
    """Why it closes: end, error, disconnect, reconnect."""

    reason: str = ""


class Open(Struct, frozen=True, tag_field="type", tag="open"):
    """A session begins."""

    parameters: Opening


class Close(Struct, frozen=True, tag_field="type", tag="close"):
    """It ends."""

    parameters: Why = Why()


class Ping(Struct, frozen=True, tag_field="type", tag="ping"):
    """Is anybody there?"""


class Paused(Struct, frozen=True, tag_field="type", tag="paused"):
    """No audio comes from now on."""


class Resumed(Struct, frozen=True, tag_field="type", tag="resumed"):
    """It comes again."""


class Discarded(Struct, frozen=True, tag_field="type", tag="discarded"):
    """Some of it never will."""

    parameters: Length


class Dtmf(Struct, frozen=True, tag_field="type", tag="dtmf"):
    """A key was pressed."""

    parameters: Digit


class Error(Struct, frozen=True, tag_field="type", tag="error"):
    """Genesys finds something wrong."""

    parameters: Trouble


class Update(Struct, frozen=True, tag_field="type", tag="update"):
    """The language is another one."""


class PlaybackStarted(Struct, frozen=True, tag_field="type", tag="playback_started"):
    """Something of ours is heard."""


class PlaybackCompleted(Struct, frozen=True, tag_field="type", tag="playback_completed"):
    """Nothing of ours is left."""


Content = (
    Open
    | Close
    | Ping
    | Paused
    | Resumed
    | Discarded
    | Dtmf
    | Error
    | Update
    | PlaybackStarted
    | PlaybackCompleted
    | Complaint
)


class _Any(Struct, frozen=True):
    type: str


_any = msgspec.json.Decoder(_Any)
_head = msgspec.json.Decoder(Head)
_message = msgspec.json.Decoder(
    Open | Close | Ping | Paused | Resumed | Discarded | Dtmf | Error | Update | PlaybackStarted | PlaybackCompleted
)
KNOWN = frozenset(
    "open close ping paused resumed discarded dtmf error update playback_started playback_completed".split()
)


def understand(message: str) -> tuple[Head | None, Content]:
    """A message with its head, or why it is ignored. Raises ClientError for what is no message at all."""
    try:
        kind = _any.decode(message).type
    except msgspec.ValidationError as error:
        raise ClientError(1007, "a message must be a JSON object with a `type`") from error
    except (ValueError, RecursionError) as error:  # DecodeError is a ValueError
        raise ClientError(1007, f"a message is not JSON: {error}") from error
    try:
        head = _head.decode(message)
    except msgspec.ValidationError as error:
        return None, Complaint("bad_message", f"a {kind[:40]!r} message was ignored: {error}")
    if kind not in KNOWN:
        return head, Complaint("unknown_type", f"there is no message of type {kind[:40]!r}; it was ignored")
    try:
        return head, _message.decode(message)
    except msgspec.ValidationError as error:
        return head, Complaint("bad_message", f"a {kind!r} message was ignored: {error}")
