"""OpenAI's transcription over HTTP, in the SDK's own types, of one who understands the words of `booth`."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import Mapping

from aiohttp import web
from openai.types.audio import Transcription, TranscriptionTextDeltaEvent, TranscriptionTextDoneEvent
from openai.types.audio.transcription import Logprob
from openai.types.audio.transcription_language import TranscriptionLanguage
from openai.types.audio.transcription_verbose import TranscriptionVerbose
from openai.types.audio.transcription_word import TranscriptionWord
from pydantic import BaseModel

from tests.unit.audio.stt.booth import understood

DELTA_S = 0.01
EVENTS = {"garbage event": b"data: }{\n\n", "unknown event": b'data: {"type":"something.new"}\n\n'}
BODIES = {
    "garbage": b"}{ this is no transcription",
    "deep": b'{"text":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "huge": b'{"text":"' + b"x" * (1 << 20) + b'"}',
    "no utf-8": b'{"text":"\xff"}',
    "wrong types": b'{"text":7,"words":{}}',
}
"""Answers that say nothing."""
BEFORE = ("cut", *BODIES, "500", "503", "429", "stall")
WITHIN = ("cut half way", "early end", "garbage event", "told twice", "unknown event")
FAULTS = (*BEFORE, *WITHIN)
"""Those of an answer, and those in the middle of one that is streamed."""


class Transcriptions:
    """Its `act` answers each request; `faults` says what happens at which, counted from 1."""

    def __init__(self, faults: Mapping[int, str] | None = None, delays_s: tuple[float, ...] = (0.2,)) -> None:
        """Each request is answered after one of `delays_s`, in turn."""
        self._faults = dict(faults or {})
        self._delays_s = delays_s
        self.heard: list[str] = []
        """What was understood of each request, in their order."""
        self.fields: list[list[tuple[str, str]]] = []
        self.headers: list[Mapping[str, str]] = []

    async def act(self, request: web.Request) -> web.StreamResponse:
        """Answer."""
        form = await request.post()
        file = form["file"]
        assert isinstance(file, web.FileField)
        with file.file as sound:
            pcm, rate_hz = _read(sound.read())
        words = understood(pcm, rate_hz)
        text = " ".join(word for word, _, _ in words)
        self.heard.append(text)
        self.headers.append(dict(request.headers))
        self.fields.append(sorted((name, str(value)) for name, value in form.items() if name != "file"))
        number = len(self.heard)
        fault = self._faults.get(number, "")
        await asyncio.sleep(1000 if fault == "stall" else self._delays_s[(number - 1) % len(self._delays_s)])
        match fault:
            case "cut":
                assert request.transport is not None
                request.transport.abort()
            case _ if fault in BODIES:
                return web.Response(body=BODIES[fault], content_type="application/json")
            case "500" | "503" | "429" | "400" | "401":
                error = {"message": f"refused {request.headers.get('Authorization')}", "code": "as_told"}
                return web.json_response({"error": error}, status=int(fault), headers={"Retry-After": "0.3"})
        asked = dict(self.fields[-1])
        if asked.get("stream") == "true":
            return await self._stream(request, text, fault)
        if asked["response_format"] == "verbose_json":
            spoken = [
                TranscriptionWord(word=word, start=begin / rate_hz, end=end / rate_hz) for word, begin, end in words
            ]
            return _json(TranscriptionVerbose(duration=1.0, language="english", text=text, words=spoken))
        logprobs = [Logprob(token="a", logprob=-0.5)] if "include[]" in asked else None
        return _json(Transcription(text=text, logprobs=logprobs))

    async def _stream(self, request: web.Request, text: str, fault: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        for word in text.split():
            event = TranscriptionTextDeltaEvent(delta=f" {word}", type="transcript.text.delta")
            await response.write(f"data: {event.model_dump_json()}\n\n".encode() * (2 if fault == "told twice" else 1))
            await response.write(EVENTS.get(fault, b""))
            await asyncio.sleep(DELTA_S)
            if fault == "cut half way":
                assert request.transport is not None
                request.transport.abort()
        if fault != "early end":
            languages = [TranscriptionLanguage(code="en")]
            done = TranscriptionTextDoneEvent(text=text, type="transcript.text.done", languages=languages)
            times = 2 if fault == "told twice" else 1
            await response.write(f"data: {done.model_dump_json()}\n\n".encode() * (times - 1))
            await response.write(f"event: x\ndata: {done.model_dump_json()}\n\ndata: [DONE]\n\n".encode())
        return response


def _read(wav: bytes) -> tuple[bytes, int]:
    with wave.open(io.BytesIO(wav)) as reader:
        assert (reader.getnchannels(), reader.getsampwidth()) == (1, 2)
        return reader.readframes(reader.getnframes()), reader.getframerate()


def _json(answer: BaseModel) -> web.Response:
    return web.Response(text=answer.model_dump_json(exclude_none=True), content_type="application/json")
