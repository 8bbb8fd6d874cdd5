"""Speech that was said to its end goes to `/audio/transcriptions` as a WAV file: OpenAI, and servers like it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import aclosing

from audio.stt.openai_transcription import STREAM_TYPE, Stream, TranscriptionSettings, fields_of, piece_of
from audio.stt.speeches import Piece
from audio.stt.utterance_ears import Hear
from audio.stt.utterances import Job
from audio.wav import wav_of
from link.errors import ProviderError
from link.http import Answer, File, Form, HttpClient

TAIL_S = 0.05
"""The end of a stream is awaited for so long after the last word: the caller waits too."""


class OpenAITranscriber:
    """One call's requests, over the connections that all calls share; a `Transcriber`."""

    def __init__(self, client: HttpClient, settings: TranscriptionSettings, rate_hz: int) -> None:
        """`rate_hz` is that of the mono PCM16."""
        self.rate_hz = rate_hz
        self._client = client
        self._settings = settings
        self._fields = fields_of(settings)

    async def transcribe(self, job: Job, hear: Hear) -> Piece:
        """Ask, and read the answer. Raises ProviderError."""
        file = File("file", "speech.wav", "audio/wav", wav_of(job.pcm, self.rate_hz))
        async with self._client.post(Form(self._fields, (file,))) as answer:
            if answer.content_type == STREAM_TYPE:
                return await self._follow(answer, hear)
            return piece_of(await answer.read(), self._settings.language)

    def close(self) -> None:
        """Nothing to give back: the connections are the process's."""

    async def _follow(self, answer: Answer, hear: Hear) -> Piece:
        stream = Stream(self._settings.language)
        known = ""
        async with aclosing(answer.chunks()) as chunks:
            async for chunk in chunks:
                stream.feed(chunk)
                if stream.piece is not None:
                    await _read_to_the_end(chunks)
                    return stream.piece
                if stream.text.strip() != known:
                    known = stream.text.strip()
                    hear(known)
        raise ProviderError("the transcription ended before its text was whole")


async def _read_to_the_end(chunks: AsyncIterator[bytes]) -> None:
    """A connection whose answer was read to its end serves the next request."""
    with contextlib.suppress(TimeoutError, ProviderError):
        async with asyncio.timeout(TAIL_S):
            async for _ in chunks:
                pass
