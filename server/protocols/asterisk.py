"""Asterisk's `chan_websocket`: the channel's codec in binary messages, JSON in text messages. Pure.

<https://docs.asterisk.org/Configuration/Channel-Drivers/WebSocket/>, Asterisk 20.18, 22.8, 23.2 and later, with
`f(json)` in the dial string. Plain text, the default, is not spoken: it has no channel variables, and the versions that
have nothing else have no marks. Asterisk opens the socket with the subprotocol `media`.

It cuts what it gets into frames of `optimal_frame_size` and drops what is left over, so whole frames are sent. A mark
takes no time in its queue; `FLUSH_MEDIA` drops marks too. It does not end a pause in all versions, whatever the
documents say, so we do. `MEDIA_XOFF` comes when 18 s wait there, and we are never so far ahead; if it comes all the
same it is counted, and nothing else is done: what is too much is dropped there, and what follows has room again.

The channel variables are the metadata of the call; `CALLER` and `CALLED` among them say who calls whom. What a message
that does not fit leads to:

    not a JSON object with an `event`, not UTF-8                    close 1007
    half a sample                                                   close 1003
    anything before `MEDIA_START` but audio; a second or wrong one  close 1008
    plain text; a codec or a mode that cannot be spoken here        close 1008
    another channel's id                                            close 1008
    a message over the size limit                                   close 1009 (the socket does it)
    audio before `MEDIA_START`, 2 s of it                           dropped: `wire_early`; more: close 1008
    an unknown event, an answer to what we do not ask               ignored, counted
    a wrong or missing field, no key, no mark of ours, `ERROR`      ignored, counted
    `MEDIA_XOFF`                                                    counted: `wire_full`
    `MEDIA_XON`                                                     nothing
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from link.errors import ClientError
from server.call.events import Event
from server.protocols.carrier import pieces, pressed
from server.protocols.carrier_messages import text, understand
from server.protocols.marks import Marks
from server.protocols.media_format import MediaFormat, media_format
from server.protocols.wire import Audio, Capabilities, Complaint, Counted, Incoming, Message, Opened, Phone

MAX_MESSAGE_BYTES = 65_500  # a longer one ends the call
MAX_EARLY = 100  # messages of 20 ms; Asterisk's audio may overtake its MEDIA_START (its issue 1712)
MIN_FRAME_MS, MAX_FRAME_MS = 10, 100
FORMATS: dict[str, tuple[str, int]] = {
    "ulaw": ("ulaw", 8000),
    "alaw": ("alaw", 8000),
    "slin": ("l16", 8000),
    "slin16": ("l16", 16_000),
    "slin24": ("l16", 24_000),
}
"""What Asterisk calls the codecs that are spoken here."""


class _Start(Struct, tag_field="event", tag="MEDIA_START"):
    format: str
    optimal_frame_size: int
    channel_id: str = ""
    connection_id: str = ""
    channel_variables: dict[str, Any] = {}
    passthrough: bool = False
    unbuffered: bool = False


class _Dtmf(Struct, tag_field="event", tag="DTMF_END"):
    digit: str
    channel_id: str = ""


class _Marked(Struct, tag_field="event", tag="MEDIA_MARK_PROCESSED"):
    correlation_id: str
    channel_id: str = ""


class _Full(Struct, tag_field="event", tag="MEDIA_XOFF"):
    channel_id: str = ""


class _Error(Struct, tag_field="event", tag="ERROR"):
    error_text: str = ""
    channel_id: str = ""


class _Room(Struct, tag_field="event", tag="MEDIA_XON"):
    channel_id: str = ""


class _Mark(Struct, tag_field="command", tag="MARK_MEDIA"):
    correlation_id: str


_Event = _Dtmf | _Marked | _Full | _Error | _Room
_message = msgspec.json.Decoder(_Start | _Event)
KNOWN = frozenset("MEDIA_START DTMF_END MEDIA_MARK_PROCESSED MEDIA_XOFF ERROR MEDIA_XON".split())


class AsteriskWire:
    """The codec of one connection."""

    subprotocols = ("media",)
    """Of the websocket: Asterisk asks for it, and hangs up where it is not taken."""

    def __init__(self) -> None:
        self._form: MediaFormat | None = None  # until the call is opened
        self._frame_bytes = 0  # of PCM
        self._channel_id = ""
        self._early = 0
        self._paused = False
        self._marks = Marks()

    # --- in -----------------------------------------------------------------------------------------------------------

    def receive(self, message: Message) -> list[Incoming]:
        """What a message means; `MEDIA_START` opens the call."""
        if isinstance(message, bytes):
            return [self._hear(message)]
        if message.startswith("MEDIA_START "):
            raise ClientError(
                1008, "this Asterisk speaks plain text; add f(json) to the dial string (20.18, 22.8, 23.2)"
            )
        content = understand(message, _message, KNOWN)
        if isinstance(content, _Start):
            return [self._open(content)]
        if self._form is None:
            why = f": {content.message}" if isinstance(content, Complaint) else ""
            raise ClientError(1008, f"the first message must be MEDIA_START{why}")
        if isinstance(content, Complaint):
            return [content]
        if content.channel_id not in ("", self._channel_id):
            raise ClientError(1008, f"a message is of channel {content.channel_id[:40]!r}, and this is another one")
        return self._meaning(content)

    def _meaning(self, content: _Event) -> list[Incoming]:
        match content:
            case _Dtmf(digit=digit):
                return pressed(digit)
            case _Marked(correlation_id=name):
                return self._marks.returned(name)
            case _Full():
                return [Counted("wire_full")]
            case _Error(error_text=error):
                return [Complaint("carrier_error", f"Asterisk says: {error[:200]!r}")]
            case _:
                return []

    def _hear(self, data: bytes) -> Audio | Counted:
        if self._form is not None:
            return Audio(self._form.decode(data))
        self._early += 1
        if self._early > MAX_EARLY:
            raise ClientError(1008, "audio came, and no MEDIA_START")
        return Counted("wire_early")

    def _open(self, start: _Start) -> Opened:
        if self._form is not None:
            raise ClientError(1008, "MEDIA_START comes once")
        self._form, granule_ms = _form_of(start)
        rate_hz = self._form.rate_hz
        self._frame_bytes = start.optimal_frame_size // self._form.sample_bytes * 2
        self._channel_id = start.channel_id
        named = start.channel_variables
        return Opened(
            Capabilities(rate_hz, rate_hz, reports="marks", pause=True, captions=False, granule_ms=granule_ms),
            metadata=named,
            phone=Phone(
                "asterisk",
                call_id=start.channel_id,
                stream_id=start.connection_id,
                caller=str(named.get("CALLER", "")),
                called=str(named.get("CALLED", "")),
            ),
        )

    def begin(self) -> list[Incoming]:
        """There is no call without `MEDIA_START`."""
        return []

    # --- out ----------------------------------------------------------------------------------------------------------

    def ready(self, call_id: str) -> list[Message]:
        """A carrier is told nothing."""
        return []

    def audio(self, pcm: bytes) -> list[Message]:
        """Audio of the bot in whole frames, and a mark behind it."""
        assert self._form
        most = MAX_MESSAGE_BYTES // self._frame_bytes * self._frame_bytes
        whole = b"".join(pieces(pcm, self._frame_bytes))
        mark = text(_Mark(self._marks.after(len(pcm) // 2)))
        return [*(self._form.encode(whole[at : at + most]) for at in range(0, len(whole), most)), mark]

    def clear(self) -> list[Message]:
        """Drop what is not played yet, and play what comes."""
        self._marks.clear()
        return [_command("FLUSH_MEDIA"), *self.resume()]

    def pause(self) -> list[Message]:
        """Stop playing and keep it."""
        self._paused = True
        return [_command("PAUSE_MEDIA")]

    def resume(self) -> list[Message]:
        """Play on."""
        if not self._paused:
            return []
        self._paused = False
        return [_command("CONTINUE_MEDIA")]

    def ended(self, reason: str) -> list[Message]:
        """The call is over."""
        return [_command("HANGUP")]

    def event(self, event: Event) -> list[Message]:
        """A carrier is told nothing."""
        return []

    def custom(self, payload: str) -> list[Message]:
        """A carrier has no use for the application's messages."""
        return []

    def turn(self, latency: dict[str, float | None]) -> list[Message]:
        """A carrier is told nothing."""
        return []

    def complain(self, complaint: Complaint) -> list[Message]:
        """A carrier is told nothing."""
        return []


def _form_of(start: _Start) -> tuple[MediaFormat, float]:
    """The form of its sound, and how long a frame is in ms. Raises ClientError for what cannot be spoken here."""
    if start.format not in FORMATS:
        given = start.format[:40]
        raise ClientError(
            1008, f"this server cannot speak {given!r}; dial with c(slin16), or one of {', '.join(FORMATS)}"
        )
    if start.passthrough or start.unbuffered or start.optimal_frame_size == 0:
        raise ClientError(1008, "Asterisk is to cut and time the audio; leave `p` and `u` out of the dial string")
    form = media_format(*FORMATS[start.format])
    frame_ms = start.optimal_frame_size / form.sample_bytes / form.rate_hz * 1000
    if start.optimal_frame_size % form.sample_bytes or not MIN_FRAME_MS <= frame_ms <= MAX_FRAME_MS:
        raise ClientError(1008, f"a frame cannot have {start.optimal_frame_size} bytes")
    return form, frame_ms


def _command(name: str) -> str:
    return f'{{"command":"{name}"}}'
