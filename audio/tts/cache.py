"""Fixed sentences (a greeting, a disclaimer) are made once and kept on disk: a `TextToSpeech` around another.

A sentence is a WAV file and, written after it, a JSON file with its word times; the name of both is a hash of the text
and of all that makes the voice. Files are small and few, so they are read and written at once: a millisecond each.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import wave
from collections.abc import Callable
from pathlib import Path

import msgspec
from loguru import logger
from msgspec import Struct

from audio.events import Word
from audio.services import Sink, TextToSpeech, Utterance
from audio.wav import wav_of
from link.inbox import Inbox
from link.tasks import Spawn

MAX_BYTES = 64 << 20
"""Of all our files; the oldest go first."""
_OURS = re.compile(r"[0-9a-f]{40}\.(?:wav|json)")
MAX_SENTENCE_S = 60.0
CHUNK_MS = 200
CHECK_S = 0.05
"""How often it is seen whether what is before a kept sentence is still wanted."""
INBOX = 64


class Sentence(Struct, frozen=True):
    """A sentence as it was spoken: mono PCM16 and its words."""

    pcm: bytes
    words: tuple[Word, ...]


class _Card(Struct, frozen=True):
    """The JSON file."""

    text: str
    rate_hz: int
    samples: int
    words: tuple[Word, ...]


class SentenceCache:
    """Sentences of one voice in a folder that others may share; their files are not touched."""

    def __init__(self, folder: Path, voice: str, rate_hz: int, max_bytes: int = MAX_BYTES) -> None:
        """`voice` is all that its sound depends on. While there is no such folder nothing is kept on disk."""
        self._folder = folder
        self._voice = voice
        self._rate_hz = rate_hz
        self._max_bytes = max_bytes
        self._known: dict[str, Sentence] = {}  # only fixed sentences are ever asked for

    def get(self, text: str) -> Sentence | None:
        """A sentence, if it is kept and whole."""
        if text not in self._known and (sentence := self._read(text)):
            self._known[text] = sentence
        return self._known.get(text)

    def put(self, text: str, sentence: Sentence) -> None:
        """Keep a sentence. A disk that takes nothing costs only the next process the time."""
        self._known[text] = sentence
        card = _Card(text, self._rate_hz, len(sentence.pcm) // 2, sentence.words)
        try:
            self._write(self._file(text, "wav"), wav_of(sentence.pcm, self._rate_hz))
            self._write(self._file(text, "json"), msgspec.json.encode(card))
            self._make_room()
        except OSError as error:
            logger.warning("tts: a sentence cannot be kept in {}: {}", self._folder, error.strerror)

    def _file(self, text: str, kind: str) -> Path:
        name = hashlib.sha256(f"1\0{self._voice}\0{self._rate_hz}\0{text}".encode(errors="replace")).hexdigest()
        return self._folder / f"{name[:40]}.{kind}"

    def _read(self, text: str) -> Sentence | None:
        sound, card = self._file(text, "wav"), self._file(text, "json")
        try:
            told = msgspec.json.decode(card.read_bytes(), type=_Card)
            with wave.open(str(sound), "rb") as file:
                shape = (file.getnchannels(), file.getsampwidth(), file.getframerate())
                pcm = file.readframes(told.samples)
            if shape != (1, 2, self._rate_hz) or len(pcm) != 2 * told.samples or told.text != text:
                return None
            for each in (sound, card):
                os.utime(each)  # what is used is not old
        except (OSError, EOFError, wave.Error, msgspec.DecodeError):
            return None
        return Sentence(pcm, told.words)

    def _write(self, file: Path, content: bytes) -> None:
        """All of it or nothing, whoever reads or writes it meanwhile."""
        part = file.with_name(f".{file.name}.{os.getpid()}")
        part.write_bytes(content)
        part.replace(file)

    def _make_room(self) -> None:
        files = [(each.stat(), each) for each in self._folder.iterdir() if _OURS.fullmatch(each.name)]
        size = sum(stat.st_size for stat, _ in files)
        for stat, file in sorted(files, key=lambda each: each[0].st_mtime_ns):
            if size <= self._max_bytes:
                return
            file.unlink(missing_ok=True)
            size -= stat.st_size


class CachedVoice:
    """One call's voice: a `TextToSpeech` that has fixed sentences from the cache, and the rest from another."""

    def __init__(self, voice: TextToSpeech, cache: SentenceCache, fixed: frozenset[str]) -> None:
        """`fixed`: the texts that are kept, as they come to the voice."""
        self.rate_hz = voice.rate_hz
        self._voice = voice
        self._cache = cache
        self._fixed = fixed

    async def run(self, inbox: Inbox[Utterance], sink: Sink, spawn: Spawn) -> None:
        """Speak one utterance after the other, for ever."""
        tap = _Tap(sink, self._cache.put)
        behind: Inbox[Utterance] = Inbox(INBOX)
        spawn(self._voice.run(behind, tap, spawn))
        while True:
            utterance = await inbox.get()
            fixed = utterance.text in self._fixed
            if fixed and (sentence := self._cache.get(utterance.text)):
                await tap.idle()  # a sink takes one frame after the other
                await _play(utterance.frame, sentence, self.rate_hz, sink)
            else:
                tap.expect(utterance, _Take(utterance.text, self.rate_hz) if fixed else None)
                behind.put(utterance)

    def close(self) -> None:
        """Give back what the other voice holds."""
        self._voice.close()


async def _play(frame: int, sentence: Sentence, rate_hz: int, sink: Sink) -> None:
    size = rate_hz * CHUNK_MS // 1000 * 2
    for start in range(0, len(sentence.pcm), size):
        begin_ms = start / 2 / rate_hz * 1000
        last = start + size >= len(sentence.pcm)
        words = [
            each
            for each in sentence.words
            if begin_ms <= each.start_ms and (last or each.start_ms < begin_ms + CHUNK_MS)
        ]
        if not await sink.audio(frame, sentence.pcm[start : start + size], tuple(words)):
            return
    if sink.wanted(frame):
        sink.done(frame)


class _Take:
    """A fixed sentence that is being spoken for the first time."""

    def __init__(self, text: str, rate_hz: int) -> None:
        self.text = text
        self._pcm = bytearray()
        self._words: list[Word] = []
        self._most = int(MAX_SENTENCE_S * rate_hz) * 2

    def add(self, pcm: bytes, words: tuple[Word, ...]) -> None:
        if len(self._pcm) <= self._most:
            self._pcm += pcm
            self._words += words

    @property
    def sentence(self) -> Sentence | None:
        """All of it, unless it is nothing, or too long."""
        return Sentence(bytes(self._pcm), tuple(self._words)) if 0 < len(self._pcm) <= self._most else None


class _Tap:
    """The sink as the other voice sees it: it notes what is to be kept, and which frames are not over."""

    def __init__(self, sink: Sink, keep: Callable[[str, Sentence], None]) -> None:
        self._sink = sink
        self._keep = keep
        self._frames: dict[int, _Take | None] = {}  # not over
        self._ended = asyncio.Event()

    def expect(self, utterance: Utterance, take: _Take | None) -> None:
        """The other voice has this to say."""
        self._frames = {frame: each for frame, each in self._frames.items() if self.wanted(frame)}
        self._frames[utterance.frame] = take

    async def idle(self) -> None:
        """Wait until the other voice has said all that is wanted of it."""
        while any(self.wanted(frame) for frame in self._frames):
            self._ended.clear()
            try:
                async with asyncio.timeout(CHECK_S):
                    await self._ended.wait()
            except TimeoutError:
                continue

    def wanted(self, frame: int) -> bool:
        """As the sink."""
        return self._sink.wanted(frame)

    async def audio(self, frame: int, pcm: bytes, words: tuple[Word, ...] = ()) -> bool:
        """As the sink."""
        if take := self._frames.get(frame):
            take.add(pcm, words)
        return await self._sink.audio(frame, pcm, words)

    def done(self, frame: int) -> None:
        """As the sink."""
        take = self._frames.pop(frame, None)
        self._ended.set()
        self._sink.done(frame)
        if take and (sentence := take.sentence):
            self._keep(take.text, sentence)

    def failed(self, frame: int, reason: str) -> None:
        """As the sink."""
        self._frames.pop(frame, None)
        self._ended.set()
        self._sink.failed(frame, reason)
