"""A carrier's buffer: it plays what it has in real time, and comes to the marks in between. Pure."""

from __future__ import annotations

from collections import deque

ROUNDING = 1e-6  # of a sample: times are floats


class Stretch:
    """PCM16 that was played without a break, from `at_s` on."""

    def __init__(self, at_s: float) -> None:
        self.at_s = at_s
        self.pcm = bytearray()


class Buffer:
    """Plays from the moment in which something comes. `now` is in seconds and never goes back."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._queue: deque[bytes | str] = deque()  # sound, and names of marks
        self._reached: list[str] = []
        self._at = 0.0  # up to here all is played that was to be
        self._paused = False
        self._broken = True  # what is played next does not follow what was played last
        self._waiting = 0  # samples
        self.played: list[Stretch] = []
        """In order. It grows with the call; who needs it no more clears it."""

    def put(self, pcm: bytes, now: float) -> None:
        """Sound comes."""
        self._play(now)
        if pcm:
            self._queue.append(pcm)
            self._waiting += len(pcm) // 2

    def mark(self, name: str, now: float) -> None:
        """A mark comes, behind all the sound so far."""
        self._play(now)
        self._queue.append(name)
        self._play(now)

    def clear(self, now: float, *, returns_marks: bool) -> None:
        """Drop it all; the marks that were left are reached thereby, or never."""
        self._play(now)
        if returns_marks:
            self._reached += [each for each in self._queue if isinstance(each, str)]
        self._queue.clear()
        self._waiting = 0

    def pause(self, now: float) -> None:
        """Keep it and be silent."""
        self._play(now)
        self._paused = True

    def resume(self, now: float) -> None:
        """Play on."""
        self._play(now)
        self._paused = False

    def left(self, now: float) -> int:
        """Samples that are not played yet."""
        self._play(now)
        return self._waiting

    def reached(self, now: float) -> list[str]:
        """The marks that were come to since the last time."""
        self._play(now)
        names, self._reached = self._reached, []
        return names

    def _play(self, now: float) -> None:
        room = int((now - self._at) * self._rate_hz + ROUNDING)
        while self._queue and not self._paused:
            head = self._queue[0]
            if isinstance(head, str):
                self._reached.append(head)
                self._queue.popleft()
                continue
            if room <= 0:
                break
            room -= self._sound(head, room)
        if not self._queue or self._paused:
            self._at, self._broken = now, True

    def _sound(self, head: bytes, room: int) -> int:
        """Play of the first piece what there is time for; how many samples that was."""
        if self._broken:
            self.played.append(Stretch(self._at))
            self._broken = False
        self.played[-1].pcm += head[: 2 * room]
        samples = min(room, len(head) // 2)
        self._at += samples / self._rate_hz
        self._waiting -= samples
        if samples * 2 < len(head):
            self._queue[0] = head[2 * samples :]
        else:
            self._queue.popleft()
        return samples
