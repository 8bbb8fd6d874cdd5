"""Plivo's side of an audio stream. Pure.

<https://www.plivo.com/docs/voice/audio-streaming/audio-streaming>. `playedStream` is only said of what was played:
checkpoints that `clearAudio` finds waiting never come back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from server.load.wires.buffer import Buffer
from server.load.wires.messages import Encoding, Numbers, base64_of, fields, packed, payload, text, unpacked
from server.protocols.wire import Message

ENCODINGS: dict[str, Encoding] = {"audio/x-mulaw": "mulaw", "audio/x-l16": "l16"}


class Plivo:
    """One stream."""

    path = "plivo"
    chunk_ms = 20.0

    def __init__(
        self,
        *,
        content_type: str = "audio/x-mulaw",
        rate_hz: int = 8000,
        headers: Mapping[str, str] | None = None,
        stream_id: str = "20170ada-f610-433b-8758-c02a2aab3662",
    ) -> None:
        """`headers` are the extra ones of the XML."""
        self.rate_hz = rate_hz
        self.buffer = Buffer(rate_hz)
        self.faults: Counter[str] = Counter()
        self.over = False
        self._type = content_type
        self._encoding = ENCODINGS[content_type]
        self._headers = ";".join(f"{name}={value}" for name, value in (headers or {}).items())
        self._stream_id = stream_id
        self._numbers = Numbers(rate_hz)
        self._cleared = 0  # times, not yet said

    def opening(self) -> list[Message]:
        """What a stream begins with."""
        start = {
            "callId": "12345678-1234-1234-1234-123456789abc",
            "streamId": self._stream_id,
            "accountId": "MA0123456789",
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": self._type, "sampleRate": self.rate_hz},
        }
        number = self._numbers.message()
        return [text({"event": "start", "sequenceNumber": number, "start": start, "extra_headers": self._headers})]

    def media(self, pcm: bytes) -> list[Message]:
        """The caller's sound."""
        chunk, begins_ms = self._numbers.chunk(pcm)
        data = base64_of(packed(pcm, self._encoding))
        sound = {"track": "inbound", "timestamp": str(begins_ms), "chunk": chunk, "payload": data}
        return [self._message("media", media=sound)]

    def dtmf(self, digit: str) -> list[Message]:
        """The caller presses a key."""
        return [self._message("dtmf", dtmf={"track": "inbound", "digit": digit, "timestamp": "1"})]

    def stop(self) -> list[Message]:
        """The caller hangs up."""
        self.over = True
        return [self._message("stop")]

    def take(self, message: Message, now: float) -> None:
        """A message of the server arrives."""
        content = fields(message, self.faults)
        named = content.get("event") in ("checkpoint", "clearAudio")
        if named and content.get("streamId") != self._stream_id:
            self.faults["a message is not for this stream"] += 1
            return
        match content:
            case {"event": "playAudio", "media": {"contentType": kind, "sampleRate": rate, "payload": str(data)}}:
                if (kind, int(rate)) != (self._type, self.rate_hz):
                    self.faults["audio in another form than the stream's"] += 1
                self._hear(payload(data, self.faults), now)
            case {"event": "checkpoint", "name": str(name)}:
                self.buffer.mark(name, now)
            case {"event": "clearAudio"}:
                self.buffer.clear(now, returns_marks=False)
                self._cleared += 1
            case _:
                self.faults["a message that Plivo does not know"] += 1

    def _hear(self, data: bytes, now: float) -> None:
        try:
            self.buffer.put(unpacked(data, self._encoding), now)
        except ValueError:
            self.faults["half a sample"] += 1

    def due(self, now: float) -> list[Message]:
        """The checkpoints that were reached, and that it was cleared."""
        played = [self._message("playedStream", name=name) for name in self.buffer.reached(now)]
        cleared = [self._message("clearedAudio") for _ in range(self._cleared)]
        self._cleared = 0
        return [*played, *cleared]

    def _message(self, event: str, **content: object) -> str:
        number = self._numbers.message()
        return text({"event": event, "sequenceNumber": number, "streamId": self._stream_id, **content})
