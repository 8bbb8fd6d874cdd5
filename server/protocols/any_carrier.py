"""A wire for every carrier: who it is shows in its first messages, and then its own codec speaks. Pure.

`event: websocket:connected`                        Vonage
`event: MEDIA_START`, or that in plain text         Asterisk
`type: open`                                        Genesys
`event: connected`                                  Twilio, Telnyx or Exotel: its `start` will say
`event: start`, by what stands in its `start`:
    `streamSid`                                     Twilio, SignalWire
    `stream_sid`                                    Exotel
    `call_control_id`                               Telnyx
    `streamId`                                      Plivo
binary                                              only Asterisk can be so early: `wire_early`, at most 2 s of it
not a JSON object, not UTF-8                        close 1007
anything else                                       close 1008
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec import Struct

from link.errors import ClientError
from server.call.events import Event
from server.protocols.asterisk import MAX_EARLY, AsteriskWire
from server.protocols.exotel import ExotelWire
from server.protocols.genesys import GenesysWire
from server.protocols.plivo import PlivoWire
from server.protocols.telnyx import TelnyxWire
from server.protocols.twilio import TwilioWire
from server.protocols.vonage import VonageWire
from server.protocols.wire import Complaint, Counted, Incoming, Message, Wire


class _Peek(Struct):
    event: str = ""
    type: str = ""
    start: dict[str, msgspec.Raw] = {}


_peek = msgspec.json.Decoder(_Peek)
STARTS: dict[str, Callable[[], Wire]] = {
    "streamSid": TwilioWire,
    "stream_sid": ExotelWire,
    "call_control_id": TelnyxWire,
    "streamId": PlivoWire,
}
"""Whose `start` has which field; the first that is there tells."""


class AnyCarrierWire:
    """The codec of one connection, of whichever carrier."""

    subprotocols = AsteriskWire.subprotocols
    max_message_bytes = ExotelWire.max_message_bytes

    def __init__(self) -> None:
        self._wire: Wire | None = None
        self._early = 0

    # --- in -----------------------------------------------------------------------------------------------------------

    def receive(self, message: Message) -> list[Incoming]:
        """What a message means, once it is known whose it is."""
        if self._wire is None:
            if isinstance(message, str):
                self._wire = _recognise(message)
            if self._wire is None:
                return self._wait(message)
        return self._wire.receive(message)

    def _wait(self, message: Message) -> list[Incoming]:
        self._early += 1
        if self._early > MAX_EARLY:
            raise ClientError(1008, f"{MAX_EARLY} messages came, and none says which carrier this is")
        return [Counted("wire_early")] if isinstance(message, bytes) else []

    def begin(self) -> list[Incoming]:
        """There is no call without the carrier's start."""
        return []

    # --- out: what its own codec says ---------------------------------------------------------------------------------

    @property
    def _own(self) -> Wire:
        assert self._wire, "a call is opened by its carrier's first messages"
        return self._wire

    def ready(self, call_id: str) -> list[Message]:
        """The call begins."""
        return self._own.ready(call_id)

    def audio(self, pcm: bytes) -> list[Message]:
        """Audio of the bot."""
        return self._own.audio(pcm)

    def event(self, event: Event) -> list[Message]:
        """Something happened."""
        return self._own.event(event)

    def custom(self, payload: str) -> list[Message]:
        """The application has a message for the client."""
        return self._own.custom(payload)

    def turn(self, latency: dict[str, float | None]) -> list[Message]:
        """The latencies of a turn."""
        return self._own.turn(latency)

    def complain(self, complaint: Complaint) -> list[Message]:
        """A message was ignored."""
        return self._own.complain(complaint)

    def clear(self) -> list[Message]:
        """Drop what is not played yet."""
        return self._own.clear()

    def pause(self) -> list[Message]:
        """Stop playing and keep it."""
        return self._own.pause()

    def resume(self) -> list[Message]:
        """Play on."""
        return self._own.resume()

    def ended(self, reason: str) -> list[Message]:
        """The call is over."""
        return self._own.ended(reason)


def _recognise(message: str) -> Wire | None:
    """The codec of whoever sends this first; None: the next message will say. Raises ClientError for nobody's."""
    if message.startswith("MEDIA_START "):
        return AsteriskWire()
    try:
        peek = _peek.decode(message)
    except msgspec.ValidationError as error:
        raise ClientError(1008, f"no carrier that is known begins like this: {error}") from error
    except (ValueError, RecursionError) as error:  # DecodeError is a ValueError
        raise ClientError(1007, f"a message is not JSON: {error}") from error
    match peek:
        case _Peek(event="connected"):
            return None
        case _Peek(event="websocket:connected"):
            return VonageWire()
        case _Peek(event="MEDIA_START"):
            return AsteriskWire()
        case _Peek(type="open"):
            return GenesysWire()
        case _Peek(event="start", start=details):
            for field, wire in STARTS.items():
                if field in details:
                    return wire()
    raise ClientError(1008, f"no carrier that is known begins with {(peek.event or peek.type)[:40]!r}")
