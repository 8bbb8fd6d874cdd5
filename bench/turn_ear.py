"""What a caller of `bench.turns` hears while and after it says something: answers, cut-offs, interruptions. Pure.

    sentence    begin ── part ── end ─ pause ─ begin ── part ── end ── silence, then the answer
                                   what comes here cuts off        what comes here is the answer

All times are seconds on the caller's clock. A sample is spoken when the microphone would have taken it.
"""

from __future__ import annotations

import math

from msgspec import Struct

QUIET_S = 0.5
"""A bot that has been silent for so long has said its answer."""
PATIENCE_S = 5.0
"""A turn that is not answered by then is missed."""
AFTERMATH_S = 1.2
"""What the bot does so soon after a sound is because of it."""


class Sentence(Struct):
    """What became of one."""

    pause_ms: int
    response_ms: float | None = None
    """From the last voiced sample to the first of the answer; None where it was cut off, or not answered."""
    cut_off: bool = False
    """The bot spoke before the sentence was over."""
    overlap_ms: float = 0.0
    """So much of the bot was played before it was over, and before the bot gave way."""
    missed: bool = False


class Noise(Struct):
    """What became of a sound that is nobody's turn."""

    name: str
    held: bool = False
    """The bot paused."""
    lost: bool = False
    """It stopped and did not go on: a false barge-in."""


class Results(Struct):
    """Of one call, or of all."""

    sentences: list[Sentence] = []
    noises: list[Noise] = []
    lateness_ms: list[float] = []
    broken: list[str] = []

    def add(self, other: Results) -> None:
        """Put two together."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Ear:
    """Follows one thing that is said or done after the other."""

    def __init__(self, rate_hz: int) -> None:
        self.results = Results()
        self._rate = rate_hz
        self._sentence: Sentence | None = None
        self._noise: Noise | None = None
        self._end = math.inf  # of what is said now
        self._until = 0.0  # when the bot is silent, as far as one knows
        self._left_s: float | None = None  # what is left to play, while the bot holds
        self._cleared = False

    def say(self, pause_ms: int, end: float) -> None:
        """A sentence begins; its voice ends then."""
        self._sentence = Sentence(pause_ms)
        self._end = end

    def make(self, name: str, end: float) -> None:
        """A sound begins."""
        self._noise, self._end, self._cleared = Noise(name), end, False

    def audio(self, now: float, samples: int) -> None:
        """Of the bot."""
        seconds = samples / self._rate
        if self._left_s is not None:
            self._left_s += seconds
        else:
            self._until = max(self._until, now) + seconds
        said = self._sentence
        if said is None:
            return
        if now < self._end:
            said.cut_off = True
            said.overlap_ms += seconds * 1000
        elif said.response_ms is None and not said.cut_off:
            said.response_ms = (now - self._end) * 1000

    def message(self, now: float, kind: str) -> None:
        """`pause`, `resume` or `clear`."""
        playing = self._left_s is None
        left_s = max(0.0, self._until - now) if self._left_s is None else self._left_s
        if kind == "resume":
            self._until, self._left_s = (now + left_s if left_s else self._until), None
        elif playing:
            self._until = min(now, self._until)
        if kind == "pause":
            self._left_s = left_s
            if self._noise:
                self._noise.held = True
        elif kind == "clear":
            self._left_s, self._cleared = None, True
        if self._sentence and now < self._end and playing != (kind == "resume"):
            change_ms = left_s * 1000 if kind == "resume" else -left_s * 1000
            self._sentence.overlap_ms = max(0.0, self._sentence.overlap_ms + change_ms)

    def done(self, now: float) -> bool:
        """Whether the next thing may be said. What became of this one is noted."""
        if self._noise:
            if now < self._end + AFTERMATH_S:
                return False
            self._noise.lost = self._cleared or (self._until < now and self._left_s is None)
            self.results.noises.append(self._noise)
            self._noise = None
        elif said := self._sentence:
            quiet = self._left_s is None and now > max(self._until, self._end) + QUIET_S
            answered = said.response_ms is not None or (said.cut_off and self._until > self._end)
            if not (quiet and answered) and now < self._end + PATIENCE_S:
                return False
            said.missed = not answered
            self.results.sentences.append(said)
            self._sentence = None
        self._end = math.inf
        return True

    def speaking(self, now: float) -> bool:
        """The bot can be heard now."""
        return self._left_s is None and now < self._until
