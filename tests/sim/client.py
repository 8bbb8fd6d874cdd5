"""A simulated client: a speaker that plays at real time, some milliseconds away, and knows what was truly heard."""

from __future__ import annotations

from array import array
from collections.abc import Callable

from audio.playout import Chunk
from tests.sim.buffer import Buffer

ALL_SAMPLES = array("h", range(32767)).tobytes()


def samples(start: int, stop: int) -> bytes:
    """PCM in which the value of each sample is its place in its frame."""
    return ALL_SAMPLES[start * 2 : stop * 2]


class TooFarAhead(AssertionError):
    """The server sent more than its lead allows."""


class Client:
    """Plays what comes, and reports if it can. Times are seconds; `at(delay, call, *args)` schedules."""

    def __init__(
        self,
        clock: Callable[[], float],
        at: Callable[..., None],
        *,
        latency_s: float,
        reports: bool,
        pauses: bool,
        lead_ms: float,
    ) -> None:
        self._clock = clock
        self._at = at
        self._lead_ms = lead_ms
        self.latency_s = latency_s
        self.reports = reports
        self.pauses = pauses
        self.on_played: Callable[[int], None] = lambda _: None
        self.on_cleared: Callable[[int], None] = lambda _: None
        self.messages: list[str] = []
        self._buffer = Buffer(clock)
        self.heard = self._buffer.heard
        self._gone = False
        self._reporting = False

    @property
    def buffered(self) -> int:
        """Milliseconds that wait to be played."""
        return self._buffer.left

    @property
    def playing(self) -> int | None:
        """The frame that is being heard."""
        return self._buffer.frame

    def take(self, what: object) -> None:
        """The server sends audio or a message; it arrives later, in order."""
        self._later(self._arrive, what)

    def command(self, name: str) -> None:
        """The server sends `clear`, `pause` or `resume`."""
        self._later(self._obey, name)

    def stop(self) -> None:
        """The connection is gone; nothing is played any more."""
        self.play()
        self._gone = True
        self._buffer.clear()

    def _later(self, call: Callable[..., None], *args: object) -> None:
        if self.latency_s:
            self._at(self.latency_s, call, *args)
        else:
            call(*args)

    def _arrive(self, what: object) -> None:
        self.play()
        if self._gone:
            return
        if isinstance(what, Chunk):
            values = memoryview(what.pcm).cast("h")
            if self.buffered + len(values) > self._lead_ms + 2 and not self.latency_s:
                raise TooFarAhead(f"{self.buffered + len(values)} ms are ahead of the caller")
            self._buffer.add(what.frame, values[0], values[-1] + 1)
            if not self._reporting:
                self._reporting = True
                self._at(0.1, self._report)
        else:
            self.messages.append(str(what))

    def _obey(self, name: str) -> None:
        self.play()
        if name == "clear":
            self._buffer.clear()
            if self.reports:
                self._later(self.on_cleared, self._buffer.total)
        elif self.pauses:
            self._buffer.paused = name == "pause"

    def play(self) -> None:
        """Play up to now."""
        self._buffer.play()

    def _report(self) -> None:
        self.play()
        if self.reports:
            self._later(self.on_played, self._buffer.total)
        self._reporting = self.buffered > 0
        if self._reporting:
            self._at(0.1, self._report)
