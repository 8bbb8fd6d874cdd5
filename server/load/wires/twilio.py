"""Twilio's side of a media stream, and SignalWire's. Pure.

<https://www.twilio.com/docs/voice/media-streams/websocket-messages>. At most 10 minutes wait (warning 31931); a binary
message is an error (31950). A `clear` returns the marks that were left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from server.load.wires.buffer import Buffer
from server.load.wires.messages import Encoding, Numbers, base64_of, fields, packed, payload, text, unpacked
from server.protocols.wire import Message

MOST_S = 600
FORMATS: dict[str, Encoding] = {"audio/x-mulaw": "mulaw", "audio/x-l16": "l16", "L16@24000h": "l16"}


class Twilio:
    """One stream."""

    path = "twilio"
    chunk_ms = 20.0

    def __init__(
        self,
        *,
        media_format: str = "audio/x-mulaw",
        rate_hz: int = 8000,
        parameters: Mapping[str, str] | None = None,
        stream_sid: str = "MZ0123456789",
        call_sid: str = "CA0123456789",
        account_sid: str = "AC0123456789",
    ) -> None:
        """`parameters` are those of the TwiML; `media_format` is the encoding, as `start` names it."""
        self.rate_hz = rate_hz
        self.buffer = Buffer(rate_hz)
        self.faults: Counter[str] = Counter()
        self.over = False
        self._format = media_format
        self._encoding = FORMATS[media_format]
        self._parameters = dict(parameters or {})
        self._stream_sid = stream_sid
        self._ids = {"accountSid": account_sid, "callSid": call_sid}
        self._numbers = Numbers(rate_hz)

    def opening(self) -> list[Message]:
        """What a stream begins with."""
        form = {"encoding": self._format, "sampleRate": self.rate_hz, "channels": 1}
        start = {
            **self._ids,
            "streamSid": self._stream_sid,
            "tracks": ["inbound"],
            "mediaFormat": form,
            "customParameters": self._parameters,
        }
        return [
            text({"event": "connected", "protocol": "Call", "version": "1.0.0"}),
            self._message("start", start=start),
        ]

    def media(self, pcm: bytes) -> list[Message]:
        """The caller's sound."""
        chunk, begins_ms = self._numbers.chunk(pcm)
        data = base64_of(packed(pcm, self._encoding))
        return [
            self._message(
                "media", media={"track": "inbound", "chunk": str(chunk), "timestamp": str(begins_ms), "payload": data}
            )
        ]

    def dtmf(self, digit: str) -> list[Message]:
        """The caller presses a key."""
        return [self._message("dtmf", dtmf={"track": "inbound_track", "digit": digit})]

    def stop(self) -> list[Message]:
        """The caller hangs up."""
        self.over = True
        return [self._message("stop", stop=self._ids)]

    def take(self, message: Message, now: float) -> None:
        """A message of the server arrives."""
        content = fields(message, self.faults)
        if content and content.get("streamSid") != self._stream_sid:
            self.faults["a message is not for this stream"] += 1
            return
        match content:
            case {"event": "media", "media": {"payload": str(data)}}:
                self._hear(payload(data, self.faults), now)
            case {"event": "mark", "mark": {"name": str(name)}}:
                self.buffer.mark(name, now)
            case {"event": "clear"}:
                self.buffer.clear(now, returns_marks=True)
            case _:
                self.faults["a message that Twilio does not know"] += 1

    def _hear(self, data: bytes, now: float) -> None:
        try:
            pcm = unpacked(data, self._encoding)
        except ValueError:
            self.faults["half a sample"] += 1
            return
        if self.buffer.left(now) + len(pcm) // 2 > MOST_S * self.rate_hz:
            self.faults["31931: more than 10 minutes wait"] += 1
            return
        self.buffer.put(pcm, now)

    def due(self, now: float) -> list[Message]:
        """The marks that were reached."""
        return [self._message("mark", mark={"name": name}) for name in self.buffer.reached(now)]

    def _message(self, event: str, **content: object) -> str:
        number = str(self._numbers.message())
        return text({"event": event, "sequenceNumber": number, "streamSid": self._stream_sid, **content})
