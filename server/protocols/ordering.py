"""The caller's audio in the order of its chunk numbers, with silence for what is lost. Pure.

A chunk that comes before its time waits for those before it, until `window` of them wait: then what is missing is lost.
With a window of 1 none waits; that is for carriers that keep the order. What happens to a chunk:

    in its turn                     heard, with those that waited for it
    early                           waits
    the number was heard or waits   dropped: `wire_duplicate`
    its place was given up          dropped: `wire_late`
    no number                       heard as it comes

The place of what is lost is filled with as many chunks of silence, of the size of the next one, but with 1 s at most:
beyond that nobody keeps time. The last chunks before a pause of the carrier wait until it is over, or for `flush`.
"""

from __future__ import annotations

from collections import deque

from server.protocols.wire import Audio, Counted, Incoming

MOST_SILENCE_S = 1
MOST_COUNTED = 3000
"""A jump of more counts as so many: a minute of 20 ms."""
REMEMBERED = 64
"""So many of the numbers that were given up are known as such."""
OLD_IN_A_ROW = 10
"""So many old numbers, one after the other: they do not count what we think. From then on audio passes as it comes."""


class Ordering:
    """The order of one stream. Chunks are mono PCM16."""

    def __init__(self, rate_hz: int, window: int = 1) -> None:
        self._rate_hz = rate_hz
        self._window = window
        self._next: int | None = None  # the number that is due; None until the first has come
        self._waiting: dict[int, bytes] = {}
        self._lost: deque[int] = deque(maxlen=REMEMBERED)
        self._old = 0  # in a row
        self._trusted = True

    def put(self, number: int | None, pcm: bytes) -> list[Incoming]:
        """What is heard now that this chunk came."""
        if number == self._next and not self._waiting and number is not None:
            self._next = number + 1
            self._old = 0
            return [Audio(pcm)] if pcm else []
        if number is None or not self._trusted:
            return _heard(pcm)
        return self._sort(number, pcm)

    def flush(self) -> list[Incoming]:
        """What waits is heard now; what it waited for is lost."""
        out: list[Incoming] = []
        while self._waiting:
            out += self._give_up()
        return out

    def distrust(self) -> list[Incoming]:
        """The numbers do not count this stream alone: from now on audio passes as it comes."""
        out = self.flush()
        self._trusted = False
        self._next = None
        return out

    def _sort(self, number: int, pcm: bytes) -> list[Incoming]:
        if number in self._waiting or (self._next is not None and number < self._next):
            return self._drop(number, pcm)
        self._old = 0
        self._waiting[number] = pcm
        if number == self._next:
            return _heard(self._due())
        return self._give_up() if len(self._waiting) >= self._window else []

    def _drop(self, number: int, pcm: bytes) -> list[Incoming]:
        self._old += 1
        if self._old > OLD_IN_A_ROW:
            return [*self.distrust(), *_heard(pcm)]
        if number in self._lost:
            self._lost.remove(number)
            return [Counted("wire_late")]
        return [Counted("wire_duplicate")]

    def _give_up(self) -> list[Incoming]:
        """The first of those that wait is heard, and the silence before it."""
        first = min(self._waiting)
        lost = 0 if self._next is None else first - self._next
        self._lost.extend(range(max(first - lost, first - REMEMBERED), first))
        self._next = first
        silence = min(lost * len(self._waiting[first]), 2 * MOST_SILENCE_S * self._rate_hz)
        heard = _heard(bytes(silence) + self._due())
        return [Counted("wire_lost", min(lost, MOST_COUNTED)), *heard] if lost else heard

    def _due(self) -> bytes:
        """Those that wait and whose turn it is."""
        due = []
        while self._next in self._waiting:
            due.append(self._waiting.pop(self._next))
            self._next += 1
        return b"".join(due)


def _heard(pcm: bytes) -> list[Incoming]:
    return [Audio(pcm)] if pcm else []
