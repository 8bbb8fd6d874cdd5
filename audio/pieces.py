"""Cuts a model's streaming text into pieces that a voice can speak, as early as prosody allows. Pure.

A piece is a sentence, so that its melody is right; until some 1.5 s of an answer are out, a piece may end at a clause,
so that the caller hears something soon, and no gap after a short "Sure!". White space between two pieces stands at the
front of the later one, so a piece is out as soon as what follows its mark is known. All pieces joined are the text that
was fed, character by character.

A mark ends a sentence when white space and then no small letter follow it. That is the lookahead: a full stop at the
end of what has come so far decides nothing until the next visible character came ("3." may become "3.14", "e.g." goes
on), or the next word (audio/stops.py). A newline, a mark with an emoji on it and the marks of scripts without spaces
need none. Each decision is made from the text alone, never from how it was divided into deltas, so the same text gives
the same pieces; each is made once, so the work is in proportion to the text.
"""

# ruff: noqa: RUF001  (full-width marks are meant)

from __future__ import annotations

import re
import unicodedata

from audio import stops

EARLY_CHARS = 25  # some 1.5 s of speech: enough to cover the next sentence's way through the model and the voice
MAX_CHARS = 300  # some 18 s of speech
_LOOKAHEAD = stops.LOOKAHEAD
_WIDE_COUNTS = 3  # a character of a script without spaces is said as long as three letters
_MAX_JOINED = 16  # characters that look like one, such as a family of emoji

_EMOJI = "\u200d\u20e3\ufe0f\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff\U000e0020-\U000e007f"
_CLOSING = r"\"'”“’‘)\]}»«›‹*_`"  # some languages close with what opens in others: „so“, »so«
_MARK = re.compile(
    rf"""(?P<newline> \n )
       | (?P<stop>    (?P<marks> [.!?…‼⁉؟۔]+ ) [{_CLOSING}]* (?:[^\S\n]»(?![\w…]))? (?P<emoji> [{_EMOJI}]* ) )
       | (?P<wide>    [。！？｡।॥።။។։]+ [{_CLOSING}）」』】》〉]* )
       | (?P<clause>  [,;:،؛]+ [{_CLOSING}]* | —+ | (?<=\s)[–-]+ | [，；：、]+ )
    """,
    re.VERBOSE,
)
_ALNUM = re.compile(r"[^\W_]")
_WIDE = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_SPACE = re.compile(r"\s*+")
_JOINING = frozenset("\u200d\ufe0f\u20e3")
_NEEDS_NO_SPACE = frozenset("—，；：、")


class Pieces:
    """The cutter of one answer after the other; `flush` ends an answer."""

    def __init__(self, *, early_chars: int | None = EARLY_CHARS, max_chars: int = MAX_CHARS) -> None:
        """`early_chars`: from where a piece may end at a clause, until so much of the answer is out; None: never."""
        self._early_chars = early_chars
        self._max_chars = max_chars
        self._text = ""
        self._begin = 0  # of the piece; what stands before it is out
        self._seen = 0  # up to here all marks are decided
        self._wordy = False  # there is a word between these two
        self._given = 0  # how much of the answer

    def feed(self, delta: str) -> list[str]:
        """Take more text; the pieces that are complete now."""
        self._text += delta
        return self._cut(ended=False)

    def flush(self) -> list[str]:
        """The answer is over: what is left of it. The last piece may have no words, but white space or an emoji."""
        pieces = self._cut(ended=True)
        if self._text:
            pieces.append(self._text)
        self._text = ""
        self._seen = 0
        self._wordy = False
        self._given = 0
        return pieces

    def _cut(self, *, ended: bool) -> list[str]:
        pieces: list[str] = []
        while (end := self._end(ended=ended)) is not None:
            pieces.append(self._text[self._begin : end])
            self._given += self._length(self._begin, end)
            self._begin = self._seen = end
            self._wordy = False
        self._text = self._text[self._begin :]
        self._seen -= self._begin
        self._begin = 0
        return pieces

    def _end(self, *, ended: bool) -> int | None:
        """Where the piece ends that begins now; None: not known yet, or only the rest of the answer is left."""
        limit = self._begin + self._max_chars
        until = min(len(self._text), limit + _LOOKAHEAD)
        whole = ended or until == limit + _LOOKAHEAD  # nothing more comes that could change a decision
        for mark in _MARK.finditer(self._text, self._seen, until):
            end = mark.start() if mark.lastgroup == "newline" else mark.end()
            if end > limit:
                break
            self._see(mark.start())
            ends = self._ends(mark, until, whole=whole)
            if ends is None:
                return None
            if ends and self._wordy:
                return end
            self._seen = mark.end()
        if until <= limit:
            self._see(until)
            return None
        return self._forced(limit)

    def _see(self, place: int) -> None:
        """Up to here no mark is left to be decided."""
        self._wordy = self._wordy or _ALNUM.search(self._text, self._seen, place) is not None
        self._seen = place

    def _ends(self, mark: re.Match[str], until: int, *, whole: bool) -> bool | None:
        """Does a piece end at this mark, if it has words? None: what follows must be seen first."""
        if mark.lastgroup == "newline":
            return True
        if mark.end() == until and not whole:
            return None
        if mark.lastgroup == "wide" or mark["emoji"]:
            return True
        if mark.end() < until and not self._text[mark.end()].isspace():
            return mark.group()[0] in _NEEDS_NO_SPACE and self._is_early(mark.end())
        return self._is_early(mark.end()) if mark.lastgroup == "clause" else self._stops(mark, until, whole=whole)

    def _is_early(self, end: int) -> bool:
        """May the piece end at a clause here?"""
        if self._early_chars is None or self._given >= self._early_chars:
            return False
        return self._length(self._begin, end) >= self._early_chars

    def _length(self, begin: int, end: int) -> int:
        """How long it is to say, in letters."""
        return end - begin + len(_WIDE.findall(self._text, begin, end)) * (_WIDE_COUNTS - 1)

    def _stops(self, mark: re.Match[str], until: int, *, whole: bool) -> bool | None:
        """Does a sentence end at this mark, which has white space behind it, or the end of all that comes?"""
        space = _SPACE.match(self._text, mark.end(), until)
        visible = space.end() if space else until
        if "\n" in self._text[mark.end() : visible]:
            return True
        follows = self._text[visible : min(until, visible + _LOOKAHEAD)]
        if not follows and not whole:
            return None
        if follows[:1].islower():
            return False
        if mark.group() != ".":
            return True
        return stops.ends(self._text[self._begin : mark.start()], follows, whole=whole)

    def _forced(self, limit: int) -> int:
        """Where a sentence without end is cut: after a clause, else before white space, else at its limit."""
        text = self._text
        third = self._begin + self._max_chars // 3
        good = [end for end in self._clauses(limit) if third <= end < limit]
        if good:
            return good[-1]
        space = max(text.rfind(" ", self._begin, limit), text.rfind("\t", self._begin, limit))
        if _ALNUM.search(text, self._begin, max(space, self._begin)):
            return space
        for end in range(limit, max(limit - _MAX_JOINED, self._begin), -1):
            if not _joined(text[end - 1], text[end]):
                return end
        return limit

    def _clauses(self, limit: int) -> list[int]:
        """Where clauses end before the limit."""
        marks = [mark for mark in _MARK.finditer(self._text, self._begin, limit) if mark.lastgroup == "clause"]
        return [
            mark.end()
            for mark in marks
            if mark.group()[0] in _NEEDS_NO_SPACE or self._text[mark.end() : mark.end() + 1].isspace()
        ]


def _joined(before: str, after: str) -> bool:
    """Are these two a part of what looks like one character?"""
    mark = unicodedata.category(after)[0] == "M" or after in _JOINING or "\U0001f3fb" <= after <= "\U0001f3ff"
    halves = "\ud800" <= before <= "\udbff" and "\udc00" <= after <= "\udfff"
    return mark or before == "\u200d" or halves
