"""How sound is cut into the pieces in which it leaves. Pure; counts are samples.

A wire may want pieces of whole granules (a carrier's frames), and none shorter than a chunk. Only the end of a frame
can be shorter: where there are granules, silence fills it up.
"""

from __future__ import annotations

from math import ceil

from msgspec import Struct

UNBOUNDED = 1 << 62
ROUNDING = 1e-6  # of a granule: sizes are milliseconds


class Piece(Struct, frozen=True):
    """So much of a frame leaves now, and so much silence behind it."""

    samples: int
    silence: int = 0


NOTHING = Piece(0)


class Chunking:
    """The sizes of one wire."""

    def __init__(self, rate_hz: int, chunk_ms: float, granule_ms: float, *, short: bool) -> None:
        """`short`: no piece is longer than it has to be, since the client tells when it has played one."""
        self._granule = max(1, round(granule_ms * rate_hz / 1000))
        self._chunk = self._granule * ceil(chunk_ms * rate_hz / 1000 / self._granule - ROUNDING)
        self._longest = self._chunk if short else UNBOUNDED
        self._fills_up = granule_ms > 0

    def piece(self, waiting: int, room: int, *, complete: bool) -> Piece:
        """What leaves of a frame of which so much waits. `complete`: no more of it comes.

        Where there are granules the end of a frame may go beyond the room, by less than a chunk: it would be mostly
        silence alone.
        """
        if waiting > room and room < self._chunk:  # most ticks
            return NOTHING
        limit = min(room, self._longest)
        if complete and waiting <= limit:
            return self._end(waiting)
        samples = self._whole(min(waiting, limit))
        if samples < self._chunk:
            return NOTHING
        if complete and waiting - samples < self._chunk:
            shorter = self._whole(waiting - self._chunk)
            if shorter >= self._chunk:
                return Piece(shorter)
            if self._fills_up:
                return self._end(waiting)
        return Piece(samples)

    def fill(self, room: int) -> int:
        """How much of a sound without end leaves."""
        samples = self._whole(room)
        return samples if samples >= self._chunk else 0

    def _whole(self, samples: int) -> int:
        return samples - samples % self._granule if samples > 0 else 0

    def _end(self, samples: int) -> Piece:
        if not self._fills_up or samples == 0:
            return Piece(samples)
        return Piece(samples, max(self._chunk, samples + -samples % self._granule) - samples)
