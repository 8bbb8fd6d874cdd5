"""A voice for tests and load: no process, no thread, no randomness, and samples that tell what was played.

Each word's samples are a quiet 50 Hz square wave. Its upper half tells the frame, its lower half the word (both modulo
64, as one of 64 levels), so a recording can be decoded to "frame 7, words 0 to 3". The levels are mu-law's own and last
10 ms, so they survive a telephone line and a resampler.
"""

from __future__ import annotations

import asyncio
import re
from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from audio.events import Word
from audio.services import Sink, Utterance
from link.inbox import Inbox
from link.tasks import Spawn

HALF_MS = 10
CHUNK_MS = 200
KINDS = 64  # frames and words are counted modulo this
_FIRST_CODE = 16  # mu-law's codes below lie less than 16 apart


def _levels() -> NDArray[np.int32]:
    """The values that G.711 mu-law decodes its codes 16 to 79 to: 132 to 3900, at most -18 dB."""
    code = np.arange(_FIRST_CODE, _FIRST_CODE + KINDS)
    return ((((code & 15) << 3) + 132) << (code >> 4)) - 132


LEVELS = _levels()


class Heard(Struct, frozen=True):
    """`samples` in a row of one word of one frame (both modulo 64); None where the piece is too short to tell."""

    frame: int | None
    word: int | None
    samples: int


class ScriptedTextToSpeech:
    """A `TextToSpeech`: `ms_per_char` of sound for each character, the first of it after `delay_ms`.

    A word is what stands between white space; the white space after it is heard as a part of it.
    """

    def __init__(self, rate_hz: int = 16000, ms_per_char: int = 60, delay_ms: int = 0) -> None:
        self.rate_hz = rate_hz
        self._ms_per_char = ms_per_char
        self._delay_ms = delay_ms

    async def run(self, inbox: Inbox[Utterance], sink: Sink, spawn: Spawn) -> None:
        """Speak one utterance after the other, for ever."""
        del spawn  # no task of its own
        while True:
            utterance = await inbox.get()
            if self._delay_ms and sink.wanted(utterance.frame):
                await asyncio.sleep(self._delay_ms / 1000)
            if sink.wanted(utterance.frame):
                await self._speak(utterance, sink)

    def close(self) -> None:
        """Nothing is held."""

    async def _speak(self, utterance: Utterance, sink: Sink) -> None:
        words, pcm = self._sound(utterance)
        size = 2 * (self.rate_hz * CHUNK_MS // 1000)
        given = 0
        for chunk in range(-(-len(pcm) // size)):
            begun = bisect_left(words, float((chunk + 1) * CHUNK_MS), key=lambda word: word.start_ms)
            part = pcm[chunk * size : (chunk + 1) * size]
            if not await sink.audio(utterance.frame, part, tuple(words[given:begun])):
                return
            given = begun
        sink.done(utterance.frame)

    def _sound(self, utterance: Utterance) -> tuple[list[Word], bytes]:
        found = list(re.finditer(r"\S+", utterance.text))
        starts = [0, *(match.start() for match in found[1:]), len(utterance.text)]
        words = [Word(float(starts[n] * self._ms_per_char), match.end()) for n, match in enumerate(found)]
        chars = [until - start for start, until in pairwise(starts)]
        return words, b"".join(self._tone(utterance.frame, n, chars[n]) for n in range(len(found)))

    def _tone(self, frame: int, word: int, chars: int) -> bytes:
        wave = _wave(frame % KINDS, word % KINDS, self.rate_hz)
        size = 2 * (chars * self._ms_per_char * self.rate_hz // 1000)
        return (wave * (size // len(wave) + 1))[:size]


@lru_cache(maxsize=KINDS * KINDS)
def _wave(frame: int, word: int, rate_hz: int) -> bytes:
    """One period: the frame's level, then the word's below zero."""
    half = rate_hz * HALF_MS // 1000
    return np.repeat(np.array([LEVELS[frame], -LEVELS[word]], "<i2"), half).tobytes()


def decode(pcm: bytes, rate_hz: int = 16000) -> list[Heard]:
    """What a recording of this voice holds, in order: mono PCM16 at any rate, through mu-law or not.

    A word that silence interrupts is two entries; the silence is none.
    """
    heard: list[Heard] = []
    fresh = True  # nothing before this to join
    for period in _periods(_runs(np.frombuffer(pcm, "<i2").astype(np.int32), rate_hz // 1000)):
        if period is None:
            fresh = True
        elif fresh or not _same(heard[-1], period):
            heard.append(period)
            fresh = False
        else:
            last = heard[-1]
            frame = period.frame if last.frame is None else last.frame
            word = period.word if last.word is None else last.word
            heard[-1] = Heard(frame, word, last.samples + period.samples)
    return heard


def _same(last: Heard, this: Heard) -> bool:
    return (None in {last.frame, this.frame} or last.frame == this.frame) and (
        None in {last.word, this.word} or last.word == this.word
    )


def _runs(samples: NDArray[np.int32], shortest: int) -> list[tuple[int, int]]:
    """(value, samples) of each stretch: 1 + a frame, -1 - a word, or 0. Edges (shorter) count to the one before."""
    between = (LEVELS[1:] + LEVELS[:-1]) // 2
    value = (np.searchsorted(between, np.abs(samples)) + 1) * np.sign(samples)
    value[np.abs(samples) < LEVELS[0] // 2] = 0
    starts = np.flatnonzero(np.diff(value, prepend=np.iinfo(np.int32).max))
    sizes = np.diff(starts, append=len(value))
    runs: list[tuple[int, int]] = []
    early = 0  # samples of edges before the first stretch
    for start, size in zip(starts.tolist(), sizes.tolist(), strict=True):
        kind = int(value[start])
        if runs and (size < shortest or runs[-1][0] == kind):
            runs[-1] = (runs[-1][0], runs[-1][1] + size)
        elif size < shortest:
            early += size
        else:
            runs.append((kind, size + early))
            early = 0
    return runs


def _periods(runs: list[tuple[int, int]]) -> Iterator[Heard | None]:
    """Frame and word put together; None for silence."""
    frame: tuple[int, int] | None = None
    for value, size in runs:
        if value < 0:
            yield Heard(frame[0] if frame else None, -value - 1, size + (frame[1] if frame else 0))
            frame = None
            continue
        if frame:
            yield Heard(frame[0], None, frame[1])
        frame = (value - 1, size) if value else None
        if not value:
            yield None
    if frame:
        yield Heard(frame[0], None, frame[1])
