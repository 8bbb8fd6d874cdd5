"""The messages of a conversation as a request shows them: frozen values that can be kept, sent and compared. Pure."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Detail = Literal["auto", "low", "high"]


class Image(Struct, frozen=True, tag=True):
    """A picture: its bytes (JPEG, PNG, WebP or GIF, as `mime` says) or the URL where the provider finds it.

    `width_px` and `height_px` bound the size in which the model gets it (0: as it is); bytes are scaled here, a URL is
    left alone. `detail` is what the provider is asked for.
    """

    data: bytes = b""
    url: str = ""
    mime: str = "image/jpeg"
    detail: Detail = "auto"
    width_px: int = 0
    height_px: int = 0


class Audio(Struct, frozen=True, tag=True):
    """A recording, as a file of the format."""

    data: bytes
    format: Literal["wav", "mp3"] = "wav"


Media = Image | Audio


class Reasoning(Struct, frozen=True, tag=True):
    """What a model thought before a call, as its provider gave it: opaque JSON that only `source` can read."""

    source: str
    item: str


class Call(Struct, frozen=True, tag=True):
    """A function call as a request shows it; `output` is a result or a placeholder, never missing."""

    call_id: str
    name: str
    arguments: str
    output: str


class UserMessage(Struct, frozen=True, tag=True):
    """A turn of the caller, with what they showed. `pinned`: it stays when the older part of a log goes."""

    text: str
    media: tuple[Media, ...] = ()
    pinned: bool = False


class DeveloperMessage(Struct, frozen=True, tag=True):
    """A message of the application to the model. `pinned`: it stays when the older part of a log goes."""

    text: str
    pinned: bool = False


class AssistantMessage(Struct, frozen=True, tag=True):
    """What the caller heard, and the calls of the same response, each with its output."""

    text: str
    calls: tuple[Call, ...] = ()
    reasoning: tuple[Reasoning, ...] = ()


Item = UserMessage | DeveloperMessage | AssistantMessage
