"""The caller's turn: what was said since the last turn, and when it is over. Pure.

How long a silence ends it is decided in audio/endpoint.py, from what is known here.
"""

from __future__ import annotations

import math
from typing import Literal

from msgspec import structs

from audio.endpoint import ENDS, Evidence, Hint, Key, TurnOptions, silence_ms
from audio.pauses import Pauses
from audio.revision import new_words

MAX_TEXT = 16 * 1024
CUT_IN_S = 1.0  # who goes on so soon after their turn was over was not done; later they may miss an answer
LOST_S = 5.0  # a final that is not there so long after its speech never comes, though nobody said so

Verdict = Literal["none", "open", "said", "unclear", "nothing"]


class Turn:
    """Speech and transcripts of one turn. Times are seconds on the clock that is passed in."""

    def __init__(self, options: TurnOptions) -> None:
        self.options = options
        self.speaking = False
        self._room_until = -math.inf  # a voice that comes on before that is part of the room at once
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
        self._again_at = 0.0  # when other ears were given what is owed
        self._taken: list[list[str]] = []  # words that turns took of transcripts that were not final yet
        self._pauses = Pauses()
        self._paused = False  # and went on, in this turn
        self._taken_at = -math.inf  # when the turn before was over
        self._punctuates = False
        self._complete: float | None = None
        self._hint: Hint = ""
        self._key: Key = ""

    def begin(self, at: float, *, alone: bool = False) -> None:
        """The voice came on. `alone`: since it went off the bot has said nothing, or has only begun to answer."""
        self._learn(at, alone=alone)
        if self._late and at >= self._stopped_at + LOST_S:
            self._forget_late()
        if not self._begun:
            self._fresh_at = at
        if at < self._room_until and not self.keyed:
            self.since = at
            self.background = True
            self._room_until = math.inf
        else:
            self._go_on(at)

    def _go_on(self, at: float) -> None:
        self._complete = None
        self.since = at
        self.speaking = True
        self._heard_speech = True

    def stop(self, at: float) -> None:
        """The voice went off; its final transcript is to come."""
        self._stopped_at = at
        if self.background:
            self.background = False
            self._room_until = min(self._room_until, at + self.options.max_delay_ms / 1000)
            self._late += 1
            return
        self.speaking = False
        self._heard_speech = True
        self.voiced_until = max(at, self.since)
        self._voiced_s += self.voiced_until - self.since
        self._pending += 1

    def _learn(self, at: float, *, alone: bool) -> None:
        """The caller goes on after a pause. Who was cut off in it teaches most; who answers the bot, nothing."""
        pause_ms = (at - self.voiced_until) * 1000
        same_turn = self._begun or at <= self._taken_at + CUT_IN_S
        known = 0.0 < pause_ms <= self.options.max_delay_ms and self.voiced_until > 0.0
        if alone and same_turn and known and not self.speaking:
            self._pauses.learn(pause_ms)
            self._paused = True

    def judge(self, complete: float) -> None:
        """How sure an acoustic model is that what was said until now is a whole turn; who speaks was not judged."""
        if not self.speaking:
            self._complete = complete

    def hint(self, kind: Hint, now: float) -> None:
        """What the speech-to-text thinks of the turn. A voice that is still on when it has ended is another's."""
        self._hint = kind
        if kind == "ended" and self.speaking and "stt" in self.options.rules:
            self._become_background(now)

    def press(self, key: Key) -> None:
        """The key to talk is held, or let go; empty: the caller speaks without one."""
        self._key = key if key == "held" or self._begun else ""

    def watch(self, now: float) -> None:
        """Notice a voice that goes on without a word."""
        if self.speaking and now >= self._background_at():
            self._become_background(now)
            self._room_until = math.inf
            self._voiced_s = 0.0  # whatever it was, nobody waits for an answer to it

    def _become_background(self, now: float) -> None:
        self.speaking = False
        self.background = True
        self.voiced_until = now

    def _background_at(self) -> float:
        return math.inf if self.keyed else self._fresh_at + self.options.max_speech_ms / 1000

    def hear(self, text: str, final: bool, now: float) -> None:
        """A transcript came in, perhaps late."""
        before = self.text
        self._record(text, final)
        if self.text != before:
            self._fresh_at = now
            if self.background:  # it has words: somebody speaks after all
                self.background = False
                self._room_until = -math.inf
                self._go_on(now)

    def _record(self, text: str, final: bool) -> None:
        text = " ".join(self._new_words(text.split()))
        self._punctuates |= text.endswith(ENDS)
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
            words = new_words(words, taken)
        return words

    def heard_again(self, now: float) -> None:
        """Other ears have only now begun with what is owed: they have as much time as the first had."""
        self._again_at = now

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
        self._taken_at = self._over_at()
        if self._partial:
            self._taken.append(self._partial.split())
            if not self.background:
                self._pending = max(self._pending, 1)  # also where no voice was noticed, a final follows
        self._finals.clear()
        self._partial = ""
        self._voiced_s = 0.0
        self._heard_speech = self.speaking
        self._late += self._pending
        self._pending = 0
        self._settle()
        return text

    def _settle(self) -> None:
        if not self._paused:
            self._pauses.settle()
        self._paused = False
        self._complete = None
        self._hint = ""
        self._key = ""

    @property
    def text(self) -> str:
        """All that was understood so far, the partial transcript included."""
        return " ".join([*self._finals, self._partial] if self._partial else self._finals)[:MAX_TEXT]

    @property
    def words(self) -> int:
        """How many words that is."""
        return len(self.text.split())

    @property
    def whole(self) -> bool:
        """All that was said is understood; no final transcript is to come."""
        return not self._pending

    @property
    def active(self) -> bool:
        """Somebody speaks or is about to, or spoke and has not been answered or dismissed."""
        return self._begun or self._key == "held"

    @property
    def keyed(self) -> bool:
        """The caller holds the key to talk, or let it go in this turn."""
        return self._key != ""

    @property
    def _begun(self) -> bool:
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

    @property
    def pausing(self) -> bool:
        """The caller is silent, what they said is known, and it sounds as if that were all."""
        known = bool(self.text) and (not self._pending or self._hint == "eager")
        if self.speaking or not known:
            return False
        likely_ms = silence_ms(structs.replace(self._evidence(), pause_ms=0.0), self.options)
        return self._hint == "eager" or likely_ms <= self.options.min_delay_ms

    def deadline(self) -> float:
        """When the verdict changes by itself; inf for never."""
        if self.speaking:
            return self._background_at()
        return self._over_at() if self.active else math.inf

    def _over_at(self) -> float:
        silence_s = silence_ms(self._evidence(), self.options) / 1000
        over_at = self.voiced_until + silence_s
        if self._pending and not (self._hint == "ended" and self.text):  # without words it may be of the turn before
            final_s = min(self.options.final_timeout_ms, self.options.max_delay_ms) / 1000
            over_at = max(over_at, max(self.voiced_until, self._again_at) + final_s)
        if self._partial:  # words that come late come in a row: these are not the last of them
            return max(over_at, self._fresh_at + self.options.min_delay_ms / 1000)
        return over_at

    def _evidence(self) -> Evidence:
        pause_ms = self._pauses.expected_ms
        return Evidence(self.text, self._unclear, self._punctuates, pause_ms, self._complete, self._hint, self._key)

    @property
    def _unclear(self) -> bool:
        return not self.text and self._voiced_s * 1000 >= self.options.unclear_ms
