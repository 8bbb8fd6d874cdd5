"""A whole server in virtual time: real aiohttp, real session, real services; scripted ears and voice; one caller."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Protocol

from aiohttp import web
from msgspec import Struct
from websockets.asyncio.client import ClientConnection

from audio.playout import PlayoutOptions
from audio.services import OnSpeech, Sink, Utterance, VoiceActivity
from audio.stt.scripted import ScriptedSpeechToText
from audio.tts.scripted import ScriptedTextToSpeech
from audio.vad import Hysteresis, VadOptions
from link.inbox import Inbox
from link.tasks import Spawn
from link.websocket import HANDSHAKES_AT_ONCE, Endpoint
from llm.responses import ResponsesCodec, ResponsesSettings
from llm.websocket import WebsocketLLMService
from server.agent import Agent
from server.call import events as e
from server.call.hub import Journal
from server.call.pacer import Pacer
from server.call.policy import CallSettings
from server.call.services import CallServices
from server.call.shared import Shared
from server.calls import Calls
from server.config import Settings
from server.observers.metrics import Metrics
from server.protocols.native import NativeWire
from server.socket import AiohttpSocket
from tests.virtual.caller import Caller, Step, lines_of
from tests.virtual.link import Drop, Provider

CHUNK = 1024  # bytes: 32 ms at 16 kHz


class LoudVad:
    """Voice activity for tests: whatever is not silence is a voice. The decision is the real one."""

    def __init__(self, on_speech: OnSpeech) -> None:
        self._on_speech = on_speech
        self._decide = Hysteresis(VadOptions())
        self._rest = bytearray()

    def feed(self, pcm: bytes) -> None:
        """Judge 32 ms at a time."""
        self._rest += pcm
        while len(self._rest) >= CHUNK:
            chunk, self._rest = self._rest[:CHUNK], self._rest[CHUNK:]
            if fact := self._decide.step(0.0 if chunk.count(0) == CHUNK else 1.0):
                self._on_speech(fact)

    def reset(self) -> None:
        """Forget what came."""
        self._rest.clear()

    def close(self) -> None:
        """Nothing to give back."""


class NotedVoice(ScriptedTextToSpeech):
    """The scripted voice, which also notes what it was given to say."""

    def __init__(self, said: dict[int, str]) -> None:
        super().__init__(rate_hz=16000, ms_per_char=25)
        self._said = said

    async def run(self, inbox: Inbox[Utterance], sink: Sink, spawn: Spawn) -> None:
        """Note, then speak."""
        noted: Inbox[Utterance] = Inbox(64)

        async def note() -> None:
            while True:
                utterance = await inbox.get()
                self._said[utterance.frame] = utterance.text
                noted.put(utterance)

        spawn(note())
        await super().run(noted, sink, spawn)


class Serves(Protocol):
    """A provider at the other end of the link: `tests.virtual.link.Provider`, or one that a test writes."""

    messages: int
    struck: int

    async def start(self) -> None:
        """Listen."""

    async def stop(self) -> None:
        """Stop."""

    async def open(self, endpoint: Endpoint) -> ClientConnection:
        """What the service opens a connection with."""


class VirtualEngines:
    """Meets `server.call.services.Engines`."""

    free = 10

    def __init__(self, provider: Serves, lines: Sequence[str | None], lanes: bool) -> None:
        self._provider = provider
        self._lines = lines
        self._lanes = lanes
        self.said: dict[int, str] = {}

    def open(self) -> CallServices:
        """Services for one call."""
        llm = WebsocketLLMService(
            Endpoint("ws://localhost/v1/responses"),
            ResponsesCodec(ResponsesSettings("brain", lanes=self._lanes)),
            random=Random(1),
            gate=asyncio.Semaphore(HANDSHAKES_AT_ONCE),
            opener=self._provider.open,
        )
        return CallServices(ScriptedSpeechToText(self._lines), llm, NotedVoice(self.said))

    def open_vad(self, rate_hz: int, on_speech: OnSpeech) -> tuple[VoiceActivity, int]:
        """Voice activity for one call."""
        return LoudVad(on_speech), rate_hz


class Outcome(Struct):
    """What came of a call."""

    heard: list[str]
    """The words that were heard, in order."""
    turns: list[str]
    """What the log says was heard, message by message."""
    cuts: int
    """How often the bot was interrupted."""
    tools: list[tuple[str, str]]
    end: e.End | None
    messages: int
    struck: int
    seconds: float


class _Notes:
    """Notes the tools that ended, what the bot said, and how often it was interrupted."""

    def __init__(self) -> None:
        self.ended: list[tuple[str, str]] = []
        self.cuts = 0
        self.turns: list[str] = []

    def fact(self, now: float, fact: e.Fact) -> None:
        """Facts are not noted."""

    def event(self, now: float, event: e.Event) -> None:
        """Note it."""
        if isinstance(event, e.ToolFinished):
            self.ended.append((event.name, event.outcome))
        elif isinstance(event, e.AssistantTurn):
            self.turns.append(event.text)
        else:
            self.cuts += isinstance(event, e.Interrupted) - isinstance(event, e.FalseInterruption)

    def audio_out(self, now: float, chunk: object) -> None:
        """Audio is noted by the caller."""


async def call(
    agent: Agent,
    steps: Sequence[Step],
    drops: tuple[Drop, ...] = (),
    *,
    lanes: bool = True,
    journal: Callable[[str, CallSettings, PlayoutOptions], Journal | None] = lambda *_: None,
    serve: Callable[[Path, tuple[Drop, ...]], Serves] = Provider,
) -> Outcome:
    """One call with these drops; checks that nothing is left of it."""
    with tempfile.TemporaryDirectory() as folder:
        provider = serve(Path(folder) / "brain", drops)
        await provider.start()
        engines = VirtualEngines(provider, lines_of(steps), lanes)
        notes, ends = _Notes(), []
        settings = Settings()
        pacer = Pacer(asyncio.get_running_loop())
        shared = Shared(
            agent=agent,
            settings=agent.call_settings(settings),
            wording=agent.wording(settings),
            limits=settings.limits,
            engines=engines,
            pacer=pacer,
            run_sync=_run_at_once,
            observers=lambda _: (notes,),
            journal=journal,
        )
        calls = Calls(settings, shared, Metrics())

        async def websocket(request: web.Request) -> web.StreamResponse:
            socket = web.WebSocketResponse(autoping=False, compress=False, timeout=1.0)
            await socket.prepare(request)
            ends.append(await calls.hold(AiohttpSocket(socket, request), NativeWire(), trusted=False))
            return socket

        app = web.Application()
        app.add_routes([web.get("/ws", websocket)])
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        await web.UnixSite(runner, str(Path(folder) / "server")).start()
        caller = Caller(Path(folder) / "server")
        try:
            await caller.talk(steps)
            await asyncio.sleep(3.0)
            assert calls.count == 0, "the call is not over"
        finally:
            await runner.cleanup()
            await provider.stop()
        return Outcome(
            heard=[engines.said[frame].split()[word] for frame, word in caller.words()],
            turns=notes.turns,
            cuts=notes.cuts,
            tools=notes.ended,
            end=ends[0] if ends else None,
            messages=provider.messages,
            struck=provider.struck,
            seconds=caller.seconds,
        )


async def _run_at_once(function: object, **arguments: object) -> object:
    return function(**arguments)  # type: ignore[operator]
