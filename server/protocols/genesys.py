"""Genesys AudioHook v2: mu-law or PCM16 in binary messages, JSON in text messages. Pure.

<https://developer.genesys.cloud/devapps/audiohook/protocol-reference>. Genesys opens, is told which of the media that
it offers is taken, pings, and closes; each is answered. A conversation of the null id is a probe of the connection: it
is answered like a call, and is none. The variables of the flow (`inputVariables`) and the settings of the integration
(`customConfig`) are the metadata of the call. There are no marks. Small messages are throttled, so audio leaves in
pieces of 200 ms (1,600 bytes of mu-law). While the line is paused (on hold), the caller is muted.

Of the media on offer, the customer alone in mu-law is taken, else the customer alone in PCM16, else both parties, with
the customer's channel picked out. What a message that does not fit leads to:

    not a JSON object with a `type`, not UTF-8                      close 1007
    a part of a sample                                              close 1003
    anything before `open`, a second or wrong one                   close 1008
    no media with the customer in it                                close 1008
    another version, another session's id, 1,000 messages missing   close 1008
    a message over the size limit                                   close 1009 (the socket does it)
    `seq` that came before                                          ignored, counted: `wire_duplicate`
    `seq` that leaves some out                                      taken; counted: `wire_lost`
    an unknown type, a wrong or missing field, no key, `error`      ignored, counted
    `discarded`                                                     silence, 1 s at most; counted: `wire_lost`
    anything after `close`; audio of a probe                        ignored
    `update`, `playback_started`, `playback_completed`              nothing
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec
import numpy as np

from audio import g711
from link.errors import ClientError
from server.call.events import Event, Gone, Muted
from server.protocols import genesys_messages as m
from server.protocols.carrier import pressed
from server.protocols.wire import Answer, Audio, Capabilities, Complaint, Counted, Incoming, Message, Opened, Phone

VERSION = "2"
RATE_HZ = 8000
PIECE_MS = 200
MOST_MISSING = 1000
MAX_SILENCE_S = 1.0
PROBE = "00000000-0000-0000-0000-000000000000"
CUSTOMER = "external"
_SECONDS = re.compile(r"PT([0-9]{0,9}\.?[0-9]{1,9})S")
_SAMPLE_BYTES = {"PCMU": 1, "L16": 2}


class GenesysWire:
    """The codec of one session."""

    def __init__(self) -> None:
        self._state: Literal["new", "probe", "open", "closed"] = "new"
        self._id = ""
        self._media = m.Media("audio", "PCMU", (CUSTOMER,), RATE_HZ)
        self._heard_seq = 0
        self._sent_seq = 0

    # --- in -----------------------------------------------------------------------------------------------------------

    def receive(self, message: Message) -> list[Incoming]:
        """What a message means; `open` opens the call."""
        if isinstance(message, bytes):
            return self._hear(message)
        head, content = m.understand(message)
        if self._state == "closed":
            return []
        if self._state == "new":
            return self._first(head, content)
        if head is None:
            return [content] if isinstance(content, Complaint) else []
        if (head.version, head.id) != (VERSION, self._id):
            raise ClientError(
                1008, f"a message is of version {head.version[:9]!r}, session {head.id[:40]!r}: not this one"
            )
        if head.seq <= self._heard_seq:
            return [Counted("wire_duplicate")]
        return [*self._missing(head.seq), *self._meaning(content)]

    def _missing(self, seq: int) -> list[Incoming]:
        lost = seq - self._heard_seq - 1
        if lost >= MOST_MISSING:
            raise ClientError(1008, f"message {seq} came after message {self._heard_seq}")
        self._heard_seq = seq
        return [Counted("wire_lost", lost)] if lost else []

    def _first(self, head: m.Head | None, content: m.Content) -> list[Incoming]:
        if isinstance(content, Complaint):
            raise ClientError(1008, f"the first message must be `open`: {content.message}")
        if head is None or not isinstance(content, m.Open):
            raise ClientError(1008, "the first message must be `open`")
        if head.version != VERSION:
            raise ClientError(1008, f"this server speaks AudioHook {VERSION}, not {head.version[:9]!r}")
        opening = content.parameters
        self._media = _choose(opening.media)
        self._id, self._heard_seq = head.id, head.seq
        if opening.conversation_id == PROBE:
            self._state = "probe"
            return [Answer(self._opened())]
        self._state = "open"
        return [
            Opened(
                Capabilities(RATE_HZ, RATE_HZ, captions=False, chunk_ms=PIECE_MS, farewell=True),
                metadata={**opening.custom_config, **opening.input_variables},
                phone=Phone(
                    "genesys",
                    call_id=opening.conversation_id,
                    stream_id=head.id,
                    account=opening.organization_id,
                    caller=opening.participant.ani,
                    called=opening.participant.dnis,
                ),
            )
        ]

    def _meaning(self, content: m.Content) -> list[Incoming]:
        match content:
            case Complaint():
                return [content]
            case m.Ping():
                return [Answer(self._message("pong"))]
            case m.Close(why):
                answer = Answer(self._message("closed"))
                self._state = "closed"
                return [answer, Gone(f"Genesys closed the session: {why.reason[:40]!r}")]
            case m.Open():
                raise ClientError(1008, "a session is opened once")
            case m.Error(trouble):
                return [Complaint("carrier_error", f"Genesys says: {trouble.code} {trouble.message[:200]!r}")]
            case _:
                return self._of_the_call(content) if self._state == "open" else []

    def _of_the_call(self, content: m.Content) -> list[Incoming]:
        match content:
            case m.Dtmf(pressing):
                return pressed(pressing.digit)
            case m.Paused():
                return [Muted(True)]
            case m.Resumed():
                return [Muted(False)]
            case m.Discarded(length):
                return _silence(length.discarded)
            case _:
                return []

    def _hear(self, data: bytes) -> list[Incoming]:
        if self._state == "new":
            raise ClientError(1008, "the first message must be `open`")
        size = _SAMPLE_BYTES[self._media.format] * len(self._media.channels)
        if len(data) % size:
            raise ClientError(1003, f"this sound has {size} bytes a sample; a message had {len(data)} bytes")
        return [Audio(self._customer(data))] if self._state == "open" else []

    def _customer(self, data: bytes) -> bytes:
        """PCM16 of the customer alone."""
        count = len(self._media.channels)
        at = self._media.channels.index(CUSTOMER)
        if self._media.format == "PCMU":
            return g711.from_mulaw(data[at::count])
        return data if count == 1 else np.frombuffer(data, "<i2")[at::count].tobytes()

    def begin(self) -> list[Incoming]:
        """There is no call without `open`."""
        return []

    # --- out ----------------------------------------------------------------------------------------------------------

    def ready(self, call_id: str) -> list[Message]:
        """The call begins."""
        return [self._opened()]

    def audio(self, pcm: bytes) -> list[Message]:
        """Audio of the bot."""
        return [g711.to_mulaw(pcm) if self._media.format == "PCMU" else pcm]

    def clear(self) -> list[Message]:
        """Drop what is not played yet."""
        return [self._message("event", entities=[{"type": "barge_in", "data": {}}])]

    def ended(self, reason: str) -> list[Message]:
        """The call is over; Genesys then closes, and is answered."""
        return [self._message("disconnect", reason="completed", info=reason)] if self._state == "open" else []

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

    def _opened(self) -> str:
        return self._message("opened", media=[self._media], startPaused=False)

    def _message(self, kind: str, **parameters: object) -> str:
        self._sent_seq += 1
        head = {"version": VERSION, "id": self._id, "type": kind, "seq": self._sent_seq, "clientseq": self._heard_seq}
        return msgspec.json.encode({**head, "parameters": parameters}).decode()


def _choose(offers: tuple[m.Media, ...]) -> m.Media:
    """The best of what is offered. Raises ClientError when the customer is in none of it."""
    usable = [
        offer
        for offer in offers
        if (offer.type, offer.rate) == ("audio", RATE_HZ)
        and offer.format in _SAMPLE_BYTES
        and offer.channels.count(CUSTOMER) == 1
        and len(offer.channels) <= 2
    ]
    if not usable:
        raise ClientError(1008, "nothing on offer has the customer's voice in PCMU or L16 at 8000 Hz")
    return min(usable, key=lambda offer: (len(offer.channels), _SAMPLE_BYTES[offer.format]))


def _silence(length: str) -> list[Incoming]:
    """What stands for sound that never came."""
    found = _SECONDS.fullmatch(length)
    if found is None:
        return [Complaint("bad_value", f"{length[:40]!r} is no duration; it was ignored")]
    samples = round(min(float(found[1]), MAX_SILENCE_S) * RATE_HZ)
    return [Counted("wire_lost"), *([Audio(bytes(2 * samples))] if samples else [])]
