"""What left for the client and was not yet heard: the clock of the playout, corrected by the client's reports. Pure.

A wire plays what it gets at real time, so the clock alone says what was heard. A client that reports rules over the
clock: its last report counts, and for `report_s` after it that it plays on. One that stops reporting is given
`MAX_LAG_S`, then the clock is trusted again.

Reports are `counts` from the beginning, and a client of these answers each `clear` with how many they were; or
`marks`, which begin anew with each `clear` and say nothing of what it dropped: what was known to be heard by then was.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Container
from typing import Literal

MAX_LAG_S = 2.0
ROUNDING = 1e-6  # of a sample: times are floats
CLEAR_MARGIN_S = 0.12
"""A `clear` may come so much sooner, or later, than the sound before it: 80 ms of jitter, and some for the carrier."""
REPORT_S = 0.2  # clients report every 100 ms
NO_FRAME = -1  # samples that are nobody's words
CLEARED_TIMEOUT_S = 1.0  # over any round trip that one can talk over


Reports = Literal["nothing", "counts", "marks"]
"""What a client tells of its playing.

`counts`: samples since the beginning, skipped ones not counted, and how many they were when it was told to clear.
`marks`: samples since the last `clear`, as far as marks came back; no answer to a `clear` that could be trusted.
"""


class _Flushed:
    """What was in flight when a `clear` went out, and the count of what had been heard."""

    __slots__ = ("at", "spans", "total")

    def __init__(self, spans: list[list[int]], at: float, total: int) -> None:
        self.spans = spans
        self.at = at
        self.total = total


class InFlight:
    """Spans of `[frame, samples]`, oldest first. Counts are samples; totals start at `ready`, without skipped ones."""

    def __init__(self, rate_hz: int, *, reports: Reports, report_s: float = REPORT_S) -> None:
        """`report_s`: so far apart are reports at the most."""
        self._rate = rate_hz
        self._reports = reports
        self._report_s = report_s
        self._spans: deque[list[int]] = deque()
        self.samples = 0
        self._end = 0.0  # when all that left is played, if the client plays it as it comes
        self._lag_s = MAX_LAG_S if reports != "nothing" else 0.0  # how much later than the clock the client is at most
        self._paused_s: float | None = None  # what the client still has, while it pauses
        self._heard_total = 0
        self._reported = 0  # the client's count, as a total of ours
        self._reported_at: float | None = None  # when, if it was playing then
        self._offset = 0  # the client's count minus ours
        self._flushed: deque[_Flushed] = deque()  # a `clear` each that the client has not answered, oldest first

    def ahead_s(self, now: float) -> float:
        """How much audio is ahead of the caller, if the client plays what it gets at once."""
        return max(0.0, self._end - now)

    def send(self, frame: int, samples: int, now: float) -> None:
        """`samples` of a frame leave now. The clock is absolute: being late is caught up, never added to the stream."""
        if self.samples == 0:
            self._reported_at = None
        if self._spans and self._spans[-1][0] == frame:
            self._spans[-1][1] += samples
        else:
            self._spans.append([frame, samples])
        self.samples += samples
        self._end = max(self._end, now) + samples / self._rate

    def room(self, now: float, lead_ms: float) -> int:
        """Samples that may leave now."""
        return int((lead_ms / 1000 - self.ahead_s(now)) * self._rate + ROUNDING)

    @property
    def pauses(self) -> bool:
        """The client was told to stop playing."""
        return self._paused_s is not None

    def unheard(self, now: float) -> int:
        """Samples that are not yet played."""
        left_s = self._end + self._lag_s - now if self._paused_s is None else self._paused_s
        by_clock = self._samples_of(left_s)
        if self._reports == "nothing":
            return by_clock
        played = self._reported
        if self._reported_at is not None and self._paused_s is None:
            played += self._played_on(now, now - self._reported_at)
        return min(by_clock, max(0, self._heard_total + self.samples - played))

    def _played_on(self, now: float, since_s: float) -> int:
        """Samples beyond the last report. No `clear` may find what is thought to be played, so marks are doubted."""
        more = int(min(since_s, self._report_s) * self._rate + ROUNDING)
        if self._reports == "counts":
            return more
        there = self._heard_total + self.samples - self._samples_of(self._end + CLEAR_MARGIN_S - now)
        return max(0, min(more, there - self._reported))

    def _samples_of(self, left_s: float) -> int:
        """What of it would take so long."""
        return min(max(0, math.ceil(left_s * self._rate - ROUNDING)), self.samples)

    def pop_heard(self, now: float) -> dict[int, int]:
        """Take out what was heard since the last time: samples by frame."""
        heard = self.samples - self.unheard(now)
        self.samples -= heard
        self._heard_total += heard
        popped: dict[int, int] = {}
        while heard > 0:
            span = self._spans[0]
            used = min(span[1], heard)
            popped[span[0]] = popped.get(span[0], 0) + used
            heard -= used
            span[1] -= used
            if span[1] == 0:
                self._spans.popleft()
        return popped

    def pause(self, now: float) -> None:
        """The client is told to stop playing and to keep what it has."""
        if self._paused_s is None:
            self._paused_s = max(0.0, self._end + self._lag_s - now)
            self._reported_at = None  # the next report says from where it plays on

    def resume(self, now: float) -> None:
        """The client plays on."""
        if self._paused_s is not None:
            self._end = now + self._paused_s - self._lag_s
            self._paused_s = None

    def report(self, now: float, samples: int) -> None:
        """The client says that it has played `samples`."""
        if self._reports == "nothing" or self._flushed:
            return
        before = self._reported
        self._reported = min(max(samples - self._offset, before), self._heard_total + self.samples)
        playing = self._reported > before and self._paused_s is None  # it may have been on its way when we paused
        self._reported_at = now if playing else None

    def flush(self, now: float) -> None:
        """`clear` goes out: what is in flight is dropped."""
        if self._reports == "counts":
            self._flushed.append(_Flushed(list(self._spans), now, self._heard_total))
        elif self._reports == "marks":
            self._offset = -self._heard_total
        self._reported, self._reported_at = min(self._reported, self._heard_total), None
        self._spans.clear()
        self.samples = 0
        self._end = now
        self._paused_s = None if self._paused_s is None else 0.0

    def cleared(self, samples: int, kept: Container[int]) -> dict[int, int]:
        """The client dropped what it had after playing `samples`; returns what that was of the frames in `kept`.

        That is what was heard beyond the clock's knowledge of frames that will leave again.
        """
        more: dict[int, int] = {}
        kept_spans: list[list[int]] = []
        if not self._flushed:
            return more
        flushed = self._flushed.popleft()
        total = flushed.total
        extra = samples - self._offset - total
        for frame, length in flushed.spans:
            used = min(max(extra, 0), length)
            extra -= used
            if used and frame in kept:
                more[frame] = more.get(frame, 0) + used
                kept_spans.append([frame, used])
                self.samples += used
                total += used
        self._spans.extendleft(reversed(kept_spans))  # what left since then is heard after it
        self._offset = samples - total
        self._reported = total
        return more

    def awaits_cleared(self, now: float, kept: Container[int]) -> bool:
        """Frames in `kept` were in flight at a `clear`, and the client may still say how much of them it had played."""
        return any(
            frame in kept
            for flushed in self._flushed
            if now - flushed.at < CLEARED_TIMEOUT_S
            for frame, _ in flushed.spans
        )

    def forget_cleared(self, now: float) -> None:
        """A client that never answers a `clear` is taken to have dropped what the clock said."""
        while self._flushed and now - self._flushed[0].at >= CLEARED_TIMEOUT_S:
            self.cleared(self._offset + self._flushed[0].total, ())
