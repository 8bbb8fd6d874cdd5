"""A sink that keeps what a voice hands over, can make it wait, and can stop wanting a frame."""

from __future__ import annotations

import asyncio

from audio.events import Word
from audio.services import TextToSpeech, Utterance
from link.inbox import Inbox
from link.tasks import Spawn


class KeepingSink:
    """`pcm` and `words` by frame; `ends` is what became of each frame, in order: "done" or a reason."""

    def __init__(self) -> None:
        self.pcm: dict[int, bytes] = {}
        self.words: dict[int, list[Word]] = {}
        self.chunks: list[tuple[int, int, tuple[Word, ...]]] = []
        self.ends: list[tuple[int, str]] = []
        self.dropped: set[int] = set()
        self.room = asyncio.Event()  # cleared: the playout is full
        self.room.set()
        self.waiting = asyncio.Event()  # a voice waits for room
        self._news = asyncio.Event()

    def wanted(self, frame: int) -> bool:
        return frame not in self.dropped

    async def audio(self, frame: int, pcm: bytes, words: tuple[Word, ...] = ()) -> bool:
        assert pcm
        self.waiting.set()
        await self.room.wait()
        self.waiting.clear()
        if frame in self.dropped:
            return False
        self.pcm[frame] = self.pcm.get(frame, b"") + pcm
        self.words.setdefault(frame, []).extend(words)
        self.chunks.append((frame, len(pcm), words))
        self._news.set()
        return True

    def done(self, frame: int) -> None:
        self._end(frame, "done")

    def failed(self, frame: int, reason: str) -> None:
        self._end(frame, reason)

    async def end_of(self, frame: int) -> str:
        """What became of a frame, once it is known."""
        while frame not in dict(self.ends):
            await self._wait()
        return next(how for ended, how in self.ends if ended == frame)

    async def until_given(self, frame: int, size: int) -> None:
        """Wait until so many bytes of a frame were given, or it ended."""
        while len(self.pcm.get(frame, b"")) < size and frame not in dict(self.ends):
            await self._wait()

    async def _wait(self) -> None:
        self._news.clear()
        await self._news.wait()

    def _end(self, frame: int, how: str) -> None:
        assert frame not in self.dropped
        self.ends.append((frame, how))
        self._news.set()


class SpeakingCall:
    """A voice at work: its task, inbox and sink."""

    def __init__(self, voice: TextToSpeech, spawn: Spawn = asyncio.ensure_future) -> None:
        self.voice = voice
        self.sink = KeepingSink()
        self.inbox: Inbox[Utterance] = Inbox(64)
        self.task = asyncio.ensure_future(voice.run(self.inbox, self.sink, spawn))

    def say(self, frame: int, text: str) -> None:
        self.inbox.put(Utterance(frame, text))

    async def speak(self, frame: int, text: str) -> str:
        """Say a text and wait until it is over."""
        self.say(frame, text)
        return await self.sink.end_of(frame)

    async def stop(self) -> None:
        """End the task as a call does, then give back what the voice holds."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        self.voice.close()
