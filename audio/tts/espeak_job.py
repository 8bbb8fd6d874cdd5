"""espeak-ng as the child speaks it (`audio.tts.voice_job`).

A chunk of audio ends where a word begins, because only then is it known how far the word before went.
"""

from __future__ import annotations

from collections.abc import Callable

from audio.events import Word
from audio.tts.espeak_ng import RATE_HZ, SpokenWord, Synthesizer
from audio.tts.text import Spoken, speakable
from audio.tts.voice_job import AUDIBLE, LEAD_MS, Chunk, VoiceJob, pause_ms, sentences
from link.worker import Send

MIN_CHUNK_MS = 200  # after the first chunk, which is out with the first word


def espeak(voice: str, rate_wpm: int, pitch: int, volume: int) -> VoiceJob:
    """The factory that the worker calls. Raises ConfigError as `Synthesizer` does."""
    return job_of(Synthesizer(voice, rate_wpm, pitch, volume))


def job_of(voice: Synthesizer) -> VoiceJob:
    """A job that speaks with it."""
    return VoiceJob(lambda serial, text: _Speech(serial, speakable(text, voice.language), voice))


class _Speech:
    """One utterance on its way: the sentences that are left of it, and how much audio was given."""

    def __init__(self, serial: int, spoken: Spoken, voice: Synthesizer) -> None:
        self.serial = serial
        self._spoken = spoken
        self._voice = voice
        self.left = list(sentences(spoken.text))
        self._given = 0  # samples
        self._said = 0  # the end of the last word

    def speak(self, begin: int, until: int, send: Send, wanted: Callable[[], bool]) -> None:
        """Send the audio of a sentence, unless it is not wanted any more."""
        sound = _Sound(self._spoken, begin, until)

        def on_block(pcm: bytes, words: list[SpokenWord]) -> bool:
            sound.take(pcm, words)
            if sound.ready >= (self._samples(MIN_CHUNK_MS) if self._given else 1):
                send(self._chunk(*sound.cut()))
            return wanted()

        self._voice.speak(self._spoken.text[begin:until], on_block)
        if not wanted():
            return
        pcm, words = sound.rest()
        if not self.left:
            words = self._to_the_end(words)
        pause = pause_ms(self._spoken.text[:until], last=not self.left) if self._given or pcm else 0
        send(self._chunk(pcm + bytes(2 * self._samples(pause)), words, more=bool(self.left), done=not self.left))

    def _chunk(self, pcm: bytes, words: list[tuple[int, int]], more: bool = False, done: bool = False) -> Chunk:
        timed: list[Word] = []
        for sample, end in words:
            if end > self._said:  # else a sentence was cut in the middle of a number
                timed.append(Word(round((self._given + sample) * 1000 / RATE_HZ, 1), end))
                self._said = end
        self._given += len(pcm) // 2
        return Chunk(self.serial, pcm, tuple(timed), more, done)

    def _to_the_end(self, words: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """The last word of an utterance takes with it what has no sound, such as an emoji."""
        end = len(self._spoken.original.rstrip())
        if words:
            return [*words[:-1], (words[-1][0], end)]
        return [(0, end)] if self._given else []

    def _samples(self, ms: int) -> int:
        return ms * RATE_HZ // 1000


class _Sound:
    """A sentence's audio as it comes from the synthesizer. Words are (sample in their chunk, end in the original)."""

    def __init__(self, spoken: Spoken, begin: int, until: int) -> None:
        self._spoken = spoken
        self._begin = begin
        self._until = until
        self._pcm = bytearray()
        self._gone = 0  # samples before `_pcm`, cut off or given
        self._silent = True
        self._words: list[tuple[int, int]] = []  # (sample of the sentence, place in the spoken text), not given yet

    @property
    def ready(self) -> int:
        """Samples before the newest word: what `cut` gives."""
        return self._words[-1][0] - self._gone if len(self._words) > 1 else 0

    def take(self, pcm: bytes, words: list[SpokenWord]) -> None:
        """Add a block. A word is counted once, however often espeak-ng reports it."""
        self._pcm += pcm
        if self._silent:
            self._trim()
        for word in words:
            place = self._spoken.word_at(self._begin + word.position)
            if place is not None and place < self._until and (not self._words or place > self._words[-1][1]):
                self._words.append((word.ms * RATE_HZ // 1000, place))

    def cut(self) -> tuple[bytes, list[tuple[int, int]]]:
        """What comes before the newest word."""
        size = min(2 * self.ready, len(self._pcm))
        pcm, words = bytes(self._pcm[:size]), self._ended()[:-1]
        del self._pcm[:size], self._words[:-1]
        self._gone += size // 2
        return pcm, words

    def rest(self) -> tuple[bytes, list[tuple[int, int]]]:
        """All that is left. A sentence in which espeak-ng saw no word is one word."""
        if self._pcm and not self._words:
            self._words.append((0, self._begin))
        return bytes(self._pcm), self._ended() if self._pcm else []

    def _ended(self) -> list[tuple[int, int]]:
        places = [place for _, place in self._words] + [self._until]
        return [
            (max(0, sample - self._gone), self._spoken.said(place, until))
            for (sample, place), until in zip(self._words, places[1:], strict=True)
        ]

    def _trim(self) -> None:
        """Drop the silence before the first sound: up to 50 ms before a "k"."""
        with memoryview(self._pcm).cast("h") as samples:
            sounds = (at for at, value in enumerate(samples) if not -AUDIBLE < value < AUDIBLE)
            first = next(sounds, None)
        self._silent = first is None
        size = len(self._pcm) if first is None else max(0, 2 * (first - LEAD_MS * RATE_HZ // 1000))
        del self._pcm[:size]
        self._gone += size // 2
