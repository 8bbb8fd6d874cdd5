"""A Deepgram Nova that understands the numbered words of `booth`; how it answers can be written by a test."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from websockets.asyncio.server import ServerConnection

from tests.unit.audio.stt.booth import understood
from tests.unit.audio.stt.faults import Wire

RATE_HZ = 16000


def results(words: list[tuple[str, int, int]], start: int, end: int, **fields: bool) -> str:
    """A `Results` message; positions in samples."""
    listed = [
        {"word": text, "start": begin / RATE_HZ, "end": last / RATE_HZ, "confidence": 0.9}
        for text, begin, last in words
    ]
    alternative = {"transcript": " ".join(text for text, _, _ in words), "confidence": 0.9, "words": listed}
    message: dict[str, Any] = {
        "type": "Results",
        "channel_index": [0, 1],
        "start": start / RATE_HZ,
        "duration": (end - start) / RATE_HZ,
        "channel": {"alternatives": [alternative]},
        **fields,
    }
    return json.dumps(message)


class Stream:
    """The audio of one connection, and how far it is final; all in samples."""

    def __init__(self) -> None:
        self.pcm = bytearray()
        self.final = 0
        self.told = 0

    @property
    def end(self) -> int:
        """All that was heard."""
        return len(self.pcm) // 2

    def words(self) -> list[tuple[str, int, int]]:
        """What is not final yet, each word with its place in the stream."""
        found = understood(bytes(self.pcm[self.final * 2 :]))
        return [(text, begin + self.final, end + self.final) for text, begin, end in found]


class Nova:
    """Its `act` serves each connection."""

    def __init__(
        self,
        faults: Mapping[int, str] | None = None,
        *,
        interim_s: float = 0.4,
        final_s: float = 1.2,
        delay_s: float = 0.05,
        flags: bool = True,
    ) -> None:
        """An interim result each `interim_s` of audio, a final one each `final_s`; `flags`: it says `from_finalize`."""
        self.wire = Wire(faults)
        self.interim = round(interim_s * RATE_HZ)
        self.finality = round(final_s * RATE_HZ)
        self.delay_s = delay_s
        self.flags = flags
        self.texts: list[tuple[str, float]] = []
        self.frames: list[int] = []
        self.requests: list[Any] = []

    async def act(self, connection: ServerConnection) -> None:
        """Listen, and tell what was understood."""
        self.requests.append(connection.request)
        stream = Stream()
        async for message in self.wire.received(connection):
            if isinstance(message, bytes):
                self.frames.append(len(message))
                stream.pcm += message
                await self._progress(connection, stream)
            else:
                self.texts.append((message, asyncio.get_running_loop().time()))
                await self._obey(connection, stream, json.loads(message)["type"])

    async def _progress(self, connection: ServerConnection, stream: Stream) -> None:
        if stream.end - stream.told < self.interim:
            return
        stream.told = stream.end
        words = stream.words()
        whole = [word for word in words if word[2] < stream.end]  # the last one may go on
        if stream.end - stream.final >= self.finality and whole:
            end = whole[-1][2]
            await self.wire.send(connection, results(whole, stream.final, end, is_final=True))
            stream.final = end
        else:
            await self.wire.send(connection, results(words, stream.final, stream.end, is_final=False))

    async def _obey(self, connection: ServerConnection, stream: Stream, kind: str) -> None:
        if kind == "Finalize":
            await asyncio.sleep(self.delay_s)
            flag = {"from_finalize": True} if self.flags else {}
            await self.wire.send(
                connection, results(stream.words(), stream.final, stream.end, is_final=True, speech_final=True, **flag)
            )
            stream.final = stream.told = stream.end
        elif kind == "CloseStream":
            await connection.close()

    def sent(self, kind: str) -> list[float]:
        """When the client sent messages of a type."""
        return [time for text, time in self.texts if json.loads(text)["type"] == kind]
