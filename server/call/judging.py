"""The caller's pauses before an acoustic model: the audio of the turn so far goes there, a fact comes back.

The window begins shortly before the first speech of a turn, for so such models are trained, and is 8 s long at most.
Each pause is judged once. Speech that goes on makes the judgement of its pause void, however late that comes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from audio.events import TurnJudged
from audio.recent import Recent
from audio.services import TurnJudge
from audio.turn import Turn

WINDOW_S = 8
BEFORE_MS = 500.0
"""What is judged of the time before a turn's first speech; Pipecat's analyser takes as much."""


class Judging:
    """The judge of one call, and the audio that it is given."""

    def __init__(self, judge: TurnJudge, turn: Turn, rate_hz: int, post: Callable[[TurnJudged], None]) -> None:
        """`turn` is only looked at. `rate_hz` is that of the audio."""
        self._judge = judge
        self._turn = turn
        self._rate_hz = rate_hz
        self._post = post
        self._audio = Recent(WINDOW_S * rate_hz * 2)
        self._turn_from = 0  # the place in the audio where the turn begins
        self._pause = 0  # counts the pauses, and the speech between them
        self.unjudged = 0
        """Pauses of which there was no judgement in time."""

    def hear(self, pcm: bytes) -> None:
        """More audio of the caller, speech or not."""
        self._audio.feed(pcm)

    def start(self, voiced_ms: float) -> None:
        """The voice came on; to be told before the turn hears of it."""
        self._pause += 1
        self._judge.forget()
        if not self._turn.active:
            self._turn_from = self._audio.end - 2 * int((voiced_ms + BEFORE_MS) / 1000 * self._rate_hz)

    def pause(self, silence_ms: float) -> None:
        """The voice went off; to be told after the turn has heard of it."""
        options = self._turn.options
        if not self._turn.active or "acoustic" not in options.rules:
            return
        self._pause += 1
        within_s = (options.judge_timeout_ms - silence_ms) / 1000
        self._judge.judge(
            self._audio.since(self._turn_from), self._rate_hz, within_s, partial(self._answer, self._pause)
        )

    def _answer(self, pause: int, complete: float | None) -> None:
        if pause != self._pause:
            return
        if complete is None:
            self.unjudged += 1
        else:
            self._post(TurnJudged(complete))
