"""Telnyx media streaming, in its `rtp` mode. Pure.

<https://developers.telnyx.com/docs/voice/programmable-voice/media-streaming>. The order of messages is not guaranteed,
so chunks wait for each other (`ordering.py`); keys, marks and the end do not wait, and a key or the end lets out what
waits. `start` names what Telnyx sends (`codec`); what it takes (`bidirectionalCodec`) must be the same. It takes pieces
from 20 ms. What a message that does not fit leads to:

    not a JSON object with an `event`, not UTF-8                    close 1007
    a binary message; an encoding that cannot be spoken here        close 1003
    half a sample of L16                                            close 1003
    no `start`, a second one, a wrong one; another stream's id      close 1008
    a message over the size limit                                   close 1009 (the socket does it)
    an unknown event, a wrong or missing field, no base64           ignored, counted
    no key, no mark of ours; Telnyx's own `error`                   ignored, counted
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
from server.protocols.media_stream import MediaStream, begun
from server.protocols.wire import Capabilities, Complaint, Incoming, Message, Opened, Phone

KNOWN = frozenset("connected start media dtmf mark error stop".split())
WINDOW = 3
"""So many chunks, 60 ms, wait for one that is late."""
GRANULE_MS = 20.0


class _Format(Struct):
    encoding: str
    sample_rate: int = 8000
    channels: int = 1


class _Details(Struct, rename={"caller": "from", "called": "to"}):
    media_format: _Format
    call_control_id: str = ""
    user_id: str = ""
    caller: str = ""
    called: str = ""
    client_state: str | None = None
    custom_parameters: dict[str, Any] | None = None


class _Failure(Struct, frozen=True):
    title: str = ""
    detail: str = ""


class _Connected(Struct, tag_field="event", tag="connected"):
    pass


class _Start(Struct, tag_field="event", tag="start"):
    start: _Details
    stream_id: str = ""


class _Media(Struct, tag_field="event", tag="media"):
    media: Media
    stream_id: str = ""


class _Dtmf(Struct, tag_field="event", tag="dtmf"):
    dtmf: Digit
    stream_id: str = ""


class _Mark(Struct, tag_field="event", tag="mark"):
    mark: Name
    stream_id: str = ""


class _Error(Struct, tag_field="event", tag="error"):
    payload: _Failure = _Failure()
    stream_id: str = ""


class _Stop(Struct, tag_field="event", tag="stop"):
    stream_id: str = ""


class _Play(Struct, tag_field="event", tag="media"):
    media: Payload


class _MarkHere(Struct, tag_field="event", tag="mark"):
    mark: Name


class _Clear(Struct, tag_field="event", tag="clear"):
    pass


_message = msgspec.json.Decoder(
    _Connected | _Start | _Media | _Dtmf | _Mark | _Error | _Stop,
    strict=False,  # "3" is a number
)


class TelnyxWire:
    """The codec of one media stream."""

    def __init__(self) -> None:
        self._stream: MediaStream | None = None

    # --- in -----------------------------------------------------------------------------------------------------------

    def receive(self, message: Message) -> list[Incoming]:
        """What a message means; `start` opens the call."""
        match understand(message, _message, KNOWN):
            case _Media(media, stream_id):
                return begun(self._stream, stream_id).hear(media.track, media.chunk, media.payload)
            case _Mark(mark, stream_id):
                return begun(self._stream, stream_id).marks.returned(mark.name)
            case _Dtmf(dtmf, stream_id):
                return begun(self._stream, stream_id).press(dtmf.digit)
            case _Stop(stream_id):
                return begun(self._stream, stream_id).hang_up()
            case _Start(details, stream_id):
                return [self._open(details, stream_id)]
            case _Error(failure):
                what = f"{failure.title[:80]}: {failure.detail[:200]}"
                return [Complaint("carrier_error", f"Telnyx reports an error, {what}")]
            case Complaint() as complaint:
                return [complaint]
            case _:  # `connected`
                return []

    def _open(self, details: _Details, stream_id: str) -> Opened:
        if self._stream is not None or not stream_id:
            raise ClientError(1008, "a stream is started once, and with its `stream_id`")
        given = details.media_format
        form = media_format(given.encoding, given.sample_rate, given.channels)
        self._stream = MediaStream(stream_id, form, WINDOW)
        named = dict(details.custom_parameters or {})
        if details.client_state:
            named.setdefault("client_state", details.client_state)
        return Opened(
            Capabilities(form.rate_hz, form.rate_hz, reports="marks", captions=False, granule_ms=GRANULE_MS),
            metadata=named,
            phone=Phone(
                "telnyx",
                call_id=details.call_control_id,
                stream_id=stream_id,
                account=details.user_id,
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
        """Audio of the bot, and a mark behind it."""
        stream = begun(self._stream, "")
        mark = _MarkHere(Name(stream.marks.after(len(pcm) // 2)))
        return [text(_Play(Payload(stream.form.encode(pcm)))), text(mark)]

    def clear(self) -> list[Message]:
        """Drop what is not played yet."""
        begun(self._stream, "").marks.clear()
        return [text(_Clear())]

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
