"""A Deepgram Nova that understands the numbered words of `booth`, in the SDK's own types."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from deepgram.listen.v1.types import ListenV1CloseStream, ListenV1Finalize, ListenV1KeepAlive, ListenV1Results
from websockets.asyncio.server import ServerConnection

from tests.unit.audio.stt.booth import understood
from tests.unit.link.faults import Wire
from tests.unit.sdk import checked, parsed

RATE_HZ = 16000
TOLD = {"Finalize": ListenV1Finalize, "KeepAlive": ListenV1KeepAlive, "CloseStream": ListenV1CloseStream}
_METADATA = {"request_id": "r", "model_info": {"name": "n", "version": "v", "arch": "a"}, "model_uuid": "u"}
MISFITS: dict[str, str | bytes] = {
    "wrong types": '{"type":"Results","start":"now","duration":[],"channel":7,"is_final":"yes"}',
    "numbers": '{"type":"Results","start":1e308,"duration":1e308,"is_final":false,"channel":{"alternatives":[]}}',
}


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
        "metadata": _METADATA,
        **fields,
    }
    return checked(ListenV1Results, message)


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
        wire: Wire | None = None,
        *,
        interim_s: float = 0.4,
        final_s: float = 1.2,
        delay_s: float = 0.05,
        flags: bool = True,
    ) -> None:
        """An interim result each `interim_s` of audio, a final one each `final_s`; `flags`: it says `from_finalize`."""
        self.wire = wire or Wire()
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
                kind = json.loads(message)["type"]
                parsed(TOLD[kind], message)
                await self._obey(connection, stream, kind)

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
