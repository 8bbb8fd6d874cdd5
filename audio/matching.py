"""The way back through a change that told nothing of itself: by the words that both texts have. Pure.

A filter of the agent takes a text and gives another. The words that stayed are found again; what stands between them
is taken in proportion, word by word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher

from audio.spoken import Spoken, unchanged

_WIDE = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"  # scripts without spaces: each character is a word
_WORD = re.compile(rf"[{_WIDE}]|[^\s{_WIDE}]+")


def matched(original: str, text: str) -> Spoken:
    """What was made of `original`, in which there is a word: each word of `text` speaks for whole words of it."""
    if original == text:
        return unchanged(original)
    written, said = list(_WORD.finditer(original)), list(_WORD.finditer(text))
    starts: list[int] = []
    ends: list[int] = []
    for word, (first, last) in zip(said, _places(_folded(written), _folded(said)), strict=True):
        more = (len(text) if word is said[-1] else word.end()) - len(starts)
        starts += [written[first].start()] * more
        ends += [written[last].end()] * more
    return Spoken(original, text, starts, ends)


def _places(written: list[str], said: list[str]) -> Iterator[tuple[int, int]]:
    """For each word that is said the first and the last that it stands for; both never fall."""
    for _, begin, end, said_from, said_to in SequenceMatcher(None, written, said).get_opcodes():
        count, words = end - begin, said_to - said_from
        for place in range(words):
            first = begin + place * count // words if count else max(begin - 1, 0)
            yield first, max(first, begin + (place + 1) * count // words - 1)


def _folded(words: list[re.Match[str]]) -> list[str]:
    """Without marks and case, so that equal words compare equal."""
    return ["".join(char for char in word.group() if char.isalnum()).casefold() for word in words]
