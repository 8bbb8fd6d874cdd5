"""The embedded voice: espeak-ng in a process of its own, shared by all calls.

espeak-ng is GPL-3 and is loaded in the child process only (`audio.tts.espeak_job`); here are its pool and a call's
service. What is in flight between the two is at most one sentence, since the child waits to be asked for the next.
"""

from __future__ import annotations

import asyncio

import msgspec

from audio.services import Sink, Utterance
from audio.tts.espeak_job import Chunk, Say
from audio.tts.espeak_ng import RATE_HZ
from link.errors import ConfigError, ProviderError
from link.inbox import Inbox
from link.tasks import Spawn
from link.worker import Slot, WorkerDied, WorkerPool

MAX_TEXT_CHARS = 5000  # some five minutes of speech; reading it over takes the child 15 ms, in which it serves nobody
FIRST_AUDIO_S = 3.0
NEXT_AUDIO_S = 2.0
ASK_AGAIN_S = 0.5  # while the process starts again

_RANGES = {
    "rate_wpm": (80, 450),  # these three: speak_lib.h
    "pitch": (0, 99),
    "volume": (0, 200),
    "workers": (1, 64),  # more than any machine has use for
    "slots": (1, 1024),
}


class EspeakEngine:
    """The process that speaks for all calls; `open` gives a call its voice.

    `voice` is a language ("en-us", "de") or a voice's own name, with a variant if wanted ("en-gb+f3"). `rate_wpm` is 80
    to 450, `pitch` 0 to 99, `volume` 0 to 200; at 80 the loudest voice peaks 3 dB below full scale.
    """

    def __init__(
        self,
        *,
        spawn: Spawn,
        voice: str = "en-us",
        rate_wpm: int = 175,
        pitch: int = 50,
        volume: int = 80,
        workers: int = 1,
        slots: int = 256,
    ) -> None:
        """`slots`: calls per process. Raises ConfigError for a number out of range."""
        options = {"rate_wpm": rate_wpm, "pitch": pitch, "volume": volume}
        for name, value in {**options, "workers": workers, "slots": slots}.items():
            low, high = _RANGES[name]
            if not low <= value <= high:
                raise ConfigError(f"tts: {name} must be from {low} to {high}, not {value}")
        self._pool = WorkerPool(
            "audio.tts.espeak_job:espeak",
            workers=workers,
            slots=slots,
            spawn=spawn,
            options={"voice": voice, **options},
        )

    async def start(self) -> None:
        """Start the process. Raises ConfigError where there is no such voice or no espeak-ng, with what to do."""
        try:
            await self._pool.start()
        except ProviderError as error:
            _, is_config, reason = str(error).partition("ConfigError: ")
            if is_config:
                raise ConfigError(reason) from error
            raise

    @property
    def free(self) -> int:
        """Calls that can still be opened."""
        return self._pool.free

    def pids(self) -> list[int]:
        """The processes, for a benchmark that tells them from the server."""
        return self._pool.pids()

    def open(self) -> Espeak:
        """A voice for one call. Raises Overloaded when every slot is taken."""
        return Espeak(self._pool.open())

    async def close(self) -> None:
        """End the process."""
        await self._pool.close()


class Espeak:
    """A call's voice: a `TextToSpeech`."""

    rate_hz = RATE_HZ

    def __init__(self, slot: Slot) -> None:
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
