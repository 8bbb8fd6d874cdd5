"""Cuts a model's streaming text into pieces that a voice can speak, as early as prosody allows. Pure.

A piece is a sentence, so that its melody is right; the first piece of an answer may end at a clause, so that the caller
hears something soon. White space between two pieces stands at the front of the later one, so a piece is out as soon as
what follows its mark is known. All pieces joined are the text that was fed, character by character.

A mark ends a sentence when white space and then no small letter follow it. That is the lookahead: a full stop at the
end of what has come so far decides nothing until the next visible character came ("3." may become "3.14", "e.g." goes
on). A newline needs none. Each decision is made from the text alone, never from how it was divided into deltas, so the
same text gives the same pieces.
"""

from __future__ import annotations

import re

EARLY_CHARS = 25  # some 1.5 s of speech: enough to cover the next sentence's way through the model
MAX_CHARS = 300  # some 18 s of speech
_LOOKAHEAD = 2  # a white space and a character after a mark at the limit

_MARK = re.compile(
    r"""(?P<newline> \n )
      | (?P<stop>    [.!?…]+ ["'”’)\]}»*_`]* )
      | (?P<wide>    [。！？]+ ["”’)）」』]* )
      | (?P<clause>  [,;:]+ ["'”’)\]}»*_`]* | —+ | (?<=\s)[–-]+(?=\s) )
    """,  # noqa: RUF001  (full-width marks are meant)
    re.VERBOSE,
)
_TOKEN = re.compile(r"[\w.]*\Z")
_DOTTED = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]\Z")
_LIST_NUMBER = re.compile(r"(?:\A|\n)\s*(?:[-*>]\s+)?\d{1,3}\Z")

_ABBREVIATIONS = frozenset(
    "mr mrs ms dr prof st mt sr gen sen rep gov capt sgt lt col rev hon approx dept vs cf ca".split()
)
_BEFORE_A_NUMBER = frozenset("no nos fig vol p pp ch sec art".split())


class Pieces:
    """The cutter of one answer after the other; `flush` ends an answer."""

    def __init__(self, *, early_chars: int | None = EARLY_CHARS, max_chars: int = MAX_CHARS) -> None:
        """`early_chars`: from where the first piece may end at a clause; None: never."""
        self._early_chars = early_chars
        self._max_chars = max_chars
        self._text = ""
        self._first = True

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
        self._first = True
        return pieces

    def _cut(self, ended: bool) -> list[str]:
        pieces: list[str] = []
        size = self._max_chars + _LOOKAHEAD
        while True:
            window = self._text[:size]
            whole = ended or len(window) == size
            end = self._end(window, whole)
            if end is None:
                return pieces
            pieces.append(window[:end])
            self._text = self._text[end:]
            self._first = False

    def _end(self, window: str, whole: bool) -> int | None:
        """Where the first piece of `window` ends; None: not known yet, or only the rest of the answer is left.

        `whole`: nothing more comes that could change the decision.
        """
        for mark in _MARK.finditer(window):
            end = mark.start() if mark.lastgroup == "newline" else mark.end()
            if end > self._max_chars:
                break
            if not _has_words(window[:end]):
                continue
            if end == len(window) and not whole:
                return None
            ends = self._ends(window, mark, whole)
            if ends is None:
                return None
            if ends:
                return end
        if len(window) <= self._max_chars:
            return None
        return _forced(window[: self._max_chars])

    def _ends(self, window: str, mark: re.Match[str], whole: bool) -> bool | None:
        """Does a piece end at this mark? None: what follows must be seen first."""
        if mark.lastgroup in {"newline", "wide"}:
            return True
        after = window[mark.end() :]
        if mark.lastgroup == "clause":
            early = self._first and self._early_chars is not None and mark.end() >= self._early_chars
            return early and (not after or after[0].isspace() or mark.group()[0] == "—")
        if after and not after[0].isspace():
            return False
        follows = after.lstrip()
        if "\n" in after[: len(after) - len(follows)]:
            return True
        if not follows and not whole:
            return None
        return not (follows[:1].islower() or _abbreviated(window, mark, follows))


def _has_words(text: str) -> bool:
    return any(char.isalnum() for char in text)


def _abbreviated(window: str, mark: re.Match[str], follows: str) -> bool:
    """Is this full stop a part of "Dr.", "J.", "U.S.", "No. 5" or of a list's "1."?"""
    if mark.group() != ".":
        return False
    before = window[: mark.start()]
    found = _TOKEN.search(before)
    token = found.group() if found else ""
    word = token.lower()
    if word in _ABBREVIATIONS or (word in _BEFORE_A_NUMBER and follows[:1].isdigit()):
        return True
    if _DOTTED.match(token):
        return word not in {"a.m", "p.m"}
    if len(token) == 1 and token.isalpha():
        return token.isupper() and token != "I"
    return _LIST_NUMBER.search(before) is not None


def _forced(text: str) -> int:
    """Where a sentence without end is cut: after a clause, else before white space, else at its limit."""
    clauses = [mark.end() for mark in _MARK.finditer(text) if mark.lastgroup == "clause"]
    good = [end for end in clauses if len(text) // 3 <= end < len(text) and text[end].isspace()]
    if good:
        return good[-1]
    space = max(text.rfind(" "), text.rfind("\t"))
    return space if _has_words(text[: max(space, 0)]) else len(text)
