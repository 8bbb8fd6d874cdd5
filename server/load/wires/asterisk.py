"""The side of Asterisk's `chan_websocket`, with JSON control. Pure.

<https://docs.asterisk.org/Configuration/Channel-Drivers/WebSocket/>. What comes is cut into frames; what is left over
is dropped. Some 1,000 frames fit into its queue: at 900 it says MEDIA_XOFF, at 800 MEDIA_XON, and what is too much is
dropped. FLUSH_MEDIA drops the marks too; whether it ends a pause is another thing in some versions than in the
documents, so both can be had. Buffering (START_MEDIA_BUFFERING) is not here: the server does not use it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from server.load.wires.buffer import Buffer
from server.load.wires.messages import Encoding, fields, packed, text, unpacked
from server.protocols.wire import Message

FRAME_MS = 20
QUEUE, XOFF, XON = 1000, 900, 800  # frames
MOST_COMMAND, MOST_MESSAGE = 128, 65_500  # bytes
FORMATS: dict[str, tuple[Encoding, int]] = {
    "ulaw": ("mulaw", 8000),
    "alaw": ("alaw", 8000),
    "slin": ("l16", 8000),
    "slin16": ("l16", 16_000),
    "slin24": ("l16", 24_000),
}


class Asterisk:
    """One channel."""

    path = "asterisk"
    chunk_ms = float(FRAME_MS)

    def __init__(
        self, *, media_format: str = "ulaw", variables: Mapping[str, str] | None = None, flush_resumes: bool = False
    ) -> None:
        """`flush_resumes`: FLUSH_MEDIA ends a pause."""
        self._encoding, self.rate_hz = FORMATS[media_format]
        self.buffer = Buffer(self.rate_hz)
        self.faults: Counter[str] = Counter()
        self.over = False
        self._format = media_format
        self._variables = dict(variables or {})
        self._flush_resumes = flush_resumes
        self._frame_bytes = len(packed(bytes(self.rate_hz * FRAME_MS // 1000 * 2), self._encoding))
        self._full = False
        self._said: list[Message] = []

    def opening(self) -> list[Message]:
        """What a channel begins with."""
        return [
            self._event(
                "MEDIA_START",
                connection_id="media_connection1",
                channel="WebSocket/media_connection1/0x5140001a0040",
                format=self._format,
                optimal_frame_size=self._frame_bytes,
                ptime=FRAME_MS,
                channel_variables=self._variables,
            )
        ]

    def media(self, pcm: bytes) -> list[Message]:
        """The caller's sound."""
        return [packed(pcm, self._encoding)]

    def dtmf(self, digit: str) -> list[Message]:
        """The caller presses a key."""
        return [self._event("DTMF_END", digit=digit)]

    def stop(self) -> list[Message]:
        """The caller hangs up."""
        self.over = True
        return []

    def take(self, message: Message, now: float) -> None:
        """A message of the server arrives."""
        if len(message) > (MOST_MESSAGE if isinstance(message, bytes) else MOST_COMMAND):
            self.faults["a message is too long"] += 1
            self.over = self.over or isinstance(message, bytes)
            return
        if isinstance(message, bytes):
            self._hear(message, now)
        else:
            self._obey(message, now)
        self._watch(now)

    def _hear(self, data: bytes, now: float) -> None:
        rest = len(data) % self._frame_bytes
        if rest:
            self.faults["audio is no whole frames"] += 1
        whole = data[: len(data) - rest]
        room = max(0, QUEUE - self._frames(now)) * self._frame_bytes
        if len(whole) > room:
            self.faults["the queue is full"] += 1
        self.buffer.put(unpacked(whole[:room], self._encoding), now)

    def _obey(self, message: str, now: float) -> None:
        match fields(message, self.faults):
            case {"command": "MARK_MEDIA", "correlation_id": str(name)}:
                self.buffer.mark(name, now)
            case {"command": "FLUSH_MEDIA"}:
                self.buffer.clear(now, returns_marks=False)
                if self._flush_resumes:
                    self.buffer.resume(now)
            case {"command": "PAUSE_MEDIA"}:
                self.buffer.pause(now)
            case {"command": "CONTINUE_MEDIA"}:
                self.buffer.resume(now)
            case {"command": "HANGUP"}:
                self.over = True
            case _:
                self.faults["a command that is not known here"] += 1

    def _frames(self, now: float) -> int:
        """In the queue; the one that is being played is not."""
        return self.buffer.left(now) * 1000 // (self.rate_hz * FRAME_MS)

    def _watch(self, now: float) -> None:
        frames = self._frames(now)
        if not self._full and frames >= XOFF:
            self._full = True
            self._said.append(self._event("MEDIA_XOFF"))
        elif self._full and frames <= XON:
            self._full = False
            self._said.append(self._event("MEDIA_XON"))

    def due(self, now: float) -> list[Message]:
        """The marks that were reached, and how full the queue is."""
        self._watch(now)
        marks = [self._event("MEDIA_MARK_PROCESSED", correlation_id=name) for name in self.buffer.reached(now)]
        said, self._said = self._said, []
        return [*marks, *said]

    def _event(self, name: str, **content: object) -> str:
        return text({"event": name, "channel_id": "1761245643.1", **content})
