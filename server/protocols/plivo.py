"""Plivo audio streaming. Pure.

<https://www.plivo.com/docs/voice/audio-streaming/audio-streaming>. What a message that does not fit leads to:

    not a JSON object with an `event`, not UTF-8                    close 1007
    a binary message; an encoding that cannot be spoken here        close 1003
    half a sample of L16                                            close 1003
    no `start`, a second one, a wrong one; another stream's id      close 1008
    a message over the size limit                                   close 1009 (the socket does it)
    an unknown event, a wrong or missing field, no base64           ignored, counted
    no key, no checkpoint of ours                                   ignored, counted
    a chunk whose number came before; a number that did not come    dropped; silence: see `ordering.py`
    `clearedAudio`, audio of the outbound track                     ignored
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import Struct

from link.errors import ClientError
from server.call.events import Event
from server.protocols.carrier_messages import Digit, Media, text, understand
from server.protocols.media_format import Encoding, media_format
from server.protocols.media_stream import MediaStream, begun
from server.protocols.wire import Capabilities, Complaint, Incoming, Message, Opened, Phone

KNOWN = frozenset("start media dtmf playedStream clearedAudio stop".split())
CONTENT_TYPES: dict[Encoding, str] = {"mulaw": "audio/x-mulaw", "l16": "audio/x-l16"}
MAX_RATE_HZ = 16_000


class _Format(Struct, rename="camel"):
    encoding: str
    sample_rate: int = 8000


class _Details(Struct, rename="camel"):
    stream_id: str
    media_format: _Format
    call_id: str = ""
    account_id: str = ""


class _Start(Struct, tag_field="event", tag="start"):
    start: _Details
    extra_headers: str | dict[str, Any] = ""


class _Media(Struct, tag_field="event", tag="media", rename="camel"):
    media: Media
    stream_id: str = ""


class _Dtmf(Struct, tag_field="event", tag="dtmf", rename="camel"):
    dtmf: Digit
    stream_id: str = ""


class _Played(Struct, tag_field="event", tag="playedStream", rename="camel"):
    name: str
    stream_id: str = ""


class _Cleared(Struct, tag_field="event", tag="clearedAudio", rename="camel"):
    stream_id: str = ""


class _Stop(Struct, tag_field="event", tag="stop", rename="camel"):
    stream_id: str = ""


class _Sound(Struct, rename="camel"):
    content_type: str
    sample_rate: int
    payload: bytes


class _Play(Struct, tag_field="event", tag="playAudio"):
    media: _Sound


class _Checkpoint(Struct, tag_field="event", tag="checkpoint", rename="camel"):
    stream_id: str
    name: str


class _Clear(Struct, tag_field="event", tag="clearAudio", rename="camel"):
    stream_id: str


_message = msgspec.json.Decoder(
    _Start | _Media | _Dtmf | _Played | _Cleared | _Stop,
    strict=False,  # "3" is a number
)


class PlivoWire:
    """The codec of one audio stream."""

    def __init__(self) -> None:
        self._stream: MediaStream | None = None

    # --- in -----------------------------------------------------------------------------------------------------------

    def receive(self, message: Message) -> list[Incoming]:
        """What a message means; `start` opens the call."""
        match understand(message, _message, KNOWN):
            case _Media(media, stream_id):
                return begun(self._stream, stream_id).hear(media.track, media.chunk, media.payload)
            case _Played(name, stream_id):
                return begun(self._stream, stream_id).marks.returned(name)
            case _Dtmf(dtmf, stream_id):
                return begun(self._stream, stream_id).press(dtmf.digit)
            case _Stop(stream_id):
                return begun(self._stream, stream_id).hang_up()
            case _Start(details, headers):
                return [self._open(details, _named(headers))]
            case _Cleared(stream_id):
                begun(self._stream, stream_id)
                return []
            case complaint:
                return [complaint]

    def _open(self, details: _Details, named: dict[str, Any]) -> Opened:
        if self._stream is not None or not details.stream_id:
            raise ClientError(1008, "a stream is started once, and with its `streamId`")
        given = details.media_format
        form = media_format(given.encoding, given.sample_rate)
        if form.encoding not in CONTENT_TYPES or form.rate_hz > MAX_RATE_HZ:
            raise ClientError(1003, f"Plivo does not take {given.encoding[:40]!r} at {form.rate_hz} Hz from us")
        self._stream = MediaStream(details.stream_id, form)
        return Opened(
            Capabilities(form.rate_hz, form.rate_hz, reports="marks", captions=False),
            metadata=named,
            phone=Phone(
                "plivo",
                call_id=details.call_id,
                stream_id=details.stream_id,
                account=details.account_id,
                caller=str(named.get("caller", "")),  # extra headers of our own XML: the carrier does not say it here
                called=str(named.get("called", "")),
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
        """Audio of the bot, and a checkpoint behind it."""
        stream = begun(self._stream, "")
        form = stream.form
        sound = _Sound(CONTENT_TYPES[form.encoding], form.rate_hz, form.encode(pcm))
        return [text(_Play(sound)), text(_Checkpoint(stream.stream_id, stream.marks.after(len(pcm) // 2)))]

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


def _named(headers: str | dict[str, Any]) -> dict[str, Any]:
    """The extra headers: `a=1;b=2` as the documents have it, with commas as they are given to it, or JSON."""
    if isinstance(headers, dict):
        return headers
    try:
        return msgspec.json.decode(headers, type=dict[str, Any])
    except (ValueError, RecursionError):
        pairs = (each.partition("=") for each in re.split("[;,]", headers))
        return {name.strip(): value.strip() for name, found, value in pairs if found and name.strip()}
