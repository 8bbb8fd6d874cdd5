"""Words that a voice should say in another way than they are written: a table, and the way back to the text. Pure.

Whole words are replaced, the longest entry first, each place once. Capitals do not matter, unless the entry has some
that do not begin a word ("SQL", "iOS"): then it means just that spelling. What stands in the table is given to the
voice as it is, so a provider's own notation for sounds can stand there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from audio.spoken import Builder, Spoken, unchanged
from link.errors import ConfigError


class Pronunciations:
    """A table of words and how they are said."""

    def __init__(self, table: Mapping[str, str]) -> None:
        """Raises ConfigError for an entry without a word."""
        for word in table:
            if not any(char.isalnum() for char in word):
                raise ConfigError(f"the pronunciations have no word in {word!r}")
        words = sorted((" ".join(word.split()) for word in table), key=len, reverse=True)
        said = {" ".join(word.split()): said for word, said in table.items()}
        self._said = tuple(said[word] for word in words)
        self._pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(_pattern, words))})(?![\w\u0300-\u036f])")

    def apply(self, text: str) -> Spoken:
        """The text as it is to be said."""
        if not self._said:
            return unchanged(text)
        spoken = Builder(text)
        position = 0
        for match in self._pattern.finditer(text):
            spoken.copy(position, match.start())
            position = match.end()
            spoken.put(self._said[(match.lastindex or 0) - 1], match.start(), position)
        spoken.copy(position, len(text))
        return spoken.built()


def _pattern(word: str) -> str:
    """A group of its own for each word; its white space may be any."""
    inner = any(char.isupper() for part in word.split() for char in part[1:])
    escaped = r"\s+".join(map(re.escape, word.split()))
    return f"({escaped})" if inner else f"((?i:{escaped}))"
