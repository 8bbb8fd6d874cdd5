"""What goes to a speech-to-text next: audio in frames, and marks where speech ended; again on each connection. Pure.

Nothing waits in a queue of its own. There is the audio that is kept, and how far it was sent on this connection: a new
connection begins with the first byte that is kept, and gets the marks that are not answered once more.
"""

from __future__ import annotations

from collections import deque

from msgspec import Struct

from audio.stt.kept_audio import BYTES_PER_SAMPLE, KEPT_S, KeptAudio

FRAME_MS = 80
"""0.2-0.4 ms of CPU a call-second, against 0.7-1.2 at 20 ms (DESIGN §6); what Deepgram recommends for Flux."""


class Mark(Struct, frozen=True):
    """Speech ended at this position."""

    position: int


class Uplink:
    """The audio of a call on its way to one service. Positions: see `audio.stt.kept_audio`."""

    def __init__(self, rate_hz: int) -> None:
        """`rate_hz` is that of the mono PCM16 that is put in."""
        self._rate_hz = rate_hz
        self._frame_bytes = self.bytes_of(FRAME_MS / 1000)
        self.kept = KeptAudio(self.bytes_of(KEPT_S))
        self._marks: list[int] = []  # that are not answered
        self._unsent: deque[int] = deque()  # those of them that were not sent on this connection
        self._sent_until = 0
        self._base = 0  # the position at which the stream of this connection begins

    def bytes_of(self, seconds: float) -> int:
        """How many bytes so much audio has."""
        return round(seconds * self._rate_hz) * BYTES_PER_SAMPLE

    def seconds_of(self, size: int) -> float:
        """How long so many bytes are."""
        return size / BYTES_PER_SAMPLE / self._rate_hz

    def position(self, offset_s: float) -> int:
        """Where in the call a second of this connection's stream is; nothing is known of what was not sent."""
        known_s = min(max(offset_s, 0.0), self.seconds_of(self._sent_until - self._base))  # whatever a provider says
        return self._base + self.bytes_of(known_s)

    @property
    def end(self) -> int:
        """The position after the last audio."""
        return self.kept.end

    def put(self, pcm: bytes) -> None:
        """The caller said more."""
        self.kept.put(pcm)

    def mark(self) -> None:
        """Speech ended here."""
        self._marks.append(self.end)
        self._unsent.append(self.end)

    def unmark(self, position: int) -> None:
        """A mark was answered, and everything before it."""
        self._marks = [each for each in self._marks if each > position]
        while self._unsent and self._unsent[0] <= position:
            self._unsent.popleft()

    def release(self, position: int) -> None:
        """No connection needs the audio before this position any more."""
        self.kept.release(position)

    def rewind(self) -> None:
        """A new connection has heard nothing yet."""
        self._base = self._sent_until = self.kept.start
        self._unsent = deque(self._marks)

    def take(self) -> bytes | Mark | None:
        """What is to be sent next, and then counts as sent; None while there is less than a frame."""
        self._skip_what_is_gone()
        until = self._unsent[0] if self._unsent else self.end
        size = until - self._sent_until
        if self._unsent and size <= 0:
            return Mark(self._unsent.popleft())
        if size <= 0 or (size < self._frame_bytes and not self._unsent):
            return None
        pcm = self.kept.read(self._sent_until, min(size, self._frame_bytes))
        self._sent_until += len(pcm)
        return pcm

    def _skip_what_is_gone(self) -> None:
        gone = self.kept.start - self._sent_until
        if gone > 0:
            self._sent_until += gone
            self._base += gone
