"""Exotel AgentStream, of its Voicebot applet. Pure.

<https://developer.exotel.com/docs/agentstream/websocket-protocol>. It takes pieces of 3,200 to 100,000 bytes, a
multiple of 320: shorter ones break up, and after one that is no multiple there is a gap. As long ones may come, so a
message may have more than the usual limit. What a message that does not fit leads to:

    not a JSON object with an `event`, not UTF-8                    close 1007
    a binary message; an encoding that cannot be spoken here        close 1003
    half a sample                                                   close 1003
    no `start`, a second one, a wrong one; another stream's id      close 1008
    audio of over 100,000 bytes                                     close 1009
    a message over `max_message_bytes`                              close 1009 (the socket does it)
    an unknown event, a wrong or missing field, no base64           ignored, counted
    no key, no mark of ours                                         ignored, counted
    a chunk whose number came before; a number that did not come    dropped; silence: see `ordering.py`
    `connected`, audio of the outbound track                        ignored
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from link.errors import ClientError
from server.call.events import Event
from server.protocols.carrier_messages import Digit, Media, Name, Payload, text, understand
from server.protocols.media_format import media_format
from server.protocols.media_stream import MediaStream, begun, name_of
from server.protocols.wire import Capabilities, Complaint, Incoming, Message, Opened, Phone

KNOWN = frozenset("connected start media dtmf mark stop".split())
CHUNK_BYTES = 3_200
GRANULE_BYTES = 320
MAX_CHUNK_BYTES = 100_000
MOST_SENT = MAX_CHUNK_BYTES // GRANULE_BYTES * GRANULE_BYTES


class _Format(Struct, frozen=True):
    encoding: str = "raw/slin"
    sample_rate: int = 8000


class _Details(Struct, rename={"caller": "from", "called": "to"}):
    stream_sid: str = ""
    call_sid: str = ""
    account_sid: str = ""
    caller: str = ""
    called: str = ""
    media_format: _Format = _Format()
    custom_parameters: dict[str, Any] | None = None


class _Connected(Struct, tag_field="event", tag="connected"):
    pass


class _Start(Struct, tag_field="event", tag="start"):
    start: _Details
    stream_sid: str = ""


class _Media(Struct, tag_field="event", tag="media"):
    media: Media
    stream_sid: str = ""


class _Dtmf(Struct, tag_field="event", tag="dtmf"):
    dtmf: Digit
    stream_sid: str = ""


class _Mark(Struct, tag_field="event", tag="mark"):
    mark: Name
    stream_sid: str = ""


class _Stop(Struct, tag_field="event", tag="stop"):
    stream_sid: str = ""


class _Play(Struct, tag_field="event", tag="media"):
    stream_sid: str
    media: Payload


class _Clear(Struct, tag_field="event", tag="clear"):
    stream_sid: str


_message = msgspec.json.Decoder(_Connected | _Start | _Media | _Dtmf | _Mark | _Stop, strict=False)  # "3" is a number


class ExotelWire:
    """The codec of one stream."""

    max_message_bytes = 140 * 1024
    """The longest chunk as base64, and what stands around it."""

    def __init__(self) -> None:
        self._stream: MediaStream | None = None

    # --- in -----------------------------------------------------------------------------------------------------------

    def receive(self, message: Message) -> list[Incoming]:
        """What a message means; `start` opens the call."""
        match understand(message, _message, KNOWN):
            case _Media(media, stream_sid):
                if len(media.payload) > MAX_CHUNK_BYTES:
                    raise ClientError(1009, f"audio has at most {MAX_CHUNK_BYTES} bytes, not {len(media.payload)}")
                return begun(self._stream, stream_sid).hear(media.track, media.chunk, media.payload)
            case _Mark(mark, stream_sid):
                return begun(self._stream, stream_sid).marks.returned(mark.name)
            case _Dtmf(dtmf, stream_sid):
                return begun(self._stream, stream_sid).press(dtmf.digit)
            case _Stop(stream_sid):
                return begun(self._stream, stream_sid).hang_up()
            case _Start(details, stream_sid):
                return [self._open(details, name_of(stream_sid, details.stream_sid))]
            case Complaint() as complaint:
                return [complaint]
            case _:  # `connected`
                return []

    def _open(self, details: _Details, stream_sid: str) -> Opened:
        if self._stream is not None or not stream_sid:
            raise ClientError(1008, "a stream is started once, and with its `stream_sid`")
        form = media_format(details.media_format.encoding, details.media_format.sample_rate)
        self._stream = MediaStream(stream_sid, form)
        bytes_per_ms = form.sample_bytes * form.rate_hz / 1000
        return Opened(
            Capabilities(
                form.rate_hz,
                form.rate_hz,
                reports="marks",
                captions=False,
                chunk_ms=CHUNK_BYTES / bytes_per_ms,
                granule_ms=GRANULE_BYTES / bytes_per_ms,
            ),
            metadata=dict(details.custom_parameters or {}),
            phone=Phone(
                "exotel",
                call_id=details.call_sid,
                stream_id=stream_sid,
                account=details.account_sid,
                caller=details.caller,
                called=details.called,
            ),
        )

    def begin(self) -> list[Incoming]:
        """There is no call without a `start`."""
        return []

    # --- out ----------------------------------------------------------------------------------------------------------

    def ready(self, call_id: str) -> list[Message]:
        """A carrier is told nothing."""
        return []

    def audio(self, pcm: bytes) -> list[Message]:
        """Audio of the bot in pieces that are not too long, and a mark behind it."""
        stream = begun(self._stream, "")
        data = stream.form.encode(pcm)
        pieces = [data[at : at + MOST_SENT] for at in range(0, len(data), MOST_SENT)]
        mark = _Mark(Name(stream.marks.after(len(pcm) // 2)), stream.stream_id)
        return [*(text(_Play(stream.stream_id, Payload(piece))) for piece in pieces), text(mark)]

    def clear(self) -> list[Message]:
        """Drop what is not played yet."""
        stream = begun(self._stream, "")
        stream.marks.clear()
        return [text(_Clear(stream.stream_id))]

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

    def pause(self) -> list[Message]:
        """It cannot."""
        return []

    def resume(self) -> list[Message]:
        """It cannot."""
        return []

    def ended(self, reason: str) -> list[Message]:
        """The end of the connection says it."""
        return []
