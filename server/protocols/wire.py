"""What the call expects of a wire codec: capability flags, and pure translation both ways."""

from __future__ import annotations

from typing import Any, Protocol

from msgspec import Struct

from server.call.events import Dtmf, Event, Gone, Interrupt, Muted, UserText

Message = str | bytes


class Ping(Struct, frozen=True):
    """A control frame that asks for a Pong with the same data."""

    data: bytes = b""


class Pong(Struct, frozen=True):
    """A control frame: the peer is there."""

    data: bytes = b""


class Capabilities(Struct, frozen=True):
    """What a wire can do. Rates in Hz; audio is mono PCM16 on this side of the codec."""

    rate_in: int
    rate_out: int
    clear: bool = True
    marks: bool = False
    """The client reports what it has played."""
    pause: bool = False
    """The client can stop playing and keep what it has."""
    captions: bool = True
    """The client shows transcripts."""
    echo: bool | None = None
    """Its microphone hears what it plays; None if it does not say so."""


class Opened(Struct, frozen=True):
    """The client has said what it wants, or has begun without a word."""

    capabilities: Capabilities
    token: str = ""
    metadata: dict[str, Any] = {}


class Audio(Struct, frozen=True):
    """Audio of the caller, mono PCM16."""

    pcm: bytes


class PlayedReport(Struct, frozen=True):
    """Samples that the client has played since the beginning, skipped ones not counted."""

    samples: int


class ClearedReport(Struct, frozen=True):
    """The same count, in answer to a `clear`."""

    samples: int


class Complaint(Struct, frozen=True):
    """A message that does not fit and is ignored; the client is told, and it is counted."""

    code: str
    message: str


Incoming = Opened | Audio | PlayedReport | ClearedReport | Complaint | UserText | Dtmf | Interrupt | Muted | Gone


class Wire(Protocol):
    """The codec of one connection. Pure: no I/O, no clock."""

    def receive(self, message: Message) -> list[Incoming]:
        """What a message means. Raises ClientError with the close code for what breaks the wire's rules."""

    def begin(self) -> list[Incoming]:
        """The client has been silent: go on with the defaults. Nothing, if the wire cannot do without its start."""

    def ready(self, call_id: str) -> list[Message]:
        """The call begins."""

    def audio(self, pcm: bytes) -> Message:
        """Audio of the bot."""

    def event(self, event: Event) -> list[Message]:
        """What the client is told of an event; nothing for those that it has no word for."""

    def custom(self, payload: str) -> list[Message]:
        """A JSON message of the application."""

    def turn(self, latency: dict[str, float | None]) -> list[Message]:
        """The latencies of a turn, in milliseconds."""

    def complain(self, complaint: Complaint) -> list[Message]:
        """A message was ignored."""

    def clear(self) -> list[Message]:
        """Drop what is not played yet."""

    def pause(self) -> list[Message]:
        """Stop playing and keep it."""

    def resume(self) -> list[Message]:
        """Play on."""

    def ended(self, reason: str) -> list[Message]:
        """The call is over."""
