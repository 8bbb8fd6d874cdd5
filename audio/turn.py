"""The caller's turn: what was said since the last turn, and when it is over. Pure.

The end of a turn is decided by silence, with a floor and a ceiling, and the transcript between them. All delays count
from the last voiced sample.
"""

from __future__ import annotations

import math
from typing import Literal

from msgspec import Struct

# A caller who stops at one of these goes on.
TRAILING_WORDS = frozenset(
    "and or but so because the a an to of for with from in on at my your is are um uh er hmm".split()
)
DIGITS = frozenset("zero oh one two three four five six seven eight nine double triple".split())
MAX_TEXT = 16 * 1024
LOST_S = 5.0  # a final that is not there so long after its speech never comes, though nobody said so


class TurnOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """When a turn is over."""

    min_delay_ms: float = 300.0
    """The silence that ends a turn, from the last voiced sample."""
    max_delay_ms: float = 3000.0
    """The longest such silence."""
    unfinished_delay_ms: float = 1200.0
    """The silence after "and", "um", digits that are being dictated, or speech that was not understood."""
    final_timeout_ms: float = 1500.0
    """A final transcript that is not there so long after the last voiced sample is not waited for."""
    max_speech_ms: float = 15_000.0
    """A voice without a new word for so long is part of the room (a television): nobody waits for it any more."""
    unclear_ms: float = 700.0
    """Speech this long of which nothing was understood is asked about."""


Verdict = Literal["none", "open", "said", "unclear", "nothing"]


class Turn:
    """Speech and transcripts of one turn. Times are seconds on the clock that is passed in."""

    def __init__(self, options: TurnOptions) -> None:
        self.options = options
        self.speaking = False
        self.background = False
        """A voice is on that is part of the room, until it has a new word or goes off."""
        self.since = 0.0
        """When the speech that goes on, or went on last, began."""
        self.voiced_until = 0.0
        """The last voiced sample, while nobody speaks."""
        self._heard_speech = False
        self._voiced_s = 0.0
        self._finals: list[str] = []
        self._partial = ""
        self._fresh_at = 0.0  # the last new word, or when the voice came on
        self._pending = 0  # finals of this turn that the speech-to-text still owes
        self._late = 0  # finals of turns before that it still owes
        self._stopped_at = 0.0  # the end of the newest speech whose final is owed
        self._taken: list[list[str]] = []  # words that turns took of transcripts that were not final yet

    def begin(self, at: float) -> None:
        """The voice came on."""
        if self._late and at >= self._stopped_at + LOST_S:
            self._forget_late()
        self.speaking = True
        self._heard_speech = True
        self.since = self._fresh_at = at

    def stop(self, at: float) -> None:
        """The voice went off; its final transcript is to come."""
        self._stopped_at = at
        if self.background:
            self.background = False
            self._late += 1
            return
        self.speaking = False
        self._heard_speech = True
        self.voiced_until = max(at, self.since)
        self._voiced_s += self.voiced_until - self.since
        self._pending += 1

    def watch(self, now: float) -> None:
        """Notice a voice that goes on without a word."""
        if self.speaking and now >= self._background_at():
            self.speaking = False
            self.background = True
            self.voiced_until = now
            self._voiced_s = 0.0  # whatever it was, nobody waits for an answer to it

    def _background_at(self) -> float:
        return self._fresh_at + self.options.max_speech_ms / 1000

    def hear(self, text: str, final: bool, now: float) -> None:
        """A transcript came in, perhaps late."""
        before = self.text
        self._record(text, final)
        if self.text != before:
            self._fresh_at = now
            if self.background:  # it has words: somebody speaks after all
                self.background = False
                self.begin(now)

    def _record(self, text: str, final: bool) -> None:
        text = " ".join(self._new_words(text.split()))
        if not final:
            self._partial = text
            return
        self._partial = ""
        if self._late:
            self._late -= 1
        else:
            self._pending = max(0, self._pending - 1)
        if not self._late:
            self._taken.clear()
        if text:
            self._finals.append(text)

    def _new_words(self, words: list[str]) -> list[str]:
        """Without what a turn has had of them already. No transcript says to which speech it belongs."""
        for taken in self._taken:
            if words[: len(taken)] == taken:
                words = words[len(taken) :]
        return words

    def lost(self) -> None:
        """The speech-to-text failed: no final comes for what was said so far."""
        self._pending = 0
        self._forget_late()

    def _forget_late(self) -> None:
        self._late = 0
        self._taken.clear()

    def take(self) -> str:
        """End the turn and give its text; what is still to come of it belongs to the next."""
        text = self.text
        if self._partial and (self._pending or self.background):
            self._taken.append(self._partial.split())
        self._finals.clear()
        self._partial = ""
        self._voiced_s = 0.0
        self._heard_speech = self.speaking
        self._late += self._pending
        self._pending = 0
        return text

    @property
    def text(self) -> str:
        """All that was understood so far, the partial transcript included."""
        return " ".join([*self._finals, self._partial] if self._partial else self._finals)[:MAX_TEXT]

    @property
    def words(self) -> int:
        """How many words that is."""
        return len(self.text.split())

    @property
    def active(self) -> bool:
        """Somebody speaks, or spoke and has not been answered or dismissed."""
        return self.speaking or self._heard_speech or bool(self.text)

    def verdict(self, now: float) -> Verdict:
        """Whether the turn goes on (`open`) or is over, and with what. `none`: there is none."""
        if not self.active:
            return "none"
        if self.speaking or now < self._over_at():
            return "open"
        if self.text:
            return "said"
        return "unclear" if self._unclear else "nothing"

    def deadline(self) -> float:
        """When the verdict changes by itself; inf for never."""
        if self.speaking:
            return self._background_at()
        return self._over_at() if self.active else math.inf

    def _over_at(self) -> float:
        if self._pending:
            return self.voiced_until + min(self.options.final_timeout_ms, self.options.max_delay_ms) / 1000
        return self.voiced_until + delay_ms(self.text, self.options, unclear=self._unclear) / 1000

    @property
    def _unclear(self) -> bool:
        return not self.text and self._voiced_s * 1000 >= self.options.unclear_ms


def delay_ms(text: str, options: TurnOptions, *, unclear: bool = False) -> float:
    """The silence that ends a turn with this text.

    It is longer after "and", "um", digits that are being dictated, and where nothing was understood: who asks again
    too early talks into the middle of a sentence.
    """
    words = text.lower().split()
    dictated = len(words) >= 2 and all(word in DIGITS or word.isdigit() for word in words[-2:])
    trailing = bool(words) and words[-1].strip(",.…") in TRAILING_WORDS
    if dictated or trailing or unclear:
        return min(options.unfinished_delay_ms, options.max_delay_ms)
    return min(options.min_delay_ms, options.max_delay_ms)
