"""Vonage's side of a websocket. Pure.

<https://developer.vonage.com/en/voice/voice-api/guides/websockets>. Audio has 20 ms a message, both ways, and at most
60 s of it wait. A call that ends is said by the end of the connection alone. What becomes of a `notify` that a `clear`
finds waiting is not documented, so both can be had.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import msgspec

from server.load.wires.buffer import Buffer
from server.load.wires.messages import fields, text
from server.protocols.wire import Message

MOST_S = 60
PIECE_MS = 20


class Vonage:
    """One connection."""

    path = "vonage"
    chunk_ms = float(PIECE_MS)

    def __init__(
        self, *, rate_hz: int = 16_000, headers: Mapping[str, str] | None = None, returns_marks: bool = False
    ) -> None:
        """`headers` are those of the NCCO; `returns_marks`: a `clear` returns the notifications that were left."""
        self.rate_hz = rate_hz
        self.buffer = Buffer(rate_hz)
        self.faults: Counter[str] = Counter()
        self.over = False
        self._headers = dict(headers or {})
        self._returns_marks = returns_marks
        self._piece_bytes = rate_hz * PIECE_MS // 1000 * 2
        self._cleared = 0  # times, not yet said

    def opening(self) -> list[Message]:
        """What a connection begins with."""
        kind = f"audio/l16;rate={self.rate_hz}"
        return [text({"event": "websocket:connected", "content-type": kind, **self._headers})]

    def media(self, pcm: bytes) -> list[Message]:
        """The caller's sound."""
        return [pcm]

    def dtmf(self, digit: str) -> list[Message]:
        """The caller presses a key."""
        return [text({"event": "websocket:dtmf", "digit": digit, "duration": 260})]

    def stop(self) -> list[Message]:
        """The caller hangs up."""
        self.over = True
        return []

    def take(self, message: Message, now: float) -> None:
        """A message of the server arrives."""
        if isinstance(message, bytes):
            self._hear(message, now)
            return
        match fields(message, self.faults):
            case {"action": "notify", "payload": dict(payload)}:
                self.buffer.mark(text(payload), now)
            case {"action": "clear"}:
                self.buffer.clear(now, returns_marks=self._returns_marks)
                self._cleared += 1
            case _:
                self.faults["a message that Vonage does not know"] += 1

    def _hear(self, pcm: bytes, now: float) -> None:
        if len(pcm) != self._piece_bytes:
            self.faults["audio that has not 20 ms"] += 1
        if self.buffer.left(now) + len(pcm) // 2 > MOST_S * self.rate_hz:
            self.faults["more than 60 s wait"] += 1
            return
        self.buffer.put(pcm[: len(pcm) // 2 * 2], now)

    def due(self, now: float) -> list[Message]:
        """The notifications that were reached, and that it was cleared."""
        reached = [{"event": "websocket:notify", "payload": msgspec.json.decode(each)}
                   for each in self.buffer.reached(now)]  # fmt: skip
        cleared = [{"event": "websocket:cleared"}] * self._cleared
        self._cleared = 0
        return [text(each) for each in (*reached, *cleared)]
