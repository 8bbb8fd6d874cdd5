"""Exotel's side of an AgentStream, of its Voicebot applet. Pure.

<https://developer.exotel.com/docs/agentstream/websocket-protocol>. It sends some 100 ms a message, and takes pieces of
3,200 to 100,000 bytes, a multiple of 320. What becomes of the marks that a `clear` finds waiting is not documented, so
both can be had.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from server.load.wires.buffer import Buffer
from server.load.wires.messages import Numbers, base64_of, fields, payload, text, unpacked
from server.protocols.wire import Message

FEWEST, MOST, MULTIPLE = 3_200, 100_000, 320  # bytes


class Exotel:
    """One stream."""

    path = "exotel"
    chunk_ms = 100.0

    def __init__(
        self,
        *,
        rate_hz: int = 8000,
        parameters: Mapping[str, str] | None = None,
        stream_sid: str = "MZ0123456789",
        returns_marks: bool = True,
    ) -> None:
        """`returns_marks`: a `clear` returns those that were left."""
        self.rate_hz = rate_hz
        self.buffer = Buffer(rate_hz)
        self.faults: Counter[str] = Counter()
        self.over = False
        self._parameters = dict(parameters or {})
        self._stream_sid = stream_sid
        self._returns_marks = returns_marks
        self._numbers = Numbers(rate_hz)

    def opening(self) -> list[Message]:
        """What a stream begins with."""
        start = {
            "stream_sid": self._stream_sid,
            "call_sid": "CA0123456789",
            "account_sid": "AC0123456789",
            "from": "+919876543210",
            "to": "+918047491899",
            "custom_parameters": self._parameters,
            "media_format": {"encoding": "audio/x-raw", "sample_rate": str(self.rate_hz), "bit_rate": "16"},
        }
        return [text({"event": "connected"}), self._message("start", start=start)]

    def media(self, pcm: bytes) -> list[Message]:
        """The caller's sound."""
        chunk, begins_ms = self._numbers.chunk(pcm)
        sound = {"chunk": str(chunk), "timestamp": str(begins_ms), "payload": base64_of(pcm)}
        return [self._message("media", media=sound)]

    def dtmf(self, digit: str) -> list[Message]:
        """The caller presses a key."""
        return [self._message("dtmf", dtmf={"digit": digit, "duration": "100"})]

    def stop(self) -> list[Message]:
        """The caller hangs up."""
        self.over = True
        ids = {"call_sid": "CA0123456789", "account_sid": "AC0123456789"}
        return [self._message("stop", stop={**ids, "reason": "callended"})]

    def take(self, message: Message, now: float) -> None:
        """A message of the server arrives."""
        content = fields(message, self.faults)
        if content and content.get("stream_sid") != self._stream_sid:
            self.faults["a message is not for this stream"] += 1
            return
        match content:
            case {"event": "media", "media": {"payload": str(data)}}:
                self._hear(payload(data, self.faults), now)
            case {"event": "mark", "mark": {"name": str(name)}}:
                self.buffer.mark(name, now)
            case {"event": "clear"}:
                self.buffer.clear(now, returns_marks=self._returns_marks)
            case _:
                self.faults["a message that Exotel does not know"] += 1

    def _hear(self, data: bytes, now: float) -> None:
        if not FEWEST <= len(data) <= MOST:
            self.faults["a chunk has not 3,200 to 100,000 bytes"] += 1
        if len(data) % MULTIPLE:
            self.faults["a chunk is no multiple of 320 bytes"] += 1
        try:
            self.buffer.put(unpacked(data, "l16"), now)
        except ValueError:
            self.faults["half a sample"] += 1

    def due(self, now: float) -> list[Message]:
        """The marks that were reached."""
        return [self._message("mark", mark={"name": name}) for name in self.buffer.reached(now)]

    def _message(self, event: str, **content: object) -> str:
        number = str(self._numbers.message())
        return text({"event": event, "sequence_number": number, "stream_sid": self._stream_sid, **content})
