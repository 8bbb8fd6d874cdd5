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


class TurnOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """When a turn is over."""

    min_delay_ms: float = 300.0
    """The silence that ends a turn, from the last voiced sample."""
    max_delay_ms: float = 3000.0
    """The longest such silence."""
    unfinished_delay_ms: float = 1200.0
    """The silence after "and", "um", or digits that are being dictated."""
    final_timeout_ms: float = 1500.0
    """A final transcript that is not there so long after the last voiced sample is not waited for."""
    unclear_ms: float = 700.0
    """Speech this long of which nothing was understood is asked about."""


Verdict = Literal["none", "open", "said", "unclear", "nothing"]


class Turn:
    """Speech and transcripts of one turn. Times are seconds on the clock that is passed in."""

    def __init__(self, options: TurnOptions) -> None:
        self.options = options
        self.speaking = False
        self.since = 0.0
        """When the speech that goes on, or went on last, began."""
        self.voiced_until = 0.0
        """The last voiced sample, while nobody speaks."""
        self._heard_speech = False
        self._voiced_s = 0.0
        self._finals: list[str] = []
        self._partial = ""
        self._pending = 0  # finals that the speech-to-text still owes
        self._taken: list[str] = []  # words that the turn before took of a transcript that was not final yet

    def begin(self, at: float) -> None:
        """The voice came on."""
        self.speaking = True
        self._heard_speech = True
        self.since = at

    def stop(self, at: float) -> None:
        """The voice went off; its final transcript is to come."""
        self.speaking = False
        self._heard_speech = True
        self.voiced_until = max(at, self.since)
        self._voiced_s += self.voiced_until - self.since
        self._pending += 1

    def hear(self, text: str, final: bool) -> None:
        """A transcript came in, perhaps late."""
        words = text.split()
        if self._taken and words[: len(self._taken)] == self._taken:
            words = words[len(self._taken) :]
        text = " ".join(words)
        if not final:
            self._partial = text
            return
        self._partial = ""
        self._taken = []
        self._pending = max(0, self._pending - 1)
        if text:
            self._finals.append(text)

    def lost(self) -> None:
        """The speech-to-text failed: no final comes for what was said so far."""
        self._pending = 0

    def take(self) -> str:
        """End the turn and give its text; what is still to come of it belongs to the next."""
        text = self.text
        self._taken = self._partial.split() if self._pending else []
        self._finals.clear()
        self._partial = ""
        self._voiced_s = 0.0
        self._heard_speech = self.speaking
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
        return "unclear" if self._voiced_s * 1000 >= self.options.unclear_ms else "nothing"

    def deadline(self) -> float:
        """When the verdict changes by itself; inf for never."""
        return self._over_at() if self.active and not self.speaking else math.inf

    def _over_at(self) -> float:
        if self._pending:
            return self.voiced_until + self.options.final_timeout_ms / 1000
        if self.text:
            return self.voiced_until + delay_ms(self.text, self.options) / 1000
        return self.voiced_until


def delay_ms(text: str, options: TurnOptions) -> float:
    """The silence that ends a turn with this text: longer after "and", "um", or digits that are being dictated."""
    words = text.lower().split()
    dictated = len(words) >= 2 and all(word in DIGITS or word.isdigit() for word in words[-2:])
    if dictated or words[-1].strip(",.…") in TRAILING_WORDS:
        return min(options.unfinished_delay_ms, options.max_delay_ms)
    return options.min_delay_ms
