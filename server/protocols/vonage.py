"""Vonage's websocket: PCM16 in binary messages of exactly 20 ms, JSON in text messages. Pure.

<https://developer.vonage.com/en/voice/voice-api/guides/websockets>. The first message has what our NCCO gave as
`headers`: they are the metadata of the call, and `uuid`, `from` and `to` among them say who calls whom. A `notify` is
the mark: it comes back when playback gets there. What becomes of those that a `clear` finds waiting is not documented;
they tell nothing, whether they come back or not. What a message that does not fit leads to:

    not a JSON object with an `event`, not UTF-8                    close 1007
    half a sample                                                   close 1003
    anything before `websocket:connected`, a second or wrong one    close 1008
    a rate that is not 8000, 16000 or 24000                         close 1008
    a message over the size limit                                   close 1009 (the socket does it)
    an unknown event, a wrong or missing field                      ignored, counted
    no key, no notify of ours                                       ignored, counted
    audio that is not 20 ms long                                    heard
    `websocket:cleared`                                             nothing: what was cleared is known
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import Struct

from link.errors import ClientError
from server.call.events import Event
from server.protocols.carrier import pieces, pressed
from server.protocols.carrier_messages import text, understand
from server.protocols.marks import Marks
from server.protocols.wire import Audio, Capabilities, Complaint, Incoming, Message, Opened, Phone

PIECE_MS = 20
_CONTENT_TYPE = re.compile(r"audio/l16; ?rate=(8000|16000|24000)", re.IGNORECASE)


class _Connected(Struct, tag_field="event", tag="websocket:connected"):
    content_type: str = msgspec.field(name="content-type")


class _Dtmf(Struct, tag_field="event", tag="websocket:dtmf"):
    digit: str


class _Mark(Struct):
    mark: str


class _Notified(Struct, tag_field="event", tag="websocket:notify"):
    payload: _Mark


class _Cleared(Struct, tag_field="event", tag="websocket:cleared"):
    pass


class _Notify(Struct, tag_field="action", tag="notify"):
    payload: _Mark


_message = msgspec.json.Decoder(_Connected | _Dtmf | _Notified | _Cleared)
_fields = msgspec.json.Decoder(dict[str, Any])
KNOWN = frozenset("websocket:connected websocket:dtmf websocket:notify websocket:cleared".split())
CLEAR = '{"action":"clear"}'


class VonageWire:
    """The codec of one connection."""

    def __init__(self) -> None:
        self._rate_hz = 0  # until the call is opened
        self._marks = Marks()

    # --- in -----------------------------------------------------------------------------------------------------------

    def receive(self, message: Message) -> list[Incoming]:
        """What a message means; `websocket:connected` opens the call."""
        if isinstance(message, bytes):
            return [self._hear(message)]
        content = understand(message, _message, KNOWN)
        if isinstance(content, _Connected):
            return [self._open(content, message)]
        if not self._rate_hz:
            raise ClientError(1008, _first(content))
        match content:
            case _Dtmf(digit):
                return pressed(digit)
            case _Notified(payload):
                return self._marks.returned(payload.mark)
            case Complaint():
                return [content]
            case _:  # cleared
                return []

    def _hear(self, pcm: bytes) -> Audio:
        if not self._rate_hz:
            raise ClientError(1008, _first(None))
        if len(pcm) % 2:
            raise ClientError(1003, f"audio is PCM16, two bytes a sample; a message had {len(pcm)} bytes")
        return Audio(pcm)

    def _open(self, connected: _Connected, message: str) -> Opened:
        if self._rate_hz:
            raise ClientError(1008, "`websocket:connected` comes once")
        found = _CONTENT_TYPE.fullmatch(connected.content_type)
        if found is None:
            given = connected.content_type[:60]
            raise ClientError(
                1008, f"the NCCO asks for {given!r}; this server takes audio/l16;rate=8000, 16000 or 24000"
            )
        fields = understand(message, _fields, KNOWN)
        if isinstance(fields, Complaint):
            raise ClientError(1008, fields.message)
        self._rate_hz = int(found[1])
        named = {name: value for name, value in fields.items() if name not in ("event", "content-type")}
        call_id, caller, called = (str(named.get(name, "")) for name in ("uuid", "from", "to"))
        return Opened(
            Capabilities(self._rate_hz, self._rate_hz, reports="marks", captions=False, granule_ms=PIECE_MS),
            metadata=named,
            phone=Phone("vonage", call_id=call_id, caller=caller, called=called),
        )

    def begin(self) -> list[Incoming]:
        """There is no call without `websocket:connected`."""
        return []

    # --- out ----------------------------------------------------------------------------------------------------------

    def ready(self, call_id: str) -> list[Message]:
        """A carrier is told nothing."""
        return []

    def audio(self, pcm: bytes) -> list[Message]:
        """Audio of the bot in messages of 20 ms, and a mark behind it."""
        mark = _Notify(_Mark(self._marks.after(len(pcm) // 2)))
        return [*pieces(pcm, self._rate_hz * PIECE_MS // 1000 * 2), text(mark)]

    def clear(self) -> list[Message]:
        """Drop what is not played yet."""
        self._marks.clear()
        return [CLEAR]

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


def _first(content: object) -> str:
    """Why what came first does not open a call."""
    why = f": {content.message}" if isinstance(content, Complaint) else ""
    return f"the first message must be `websocket:connected`{why}"
