"""The parent's side of every voice in a process of its own: its pool, and a call's service.

What is in flight between the two is at most one sentence, since the child waits to be asked for the next.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from audio.services import Sink, Utterance
from audio.tts.voice_job import Chunk, Say
from link.inbox import Inbox
from link.tasks import Spawn
from link.worker import Slot, WorkerDied, WorkerPool

MAX_TEXT_CHARS = 5000  # some five minutes of speech; reading it over takes the child 15 ms, in which it serves nobody
FIRST_AUDIO_S = 3.0
NEXT_AUDIO_S = 2.0
ASK_AGAIN_S = 0.5  # while the process starts again
MOST = {"workers": 64, "slots": 1024}
"""More than any machine has use for."""


class VoicePool:
    """The processes that speak for all calls; `open` gives a call its voice."""

    def __init__(
        self, target: str, rate_hz: int, *, workers: int, slots: int, spawn: Spawn, options: dict[str, Any]
    ) -> None:
        """`target` makes the job, of `options`; `slots`: calls per process."""
        self._rate_hz = rate_hz
        self._pool = WorkerPool(target, workers=workers, slots=slots, spawn=spawn, options=options)

    async def start(self) -> None:
        """Start the processes. Raises ConfigError where the child finds something missing, with what to do."""
        await self._pool.start()

    @property
    def free(self) -> int:
        """Calls that can still be opened."""
        return self._pool.free

    def pids(self) -> list[int]:
        """The processes, for a benchmark that tells them from the server."""
        return self._pool.pids()

    def open(self) -> WorkerVoice:
        """A voice for one call. Raises Overloaded when every slot is taken."""
        return WorkerVoice(self._pool.open(), self._rate_hz)

    async def close(self) -> None:
        """End the processes."""
        await self._pool.close()


class WorkerVoice:
    """A call's voice: a `TextToSpeech`."""

    def __init__(self, slot: Slot, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self._slot = slot
        self._serial = 0  # of what was asked last; chunks of another are late ones
        self._lost = False  # the process ended and has not answered since: what it is sent may get lost

    async def run(self, inbox: Inbox[Utterance], sink: Sink, spawn: Spawn) -> None:
        """Speak one utterance after the other, for ever."""
        del spawn  # the pool's reader is enough
        while True:
            utterance = await inbox.get()
            if sink.wanted(utterance.frame):
                await self._speak(utterance, sink)

    def close(self) -> None:
        """Give the slot back."""
        self._slot.close()

    async def _speak(self, utterance: Utterance, sink: Sink) -> None:
        frame, text = utterance.frame, utterance.text
        if len(text) > MAX_TEXT_CHARS:
            sink.failed(frame, f"a text of {len(text)} characters is too long to speak (at most {MAX_TEXT_CHARS})")
            return
        try:
            chunk = await self._first(text)
            while await _hand_over(chunk, frame, sink):
                if chunk.done:
                    sink.done(frame)
                    return
                if chunk.more:
                    self._slot.send(Say(self._serial))
                chunk = await self._next(NEXT_AUDIO_S)
        except WorkerDied:
            sink.failed(frame, "the voice's process ended while it spoke")
            return
        except TimeoutError:
            sink.failed(frame, "the voice gave no audio in time")
        self._slot.urgent(self._serial)

    async def _first(self, text: str) -> Chunk:
        """The first audio of a text. If the process ended, the text is said again, once, when it is back."""
        again = False
        async with asyncio.timeout(FIRST_AUDIO_S):
            while True:
                self._serial += 1
                self._slot.send(Say(self._serial, text))
                try:
                    return await self._next(ASK_AGAIN_S if self._lost else FIRST_AUDIO_S)
                except WorkerDied:
                    if again:
                        raise
                    again = True
                except TimeoutError:
                    if not self._lost:
                        raise

    async def _next(self, within_s: float) -> Chunk:
        """The next chunk of what was asked last."""
        async with asyncio.timeout(within_s):
            while True:
                try:
                    chunk = msgspec.convert(await self._slot.receive(), Chunk)
                except WorkerDied:
                    self._lost = True
                    raise
                if chunk.serial == self._serial:
                    self._lost = False
                    return chunk


async def _hand_over(chunk: Chunk, frame: int, sink: Sink) -> bool:
    """Is the frame still wanted?"""
    return await sink.audio(frame, chunk.pcm, chunk.words) if chunk.pcm else sink.wanted(frame)
