"""Where a provider's words stand in the text that it was given. Pure.

Providers tell words or characters, with times, as they speak them: with other marks than the text has, in other
pieces ("don", "'t"), and with numbers as words. Letters and digits are compared, without case and accents of form;
what cannot be found is taken for the reading of the word that stands there ("forty" for "42").
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from itertools import pairwise

from msgspec import Struct

from audio.tts.wire import Timed

LOOK_AHEAD = 6
"""So many words of the text may be spoken in other words before one is found again."""


class Placed(Struct, frozen=True):
    """A spoken word and its place: `text[begin:end]`, with the marks that hang on it."""

    begin: int
    end: int
    start_ms: float
    end_ms: float


class Follower:
    """Follows a voice through a text, from `begin` on."""

    def __init__(self, text: str, begin: int = 0) -> None:
        self._text = text
        self._letters, self._at = _letters(text, begin)  # letter i stands at text[_at[i]]
        self._tokens = [i for i in range(len(self._at)) if i == 0 or self._is_apart(i)]  # where a word begins
        self._next = 0  # the first letter that was not spoken
        self._end = begin
        self._astray = False  # the word before is spoken in other words
        self._word: list[Timed] = []  # fragments of a word that is not complete

    @property
    def begun_ms(self) -> float | None:
        """When the word began of which only a part was told."""
        return self._word[0].start_ms if self._word else None

    @property
    def end(self) -> int:
        """Up to where the text was found."""
        return self._end

    def feed(self, spoken: Iterable[Timed]) -> list[Placed]:
        """More fragments; gives the words that they complete."""
        placed: list[Placed] = []
        for each in spoken:
            if not each.text.isspace():
                self._word.append(each)
            if each.text[-1:].isspace():
                placed += self.flush()
        return placed

    def flush(self) -> list[Placed]:
        """Nothing more comes of the word that was begun."""
        fragments, self._word = self._word, []
        word = _folded("".join(each.text for each in fragments))
        return self._place(word, fragments[0].start_ms, fragments[-1].end_ms) if word else []

    def _place(self, word: str, start_ms: float, end_ms: float) -> list[Placed]:
        found = self._find(word)
        if found is not None:
            skipped = self._skip_to(found, start_ms)
            self._astray = False
            return [*skipped, self._take(found + len(word), start_ms, end_ms)]
        if self._astray or self._next >= len(self._letters):
            return []
        self._astray = True
        return [self._take(self._end_of_word(self._next), start_ms, end_ms)]

    def _find(self, word: str) -> int | None:
        """The letter where a word begins: here; or, as a whole word of the text, a little later."""
        if self._letters.startswith(word, self._next) and not (self._astray and self._is_inside(self._next, word)):
            return self._next
        ahead = [i for i in self._tokens if i >= self._next][:LOOK_AHEAD]
        return next((i for i in ahead if self._letters.startswith(word, i) and not self._is_inside(i, word)), None)

    def _is_inside(self, start: int, word: str) -> bool:
        return self._end_of_word(start) != start + len(word)

    def _end_of_word(self, letter: int) -> int:
        return next((i for i in self._tokens if i > letter), len(self._letters))

    def _skip_to(self, found: int, now_ms: float) -> list[Placed]:
        """The words between were spoken as something else: at the latest now."""
        edges = [i for i in self._tokens if self._next <= i <= found]
        return [self._take(until, now_ms, now_ms) for _, until in pairwise(edges)]

    def _take(self, until: int, start_ms: float, end_ms: float) -> Placed:
        """The next letters of the text were spoken."""
        begin = self._end
        while begin < len(self._text) and self._text[begin].isspace():
            begin += 1
        end = max(self._at[until - 1] + 1, begin)
        tail = end
        while tail < len(self._text) and not self._text[tail].isspace() and not _folded(self._text[tail]):
            tail += 1
        if tail == len(self._text) or self._text[tail].isspace():
            end = tail
        self._next, self._end = until, end
        return Placed(begin, end, start_ms, end_ms)

    def _is_apart(self, letter: int) -> bool:
        """White space stands before it."""
        return any(char.isspace() for char in self._text[self._at[letter - 1] + 1 : self._at[letter]])


def _folded(text: str) -> str:
    """The letters and digits of a text, so that equal ones compare equal."""
    return "".join(char for char in unicodedata.normalize("NFKD", text).casefold() if char.isalnum())


def _letters(text: str, begin: int) -> tuple[str, list[int]]:
    letters: list[str] = []
    at: list[int] = []
    for index in range(begin, len(text)):
        for letter in _folded(text[index]):
            letters.append(letter)
            at.append(index)
    return "".join(letters), at
