"""What the voice gets of a piece of text, and how its word times find back into the text as it stands in the log. Pure.

First what is written is made speakable (audio/speakable.py), then words are said as the agent's table wants it
(audio/pronunciation.py), then come the agent's own filters. The way back through the first two is exact; a filter tells
nothing but its text, so the way back through it is by the words that it left (audio/matching.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from audio.addresses import DOMAIN, EMAIL, URL
from audio.matching import matched
from audio.pronunciation import Pronunciations
from audio.speakable import speakable
from audio.spoken import Spoken, unchanged

Filter = Callable[[str], str]

_ADDRESS = re.compile("|".join((EMAIL, URL, DOMAIN)))


class Wording:
    """How one agent's texts are said."""

    def __init__(self, *, speaks: bool, pronunciations: Mapping[str, str], filters: Iterable[Filter]) -> None:
        """`speaks`: what is written is made speakable. Raises ConfigError for pronunciations of no word."""
        self._speakable = speakable if speaks else _as_it_is
        table = {_as_found(word): said for word, said in pronunciations.items()} if speaks else pronunciations
        self._pronunciations = Pronunciations(table)
        self._filters = tuple(filters)

    def said(self, text: str, before: str = "") -> Spoken:
        """What is said of `text`, which goes on where `before` ends; it may be nothing.

        Raises what a filter raises, TypeError where it gives no text.
        """
        ours = self._speakable(text, before)
        ours = ours.then(self._pronunciations.apply(ours.text))
        if not self._filters or not ours.text.strip():
            return ours
        return ours.then(matched(ours.text, filtered(ours.text, self._filters)))


def _as_found(word: str) -> str:
    """An address is looked for as it is after it was made speakable."""
    return speakable(word).text if _ADDRESS.search(word) else word


def _as_it_is(text: str, before: str) -> Spoken:
    del before
    return unchanged(text)


def filtered(text: str, filters: Iterable[Filter]) -> str:
    """What is spoken of a text. Raises what a filter raises, TypeError where it gives no text."""
    for each in filters:
        text = each(text)
        if not isinstance(text, str):
            raise TypeError(f"the filter {each!r} gave no text, but {type(text).__name__}")
    return text
