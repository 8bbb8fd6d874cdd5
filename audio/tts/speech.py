"""One utterance on its way from a provider to the sink: what was asked, came, was given, and what is left of it. Pure.

    WAITING ─ask─► ASKED ─over─► COMPLETE        give_up: FAILED
       ▲              │
       └── lose ──────┘ the rest of it, from a word of which nothing was given

Nothing may be said twice, so audio is given up to the beginning of the word that it breaks off in: when the connection
is lost there, the rest is asked for from that word on. Where no word times are known a loss in the middle is final.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from enum import Enum, auto
from typing import Literal

from audio.events import Word
from audio.tts.alignment import Follower, Placed
from audio.tts.wire import Timed

MAX_ASKS = 3
HOLD_MS = 1000.0
"""A word that lasts longer is given in parts."""
LONGEST_MS = 3_600_000.0
"""No utterance is longer: a provider that says so is wrong."""
SILENCE_MS = {"message": 250.0, "context": 40.0}
"""So much audio after the last word is no other word: in a message that tells all of its words, and in others."""


class State(Enum):
    """How far it has come."""

    WAITING = auto()
    ASKED = auto()
    COMPLETE = auto()  # all of it came
    FAILED = auto()


class Speech:
    """`state` and `reason` tell how it stands. Places are bytes of PCM16, times ms, from the utterance's beginning."""

    def __init__(
        self, frame: int, text: str, rate_hz: int, times_from: Literal["message", "context"] = "context"
    ) -> None:
        self.frame = frame
        self.context = ""
        self.state = State.WAITING if has_sound(text) else State.COMPLETE
        self.reason = ""
        self.asks = 0
        self.not_before = 0.0
        """When it may be asked; inf: at its turn."""
        self.heard_at = 0.0
        """When it was asked, or something came of it."""
        self._text = text
        self._bytes_per_ms = rate_hz * 2 / 1000
        self._times_from = times_from
        self._pcm = bytearray()  # came, and was not given
        self._words: deque[Word] = deque()  # the same
        self._given = 0
        self._asked_from = 0  # where in the text
        self._base = 0  # what came before the last ask
        self._restart()

    # --- asking -----------------------------------------------------------------------------------------------------

    def ask(self, context: str) -> str:
        """It is asked in this context; returns for what text."""
        self.context = context
        self.state = State.ASKED
        self.asks += 1
        return self._text[self._asked_from :].lstrip()

    def lose(self, reason: str) -> None:
        """The context is gone. What nobody heard is asked again; FAILED where that cannot be told, or too often."""
        rest = self._rest()
        if rest is None or self.asks >= MAX_ASKS:
            self.give_up(reason)
            return
        end, begin = rest
        del self._pcm[end - self._given :]
        self._words = deque(word for word in self._words if word.end <= begin)
        self._base, self._asked_from = end, begin
        self.context = ""
        self.state = State.WAITING if has_sound(self._text[begin:]) else State.COMPLETE
        self._restart()

    def give_up(self, reason: str) -> None:
        """It will not be spoken to its end; what came is given, unless it can be said again as a whole."""
        if not self.begun:
            self._pcm.clear()
            self._words.clear()
        self.state = State.FAILED
        self.reason = reason
        self.context = ""

    def _restart(self) -> None:
        self._follower = Follower(self._text, self._asked_from)
        self._placed: list[Placed] = []

    def _rest(self) -> tuple[int, int] | None:
        """What can be kept of the audio, and from where in the text the rest is to be asked."""
        if self._given <= self._base:
            return self._base, self._asked_from
        begun_ms = self._follower.begun_ms
        if begun_ms is not None and self._given <= self._place(begun_ms) <= self._came:
            return self._place(begun_ms), self._follower.end
        for word in reversed(self._placed):
            if self._given <= (end := self._place(word.end_ms)) <= self._came:
                return end, word.end
            if self._given <= (start := self._place(word.start_ms)) <= self._came:
                return start, word.begin
        if self._placed and begun_ms is None:
            after_ms = self._came / self._bytes_per_ms - self._placed[-1].end_ms
            if 0 <= after_ms <= SILENCE_MS[self._times_from]:
                return self._even(self._came), self._follower.end
        return None

    # --- what comes -------------------------------------------------------------------------------------------------

    def add(self, pcm: bytes, spoken: Iterable[Timed]) -> None:
        """More of the context came."""
        zero = self._came if self._times_from == "message" else self._base
        offset = zero / self._bytes_per_ms
        self._pcm += pcm
        moved = (Timed(each.text, _sane(each.start_ms) + offset, _sane(each.end_ms) + offset) for each in spoken)
        self._keep(self._follower.feed(moved))

    def end(self) -> None:
        """All of the context came. Without a single sample it failed."""
        self._keep(self._follower.flush())
        if self._came == self._base:
            self.lose("the provider gave no audio")
        else:
            self.state = State.COMPLETE
            self.context = ""

    def _keep(self, placed: list[Placed]) -> None:
        self._placed += placed
        self._words.extend(Word(each.start_ms, each.end) for each in placed)

    @property
    def _came(self) -> int:
        return self._given + len(self._pcm)

    @property
    def kept(self) -> int:
        """Bytes that came and were not given."""
        return len(self._pcm)

    @property
    def begun(self) -> bool:
        """Some of it was given."""
        return self._given > 0

    # --- what is given ----------------------------------------------------------------------------------------------

    def take(self) -> tuple[bytes, tuple[Word, ...]] | None:
        """The next audio to give, with the words that begin in it; None: nothing as yet."""
        end = self._limit()
        if end <= self._given:
            return None
        pcm = bytes(self._pcm[: end - self._given])
        del self._pcm[: end - self._given]
        self._given = end
        words = []
        while self._words and (self._words[0].start_ms * self._bytes_per_ms < end or self._is_last):
            words.append(self._words.popleft())
        return pcm, tuple(words)

    @property
    def _is_last(self) -> bool:
        return self.state is State.COMPLETE and len(self._pcm) < 2

    def _limit(self) -> int:
        """Up to where audio may be given: to its end, or to the beginning of the word in which it breaks off."""
        came = self._even(self._came)
        if self.state is not State.ASKED:
            return came
        start_ms = self._broken_word()
        if start_ms is None or came - (start := self._place(start_ms)) > HOLD_MS * self._bytes_per_ms:
            return came
        return came if start <= self._given == 0 else start  # nobody waits for the first word to be whole

    def _broken_word(self) -> float | None:
        """When the word began in which the audio breaks off."""
        came_ms = self._came / self._bytes_per_ms
        if (begun_ms := self._follower.begun_ms) is not None and begun_ms < came_ms:
            return begun_ms
        broken = (word.start_ms for word in reversed(self._placed) if word.start_ms < came_ms < word.end_ms)
        return next(broken, None)

    def _place(self, ms: float) -> int:
        return self._even(int(ms * self._bytes_per_ms))

    def _even(self, place: int) -> int:
        return place - place % 2


def _sane(ms: float) -> float:
    return min(max(ms, 0.0), LONGEST_MS)


def has_sound(text: str) -> bool:
    """Whether there is anything in it that a voice would speak; of marks alone some providers make nothing at all."""
    return any(char.isalnum() for char in text)
