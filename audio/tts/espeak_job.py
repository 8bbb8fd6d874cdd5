"""The child's side of the embedded voice: many calls share one espeak-ng, a sentence at a time.

The parent asks for a text (`Say`), gets the audio of its first sentence, and asks for the next one (`Say` without text)
once it has handed that over. So what lies between the two is bounded by a sentence, a long text keeps other calls
waiting no longer than a sentence takes, and a text that nobody wants any more stops by itself. A chunk of audio ends
where a word begins, because only then is it known how far the word before went.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from msgspec import Struct

from audio.events import Word
from audio.pieces import Pieces
from audio.tts.espeak_ng import RATE_HZ, SpokenWord, Synthesizer
from audio.tts.text import Spoken, speakable
from link.worker import Send

MAX_SENTENCE_CHARS = 200  # of normalised text; made in some 10 ms
MIN_CHUNK_MS = 200  # after the first chunk, which is out with the first word
SENTENCE_PAUSE_MS = 200  # espeak-ng's own would be 300
CLAUSE_PAUSE_MS = 100
AUDIBLE = 64  # of 32768 (-54 dB): what is softer before the first sound is cut off
LEAD_MS = 3  # what is left of it


class Say(Struct, frozen=True, array_like=True):
    """Speak a text, or (None) go on with the one of this serial. The serials of a slot rise from 1."""

    serial: int
    text: str | None = None


class Chunk(Struct, frozen=True, array_like=True):
    """Audio, and the words that begin in it. After the last chunk of a sentence comes `more` (ask on) or `done`."""

    serial: int
    pcm: bytes
    words: tuple[Word, ...] = ()
    more: bool = False
    done: bool = False


class EspeakJob:
    """The Job that `link.worker` runs. `urgent` names the serial that is not wanted any more, nor those before it."""

    def __init__(self, voice: Synthesizer) -> None:
        self._voice = voice
        self._speeches: dict[int, _Speech] = {}
        self._dropped: dict[int, int] = {}

    def open(self, slot: int, options: dict[str, Any]) -> None:
        """Nothing to prepare: there is one voice for all calls."""

    def message(self, slot: int, payload: Any, send: Send) -> None:
        """Speak the next sentence of what the slot asks for."""
        say = msgspec.convert(payload, Say)
        if say.text is not None:
            self._speeches[slot] = _Speech(say.serial, speakable(say.text, self._voice.language), self._voice)
        speech = self._speeches.get(slot)
        if speech is None or speech.serial != say.serial:
            return
        if not speech.go_on(send, lambda: say.serial > self._dropped.get(slot, 0)):
            del self._speeches[slot]

    def urgent(self, slot: int, payload: Any) -> None:
        """Runs beside `message`, which asks after each block whether its speech is still wanted."""
        self._dropped[slot] = payload

    def close(self, slot: int) -> None:
        """Forget the call."""
        self._speeches.pop(slot, None)
        self._dropped.pop(slot, None)


def espeak(voice: str, rate_wpm: int, pitch: int, volume: int) -> EspeakJob:
    """The factory that the worker calls. Raises ConfigError as `Synthesizer` does."""
    return EspeakJob(Synthesizer(voice, rate_wpm, pitch, volume))


class _Speech:
    """One utterance on its way: the sentences that are left of it, and how much audio was given."""

    def __init__(self, serial: int, spoken: Spoken, voice: Synthesizer) -> None:
        self.serial = serial
        self._spoken = spoken
        self._voice = voice
        self._left = list(_sentences(spoken.text))
        self._given = 0  # samples
        self._said = 0  # the end of the last word

    def go_on(self, send: Send, wanted: Callable[[], bool]) -> bool:
        """Send the audio of the next sentence. False: it was the last, or is not wanted."""
        if not wanted():
            return False
        if not self._left:
            send(Chunk(self.serial, b"", done=True))
            return False
        begin, until = self._left.pop(0)
        sound = _Sound(self._spoken, begin, until)

        def on_block(pcm: bytes, words: list[SpokenWord]) -> bool:
            sound.take(pcm, words)
            if sound.ready >= (self._samples(MIN_CHUNK_MS) if self._given else 1):
                send(self._chunk(*sound.cut()))
            return wanted()

        self._voice.speak(self._spoken.text[begin:until], on_block)
        if not wanted():
            return False
        pcm, words = sound.rest()
        if not self._left:
            words = self._to_the_end(words)
        silence = bytes(2 * self._samples(self._pause_ms(until))) if self._given or pcm else b""
        send(self._chunk(pcm + silence, words, more=bool(self._left), done=not self._left))
        return bool(self._left)

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

    def _pause_ms(self, until: int) -> int:
        last = self._spoken.text[:until].rstrip()[-1]
        if last in ",;:":
            return CLAUSE_PAUSE_MS
        return SENTENCE_PAUSE_MS if last in ".!?" or not self._left else 0

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


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    """The parts of a spoken text that are made at once."""
    pieces = Pieces(early_chars=None, max_chars=MAX_SENTENCE_CHARS)
    begin = 0
    for piece in pieces.feed(text) + pieces.flush():
        if any(char.isalnum() for char in piece):
            yield begin, begin + len(piece)
        begin += len(piece)
