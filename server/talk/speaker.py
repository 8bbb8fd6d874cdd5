"""A speaker that plays by the clock alone, so that `clear`, `pause` and `played` are exact without a sound card. Pure.

    EMPTY ── push ──► PLAYING ── ran dry ──► EMPTY
    pause: any ─► PAUSED      resume: PAUSED ─► PLAYING or EMPTY      clear: any ─► EMPTY

It has no delay of its own: audio is played from the instant at which it comes, or after what came before it. Counts are
samples; a sample is played once its time has begun.
"""

from __future__ import annotations

from enum import Enum, auto

CAPACITY_S = 60.0  # above the server's own bound of 45 s
ROUNDING = 1e-6  # of a sample: times are floats


class State(Enum):
    """What the speaker does."""

    EMPTY = auto()
    PLAYING = auto()
    PAUSED = auto()


class VirtualSpeaker:
    """Plays mono PCM16 at `rate_hz`. `now` is seconds on one clock that never goes backwards.

    Call `render` regularly: it gives everything since the last time, and what nobody fetches waits in memory.
    """

    def __init__(self, rate_hz: int, now: float) -> None:
        self._rate = rate_hz
        self._began = now
        self._position = 0  # samples of time, played or silent, since the beginning
        self._queue = bytearray()
        self._rendered = bytearray()
        self.state = State.EMPTY
        self.played = 0
        """Since the beginning, without what was skipped."""
        self.skipped = 0
        """Dropped by `clear`."""

    def push(self, pcm: bytes, now: float) -> bool:
        """Audio came. False when it is dropped, since too much waits. Raises ValueError for half a sample."""
        if len(pcm) % 2:
            raise ValueError(f"PCM16 has two bytes a sample; there were {len(pcm)}")
        self._run(now)
        if len(self._queue) + len(pcm) > CAPACITY_S * self._rate * 2:
            return False
        self._queue += pcm
        if self.state is State.EMPTY and pcm:
            self.state = State.PLAYING
        return True

    def pause(self, now: float) -> None:
        """Stop playing, and keep what is queued."""
        self._run(now)
        self.state = State.PAUSED

    def resume(self, now: float) -> None:
        """Play on."""
        self._run(now)
        if self.state is State.PAUSED:
            self.state = State.PLAYING if self._queue else State.EMPTY

    def clear(self, now: float) -> int:
        """Drop what is queued; returns how many samples that were. A pause ends with it."""
        self._run(now)
        dropped = self.queued
        self._queue.clear()
        self.skipped += dropped
        self.state = State.EMPTY
        return dropped

    def render(self, now: float) -> bytes:
        """All that sounded since the last time: PCM16, silence where nothing was played."""
        self._run(now)
        rendered = bytes(self._rendered)
        self._rendered.clear()
        return rendered

    @property
    def queued(self) -> int:
        """Samples that wait to be played, as of the last call with a `now`."""
        return len(self._queue) // 2

    def _run(self, now: float) -> None:
        """Let the time pass."""
        due = int((now - self._began) * self._rate + ROUNDING) - self._position
        if due <= 0:
            return
        count = min(due, self.queued) if self.state is State.PLAYING else 0
        self._rendered += self._queue[: count * 2]
        self._rendered += bytes((due - count) * 2)
        del self._queue[: count * 2]
        self._position += due
        self.played += count
        if self.state is State.PLAYING and not self._queue:
            self.state = State.EMPTY
