"""Pictures and recordings in a conversation: how large they are, their data URL, and how they are left out. Pure.

What changes the pixels stands in llm/images.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from link.errors import VoicewireError
from llm.items import Audio, Image, Media, UserMessage

IMAGE_LEFT_OUT = "[image left out]"
AUDIO_LEFT_OUT = "[audio left out]"


class MediaError(VoicewireError):
    """A picture cannot be read, or is of a kind that models do not take; the message says what is wrong with it."""


def size_bytes(medium: Media) -> int:
    """What a medium holds: its own bytes, or a URL that carries them itself. Another URL holds nothing."""
    if isinstance(medium, Image) and medium.url.startswith("data:"):
        return len(medium.data) + len(medium.url)
    return len(medium.data)


def base64_text(data: bytes) -> str:
    """Bytes as base64, with padding."""
    return str(msgspec.to_builtins(data))


def data_url(image: Image) -> str:
    """The URL of a picture: its own, or one that carries its bytes (RFC 2397)."""
    return image.url or f"data:{image.mime};base64,{base64_text(image.data)}"


def without_media(message: UserMessage) -> UserMessage:
    """The message with a note in the place of each of its media."""
    return UserMessage(_noted(message.text, message.media), (), message.pinned)


def bounded(message: UserMessage, excess: int) -> tuple[UserMessage, int]:
    """The message without its first media, as far as they have to go for `excess` bytes, and what is still too much.

    In the place of each stands a note in its text. A message that keeps all of its media is the same object.
    """
    kept: list[Media] = []
    gone: list[Media] = []
    for medium in message.media:
        size = size_bytes(medium)
        if excess > 0 and size > 0:
            excess -= size
            gone.append(medium)
        else:
            kept.append(medium)
    if not gone:
        return message, excess
    return UserMessage(_noted(message.text, gone), tuple(kept), message.pinned), excess


def _noted(text: str, gone: Sequence[Media]) -> str:
    notes = (AUDIO_LEFT_OUT if isinstance(medium, Audio) else IMAGE_LEFT_OUT for medium in gone)
    return " ".join(filter(None, (text, *notes)))
