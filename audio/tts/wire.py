"""What a provider's wire says, whoever it is, and what a codec is to the shell that owns the connection. Pure.

A context is one request for speech; its name is made by the shell and never used twice.
"""

from __future__ import annotations

from typing import Literal, Protocol

from msgspec import Struct


class Timed(Struct, frozen=True, array_like=True):
    """A fragment of the text as it is spoken, white space included: a character or a word, and when it is heard."""

    text: str
    start_ms: float
    end_ms: float


class Sound(Struct, frozen=True):
    """Audio of a context (PCM16), with what is told about its words; either may be missing."""

    context: str
    pcm: bytes = b""
    spoken: tuple[Timed, ...] = ()


class Over(Struct, frozen=True):
    """A context has ended: all of its audio was sent, or it was cancelled."""

    context: str


class Refused(Struct, frozen=True):
    """The provider will not speak: a context, or, without one, anything. `fatal`: asking again cannot help."""

    reason: str
    context: str = ""
    fatal: bool = False


Event = Sound | Over | Refused


class Ask(Struct, frozen=True):
    """Speak a text, in a context of its own."""

    context: str
    text: str


class Cancel(Struct, frozen=True):
    """Nobody wants a context any more."""

    context: str


Order = Ask | Cancel
"""What a provider is told."""


class Terms(Struct, frozen=True):
    """What a provider allows on one connection."""

    ahead: int
    """Contexts at once that are wanted."""
    contexts: int
    """Contexts at once, with those that were cancelled and are not over."""
    times_from: Literal["message", "context"]
    """What times count from: the first sample of the message that tells them, or of the context."""
    cancelled_is: Literal["over", "told"]
    """A context that was cancelled is over at once, or when that is told."""
    per_link: int = 1 << 30
    """Contexts after which a connection is replaced."""


class Wire(Protocol):
    """One connection's codec."""

    def ask(self, context: str, text: str) -> list[str]:
        """The messages that ask for a text."""

    def cancel(self, context: str) -> list[str]:
        """The messages that stop a context."""

    def read(self, message: str | bytes) -> list[Event]:
        """What a message says that is of interest. Raises one of `link.text.UNREADABLE` for what is no message."""


class Codec(Protocol):
    """A provider, as a voice is configured there."""

    name: str
    """As the log shows it."""
    rate_hz: int
    terms: Terms

    def open(self) -> Wire:
        """The codec of a new connection."""

    def is_final(self, reason: str) -> bool:
        """Whether a close for "policy" (1008) with this reason is for good."""
