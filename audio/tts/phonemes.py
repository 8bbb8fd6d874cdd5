"""When the words of a text are spoken, by the phonemes that a model tells the times of. Pure.

Phonemes come without their words: espeak-ng, which makes them, runs small words together ("of the") and reads signs as
several. But the marks between clauses are there, so each clause is found; where it has as many words as it has groups
of phonemes they are each other's, and else its words share its time by their letters. So an error ends with its clause.
"""

# ruff: noqa: RUF001  (marks are what this file is about)

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

MARKS = frozenset(".,;:!?…—–")
_WORD = re.compile(r"\S+")


class Phoneme(Struct, frozen=True, array_like=True):
    """A phoneme, a mark or a space, and when it begins."""

    text: str
    start_ms: float


class _Span(Struct, frozen=True):
    """A word of the text, or a group of phonemes: where or when it begins, and whether a mark ends its clause there."""

    begin: float
    letters: int
    ends_clause: bool


def word_times(text: str, phonemes: Sequence[Phoneme], length_ms: float) -> list[tuple[int, float]]:
    """(where in the text, ms) each word begins, both rising. Without phonemes the words share `length_ms`."""
    words = list(_words(text))
    groups = list(_groups(phonemes))
    clauses, spoken = _clauses(words), _clauses(groups)
    if len(clauses) != len(spoken):
        clauses, spoken = [words], [groups]
    starts = [*(group[0].begin if group else 0.0 for group in spoken), length_ms]
    times: list[tuple[int, float]] = []
    for clause, group, start, end in zip(clauses, spoken, starts, starts[1:], strict=False):
        found = [each.begin for each in group] if len(group) == len(clause) else _shared(clause, start, end)
        times += [(int(word.begin), ms) for word, ms in zip(clause, found, strict=True)]
    return times


def _words(text: str) -> Iterable[_Span]:
    for match in _WORD.finditer(text):
        letters = sum(char.isalnum() for char in match[0])
        if letters:
            yield _Span(match.start(), letters, match[0].rstrip("\"')]}»”’")[-1] in MARKS)


def _groups(phonemes: Sequence[Phoneme]) -> Iterable[_Span]:
    """What stands between spaces; marks belong to what is before them."""
    begin: float | None = None
    letters, ends = 0, False
    for each in phonemes:
        if each.text.isspace() or (ends and each.text not in MARKS):
            if begin is not None:
                yield _Span(begin, letters, ends)
            begin, letters, ends = None, 0, False
        if each.text in MARKS:
            ends = begin is not None
        elif any(char.isalpha() for char in each.text):
            begin = each.start_ms if begin is None else begin
            letters += 1
    if begin is not None:
        yield _Span(begin, letters, ends)


def _clauses(spans: Sequence[_Span]) -> list[list[_Span]]:
    clauses: list[list[_Span]] = [[]]
    for span in spans:
        clauses[-1].append(span)
        if span.ends_clause:
            clauses.append([])
    return [clause for clause in clauses if clause] or [[]]


def _shared(words: Sequence[_Span], start_ms: float, end_ms: float) -> list[float]:
    """A time for each word; it is as long as its letters are many."""
    letters = sum(word.letters for word in words)
    times, before = [], 0
    for word in words:
        times.append(start_ms + (end_ms - start_ms) * before / letters)
        before += word.letters
    return times
