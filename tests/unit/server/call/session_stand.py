"""A real session on a socket in memory, with the native wire, for virtual time: what a client sends, hears and sees."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from functools import wraps
from types import TracebackType
from typing import Any, Self

import msgspec
import numpy as np

from audio.playout import Chunk
from audio.services import OnSpeech, TextToSpeech, TurnJudge, VoiceActivity
from audio.tts.scripted import ScriptedTextToSpeech
from llm.service import LanguageModel
from server.agent import Agent
from server.call import events as e
from server.call.line import Control
from server.call.pacer import Pacer
from server.call.services import CallServices
from server.call.session import Session
from server.call.shared import Greeting, Shared
from server.config import Settings
from server.protocols.native import NativeWire
from server.protocols.wire import Message, Phone, Ping, Pong, Wire
from server.sounds import SoundFiles
from tests.unit.server.logbook import Logbook
from tests.unit.server.parts import Answer, DirectModel, LevelVad, NotedEars
from tests.virtual.loop import run

MESSAGE_S = 0.1
PATIENCE_S = 60.0


class MemorySocket:
    """Meets `server.call.shared.Socket`. The test puts what the client sends into `incoming`."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.incoming: asyncio.Queue[Message | Ping | Pong | Exception] = asyncio.Queue()
        self.sent: list[tuple[float, Message | Ping | Pong]] = []
        self.reading = asyncio.Event()
        self.reading.set()
        self.closed: tuple[int, str] | None = None
        self.on_message: Callable[[], None] = lambda: None

    async def receive(self) -> Message | Ping | Pong:
        """What the client sends next."""
        item = await self.incoming.get()
        if isinstance(item, Exception):
            raise item
        return item

    async def send(self, message: Message | Ping | Pong) -> None:
        """Take a message, unless the client does not read."""
        await self.reading.wait()
        if self.closed:
            raise EOFError
        self.sent.append((self._clock(), message))
        self.on_message()

    async def close(self, code: int, reason: str) -> None:
        """Close."""
        self.closed = self.closed or (code, reason)
        self.incoming.put_nowait(EOFError())


class Noted:
    """An observer that keeps everything."""

    def __init__(self) -> None:
        self.facts: list[tuple[float, e.Fact]] = []
        self.events: list[tuple[float, e.Event]] = []
        self.chunks: list[tuple[float, Chunk]] = []

    def fact(self, now: float, fact: e.Fact) -> None:
        """Note it."""
        self.facts.append((now, fact))

    def event(self, now: float, event: e.Event) -> None:
        """Note it."""
        self.events.append((now, event))

    def audio_out(self, now: float, chunk: Chunk) -> None:
        """Note it."""
        self.chunks.append((now, chunk))


class StandEngines:
    """Meets `server.call.services.Engines` for one call."""

    free = 1

    def __init__(self, services: CallServices, vad: type[LevelVad]) -> None:
        self._services = services
        self._vad = vad
        self.vads: list[LevelVad] = []

    def open(self) -> CallServices:
        """The services of the call."""
        return self._services

    def open_vad(self, rate_hz: int, on_speech: OnSpeech) -> tuple[VoiceActivity, int]:
        """As the process does: 8 kHz as it is, everything else at 16."""
        rate = 8000 if rate_hz == 8000 else 16000
        self.vads.append(self._vad(rate, on_speech))
        return self.vads[-1], rate


async def at_once(function: Callable[..., Any], /, **arguments: Any) -> Any:
    """Run a plain function in the loop's own thread."""
    return function(**arguments)


class Stand:
    """One call. Enter it to begin; at the end it hangs up, and checks that nothing failed and nothing is left."""

    def __init__(
        self,
        agent: Agent | None = None,
        answers: Sequence[Answer] = (),
        *,
        lines: Sequence[str | None] = ("hello",),
        start: dict[str, Any] | None = None,
        ears: NotedEars | None = None,
        model: LanguageModel | None = None,
        voice: TextToSpeech | None = None,
        vad: type[LevelVad] = LevelVad,
        judge: TurnJudge | None = None,
        run_sync: Callable[..., Any] = at_once,
        expects_failures: bool = False,
        models: tuple[str, ...] = (),
        control: Control | None = None,
        phone: Phone | None = None,
        wire: Wire | None = None,
        opening: Message | None = None,
        ready: str = "ready",
        **settings: Any,
    ) -> None:
        """`opening`: what the client of `wire` opens the call with; `ready`: what it hears then."""
        self._loop = asyncio.get_running_loop()
        self._expects_failures = expects_failures
        self._changed = asyncio.Event()
        self.log = Logbook()
        self.noted = Noted()
        self.agent = agent or Agent()
        self.ears = ears or NotedEars(lines)
        self.model = model or DirectModel(answers)
        voice = voice or ScriptedTextToSpeech(ms_per_char=50)
        self.engines = StandEngines(CallServices(self.ears, self.model, voice, judge), vad)
        self.pacer = Pacer(self._loop)
        self.dropped: dict[str, int] = {}
        self.socket = MemorySocket(self._loop.time)
        self.socket.on_message = self._changed.set
        self.end: e.End | None = None
        whole = Settings(**settings)
        shared = Shared(
            agent=self.agent,
            settings=self.agent.call_settings(whole),
            wording=self.agent.wording(whole),
            limits=whole.limits,
            engines=self.engines,
            pacer=self.pacer,
            run_sync=run_sync,
            models=models,
            echo_guard=whole.echo_guard,
            sounds=SoundFiles(
                whole.over("background", self.agent.background), whole.over("hold_music", self.agent.hold_music)
            ).at,
            observers=lambda _: (self.noted,),
            dropped=self.dropped.__setitem__,
            control=control,
        )
        wire = wire or NativeWire()
        self._ready = ready
        opened, *first = wire.receive(opening or json.dumps({"type": "start", **(start or {})}))
        if phone is not None:
            opened = msgspec.structs.replace(opened, phone=phone)
        self.rate_hz = opened.capabilities.rate_in  # type: ignore[union-attr]
        self.session = Session("call1", self.socket, wire, Greeting(opened, first), shared)  # type: ignore[arg-type]

    async def __aenter__(self) -> Self:
        self.log.__enter__()
        self._run = self._loop.create_task(self._hold())
        await self.hears(self._ready)
        return self

    async def _hold(self) -> None:
        self.end = await self.session.run()
        self._changed.set()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        try:
            if error is None:
                await self._leave()
        finally:
            self._run.cancel()
            self.log.__exit__(kind, error, at)

    async def _leave(self) -> None:
        if self.end is None:
            self.send("end")
        await self.ended()
        await asyncio.sleep(1.5)  # the pacer's last look
        assert self.ears.closed == 1
        assert [vad.closed for vad in self.engines.vads] == [1]
        assert self._expects_failures == bool(self.log.failures), self.log.failures

    # --- the client ---------------------------------------------------------------------------------------------------

    def send(self, kind: str, **fields: Any) -> None:
        """Send a message of the native wire."""
        self.socket.incoming.put_nowait(json.dumps({"type": kind, **fields}))

    async def talk(self, seconds: float, *, loud: bool = True, level: int = 2000) -> None:
        """Send sound in real time: a voice, or silence."""
        samples = int(MESSAGE_S * self.rate_hz)
        tone = np.where(np.arange(samples) // 20 % 2, level, -level).astype("<i2").tobytes()
        for _ in range(round(seconds / MESSAGE_S)):
            self.socket.incoming.put_nowait(tone if loud else bytes(2 * samples))
            await asyncio.sleep(MESSAGE_S)

    async def speak(self, seconds: float = 0.8, silence_s: float = 0.8) -> None:
        """Say something, and be silent."""
        await self.talk(seconds)
        await self.talk(silence_s, loud=False)

    def gone(self) -> None:
        """The connection breaks."""
        self.socket.closed = (1006, "")
        self.socket.incoming.put_nowait(EOFError())

    # --- what it hears and sees ---------------------------------------------------------------------------------------

    @property
    def seen(self) -> list[dict[str, Any]]:
        """The messages so far."""
        return [json.loads(message) for _, message in self.socket.sent if isinstance(message, str)]

    @property
    def heard(self) -> bytes:
        """The audio so far."""
        return b"".join(message for _, message in self.socket.sent if isinstance(message, bytes))

    def of(self, kind: str, **fields: Any) -> list[dict[str, Any]]:
        """The messages of a kind so far."""
        wanted = {"type": kind, **fields}.items()
        return [each for each in self.seen if wanted <= each.items()]

    def at(self, kind: str, **fields: Any) -> float:
        """When the first message of a kind came."""
        wanted = {"type": kind, **fields}.items()
        return next(at for at, each in self.socket.sent if isinstance(each, str) and wanted <= json.loads(each).items())

    @property
    def bot(self) -> list[str]:
        """The bot's messages, as they were heard."""
        return [each["text"] for each in self.of("transcript", role="assistant", final=True)]

    async def hears(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The first message of a kind, now or later."""
        await self._until(lambda: bool(self.of(kind, **fields)), f"{kind} {fields}")
        return self.of(kind, **fields)[0]

    async def hears_the_bot(self, text: str) -> None:
        """A whole message of the bot."""
        await self._until(lambda: text in self.bot, f"{text!r}; the bot said {self.bot}")

    async def ended(self) -> e.End:
        """The end of the call."""
        await self._until(lambda: self.end is not None, "the end")
        assert self.end is not None
        return self.end

    async def _until(self, holds: Callable[[], bool], what: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not holds():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"waited in vain for {what}; came: {self.seen[-8:]}; {self.log.failures}") from None


def virtual(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """A test that runs in virtual time; whatever it leaves behind is an error."""

    @wraps(test)
    def in_virtual_time(*arguments: Any, **named: Any) -> None:
        run(test(*arguments, **named))

    return in_virtual_time
