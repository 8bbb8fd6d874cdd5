"""Text as a voice should read it, with the way back to the text as it was written. Pure.

espeak-ng counts the positions of its words in the text that it was given, and loses count at digits and typographic
marks. So what it is given has none of them, and each of its characters knows which part of the original it speaks for.
"""

# ruff: noqa: RUF001  (typographic marks are what this file is about)

from __future__ import annotations

import re
import unicodedata

from msgspec import Struct

from audio.tts.english import RULES as ENGLISH
from audio.tts.english import Rule


class Spoken(Struct, frozen=True):
    """What to say for `original`. Character i of `text` speaks for `original[starts[i]:ends[i]]`; both never fall."""

    original: str
    text: str
    starts: list[int]
    ends: list[int]

    def word_at(self, position: int) -> int | None:
        """Where the word begins that a voice reports at `position`: there, or behind the marks that stand there.

        None where that is inside a word of `text` or of the original ("two" in "B2B", "point" in "3.14").
        """
        while position < len(self.text) and not self.text[position].isalnum():
            position += 1
        if position >= len(self.text) or self._is_inside(position):
            return None
        start = self.starts[position]
        before = position - 1
        while before >= 0 and self.starts[before] == start:
            if self.text[before].isalnum():
                return None
            before -= 1
        inside = start and self.original[start - 1].isalnum() and self.original[start].isalnum()
        return None if inside else position

    def _is_inside(self, position: int) -> bool:
        """Is it the "t" of "can't", or the "n"?"""
        before = position - 2 if self.text[max(0, position - 1)] == "'" else position - 1
        return before >= 0 and self.text[before].isalnum()

    def said(self, begin: int, until: int) -> int:
        """The end in the original of what `text[begin:until]` speaks for, with the marks that hang on its last word."""
        last = until - 1
        while last > begin and not self.text[last].isalnum():
            last -= 1
        while until < len(self.text) and not self.text[until].isalnum():
            until += 1
        end = self.ends[last]
        limit = self.starts[until] if until < len(self.text) else len(self.original)
        while end < limit and not self.original[end].isspace():
            end += 1
        return len(self.original[:end].rstrip())


def speakable(text: str, language: str = "en") -> Spoken:
    """Normalise a text for a voice: markup and emoji go; in English, numbers and signs become words.

    Other languages keep their digits and signs, which the voice reads by itself.
    """
    rules, pattern = _ENGLISH if language.partition("-")[0] == "en" else _OTHER
    spoken = _Builder(text)
    position = 0
    for match in pattern.finditer(text):
        spoken.copy(position, match.start())
        position = match.end()
        say = rules[int((match.lastgroup or "").lstrip("_"))][1]
        spoken.put(say(match), match.start(), position)
    spoken.copy(position, len(text))
    return spoken.built()


class _Builder:
    """Collects what is said, with one space at a time and, of the marks that meet, the strongest."""

    def __init__(self, original: str) -> None:
        self._original = original
        self._chars: list[str] = []
        self._starts: list[int] = []
        self._ends: list[int] = []

    def copy(self, begin: int, end: int) -> None:
        """Say a part of the original as it stands, without what has no sound."""
        for position in range(begin, end):
            char = self._original[position]
            if char.isspace() or char < " ":
                self._space(position, position + 1)
            elif char.isascii():
                self._add(char, position, position + 1)
            elif not _is_silent(char):
                for each in unicodedata.normalize("NFKC", char):
                    self._add(each, position, position + 1)

    def put(self, words: str, begin: int, end: int) -> None:
        """Say these words for a part of the original; marks among them are pauses."""
        for char in words:
            if char == " ":
                self._space(begin, end)
            elif char in _STRENGTH:
                self._pause(char, begin, end)
            else:
                self._add(char, begin, end)

    def built(self) -> Spoken:
        if self._chars and self._chars[-1] == " ":
            self._drop()
        return Spoken(self._original, "".join(self._chars), self._starts, self._ends)

    def _add(self, char: str, begin: int, end: int) -> None:
        self._chars.append(char)
        self._starts.append(begin)
        self._ends.append(end)

    def _drop(self) -> None:
        del self._chars[-1], self._starts[-1], self._ends[-1]

    def _space(self, begin: int, end: int) -> None:
        if self._chars and self._chars[-1] != " ":
            self._add(" ", begin, end)

    def _pause(self, mark: str, begin: int, end: int) -> None:
        """`\\n` is the pause of a line's end: a full stop, but only where the line has no mark of its own."""
        if self._chars and self._chars[-1] == " ":
            self._drop()
        if not self._chars:
            return
        strength = _STRENGTH.get(self._chars[-1])
        if strength is None:
            self._add("." if mark == "\n" else mark, begin, end)
        elif strength < _STRENGTH[mark]:
            self._drop()
            self._add(mark, begin, end)
        if mark == "\n":
            self._space(begin, end)


# --- the rules of every language ------------------------------------------------------------------------------------

_STRENGTH = {"\n": 0, ",": 1, ";": 1, ":": 1, ".": 2, "!": 3, "?": 4}
_SILENT = {"So", "Sk", "Cc", "Cf", "Cs", "Co", "Cn", "Me"}  # emoji and other pictures, control and format characters
_WIDE = str.maketrans("。！？，、；：", ".!?,,;:")
_NEXT = re.compile(r"\s*(.)")
_TAGS = "br|b|i|u|p|em|strong|code|a|span|div|su[bp]|[uo]l|li|hr|h[1-6]"


def _is_silent(char: str) -> bool:
    return "\ufe00" <= char <= "\ufe0f" or unicodedata.category(char) in _SILENT


def _strongest(match: re.Match[str]) -> str:
    marks = match.group().translate(_WIDE)
    return max(marks, key=lambda mark: _STRENGTH[mark]) + " " * (marks != match.group())


def _ellipsis(match: re.Match[str]) -> str:
    follows = _NEXT.match(match.string, match.end())
    return ", " if follows and follows.group(1).islower() else ". "


def _nothing(_: re.Match[str]) -> str:
    return ""


def _space(_: re.Match[str]) -> str:
    return " "


def _comma(_: re.Match[str]) -> str:
    return ", "


_MARKUP: tuple[Rule, ...] = (
    (r"^[ \t]*```[^\n]*$", _nothing),
    (r"^[ \t]*(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,}|(?:\|[ \t]*)?:?-{3,}[-|: \t]*)$", _nothing),
    (r"^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?)", _nothing),
    (r"^[ \t]*[-*+•‣◦][ \t]+(?:\[[ xX]\][ \t]+)?", _nothing),
    (r"!?\[(?=[^\[\]\n]*\]\()|\]\([^()\s]*(?:[ ]\"[^\"\n]*\")?\)", _nothing),
    (rf"</?(?:{_TAGS})\b[^<>\n]{{0,80}}>", _space),
    (r"[^\W\d_][\u0300-\u036f]+", lambda match: unicodedata.normalize("NFC", match.group())),
)
_INLINE: tuple[Rule, ...] = (
    (r"(?<=\w)[’ʼ‘](?=\w)", lambda _: "'"),
    (r"(?:\.{2,}|…)+", _ellipsis),
    (r"[.!?,;:]+(?=[\s\"'”’»)\]}*_`]|\Z)|[。！？，、；：]+", _strongest),
    (r"(?<=[\w,])[ \t]*\n[ \t]*(?=[a-z])", _space),  # a paragraph that its author broke into lines
    (r"\n", lambda _: "\n"),
    (r"\s[-–]+\s|[—―]+|--+", _comma),
    (r"(?<=\w)\((?P<plural>e?s)?\)", lambda match: match["plural"] or ""),
    (r"[()]|\|", _comma),
    (r"(?<=[^\W_])_+(?=[^\W_])|(?<=\w)[/–](?=\w)|[\\\[\]{}<>]", _space),
    (r"[\"“”„«»*`~#^_¿¡]|[‘’'](?!\w)|(?<!\w)[‘’'](?=\w)", _nothing),
)


def _compiled(rules: tuple[Rule, ...]) -> tuple[tuple[Rule, ...], re.Pattern[str]]:
    alternatives = (f"(?P<_{index}>{pattern})" for index, (pattern, _) in enumerate(rules))
    return rules, re.compile("|".join(alternatives), re.MULTILINE)


_ENGLISH = _compiled(_MARKUP + ENGLISH + _INLINE)
_OTHER = _compiled(_MARKUP + _INLINE)
