"""What a simulated client has to play, what it has played, and what of that was whose words."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

RATE_HZ = 1000  # one sample is one millisecond
SILENCE = -1  # the frame of what is nobody's words


class Buffer:
    """Plays at real time what it has. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._spans: deque[list[int]] = deque()  # [frame, from, to]
        self._last = 0.0
        self._credit = 0.0  # played time that is not a whole sample yet
        self.paused = False
        self.total = 0
        """Samples that were played, silence too."""
        self.heard: list[list[int]] = []
        """[frame, from, to], in the order of hearing."""

    @property
    def left(self) -> int:
        """Milliseconds that wait to be played."""
        return sum(stop - start for _, start, stop in self._spans)

    @property
    def frame(self) -> int | None:
        """The frame that is being heard."""
        return self._spans[0][0] if self._spans else None

    def add(self, frame: int, start: int, stop: int) -> None:
        """More to play."""
        if stop > start:
            self._spans.append([frame, start, stop])

    def clear(self) -> set[int]:
        """Drop what was not played; of which frames that was."""
        frames = {span[0] for span in self._spans}
        self._spans.clear()
        return frames

    def play(self) -> None:
        """Play up to now."""
        now = self._clock()
        elapsed, self._last = now - self._last, now
        if self.paused or not self._spans:
            self._credit = 0.0
            return
        self._credit += elapsed * RATE_HZ
        whole = int(self._credit + 1e-6)
        self._credit -= whole
        while whole > 0 and self._spans:
            span = self._spans[0]
            used = min(whole, span[2] - span[1])
            self._hear(span[0], span[1], span[1] + used)
            span[1] += used
            whole -= used
            if span[1] == span[2]:
                self._spans.popleft()
        if not self._spans:
            self._credit = 0.0

    def _hear(self, frame: int, start: int, stop: int) -> None:
        self.total += stop - start
        last = self.heard[-1] if self.heard else None
        if frame == SILENCE:
            return
        if last and last[0] == frame and last[2] == start:
            last[2] = stop
        else:
            self.heard.append([frame, start, stop])
