"""Providers of speech for virtual time: they speak the published wires, in audio that spells its text.

Each character is 20 ms of samples of its code, so what a sink got can be read; 10 characters are a message.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from audio.tts.cartesia import CartesiaCodec
from audio.tts.deepgram import AURA, FLUX, DeepgramCodec
from audio.tts.delivery import Patience
from audio.tts.elevenlabs import ElevenLabsCodec
from audio.tts.websocket import WebsocketVoice
from audio.tts.wire import Codec
from link.tasks import Task, Work
from link.websocket import Endpoint
from tests.unit.audio.tts.sinks import SpeakingCall
from tests.unit.link.dice import LongestDelays
from tests.unit.link.peer import Admit, Peer, admitting

RATE_HZ = 8000
CHAR_MS = 20
CHARS = 10
Send = Callable[[str | bytes], Awaitable[None]]


def sound(text: str) -> bytes:
    """Audio that spells a text."""
    return b"".join(ord(char).to_bytes(2, "little") * (RATE_HZ * CHAR_MS // 1000) for char in text)


def heard(pcm: bytes) -> str:
    """What audio spells."""
    return "".join(chr(code) for code in memoryview(pcm).cast("H")[:: RATE_HZ * CHAR_MS // 1000])


def words_of(text: str) -> list[str]:
    return text.split()


class ElevenLabs:
    """What `/multi-stream-input` says; contexts are spoken at the same time."""

    codec: Codec = ElevenLabsCodec(RATE_HZ, {}, 2)
    close = 1008

    def texts(self, message: dict[str, Any]) -> list[tuple[str, str]]:
        """(context, text) of what is to be spoken now."""
        return [(message["context_id"], message["text"])] if message.get("flush") else []

    def cancelled(self, message: dict[str, Any]) -> str | None:
        """What was flushed goes on."""
        return None

    def audio(self, context: str, text: str, at: int) -> list[str | bytes]:
        part = text[at : at + CHARS]
        times = [n * CHAR_MS for n in range(len(part))]
        alignment = {"chars": [*part], "charStartTimesMs": times, "charDurationsMs": [CHAR_MS] * len(part)}
        message = {"audio": base64.b64encode(sound(part)).decode(), "alignment": alignment, "contextId": context}
        return [json.dumps(message)]

    def end(self, context: str) -> str:
        return json.dumps({"isFinal": True, "contextId": context})


class Cartesia:
    """What `/tts/websocket` says."""

    codec: Codec = CartesiaCodec("m", "v", RATE_HZ, {}, 2)
    close = 1011

    def texts(self, message: dict[str, Any]) -> list[tuple[str, str]]:
        return [(message["context_id"], message["transcript"])] if "transcript" in message else []

    def cancelled(self, message: dict[str, Any]) -> str | None:
        return message["context_id"] if message.get("cancel") else None

    def audio(self, context: str, text: str, at: int) -> list[str | bytes]:
        """The words of a piece come before it."""
        places = _words_that_begin(text, at)
        words = {
            "words": [text[start:end] for start, end in places],
            "start": [start * CHAR_MS / 1000 for start, _ in places],
            "end": [end * CHAR_MS / 1000 for _, end in places],
        }
        common = {"context_id": context, "done": False, "status_code": 206}
        times = {"type": "timestamps", "word_timestamps": words, **common}
        data = base64.b64encode(sound(text[at : at + CHARS])).decode()
        return [json.dumps(times), json.dumps({"type": "chunk", "data": data, "step_time": 1.0, **common})]

    def end(self, context: str) -> str:
        return json.dumps({"type": "done", "done": True, "context_id": context, "status_code": 200})


def _words_that_begin(text: str, at: int) -> list[tuple[int, int]]:
    starts = [n for n in range(len(text)) if not text[n].isspace() and (n == 0 or text[n - 1].isspace())]
    return [(n, n + len(text[n:].split(maxsplit=1)[0])) for n in starts if at <= n < at + CHARS]


class Deepgram:
    """What `/v1/speak` says, or `/v2/speak`."""

    close = 1011

    def __init__(self, codec: Codec, cancel: str, cancelled: str, end: str) -> None:
        self.codec = codec
        self._names = (cancel, cancelled, end)
        self._text = ""

    def texts(self, message: dict[str, Any]) -> list[tuple[str, str]]:
        if message["type"] == "Speak":
            self._text += message["text"]
        text, self._text = (self._text, "") if message["type"] == "Flush" else ("", self._text)
        return [("", text)] if text else []

    def cancelled(self, message: dict[str, Any]) -> str | None:
        return "" if message["type"] == self._names[0] else None

    def audio(self, context: str, text: str, at: int) -> list[str | bytes]:
        return [sound(text[at : at + CHARS])]

    def end(self, context: str) -> str:
        return json.dumps({"type": self._names[2], "sequence_id": 1})

    def stopped(self) -> str:
        return json.dumps({"type": self._names[1], "sequence_id": 1})


def aura() -> Deepgram:
    return Deepgram(DeepgramCodec(AURA, RATE_HZ), "Clear", "Cleared", "Flushed")


def flux() -> Deepgram:
    return Deepgram(DeepgramCodec(FLUX, RATE_HZ), "Interrupt", "SpeechInterrupted", "SpeechMetadata")


Dialect = ElevenLabs | Cartesia | Deepgram
DIALECTS: dict[str, Callable[[], Dialect]] = {
    "elevenlabs": ElevenLabs,
    "cartesia": Cartesia,
    "aura": aura,
    "flux": flux,
}


class Provider:
    """A provider; `faults` maps the n-th message that it sends (from 1, over all connections) to what happens then."""

    def __init__(self, dialect: Dialect, delay_s: float = 0.1, gap_s: float = 0.02) -> None:
        """`delay_s` before the first audio, `gap_s` between messages."""
        self.dialect = dialect
        self.delay_s = delay_s
        self.gap_s = gap_s
        self.faults: dict[int, str] = {}
        self.received: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.connections = 0
        self._sent = 0

    async def act(self, connection: ServerConnection) -> None:
        """Serve a connection."""
        self.connections += 1
        speaking: dict[str, asyncio.Task[None]] = {}
        stalled = asyncio.Event()

        async def send(message: str | bytes) -> None:
            self._sent += 1
            await self._strike(self.faults.get(self._sent), connection, stalled)
            if not stalled.is_set():
                await connection.send(message)

        try:
            async for message in connection:
                told = json.loads(message)
                self.received.append(told)
                for context, text in self.dialect.texts(told):
                    self.asked.append(text)
                    speaking[context] = asyncio.ensure_future(self._speak(context, text, send))
                cancelled = self.dialect.cancelled(told)
                if cancelled is not None:
                    speaking[cancelled].cancel()
                    if isinstance(self.dialect, Deepgram):
                        await send(self.dialect.stopped())
        except ConnectionClosed:
            pass
        finally:
            for task in speaking.values():
                task.cancel()
            await asyncio.gather(*speaking.values(), return_exceptions=True)

    async def _speak(self, context: str, text: str, send: Send) -> None:
        await asyncio.sleep(self.delay_s)
        for at in range(0, len(text), CHARS):
            for message in self.dialect.audio(context, text, at):
                await send(message)
            await asyncio.sleep(self.gap_s)
        await send(self.dialect.end(context))

    async def _strike(self, fault: str | None, connection: ServerConnection, stalled: asyncio.Event) -> None:
        match fault:
            case None:
                return
            case "reset":
                connection.transport.abort()
            case "close":
                await connection.close(self.dialect.close, "something went wrong")
            case "garbage":
                await connection.send("}{ this is no message")
            case "stall":
                stalled.set()
            case _:
                await connection.send(fault)


class Stand:
    """A call whose voice is at a provider, while it is entered."""

    def __init__(
        self, folder: Path, provider: Provider, admit: Admit = admitting, patience: Patience | None = None
    ) -> None:
        self.provider = provider
        self.peer = Peer(folder, provider.act, admit)
        self._patience = patience

    async def __aenter__(self) -> Stand:
        """Open the call."""
        await self.peer.__aenter__()
        voice = WebsocketVoice(
            Endpoint("ws://localhost/speak?key=verysecret", ping_s=600.0),
            self.provider.dialect.codec,
            random=LongestDelays(),
            gate=asyncio.Semaphore(1),
            patience=self._patience,
            opener=self.peer.open,
        )
        self.tasks: list[Task] = []
        self.call = SpeakingCall(voice, self._spawn)
        return self

    async def __aexit__(self, *_: object) -> None:
        """End the call."""
        await self.call.stop()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.peer.__aexit__(None, None, None)

    def _spawn(self, work: Work) -> Task:
        self.tasks.append(asyncio.ensure_future(work))
        return self.tasks[-1]

    def heard(self, frame: int) -> str:
        """What the sink got of a frame."""
        return heard(self.call.sink.pcm.get(frame, b""))

    def words(self, frame: int, text: str) -> list[str]:
        """The words of its text that it was told of."""
        ends = [0, *(word.end for word in self.call.sink.words.get(frame, []))]
        return [text[a:b].strip() for a, b in pairwise(ends)]
