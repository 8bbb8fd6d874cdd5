"""What the voice gets of a piece of text, and how its word times find back into the text as it stands in the log. Pure.

First what is written is made speakable (audio/speakable.py), then words are said as the agent's table wants it
(audio/pronunciation.py), then come the agent's own filters. The way back through the first two is exact; a filter tells
nothing but its text, so the way back through it is in proportion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct

from audio.events import Word
from audio.pronunciation import Pronunciations
from audio.speakable import speakable
from audio.spoken import Spoken, unchanged

Filter = Callable[[str], str]


class Said(Struct, frozen=True):
    """A piece on its way to the voice: what we made of it, and `text`, what the filters made of that."""

    ours: Spoken
    text: str

    @property
    def nothing(self) -> bool:
        """There is nothing to say."""
        return not self.text.strip()

    def words(self, words: tuple[Word, ...]) -> tuple[Word, ...]:
        """The words of a voice that speaks `text`, with their ends in the text of the log."""
        return self.ours.moved(words_in(self.ours.text, self.text, words))


class Wording:
    """How one agent's texts are said."""

    def __init__(self, *, speaks: bool, pronunciations: Mapping[str, str], filters: Iterable[Filter]) -> None:
        """`speaks`: what is written is made speakable. Raises ConfigError for pronunciations of no word."""
        self._speakable = speakable if speaks else _as_it_is
        self._pronunciations = Pronunciations(pronunciations)
        self._filters = tuple(filters)

    def said(self, text: str, before: str = "") -> Said:
        """What is said of `text`, which goes on where `before` ends.

        Raises what a filter raises, TypeError where it gives no text.
        """
        ours = self._speakable(text, before)
        ours = ours.then(self._pronunciations.apply(ours.text))
        return Said(ours, filtered(ours.text, self._filters) if ours.text.strip() else ours.text)


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


def words_in(original: str, spoken: str, words: tuple[Word, ...]) -> tuple[Word, ...]:
    """Word ends in the original text, where a filter changed what was spoken: in proportion, at the end of a word."""
    if original == spoken:
        return words
    moved: list[Word] = []
    for word in words:
        place = min(round(word.end / max(len(spoken), 1) * len(original)), len(original))
        end = original.find(" ", place)
        moved.append(Word(word.start_ms, len(original) if end < 0 or word.end >= len(spoken) else end))
    return tuple(moved)
