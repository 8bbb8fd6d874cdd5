"""OpenAI's realtime transcription sessions: the messages that are sent, and those that are of use here. Pure.

The names and fields are those of `openai.types.realtime`; what is not listed is not read.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from link.errors import ProviderError
from link.text import UNREADABLE

SETTINGS_ID = "settings"
"""The event id of the session's settings: an error that names it is about them."""
MAX_WORDS = 300
"""Characters of a provider's words that are shown."""
_TRANSCRIPTION = "conversation.item.input_audio_transcription"


class Committed(Struct, frozen=True):
    """Speech became an item: they come in the order of the commits."""

    item_id: str


class Delta(Struct, frozen=True):
    """More text of an item."""

    item_id: str
    delta: str | None = None


class Language(Struct, frozen=True):
    """A language that was heard."""

    code: str


class Completed(Struct, frozen=True):
    """All text of an item. Those of two items may come in any order."""

    item_id: str
    transcript: str
    languages: tuple[Language, ...] | None = None


class Error(Struct, frozen=True):
    """What is wrong, and with which of our events."""

    message: str | None = None
    type: str | None = None
    code: str | None = None
    event_id: str | None = None

    def __str__(self) -> str:
        words = ": ".join(filter(None, [self.code or self.type, self.message]))
        return (words or "it does not say what is wrong")[:MAX_WORDS]


class Failed(Struct, frozen=True):
    """An item has no text."""

    item_id: str
    error: Error


class Trouble(Struct, frozen=True):
    """An error that is of no item."""

    error: Error


class _Kind(Struct, frozen=True):
    type: str


Event = Committed | Delta | Completed | Failed | Trouble
KINDS: dict[str, type[Committed] | type[Delta] | type[Completed] | type[Failed] | type[Trouble]] = {
    "input_audio_buffer.committed": Committed,
    f"{_TRANSCRIPTION}.delta": Delta,
    f"{_TRANSCRIPTION}.completed": Completed,
    f"{_TRANSCRIPTION}.failed": Failed,
    "error": Trouble,
}


def read(message: str | bytes) -> Event | None:
    """What a message says; None for what is of no use. Raises ProviderError for garbage."""
    try:
        wanted = KINDS.get(msgspec.json.decode(message, type=_Kind).type)
        return msgspec.json.decode(message, type=wanted) if wanted else None
    except UNREADABLE as error:
        raise ProviderError(f"OpenAI sent a message that cannot be read: {error}") from error


class RealtimeSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What a session is asked for; the names are OpenAI's. Empty means that nothing is said of it."""

    model: str
    language: str = ""
    """ISO 639-1."""
    prompt: str = ""
    keywords: tuple[str, ...] = ()
    """Words to listen for; not every model takes them."""
    delay: str = ""
    noise_reduction: str = ""
    """`near_field` or `far_field`."""


RATE_HZ = 24000
"""The only rate that a session takes."""


def settings_message(settings: RealtimeSettings) -> str:
    """The first message of a connection. Our voice activity detection ends speech, so theirs is off."""
    names = ("model", "language", "prompt", "keywords", "delay")
    transcription = {name: getattr(settings, name) for name in names if getattr(settings, name)}
    audio: dict[str, object] = {
        "format": {"type": "audio/pcm", "rate": RATE_HZ},
        "transcription": transcription,
        "turn_detection": None,
    }
    if settings.noise_reduction:
        audio["noise_reduction"] = {"type": settings.noise_reduction}
    session = {"type": "transcription", "audio": {"input": audio}}
    return _encode({"type": "session.update", "event_id": SETTINGS_ID, "session": session})


def append_message(pcm: bytes) -> str:
    """More audio."""
    return _encode({"type": "input_audio_buffer.append", "audio": pcm})  # bytes become base64


def commit_message(event_id: str) -> str:
    """Speech ended."""
    return _encode({"type": "input_audio_buffer.commit", "event_id": event_id})


def _encode(message: dict[str, object]) -> str:
    return msgspec.json.encode(message).decode()
