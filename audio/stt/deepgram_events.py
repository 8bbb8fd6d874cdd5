"""Deepgram's messages, of `listen/v1` (Nova) and `listen/v2` (Flux), as far as they are of use here. Pure.

The names and fields are those of the package `deepgram-sdk`; what is not listed is not read.
"""

from __future__ import annotations

from typing import Literal, TypeVar

import msgspec
from msgspec import Struct

from link.errors import ProviderError
from link.text import UNREADABLE

T = TypeVar("T")

FINALIZE = '{"type":"Finalize"}'
KEEP_ALIVE = '{"type":"KeepAlive"}'
CLOSE_STREAM = '{"type":"CloseStream"}'
"""The same for both."""

MAX_WORDS = 300
"""Characters of a provider's words that are shown."""


class Word(Struct, frozen=True):
    """A word; times in seconds of the connection's stream."""

    word: str
    start: float | None = None
    end: float | None = None
    confidence: float = 0.0
    punctuated_word: str | None = None

    @property
    def text(self) -> str:
        """As it is written."""
        return self.punctuated_word or self.word


class Alternative(Struct, frozen=True):
    """What may have been said."""

    transcript: str
    confidence: float = 0.0
    words: tuple[Word, ...] = ()
    languages: tuple[str, ...] | None = None


class Channel(Struct, frozen=True):
    """What was said on a channel; the likeliest first."""

    alternatives: tuple[Alternative, ...]


class Results(Struct, frozen=True):
    """Nova: what it understands of the audio from `start` on, for `duration` (seconds of the stream)."""

    start: float
    duration: float
    channel: Channel
    is_final: bool | None = None
    from_finalize: bool | None = None
    """It ends what a Finalize asked for; it does not come for each of them."""


class TurnInfo(Struct, frozen=True):
    """Flux: the turn so far, which is heard until `audio_window_end` (seconds of the stream)."""

    event: Literal["StartOfTurn", "Update", "EagerEndOfTurn", "TurnResumed", "EndOfTurn"]
    audio_window_end: float
    transcript: str
    words: tuple[Word, ...] = ()
    languages: tuple[str, ...] | None = None


class Trouble(Struct, frozen=True):
    """Something is wrong: `Error` and `Warning`, in the fields of both versions."""

    code: str | None = None
    variant: str | None = None
    description: str | None = None

    def __str__(self) -> str:
        words = ": ".join(filter(None, [self.code or self.variant, self.description]))
        return (words or "it does not say what is wrong")[:MAX_WORDS]


class _Kind(Struct, frozen=True):
    type: str


KINDS: dict[str, type[Results] | type[TurnInfo] | type[Trouble]] = {
    "Results": Results,
    "TurnInfo": TurnInfo,
    "Error": Trouble,
    "Warning": Trouble,
}


def read(message: str | bytes) -> tuple[str, Results | TurnInfo | Trouble | None]:
    """The type of a message and what it says; None for what is of no use. Raises ProviderError for garbage."""
    try:
        kind = msgspec.json.decode(message, type=_Kind).type
        wanted = KINDS.get(kind)
        return kind, msgspec.json.decode(message, type=wanted) if wanted else None
    except UNREADABLE as error:
        raise ProviderError(f"Deepgram sent a message that cannot be read: {error}") from error
