"""A simulated carrier: its buffer, its marks, a `clear` that empties all, and a network that is late by turns."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import pairwise
from random import Random

from msgspec import structs

from audio.playout import Chunk, PlayoutOptions
from server.protocols.marks import Marks
from server.protocols.wire import PlayedReport
from tests.sim.buffer import RATE_HZ, SILENCE, Buffer

JITTER_S = 0.08
WAYS_S = (0.0, 0.03, 0.15)


SIZES = ((20.0, 20.0), (40.0, 0.0), (40.0, 20.0), (100.0, 20.0), (200.0, 20.0), (200.0, 0.0))
"""(chunk_ms, granule_ms) of wires."""


def carrier_options(options: PlayoutOptions, random: Random) -> PlayoutOptions:
    """How one of these carriers plays, in place of another client."""
    chunk_ms, granule_ms = random.choice(SIZES)
    lead_ms = max(options.lead_ms, 2 * chunk_ms)
    sizes = {"lead_ms": lead_ms, "chunk_ms": chunk_ms, "granule_ms": granule_ms}
    return structs.replace(options, reports="marks", pauses=False, **sizes)


class Way:
    """One direction of a connection: what is sent arrives in its order, JITTER_S late at the most."""

    def __init__(self, clock: Callable[[], float], at: Callable[..., None], random: Random, way_s: float) -> None:
        self._clock = clock
        self._at = at
        self._random = random
        self._way_s = way_s
        self._sent: deque[tuple[Callable[..., None], tuple[object, ...]]] = deque()
        self._arrives_at = 0.0

    def send(self, call: Callable[..., None], *args: object) -> None:
        """Call it at the other end."""
        now = self._clock()
        self._arrives_at = max(self._arrives_at, now + self._way_s + self._random.uniform(0.0, JITTER_S))
        self._sent.append((call, args))
        self._at(self._arrives_at - now, self._arrive)

    def _arrive(self) -> None:
        call, args = self._sent.popleft()
        call(*args)


class Carrier:
    """Plays what comes and sends the marks back. `at(delay, call, *args)` schedules; messages keep their order.

    `returns_cleared`: the marks that a `clear` finds waiting come back at once; else they never do.
    """

    reports = True
    pauses = False

    def __init__(
        self,
        clock: Callable[[], float],
        at: Callable[..., None],
        random: Random,
        *,
        returns_cleared: bool,
    ) -> None:
        way_s = random.choice(WAYS_S)
        self._at = at
        self.latency_s = way_s + JITTER_S
        self._returns_cleared = returns_cleared
        self.on_played: Callable[[int], None] = lambda _: None
        self.messages: list[str] = []
        self._buffer = Buffer(clock)
        self._marks = Marks()  # the codec's
        self._waiting: deque[str] = deque()
        self._there = Way(clock, at, random, way_s)
        self._back = Way(clock, at, random, way_s)
        self._gone = False
        self.cleared: set[int] = set()
        """Frames that a `clear` found waiting."""
        self.heard = self._buffer.heard

    @property
    def buffered(self) -> int:
        """Milliseconds that wait to be played."""
        return self._buffer.left

    @property
    def playing(self) -> int | None:
        """The frame that is being heard."""
        return self._buffer.frame

    def play(self) -> None:
        """Play up to now."""
        self._buffer.play()

    def stop(self) -> None:
        """The connection is gone; nothing is played any more."""
        self.play()
        self._gone = True
        self._buffer.clear()

    # --- the server's end of the line ---------------------------------------------------------------------------------

    def take(self, what: object) -> None:
        """The server sends audio, with a mark behind it, or a message."""
        if isinstance(what, Chunk):
            self._there.send(self._arrive, what, self._marks.after(len(what.pcm) // 2))
        else:
            self._there.send(self.messages.append, str(what))

    def command(self, name: str) -> None:
        """The server sends `clear`; it knows no other."""
        if name == "clear":
            self._marks.clear()
            self._there.send(self._clear)

    def _returned(self, name: str) -> None:
        for incoming in self._marks.returned(name):
            assert isinstance(incoming, PlayedReport), incoming
            self.on_played(incoming.samples)

    # --- the carrier's end --------------------------------------------------------------------------------------------

    def _arrive(self, chunk: Chunk, mark: str) -> None:
        self.play()
        if self._gone:
            return
        values = memoryview(chunk.pcm).cast("h")
        speech = 1 + next((at for at, (a, b) in enumerate(pairwise(values)) if b != a + 1), len(values) - 1)
        self._buffer.add(chunk.frame, values[0], values[0] + speech)
        self._buffer.add(SILENCE, 0, len(values) - speech)
        self._waiting.append(mark)
        self._at(self.buffered / RATE_HZ, self._reach, mark)

    def _reach(self, mark: str) -> None:
        if self._waiting and self._waiting[0] == mark and not self._gone:
            self._waiting.popleft()
            self._back.send(self._returned, mark)

    def _clear(self) -> None:
        self.play()
        self.cleared |= self._buffer.clear()
        while self._waiting:
            mark = self._waiting.popleft()
            if self._returns_cleared:
                self._back.send(self._returned, mark)
