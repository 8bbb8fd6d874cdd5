"""Telnyx's side of a media stream, in its `rtp` mode. Pure.

<https://developers.telnyx.com/docs/voice/programmable-voice/media-streaming>. Pieces of 20 ms to 30 s are taken. The
order of what it sends is not guaranteed: whoever carries the messages may change it. What becomes of the marks that a
`clear` finds waiting is not documented, so both can be had.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from server.load.wires.buffer import Buffer
from server.load.wires.messages import Encoding, Numbers, base64_of, fields, packed, payload, text, unpacked
from server.protocols.wire import Message

SHORTEST_S, LONGEST_S = 0.02, 30.0
ENCODINGS: dict[str, Encoding] = {"PCMU": "mulaw", "PCMA": "alaw", "L16": "l16"}


class Telnyx:
    """One stream."""

    path = "telnyx"
    chunk_ms = 20.0

    def __init__(
        self,
        *,
        encoding: str = "PCMU",
        rate_hz: int = 8000,
        parameters: Mapping[str, str] | None = None,
        returns_marks: bool = True,
    ) -> None:
        """`returns_marks`: a `clear` returns those that were left."""
        self.rate_hz = rate_hz
        self.buffer = Buffer(rate_hz)
        self.faults: Counter[str] = Counter()
        self.over = False
        self._name = encoding
        self._encoding = ENCODINGS[encoding]
        self._parameters = dict(parameters or {})
        self._returns_marks = returns_marks
        self._numbers = Numbers(rate_hz)

    def opening(self) -> list[Message]:
        """What a stream begins with."""
        form = {"encoding": self._name, "sample_rate": self.rate_hz, "channels": 1}
        start = {
            "user_id": "5e0a",
            "call_control_id": "v3:0123456789",
            "client_state": None,
            "media_format": form,
            "from": "+15550100",
            "to": "+15550199",
            "custom_parameters": self._parameters,
        }
        return [text({"event": "connected", "version": "1.0.0"}), self._message("start", start=start)]

    def media(self, pcm: bytes) -> list[Message]:
        """The caller's sound."""
        chunk, begins_ms = self._numbers.chunk(pcm)
        data = base64_of(packed(pcm, self._encoding))
        sound = {"track": "inbound", "chunk": str(chunk), "timestamp": str(begins_ms), "payload": data}
        return [self._message("media", media=sound)]

    def dtmf(self, digit: str) -> list[Message]:
        """The caller presses a key."""
        return [self._message("dtmf", dtmf={"digit": digit})]

    def stop(self) -> list[Message]:
        """The caller hangs up."""
        self.over = True
        return [self._message("stop", stop={"user_id": "5e0a", "call_control_id": "v3:0123456789"})]

    def take(self, message: Message, now: float) -> None:
        """A message of the server arrives."""
        match fields(message, self.faults):
            case {"event": "media", "media": {"payload": str(data)}}:
                self._hear(payload(data, self.faults), now)
            case {"event": "mark", "mark": {"name": str(name)}}:
                self.buffer.mark(name, now)
            case {"event": "clear"}:
                self.buffer.clear(now, returns_marks=self._returns_marks)
            case _:
                self.faults["a message that Telnyx does not know"] += 1

    def _hear(self, data: bytes, now: float) -> None:
        try:
            pcm = unpacked(data, self._encoding)
        except ValueError:
            self.faults["half a sample"] += 1
            return
        if not SHORTEST_S <= len(pcm) / 2 / self.rate_hz <= LONGEST_S:
            self.faults["a piece is not 20 ms to 30 s long"] += 1
        self.buffer.put(pcm, now)

    def due(self, now: float) -> list[Message]:
        """The marks that were reached."""
        return [self._message("mark", mark={"name": name}) for name in self.buffer.reached(now)]

    def _message(self, event: str, **content: object) -> str:
        number = str(self._numbers.message())
        return text({"event": event, "sequence_number": number, "stream_id": "32DE0DEA", **content})
