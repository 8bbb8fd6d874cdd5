"""Ears and voices of several for a whole session: they die where a test says, and tell what they were asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

from audio.events import EarFact, SpeechLost, Transcript, Word
from audio.services import Begin, Finish, Sink, SpeechToText, TextToSpeech, Utterance
from audio.stt.fallback import FallbackOptions
from audio.stt.scripted import ScriptedSpeechToText
from audio.tts.scripted import ScriptedTextToSpeech, decode
from audio.tts.several import FallbackPatience
from link.inbox import Inbox
from link.tasks import Spawn
from server.services.fallback import FallbackEngine, several_ears, several_voices
from server.services.scripted import Simple

Fault = Literal["", "fails", "stalls", "breaks"]
MS_PER_CHAR = 50


class FrailVoice(ScriptedTextToSpeech):
    """The scripted voice, which gives one chunk after the other and, the first time, goes wrong after some."""

    def __init__(self, fault: Fault = "", chunks: int = 0, *, told: bool = True, rate_hz: int = 16000) -> None:
        """`chunks` of 200 ms are given before the fault, in real time; `told`: it tells its words."""
        super().__init__(rate_hz, MS_PER_CHAR)
        self.fault = fault
        self.chunks = chunks
        self.told = told
        self.asked: list[str] = []
        self.closed = 0

    async def run(self, inbox: Inbox[Utterance], sink: Sink, spawn: Spawn) -> None:
        """Note what is asked, then speak."""
        noted: Inbox[Utterance] = Inbox(64)

        async def note() -> None:
            while True:
                utterance = await inbox.get()
                self.asked.append(utterance.text)
                noted.put(utterance)

        spawn(note())
        await super().run(noted, _FrailSink(self, sink), spawn)

    def close(self) -> None:
        """Counted."""
        self.closed += 1


class _FrailSink:
    """Between the scripted voice and the call."""

    def __init__(self, voice: FrailVoice, sink: Sink) -> None:
        self._voice = voice
        self._sink = sink
        self._given = 0

    def wanted(self, frame: int) -> bool:
        """As the call."""
        return self._sink.wanted(frame)

    async def audio(self, frame: int, pcm: bytes, words: tuple[Word, ...] = ()) -> bool:
        """A chunk, as long as it sounds; or the fault."""
        voice = self._voice
        if voice.fault and self._given == voice.chunks:
            fault, voice.fault = voice.fault, ""
            match fault:
                case "fails":
                    self._sink.failed(frame, "it broke off")
                    return False
                case "breaks":
                    raise RuntimeError("it is broken")
                case "stalls":
                    await asyncio.sleep(30)
        self._given += 1
        wanted = await self._sink.audio(frame, pcm, words if voice.told else ())
        await asyncio.sleep(0.2)
        return wanted

    def done(self, frame: int) -> None:
        """As the call."""
        self._sink.done(frame)

    def failed(self, frame: int, reason: str) -> None:
        """As the call."""
        self._sink.failed(frame, reason)


def voices(*made: FrailVoice) -> FallbackEngine[TextToSpeech]:
    """An engine of these, for one call."""
    sources = {f"voice {number}": Simple(partial(_same, voice)) for number, voice in enumerate(made)}
    return several_voices(sources, asyncio.ensure_future, FallbackPatience(1.4, 1.0, 15.0))


def words_in(pcm: bytes, rate_hz: int) -> list[int]:
    """The numbers of the words that are heard, each in its own utterance."""
    return [word.word for word in decode(pcm, rate_hz) if word.word is not None]


class FrailEars(ScriptedSpeechToText):
    """The scripted ears, which go wrong in the speech of this number, after some of its audio or at its end."""

    def __init__(
        self,
        lines: list[str | None],
        fault: Fault = "",
        at: int = 1,
        *,
        after_s: float = 0.0,
        delay_ms: float = 0,
        partials: bool = True,
    ) -> None:
        super().__init__(lines, delay_ms)
        self._partials = partials
        self._fault = fault
        self._at = at
        self._after_bytes = round(after_s * self.rate_hz) * 2
        self.heard: list[int] = []
        """Of each speech the samples."""
        self.closed = 0

    async def run(self, inbox: Inbox[bytes | Begin | Finish], post: Callable[[EarFact], None], spawn: Spawn) -> None:
        """Hear, until the fault."""
        noted: Inbox[bytes | Begin | Finish] = Inbox(1 << 20)

        def tell(fact: EarFact) -> None:
            if self._partials or not isinstance(fact, Transcript) or fact.final:
                post(fact)

        spawn(super().run(noted, tell, spawn))
        while True:
            item = await inbox.get()
            match item:
                case Begin():
                    self.heard.append(0)
                case bytes():
                    self.heard[-1] += len(item) // 2
            over = isinstance(item, Finish) or (self._after_bytes and self.heard[-1:] > [self._after_bytes // 2])
            if self._fault and len(self.heard) >= self._at and over:
                await self._strike(post)
            else:
                noted.put(item)

    async def _strike(self, post: Callable[[EarFact], None]) -> None:
        match self._fault:
            case "fails":
                post(SpeechLost("as told"))
            case "breaks":
                raise RuntimeError("as told")
        await asyncio.Event().wait()

    def close(self) -> None:
        """Counted."""
        self.closed += 1


def _same(service: Any) -> Any:
    return service


class CountedEars:
    """Ears of several whose ends are counted, as the stand wants it."""

    def __init__(self, *made: FrailEars, options: FallbackOptions | None = None) -> None:
        sources = {f"ears {number}": Simple(partial(_same, ears)) for number, ears in enumerate(made)}
        engine = several_ears(sources, asyncio.ensure_future, options or FallbackOptions())
        self._ears: SpeechToText = engine.open()
        self.rate_hz, self.listens = self._ears.rate_hz, self._ears.listens
        self.closed = 0

    async def run(self, inbox: Inbox[Any], post: Callable[[EarFact], None], spawn: Spawn) -> None:
        """Hear for ever."""
        await self._ears.run(inbox, post, spawn)

    def close(self) -> None:
        """Count."""
        self._ears.close()
        self.closed += 1
