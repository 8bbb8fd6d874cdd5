"""Twilio Media Streams, and SignalWire, which speaks the same and can do L16 at 24 kHz as well. Pure.

<https://www.twilio.com/docs/voice/media-streams/websocket-messages>. What a message that does not fit leads to:

    not a JSON object with an `event`, not UTF-8                    close 1007
    a binary message; an encoding that cannot be spoken here        close 1003
    half a sample of L16                                            close 1003
    no `start`, a second one, a wrong one; another stream's id      close 1008
    a message over the size limit                                   close 1009 (the socket does it)
    an unknown event, a wrong or missing field, no base64           ignored, counted
    no key, no mark of ours                                         ignored, counted
    a chunk whose number came before; a number that did not come    dropped; silence: see `ordering.py`
    `connected`, audio of the outbound track                        ignored
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from link.errors import ClientError
from server.call.events import Event
from server.protocols.carrier_messages import Digit, Media, Name, Payload, text, understand
from server.protocols.media_format import media_format
from server.protocols.media_stream import MediaStream, begun, name_of
from server.protocols.wire import Capabilities, Complaint, Incoming, Message, Opened, Phone

KNOWN = frozenset("connected start media dtmf mark stop".split())


class _Format(Struct, frozen=True, rename="camel"):
    encoding: str = "audio/x-mulaw"
    sample_rate: int = 8000
    channels: int = 1


class _Details(Struct, rename="camel"):
    stream_sid: str = ""
    account_sid: str = ""
    call_sid: str = ""
    media_format: _Format = _Format()
    custom_parameters: dict[str, str] = {}


class _Connected(Struct, tag_field="event", tag="connected"):
    pass


class _Start(Struct, tag_field="event", tag="start", rename="camel"):
    start: _Details
    stream_sid: str = ""


class _Media(Struct, tag_field="event", tag="media", rename="camel"):
    media: Media
    stream_sid: str = ""


class _Dtmf(Struct, tag_field="event", tag="dtmf", rename="camel"):
    dtmf: Digit
    stream_sid: str = ""


class _Mark(Struct, tag_field="event", tag="mark", rename="camel"):
    mark: Name
    stream_sid: str = ""


class _Stop(Struct, tag_field="event", tag="stop", rename="camel"):
    stream_sid: str = ""


class _Play(Struct, tag_field="event", tag="media", rename="camel"):
    stream_sid: str
    media: Payload


class _Clear(Struct, tag_field="event", tag="clear", rename="camel"):
    stream_sid: str


_message = msgspec.json.Decoder(_Connected | _Start | _Media | _Dtmf | _Mark | _Stop, strict=False)  # "3" is a number


class TwilioWire:
    """The codec of one media stream."""

    def __init__(self) -> None:
        self._stream: MediaStream | None = None

    # --- in -----------------------------------------------------------------------------------------------------------

    def receive(self, message: Message) -> list[Incoming]:
        """What a message means; `start` opens the call."""
        match understand(message, _message, KNOWN):
            case _Media(media, stream_sid):
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
            raise ClientError(1008, "a stream is started once, and with its `streamSid`")
        given = details.media_format
        form = media_format(given.encoding, given.sample_rate, given.channels)
        self._stream = MediaStream(stream_sid, form)
        named = details.custom_parameters
        return Opened(
            Capabilities(form.rate_hz, form.rate_hz, reports="marks", captions=False),
            metadata=dict(named),
            phone=Phone(
                "twilio",
                call_id=details.call_sid,
                stream_id=stream_sid,
                account=details.account_sid,
                caller=named.get("caller", ""),  # parameters of our own TwiML: the carrier does not say it here
                called=named.get("called", ""),
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
        """Audio of the bot, and a mark behind it."""
        stream = begun(self._stream, "")
        mark = _Mark(Name(stream.marks.after(len(pcm) // 2)), stream.stream_id)
        return [text(_Play(stream.stream_id, Payload(stream.form.encode(pcm)))), text(mark)]

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
