"""Services for tests of the shell, with no process, no thread and no link."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import numpy as np
from msgspec import Struct

from audio.events import EarFact
from audio.services import Begin, Finish, OnSpeech, Sink, Utterance
from audio.stt.scripted import ScriptedSpeechToText
from audio.vad import Hysteresis, VadOptions
from link.errors import Overloaded
from link.inbox import Inbox
from link.tasks import Spawn
from llm.events import Ask, Command, Delta, FunctionCall, Infer, InferenceFailed, Inferred, LinkUp, ReplyDone, Request
from llm.service import Post


class Call(Struct, frozen=True):
    """The model calls a tool."""

    name: str
    arguments: str = "{}"


Answer = Sequence[str | Call | float | Exception]
"""What the model does for one request: says text, calls tools, waits so many seconds, breaks."""


class DirectModel:
    """A `LanguageModel` that gives the next answer to each request, and says `then` when it has no more."""

    def __init__(self, answers: Sequence[Answer] = (), then: str = "", texts: Sequence[str | Exception] = ()) -> None:
        """`texts` come of inferences beside the conversation, or they fail; when there are no more, nothing comes."""
        self._answers = list(answers)
        self._texts = list(texts)
        self.inferred: list[Request] = []
        self._then = then
        self._calls = 0
        self.asked: list[Request] = []

    async def run(
        self, inbox: Inbox[Command], post: Post, spawn: Callable[[Coroutine[Any, Any, None]], object]
    ) -> None:
        """Answer for ever."""
        post(LinkUp())
        while True:
            command = await inbox.get()
            if isinstance(command, Ask):
                self.asked.append(command.request)
                await self._answer(command.reply, post)
            elif isinstance(command, Infer):
                self.inferred.append(command.request)
                self._infer(command.job, post)

    def _infer(self, job: int, post: Post) -> None:
        match self._texts.pop(0) if self._texts else None:
            case str(text):
                post(Inferred(job, text))
            case Exception() as error:
                post(InferenceFailed(job, str(error)))

    async def _answer(self, reply: int, post: Post) -> None:
        for step in self._answers.pop(0) if self._answers else filter(None, [self._then]):
            match step:
                case str():
                    post(Delta(reply, step))
                case Call(name, arguments):
                    self._calls += 1
                    post(FunctionCall(reply, f"c{self._calls}", name, arguments))
                case Exception():
                    raise step
                case _:
                    await asyncio.sleep(step)
        post(ReplyDone(reply))


class NotedEars(ScriptedSpeechToText):
    """The scripted ears, which also note what they were given."""

    def __init__(self, lines: Sequence[str | None], rate_hz: int = 16000, fails: Exception | None = None) -> None:
        super().__init__(lines, rate_hz=rate_hz)
        self._fails = fails
        self.heard: list[bytes | Begin | Finish] = []
        self.closed = 0

    async def run(self, inbox: Inbox[bytes | Begin | Finish], post: Callable[[EarFact], None], spawn: Spawn) -> None:
        """Note, then hear."""
        noted: Inbox[bytes | Begin | Finish] = Inbox(1 << 20)

        async def note() -> None:
            while True:
                item = await inbox.get()
                self.heard.append(item)
                if self._fails is not None:
                    raise self._fails
                noted.put(item)

        spawn(note())
        await super().run(noted, post, spawn)

    def close(self) -> None:
        """Count it: a service is closed once."""
        self.closed += 1

    @property
    def pcm(self) -> bytes:
        """All audio that came."""
        return b"".join(item for item in self.heard if isinstance(item, bytes))


class WordlessVoice:
    """A voice without word times, whose audio comes in two uneven pieces: 1 s, and a second later 9 s."""

    rate_hz = 16000

    async def run(self, inbox: Inbox[Utterance], sink: Sink, spawn: Spawn) -> None:
        """Speak for ever."""
        while True:
            frame = (await inbox.get()).frame
            for seconds in (1, 9):
                if not await sink.audio(frame, b"\1\0" * self.rate_hz * seconds):
                    break
                await asyncio.sleep(1)
            else:
                sink.done(frame)

    def close(self) -> None:
        """Nothing is held."""


class LevelVad:
    """Voice activity by loudness, 32 ms at a time; the decision is the real one."""

    def __init__(self, rate_hz: int, on_speech: OnSpeech) -> None:
        self._on_speech = on_speech
        self._decide = Hysteresis(VadOptions())
        self._chunk = rate_hz * 32 // 1000 * 2
        self._rest = b""
        self.closed = 0

    def feed(self, pcm: bytes) -> None:
        """Judge it."""
        self._rest += pcm
        while len(self._rest) >= self._chunk:
            chunk, self._rest = self._rest[: self._chunk], self._rest[self._chunk :]
            loud = np.abs(np.frombuffer(chunk, "<i2").astype(np.int32)).max() > 200
            if fact := self._decide.step(float(loud)):
                self._on_speech(fact)

    def reset(self) -> None:
        """Forget what came."""
        self._rest = b""
        if fact := self._decide.reset():
            self._on_speech(fact)

    def close(self) -> None:
        """Count it."""
        self.closed += 1


class Slots:
    """An engine that counts the services that are open."""

    def __init__(self, make: Callable[[], Any], free: int) -> None:
        self._make = make
        self.free = free

    async def start(self) -> None:
        """Nothing to load."""

    def open(self) -> Any:
        """A service that takes a slot. Raises Overloaded."""
        if self.free == 0:
            raise Overloaded("every place is taken")
        self.free -= 1
        service = self._make()
        close = service.close

        def give_back() -> None:
            self.free += 1
            close()

        service.close = give_back
        return service

    async def close(self) -> None:
        """Nothing to release."""


def ears(lines: Sequence[str | None] = ("hello",), free: int = 100, rate_hz: int = 16000) -> Slots:
    """`stt = {name = "tests.unit.server.parts:ears"}`."""
    return Slots(lambda: NotedEars(lines, rate_hz), free)


def wordless() -> Slots:
    """`tts = {name = "tests.unit.server.parts:wordless"}`."""
    return Slots(WordlessVoice, 100)


class _Models:
    """An engine without slots: a language model is not closed."""

    free = 1 << 30

    def __init__(self, answers: Sequence[Answer]) -> None:
        self._answers = answers

    async def start(self) -> None:
        """Nothing to load."""

    def open(self) -> DirectModel:
        """A model for one call."""
        return DirectModel(self._answers, then="Yes.")

    async def close(self) -> None:
        """Nothing to release."""


def model(answers: Sequence[Answer] = ()) -> _Models:
    """`llm = {name = "tests.unit.server.parts:model", answers = [["Hello."]]}`."""
    return _Models(answers)
