"""Voices that fail, stall and break where a test says, and a call with a fallback of them; for virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from audio.events import Word
from audio.services import Sink, Utterance
from audio.tts.several import FallbackPatience
from link.breaker import BreakerOptions
from link.errors import Overloaded
from link.inbox import Inbox
from link.tasks import Spawn, Task, Work
from server.services.fallback import several_voices
from tests.unit.audio.tts.provider import CHAR_MS, RATE_HZ, heard, sound
from tests.unit.audio.tts.sinks import SpeakingCall
from tests.virtual.loop import run

CHUNK = 3
"""Characters of a chunk of audio."""
GAP_S = 0.02


class Puppet:
    """A voice in audio that spells its text; `faults` are those of its utterances, in order: `fail 7`, `stall 7`, …

    The number is how many characters are given before. `told`: whether it tells its words.
    """

    def __init__(self, source: Source) -> None:
        self.rate_hz = source.rate_hz
        self._source = source
        self.closed = False
        self.alive = False

    async def run(self, inbox: Inbox[Utterance], sink: Sink, spawn: Spawn) -> None:
        spawn(self._live())
        while True:
            utterance = await inbox.get()
            if sink.wanted(utterance.frame):
                await self._speak(utterance, sink)

    async def _live(self) -> None:
        self.alive = True
        try:
            await asyncio.Event().wait()
        finally:
            self.alive = False

    async def _speak(self, utterance: Utterance, sink: Sink) -> None:
        source = self._source
        source.asked.append(utterance.text)
        kind, _, place = source.faults.pop(0).partition(" ") if source.faults else ("", "", "")
        limit = int(place) if kind else len(utterance.text)
        await asyncio.sleep(source.delay_s)
        for at in range(0, limit, CHUNK):
            text = utterance.text[at : min(at + CHUNK, limit)]
            pcm = sound(text) if self.rate_hz == RATE_HZ else bytes(2 * len(text) * CHAR_MS * self.rate_hz // 1000)
            words = _words(utterance.text, at, at + len(text)) if source.told else ()
            if not await sink.audio(utterance.frame, pcm, words):
                return
            await asyncio.sleep(GAP_S)
        match kind:
            case "fail":
                sink.failed(utterance.frame, "it broke off")
            case "stall":
                await asyncio.sleep(2.0)
                assert not await sink.audio(utterance.frame, sound("late"), (Word(0.0, 4),))
                sink.done(utterance.frame)
            case "raise":
                raise RuntimeError("it is broken")
            case _:
                sink.done(utterance.frame)

    def close(self) -> None:
        assert not self.closed
        self.closed = True


def _words(text: str, begin: int, end: int) -> tuple[Word, ...]:
    """Those that begin there."""
    starts = [at for at in range(begin, end) if not text[at].isspace() and (at == 0 or text[at - 1].isspace())]
    return tuple(Word(float(at * CHAR_MS), at + len(text[at:].split(maxsplit=1)[0])) for at in starts)


class Source:
    """The engine of puppets."""

    def __init__(self, *faults: str, told: bool = True, rate_hz: int = RATE_HZ, delay_s: float = 0.1) -> None:
        self.faults = list(faults)
        self.told = told
        self.rate_hz = rate_hz
        self.delay_s = delay_s
        self.asked: list[str] = []
        self.opened: list[Puppet] = []
        self.free = 9

    async def start(self) -> None:
        """Nothing to load."""

    def open(self) -> Puppet:
        if not self.free:
            raise Overloaded("every place is taken")
        self.opened.append(Puppet(self))
        return self.opened[-1]

    async def close(self) -> None:
        """Nothing to release."""


class Stand:
    """A call with a fallback of these, while it is entered."""

    def __init__(self, *sources: Source, breaker: BreakerOptions | None = None) -> None:
        self.sources = sources
        self.tasks: list[Task] = []
        named = {f"voice {number}": source for number, source in enumerate(sources)}
        self.engine = several_voices(named, self.spawn, FallbackPatience(), breaker)

    async def __aenter__(self) -> Stand:
        """Open the call."""
        await self.engine.start()
        self.call = SpeakingCall(self.engine.open(), self.spawn)
        return self

    async def __aexit__(self, *_: object) -> None:
        """End it; all that was opened is closed."""
        await self.call.stop()
        await self.engine.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        assert all(puppet.closed for source in self.sources for puppet in source.opened)

    def spawn(self, work: Work) -> Task:
        self.tasks.append(asyncio.ensure_future(work))
        return self.tasks[-1]

    def heard(self, frame: int) -> str:
        return heard(self.call.sink.pcm.get(frame, b""))

    async def speak(self, *texts: str) -> list[str]:
        """Say pieces, from number 1 on; how each ended."""
        for number, text in enumerate(texts, 1):
            self.call.say(number, text)
        return [await self.call.sink.end_of(number) for number in range(1, len(texts) + 1)]


def at(act: Callable[[Stand], Awaitable[None]], *sources: Source, **options: Any) -> None:
    """Let a call act."""

    async def main() -> None:
        async with Stand(*sources, **options) as stand:
            await act(stand)

    run(main())


def now() -> float:
    return asyncio.get_running_loop().time()
