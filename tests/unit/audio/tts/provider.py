"""Providers of speech for virtual time: they speak the published wires, in the types of the vendors' packages.

The audio spells its text: each character is 20 ms of samples of its code, so what a sink got can be read; 10
characters are a message.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from cartesia.types import websocket_response as cartesia
from cartesia.types.generation_request import GenerationRequest
from cartesia.types.websocket_client_event import CancelContextRequest
from deepgram.speak.v1.types import SpeakV1Clear, SpeakV1Cleared, SpeakV1Flush, SpeakV1Flushed, SpeakV1Text
from deepgram.speak.v2.types import (
    SpeakV2Flush,
    SpeakV2Interrupt,
    SpeakV2Speak,
    SpeakV2SpeechInterrupted,
    SpeakV2SpeechMetadata,
)
from elevenlabs.types.audio_output_multi import AudioOutputMulti
from elevenlabs.types.close_context import CloseContext
from elevenlabs.types.final_output_multi import FinalOutputMulti
from elevenlabs.types.initialize_connection_multi import InitializeConnectionMulti
from elevenlabs.types.send_text_multi import SendTextMulti
from pydantic import BaseModel
from websockets.asyncio.server import ServerConnection

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
from tests.unit.link.faults import Wire
from tests.unit.link.peer import Admit, Peer, admitting
from tests.unit.sdk import checked, parsed

RATE_HZ = 8000
CHAR_MS = 20
CHARS = 10
Send = Callable[[str | bytes], Awaitable[None]]
Answer = tuple[type[BaseModel], Mapping[str, Any]]
"""A message and its type in the vendor's package."""


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
    sound = '"audio"'
    misfits: Mapping[str, str | bytes] = {
        "wrong types": '{"audio":7,"alignment":[],"contextId":{}}',
        "numbers": '{"alignment":{"chars":["x"],"charStartTimesMs":[1e308],"charDurationsMs":[9]},"contextId":"0-1"}',
        "nobody's": '{"audio":"AAAA","contextId":"7-77"}',
    }

    def open(self) -> None:
        """A new connection: nothing is kept between messages."""

    def told(self, message: dict[str, Any]) -> type[BaseModel]:
        """The SDK's type of what a client says."""
        if message.get("close_context"):
            return CloseContext
        return SendTextMulti if message.get("flush") else InitializeConnectionMulti

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
        return [checked(AudioOutputMulti, message)]

    def end(self, context: str) -> str:
        return checked(FinalOutputMulti, {"isFinal": True, "contextId": context})


class Cartesia:
    """What `/tts/websocket` says."""

    codec: Codec = CartesiaCodec("m", "v", RATE_HZ, {}, 2)
    close = 1011
    sound = '"chunk"'
    misfits: Mapping[str, str | bytes] = {
        "wrong types": '{"type":"chunk","data":7,"done":"yes","context_id":[]}',
        "numbers": '{"type":"timestamps","context_id":"0-1",'
        '"word_timestamps":{"words":["x"],"start":[1e308],"end":[-1e308]}}',
        "nobody's": '{"type":"chunk","data":"AAAA","context_id":"7-77"}',
    }

    def open(self) -> None:
        """A new connection: nothing is kept between messages."""

    def told(self, message: dict[str, Any]) -> type[BaseModel]:
        """The SDK's type of what a client says."""
        return CancelContextRequest if message.get("cancel") else GenerationRequest

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
        chunk = {"type": "chunk", "data": data, "step_time": 1.0, **common}
        return [checked(cartesia.Timestamps, times), checked(cartesia.Chunk, chunk)]

    def end(self, context: str) -> str:
        done = {"type": "done", "done": True, "context_id": context, "status_code": 200}
        return checked(cartesia.Done, done)


def _words_that_begin(text: str, at: int) -> list[tuple[int, int]]:
    starts = [n for n in range(len(text)) if not text[n].isspace() and (n == 0 or text[n - 1].isspace())]
    return [(n, n + len(text[n:].split(maxsplit=1)[0])) for n in starts if at <= n < at + CHARS]


class Deepgram:
    """What `/v1/speak` says, or `/v2/speak`."""

    close = 1011
    sound = "binary"
    misfits: Mapping[str, str | bytes] = {"wrong types": '{"type":[],"code":7}', "numbers": '{"type":"Odd","x":1e308}'}

    def __init__(
        self, codec: Codec, told: Mapping[str, type[BaseModel]], cancel: str, end: Answer, cancelled: Answer
    ) -> None:
        """`told`: the SDK's types of what a client says, by their names."""
        self.codec = codec
        self._told = told
        self._cancel, self._end, self._cancelled = cancel, end, cancelled
        self._text = ""

    def open(self) -> None:
        """A new connection knows no text."""
        self._text = ""

    def told(self, message: dict[str, Any]) -> type[BaseModel]:
        """The SDK's type of what a client says."""
        return self._told[message["type"]]

    def texts(self, message: dict[str, Any]) -> list[tuple[str, str]]:
        if message["type"] == "Speak":
            self._text += message["text"]
        text, self._text = (self._text, "") if message["type"] == "Flush" else ("", self._text)
        return [("", text)] if text else []

    def cancelled(self, message: dict[str, Any]) -> str | None:
        return "" if message["type"] == self._cancel else None

    def audio(self, context: str, text: str, at: int) -> list[str | bytes]:
        return [sound(text[at : at + CHARS])]

    def end(self, context: str) -> str:
        return checked(*self._end)

    def stopped(self) -> str:
        return checked(*self._cancelled)


def aura() -> Deepgram:
    told: Mapping[str, type[BaseModel]] = {"Speak": SpeakV1Text, "Flush": SpeakV1Flush, "Clear": SpeakV1Clear}
    end = (SpeakV1Flushed, {"type": "Flushed", "sequence_id": 1})
    cleared = (SpeakV1Cleared, {"type": "Cleared", "sequence_id": 1})
    return Deepgram(DeepgramCodec(AURA, RATE_HZ), told, "Clear", end, cleared)


def flux() -> Deepgram:
    told: Mapping[str, type[BaseModel]] = {"Speak": SpeakV2Speak, "Flush": SpeakV2Flush, "Interrupt": SpeakV2Interrupt}
    controls = {"pronunciations_applied": 0, "breaks_applied": 0, "pronunciation_warnings": 0}
    counts = {"audio_duration_ms": 1, "input_character_count": 1, "billable_character_count": 1}
    turn = {"speech_id": "s", **counts, "controls_applied": controls}
    end = (SpeakV2SpeechMetadata, {"type": "SpeechMetadata", **turn})
    stopped = (SpeakV2SpeechInterrupted, {"type": "SpeechInterrupted", "audio_played_ms": 1, "metadata": turn})
    return Deepgram(DeepgramCodec(FLUX, RATE_HZ), told, "Interrupt", end, stopped)


Dialect = ElevenLabs | Cartesia | Deepgram
DIALECTS: dict[str, Callable[[], Dialect]] = {
    "elevenlabs": ElevenLabs,
    "cartesia": Cartesia,
    "aura": aura,
    "flux": flux,
}


class Provider:
    """A provider; `wire.faults` maps the n-th message, of it or to it, to what happens then."""

    def __init__(self, dialect: Dialect, delay_s: float = 0.1, gap_s: float = 0.02, stop_s: float = 0.0) -> None:
        """`delay_s` before the first audio, `gap_s` between messages; what is cancelled goes on for `stop_s`."""
        self.dialect = dialect
        self.wire = Wire(misfits=dialect.misfits, unrepeated=dialect.sound)
        self.delay_s = delay_s
        self.gap_s = gap_s
        self.stop_s = stop_s
        self.received: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.connections = 0

    async def act(self, connection: ServerConnection) -> None:
        """Serve a connection."""
        self.connections += 1
        self.dialect.open()
        speaking: dict[str, asyncio.Task[None]] = {}

        async def send(message: str | bytes) -> None:
            await self.wire.send(connection, message)

        try:
            async for message in self.wire.received(connection):
                told = json.loads(message)
                parsed(self.dialect.told(told), message)
                self.received.append(told)
                for context, text in self.dialect.texts(told):
                    self.asked.append(text)
                    speaking[context] = asyncio.ensure_future(self._speak(context, text, send))
                cancelled = self.dialect.cancelled(told)
                if cancelled is not None:
                    await asyncio.sleep(self.stop_s)
                    if cancelled in speaking:
                        speaking[cancelled].cancel()
                    if isinstance(self.dialect, Deepgram):
                        await send(self.dialect.stopped())
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
