"""What of a recogniser's words was really said. Pure.

The recogniser always finds something: for speech that the vocabulary does not have it finds garbage words, and between
them words of the vocabulary that happen to sound alike. The latter stand in no order that the vocabulary knows. So
the words are weighed by the sound that they cover:

* a *known* word stands beside a neighbour that the vocabulary has beside it: it counts in full;
* a *loose* word does not: it counts half, for callers put known words into an order of their own;
* a loose word with garbage on a side is taken for garbage itself.

What is understood has at least half of the sound. A stretch of garbage in it is left out of the text: "tell me a story
about elephants" is understood as "tell me a story about".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Literal

from msgspec import Struct, structs

from audio.events import SpokenWord
from audio.stt.ngrams import BEGIN, END
from audio.stt.vocabulary import GARBAGE

FRAME_MS = 10
LOOSE_WEIGHT = 0.5
ENOUGH = 0.5
"""The share of the sound from which on something was understood; the two numbers were measured by `bench.stt`."""

_VARIANT = re.compile(r"\(\d+\)$")  # "the(2)" is the second pronunciation of "the"

Kind = Literal["known", "loose", "garbage"]


class Segment(Struct, frozen=True):
    """A word as the recogniser gives it, how long it lasted, and when it began (frames of 10 ms)."""

    word: str
    frames: int
    begin: int = 0


class Understood(Struct, frozen=True):
    """The text, empty if too little was understood, the share of the sound that it covers, 0 to 1, and its words."""

    text: str
    confidence: float
    words: tuple[SpokenWord, ...] = ()


def understand(segments: Sequence[Segment], pairs: Collection[tuple[str, str]], *, ended: bool) -> Understood:
    """Weigh what was recognised. While the utterance goes on (`ended=False`) nothing is known of what follows it."""
    heard = [structs.replace(each, word=_VARIANT.sub("", each.word)) for each in segments if not _silent(each.word)]
    total = sum(each.frames for each in heard)
    if not total:
        return Understood("", 0.0)
    kinds = _kinds([BEGIN, *(each.word for each in heard), END if ended else GARBAGE], pairs)
    known = sum(each.frames for each, kind in zip(heard, kinds, strict=True) if kind == "known")
    loose = sum(each.frames for each, kind in zip(heard, kinds, strict=True) if kind == "loose")
    confidence = (known + LOOSE_WEIGHT * loose) / total
    if confidence < ENOUGH:
        return Understood("", round(confidence, 2))
    words = tuple(_spoken(each) for each, kind in zip(heard, kinds, strict=True) if kind != "garbage")
    return Understood(" ".join(word.text for word in words), round(confidence, 2), words)


def _spoken(segment: Segment) -> SpokenWord:
    begin_ms = segment.begin * FRAME_MS
    return SpokenWord(segment.word, begin_ms, begin_ms + segment.frames * FRAME_MS)


def _silent(word: str) -> bool:
    """Silence, a breath, a click, or the mark of an end."""
    return word.startswith(("<", "["))


def _kinds(marked: Sequence[str], pairs: Collection[tuple[str, str]]) -> list[Kind]:
    kinds: list[Kind] = []
    for before, word, after in zip(marked, marked[1:], marked[2:], strict=False):
        if word.startswith(GARBAGE):
            kinds.append("garbage")
        elif (before, word) in pairs or (word, after) in pairs:
            kinds.append("known")
        elif before.startswith(GARBAGE) or after.startswith(GARBAGE):
            kinds.append("garbage")
        else:
            kinds.append("loose")
    return kinds
