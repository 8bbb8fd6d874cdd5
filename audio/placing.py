"""Where in its sound a voice says its words, if it tells nothing of them: by its pauses. Pure.

Between two pauses words are said in proportion to their letters. Which pause is the end of which word is decided for
all of them at once, as the way of least cost from the beginning of the sound to its end:

    text    one two three,      four five.            a pause in which no word ends (a stop, as in "li_p service")
    sound   ─────────── ────── ▁▁▁▁ ─────── ──────    costs, by its length; so do a mark without a pause, a word that
                       ▲         ▲                    ends in one without a mark, and words that would be faster or
                    no word's   "three,"              slower than the others.

What the costs are was found with espeak-ng (36 English sentences at two speeds) and seven people; how well they do on
others: `python -m bench.placing`. Syllables in place of letters were no better, in five languages.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from audio.events import Word

Floats = NDArray[np.float64]
BLOCK_MS: Final = 10

BELOW_LOUD_DB: Final = (30.0, 22.0)
"""What is so far below the loudest 5 % of the sound is a pause; in a room's noise the second will do,"""
ABOVE_NOISE_DB: Final = 7.0
"""if it is not so far above the quietest 10 %."""
PAUSE_MS: Final = 40
"""What is shorter is none."""
LONG_PAUSE_MS: Final = 80
"""What is shorter may as well be part of a word: it counts as speech in the pace."""
MOST_PAUSES: Final = 16
"""Of more the longest are taken, so that a guess takes no more than some milliseconds."""

DIGIT, CAPITAL, SYMBOL = 6.0, 3.0, 4.0
"""So many letters are said for a digit, for a capital within a word ("GPS"), for "%" and the like."""
WORD: Final = 0.8
"""So many letters longer is each word,"""
LAST_WORD: Final = 2.0
"""and the one before a mark."""

SPREAD_LETTERS: Final = 1.4
"""How much the length of speech strays: its variance, over its mean."""
UNMARKED: Final = 4.0
"""The cost of a pause after a word without a mark,"""
UNHEARD: Final = (0.0, 2.0, 4.0)
"""of no pause: after a word, at a mark, at the end of a sentence,"""
WITHIN: Final = (0.4, 0.04, 60.0)
"""and of a pause within a word: at least, and for each ms beyond so many."""

PACE_MS: Final = 60.0
"""What a letter takes, before a voice has said a whole sentence."""
STOPS, MARKS = frozenset(".!?…"), frozenset(",;:-—–")  # noqa: RUF001  (marks are what this is about)
CLOSING = "\"')]}»”’"  # noqa: RUF001
SYMBOLS = frozenset("%$€£@&+")


class _Text(Struct, frozen=True):
    """Word k ends at `ends[k]`, and begins after `before[k]` letters; `marks[k]` is what stands before it: 0, 1, 2."""

    ends: list[int]
    before: Floats
    marks: NDArray[np.intp]


class _Quiet(Struct, frozen=True):
    """A pause, in blocks: or the beginning or the end of the sound, which last no time."""

    start: int
    end: int

    @property
    def blocks(self) -> int:
        return self.end - self.start


class Placing:
    """One piece of speech: its text, and the levels of its sound as it comes."""

    def __init__(self, text: str, rate_hz: int) -> None:
        self._text = _read(text)
        self._block_bytes = rate_hz * BLOCK_MS // 1000 * 2
        self._rest = b""
        self._powers: list[Floats] = []
        self._came = self._judged = 0  # blocks
        self.pace_ms = PACE_MS
        """What a letter of it takes, once all of its sound was judged."""

    def hear(self, pcm: bytes) -> None:
        """More of its sound came, as mono PCM16."""
        pcm = self._rest + pcm
        size = len(pcm) // self._block_bytes * self._block_bytes
        self._rest = pcm[size:]
        blocks = np.frombuffer(pcm[:size], "<i2").reshape(-1, self._block_bytes // 2).astype(np.float64)
        self._powers.append(np.vecdot(blocks, blocks) / (self._block_bytes // 2))
        self._came += len(blocks)

    @property
    def due(self) -> bool:
        """There is twice as much of it as when it was judged last."""
        return self._came > 2 * self._judged

    def words(self, pace_ms: float, *, complete: bool) -> tuple[Word, ...]:
        """When each word of the text begins, by what came; none before there is a sound.

        `complete`: that was all; until then a letter is thought to take `pace_ms`.
        """
        self._judged = self._came
        voiced, pauses = _listen(np.concatenate(self._powers)) if self._came else (0, [])
        if not voiced or not self._text.ends:
            return ()
        self.pace_ms = voiced * BLOCK_MS / float(self._text.before[-1]) if complete else pace_ms
        pace = self.pace_ms / BLOCK_MS
        way = _way(self._text, pauses, pace, complete=complete)
        starts = _between(self._text, way, pace, complete=complete) * BLOCK_MS
        return tuple(Word(round(float(ms)), end) for ms, end in zip(starts, self._text.ends, strict=True))


# --- the text ---------------------------------------------------------------------------------------------------------


def _read(text: str) -> _Text:
    """Its words; marks that stand alone belong to the word before."""
    ends: list[int] = []
    letters: list[float] = []
    marks = [0]
    at = 0
    for word in text.split():
        at = text.index(word, at) + len(word)
        said, mark = sum(map(_letters, range(len(word)), word)), _mark(word)
        if said:
            ends.append(at)
            letters.append(said + WORD)
            marks.append(mark)
        elif ends:
            ends[-1], marks[-1] = at, max(1, mark, marks[-1])
    long = [length + (LAST_WORD if mark else 0.0) for length, mark in zip(letters, marks[1:], strict=True)]
    return _Text(ends, np.cumsum([0.0, *long]), np.array(marks))


def _letters(place: int, char: str) -> float:
    if char.isalpha():
        return CAPITAL if place and char.isupper() else 1.0
    return DIGIT if char.isdigit() else SYMBOL if char in SYMBOLS else 0.0


def _mark(word: str) -> int:
    last = word.rstrip(CLOSING)[-1:]
    return 2 if last in STOPS else 1 if last in MARKS else 0


# --- the sound --------------------------------------------------------------------------------------------------------


def _listen(power: Floats) -> tuple[int, list[_Quiet]]:
    """How many blocks of it are speech, and its pauses; the first and the last are its beginning and its end."""
    noise, loud = np.percentile(power, (10, 95))
    clean, noisy = (loud / 10 ** (db / 10) for db in BELOW_LOUD_DB)
    voice = np.flatnonzero(power >= max(1.0, clean, min(noisy, noise * 10 ** (ABOVE_NOISE_DB / 10))))
    if not len(voice):
        return 0, []
    gaps = np.flatnonzero(np.diff(voice) > PAUSE_MS // BLOCK_MS)
    pauses = [_Quiet(int(voice[at]) + 1, int(voice[at + 1])) for at in gaps]
    first, last = int(voice[0]), int(voice[-1]) + 1
    speech = last - first - sum(each.blocks for each in pauses if each.blocks >= LONG_PAUSE_MS // BLOCK_MS)
    longest = sorted(pauses, key=lambda each: -each.blocks)[:MOST_PAUSES]
    inner = sorted(longest, key=lambda each: each.start)
    return speech, [_Quiet(first, first), *inner, _Quiet(last, last)]


# --- which pause is where ---------------------------------------------------------------------------------------------


def _way(text: _Text, pauses: list[_Quiet], pace: float, *, complete: bool) -> list[tuple[_Quiet, int]]:
    """The pauses in which words end, each with the number of the word that follows. `pace`: blocks for a letter."""
    letters = text.before[None, :] - text.before[:, None]  # from a word to a word
    unheard = np.cumsum(np.array(UNHEARD)[text.marks])
    between = np.concatenate(([0.0], unheard[:-1]))[None, :] - unheard[:, None]
    step = np.where(letters > 0, between, np.inf)
    spread = 2 * SPREAD_LETTERS * np.where(letters > 0, letters, 1.0) * pace**2
    within = np.cumsum([0.0, *map(_within, pauses[1:-1]), 0.0])
    there = np.where(text.marks > 0, 0.0, UNMARKED)
    words = len(text.marks)
    costs = np.full((len(pauses), words), np.inf)
    costs[0, 0] = 0.0
    came_from = np.zeros((len(pauses), words), np.intp)
    ends = np.array([each.end for each in pauses])
    for at in range(1, len(pauses)):
        lengths = (pauses[at].start - ends[:at])[:, None, None]
        stray = (lengths - letters * pace) ** 2 / spread
        passed = (within[at - 1] - within[:at])[:, None, None]
        cost = (costs[:at, :, None] + passed + stray + step).reshape(-1, words)
        came_from[at] = cost.argmin(0)
        costs[at] = cost[came_from[at], np.arange(words)] + there
    last = words - 1 if complete else int((costs[-1] - there).argmin())
    way, at, word = [], len(pauses) - 1, last
    while at:
        way.append((pauses[at], word))
        at, word = divmod(int(came_from[at, word]), words)
    return [(pauses[0], 0), *reversed(way)]


def _within(pause: _Quiet) -> float:
    least, each_ms, free_ms = WITHIN
    return least + each_ms * max(0.0, pause.blocks * BLOCK_MS - free_ms)


def _between(text: _Text, way: list[tuple[_Quiet, int]], pace: float, *, complete: bool) -> Floats:
    """When each word begins, in blocks; what is behind the last pause of a sound that goes on, at its pace."""
    starts = np.zeros(len(text.ends))
    for (before, begin), (after, end) in pairwise(way):
        share = (text.before[begin:end] - text.before[begin]) / (text.before[end] - text.before[begin])
        starts[begin:end] = before.end + share * (after.start - before.end)
    if not complete:
        before, begin = way[-2]
        starts[begin:] = before.end + (text.before[begin:-1] - text.before[begin]) * pace
    return starts
