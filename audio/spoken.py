"""What is said of a text, and the way back: which part of the text each spoken character speaks for. Pure.

A voice tells when it says which of the words that it was given. The log and the captions hold the words as they were
written. This is the map between the two, exact to the character, for all changes that are our own.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from audio.events import Word

MARKS = frozenset(".,;:!?…")


class Spoken(Struct, frozen=True):
    """What to say for `original`. Character i of `text` speaks for `original[starts[i]:ends[i]]`; both never fall."""

    original: str
    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    def said(self, end: int) -> int:
        """The end in the original of what `text[:end]` says, with the marks that hang on its last word.

        The last word takes all that follows it. What was changed as one ("example dot org") counts with its first word.
        """
        last = min(end, len(self.text)) - 1
        while last >= 0 and not self.text[last].isalnum():
            last -= 1
        if last < 0:
            return 0
        following = end
        while following < len(self.text) and not self._goes_on(following, self.ends[last]):
            following += 1
        if following >= len(self.text):
            return len(self.original)
        place, limit = self.ends[last], self.starts[following]
        while place < limit and not self.original[place].isspace():
            place += 1
        return place

    def _goes_on(self, place: int, end: int) -> bool:
        """Does a word stand there that speaks for what comes after `end` in the original?"""
        return self.text[place].isalnum() and self.starts[place] >= end

    def moved(self, words: tuple[Word, ...]) -> tuple[Word, ...]:
        """The words of a voice that speaks `text`, with their ends in the original."""
        if self.text is self.original:
            return words
        return tuple(Word(word.start_ms, self.said(word.end)) for word in words)

    def then(self, further: Spoken) -> Spoken:
        """What becomes of the original when what is said of it is changed once more: `further.original` is `text`."""
        if further.text is further.original:
            return self
        places = list(zip(further.starts, further.ends, strict=True))
        starts = [self.starts[start] for start, _ in places]
        ends = [self.ends[end - 1] for _, end in places]
        return Spoken(self.original, further.text, starts, ends)


def unchanged(text: str) -> Spoken:
    """A text that is said as it stands."""
    return Spoken(text, text, range(len(text)), range(1, len(text) + 1))


class Builder:
    """Collects what is said of a text, part after part. Between two words at most one space is added."""

    def __init__(self, original: str) -> None:
        self._original = original
        self._chars: list[str] = []
        self._starts: list[int] = []
        self._ends: list[int] = []

    @property
    def last(self) -> str:
        """The last character so far; a space where nothing was said yet."""
        return self._chars[-1] if self._chars else " "

    def put(self, words: str, begin: int, end: int) -> None:
        """Say these words, as they are, for `original[begin:end]`, which is not empty."""
        for char in words:
            self._chars.append(char)
            self._starts.append(begin)
            self._ends.append(end)

    def copy(self, begin: int, end: int) -> None:
        """Say a part of the original as it stands."""
        self._chars += self._original[begin:end]
        self._starts += range(begin, end)
        self._ends += range(begin + 1, end + 1)

    def space(self, begin: int, end: int, char: str = " ") -> None:
        """Set what follows apart; of a space and the end of a line that meet, the end of the line stays."""
        if not self.last.isspace():
            self.put(char, begin, end)
        elif char == "\n" and self._chars:
            self._chars[-1] = char

    def pause(self, mark: str, begin: int, end: int) -> None:
        """A mark behind what was said, unless one stands there, or nothing does in this line."""
        line_begins = self.last == "\n" or not self._chars
        if line_begins or "".join(self._chars[-2:]).rstrip()[-1:] in MARKS:
            return
        self.drop_space()
        self.put(mark, begin, end)

    def drop_space(self) -> None:
        """What follows hangs on what was said."""
        while self._chars and self._chars[-1].isspace():
            del self._chars[-1], self._starts[-1], self._ends[-1]

    def built(self) -> Spoken:
        """All of it; the text itself where nothing of it was changed but white space."""
        self.drop_space()
        text = "".join(self._chars)
        if text.split() == self._original.split():
            return unchanged(self._original)
        return Spoken(self._original, text, self._starts, self._ends)
