"""Speech of a neural model in a child process: a sentence is made as a whole, by `make`, and given as one chunk.

The first one may end at a clause, so that it is heard sooner. A model cannot be stopped within a sentence; whether it
is still wanted is asked before and after.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from audio.events import Word
from audio.pieces import EARLY_CHARS
from audio.tts.phonemes import Phoneme, word_times
from audio.tts.text import Spoken, speakable
from audio.tts.voice_job import AUDIBLE, LEAD_MS, Chunk, VoiceJob, pause_ms, sentences
from link.worker import Send


class Made(Struct, frozen=True):
    """What a model gives for a text."""

    samples: NDArray[np.int16]
    phonemes: Sequence[Phoneme] = ()
    """With their times, where the model tells them."""


Make = Callable[[str], Made]


def job_of(make: Make, rate_hz: int, language: str) -> VoiceJob:
    """A job that speaks with a model."""
    return VoiceJob(lambda serial, text: _Speech(serial, speakable(text, language), make, rate_hz))


class _Speech:
    """One utterance on its way: the sentences that are left of it, and how much audio was given."""

    def __init__(self, serial: int, spoken: Spoken, make: Make, rate_hz: int) -> None:
        self.serial = serial
        self._spoken = spoken
        self._make = make
        self._rate_hz = rate_hz
        self.left = list(sentences(spoken.text, EARLY_CHARS))
        self._given = 0  # samples
        self._said = 0  # the end of the last word

    def speak(self, begin: int, until: int, send: Send, wanted: Callable[[], bool]) -> None:
        """Send the audio of a sentence, unless it is not wanted any more."""
        made = self._make(self._spoken.text[begin:until])
        if wanted():
            send(self._chunk(made, begin, until))

    def _chunk(self, made: Made, begin: int, until: int) -> Chunk:
        head, samples = self._trimmed(made.samples)
        phonemes = [Phoneme(each.text, max(0.0, each.start_ms - head)) for each in made.phonemes]
        words = self._words(begin, until, phonemes, len(samples) * 1000 / self._rate_hz)
        pcm = samples.astype("<i2").tobytes()
        self._given += len(samples)
        if made.samples.size or self._given:
            silence = pause_ms(self._spoken.text[:until], last=not self.left) * self._rate_hz // 1000
            pcm += bytes(2 * silence)
            self._given += silence
        return Chunk(self.serial, pcm, words, more=bool(self.left), done=not self.left)

    def _words(self, begin: int, until: int, phonemes: Sequence[Phoneme], length_ms: float) -> tuple[Word, ...]:
        """The words of a sentence; the last one of an utterance takes with it what has no sound, such as an emoji."""
        given_ms = self._given * 1000 / self._rate_hz
        places = word_times(self._spoken.text[begin:until], phonemes, length_ms)
        ends = [begin + place for place, _ in places[1:]] + [until]
        words: list[Word] = []
        for (place, ms), end in zip(places, ends, strict=True):
            said = self._spoken.said(begin + place, end)
            if said > self._said:  # else it is the second word for one of the original, as of a number
                words.append(Word(round(given_ms + ms, 1), said))
                self._said = said
        if words and not self.left:
            words[-1] = Word(words[-1].start_ms, len(self._spoken.original.rstrip()))
        return tuple(words)

    def _trimmed(self, samples: NDArray[np.int16]) -> tuple[float, NDArray[np.int16]]:
        """Without the silence around the sound, and how many ms of it were in front."""
        loud = np.flatnonzero(np.abs(samples.astype(np.int32)) >= AUDIBLE)
        if not loud.size:
            return 0.0, samples[:0]
        lead = LEAD_MS * self._rate_hz // 1000
        first, last = max(0, int(loud[0]) - lead), int(loud[-1]) + 1 + lead
        return first * 1000 / self._rate_hz, samples[first:last]
