"""What the call expects of a wire codec: capability flags, and pure translation both ways."""

from __future__ import annotations

from typing import Any, Literal, Protocol

from msgspec import Struct

from audio.inflight import Reports
from server.call.events import Dtmf, Event, Gone, Interrupt, Muted, UserText
from server.call.line_events import AnsweredBy

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
    reports: Reports = "nothing"
    pause: bool = False
    """The client can stop playing and keep what it has."""
    captions: bool = True
    """The client shows transcripts."""
    echo: bool | None = None
    """Its microphone hears what it plays; None if it does not say so."""
    chunk_ms: float = 40.0
    """The shortest piece of audio that it takes, the end of a speech apart."""
    granule_ms: float = 0.0
    """Pieces are a whole number of these; silence fills the last one up."""
    farewell: bool = False
    """The client answers `ended` with its own end, is answered, and closes the connection itself."""


class Phone(Struct, frozen=True):
    """What a carrier tells of a call; what it does not tell is empty."""

    carrier: str
    call_id: str = ""
    """By which the carrier's REST interface knows the call."""
    stream_id: str = ""
    account: str = ""
    caller: str = ""
    """The number (or address) that calls."""
    called: str = ""
    """The number that was called."""


class Opened(Struct, frozen=True):
    """The client has said what it wants, or has begun without a word."""

    capabilities: Capabilities
    token: str = ""
    metadata: dict[str, Any] = {}
    phone: Phone | None = None


class Audio(Struct, frozen=True):
    """Audio of the caller, mono PCM16."""

    pcm: bytes


class PlayedReport(Struct, frozen=True):
    """Samples that the client has played since the beginning, or since the last `clear` (see audio/inflight.py)."""

    samples: int


class Counted(Struct, frozen=True):
    """Something of the wire that only the statistics are told of."""

    kind: Literal["wire_lost", "wire_late", "wire_duplicate", "wire_early", "wire_full"]
    count: int = 1


class ClearedReport(Struct, frozen=True):
    """How many they were, in answer to a `clear`."""

    samples: int


class Complaint(Struct, frozen=True):
    """A message that does not fit and is ignored; the client is told, and it is counted."""

    code: str
    message: str


class Answer(Struct, frozen=True):
    """A message that the wire itself owes the client: it is sent as it is, now, also before the call is opened."""

    message: Message


Incoming = (
    Opened
    | Audio
    | PlayedReport
    | ClearedReport
    | Complaint
    | Counted
    | Answer
    | UserText
    | Dtmf
    | Interrupt
    | Muted
    | AnsweredBy
    | Gone
)


class Wire(Protocol):
    """The codec of one connection. Pure: no I/O, no clock."""

    def receive(self, message: Message) -> list[Incoming]:
        """What a message means. Raises ClientError with the close code for what breaks the wire's rules.

        Until the call is opened there is nothing, Answer, Complaint, Counted or Gone, and no sound.
        """

    def begin(self) -> list[Incoming]:
        """The client has been silent: go on with the defaults. Nothing, if the wire cannot do without its start."""

    def ready(self, call_id: str) -> list[Message]:
        """The call begins."""

    def audio(self, pcm: bytes) -> list[Message]:
        """Audio of the bot: whole granules, and marks where the wire has them."""

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
