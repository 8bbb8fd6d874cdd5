"""A Deepgram Flux that understands the numbered words of `booth`, in the SDK's own types; silence ends a turn."""

from __future__ import annotations

from typing import Any

from deepgram.listen.v2.types import ListenV2CloseStream, ListenV2Connected, ListenV2TurnInfo
from websockets.asyncio.server import ServerConnection

from tests.unit.audio.stt.booth import understood
from tests.unit.link.faults import Wire
from tests.unit.sdk import checked, parsed

RATE_HZ = 16000
STEP = RATE_HZ // 4
"""It reports on each 0.25 s of audio."""
MISFITS: dict[str, str | bytes] = {
    "wrong types": '{"type":"TurnInfo","event":"Lunch","audio_window_end":"now","transcript":7,"words":{}}',
    "numbers": '{"type":"TurnInfo","event":"Update","audio_window_end":-1e308,"transcript":"","words":[]}',
}


class Stream:
    """The audio of one connection; places in samples."""

    def __init__(self) -> None:
        self.pcm = bytearray()
        self.heard = 0
        self.turn = 0  # where the turn begins
        self.number = 0
        self.sent = 0
        self.state = "none"
        self.text = ""

    def words(self) -> list[tuple[str, int, int]]:
        """What was said in the turn until the place that is heard."""
        found = understood(bytes(self.pcm[self.turn * 2 : self.heard * 2]))
        return [(text, begin + self.turn, end + self.turn) for text, begin, end in found]


class Flux:
    """Its `act` serves each connection."""

    def __init__(
        self, wire: Wire | None = None, *, eager_s: float = 0.25, end_s: float = 0.5, late_s: float = 0.3
    ) -> None:
        """`eager_s` and `end_s`: the silences; a turn starts when a word was heard for so long (`late_s`)."""
        self.wire = wire or Wire()
        self._eager, self._end, self._late = (round(each * RATE_HZ) for each in (eager_s, end_s, late_s))
        self.bytes = 0
        self.texts: list[str] = []

    async def act(self, connection: ServerConnection) -> None:
        """Listen, and tell what was understood."""
        stream = Stream()
        hello = {"type": "Connected", "request_id": "r", "sequence_id": 0}
        await self.wire.send(connection, checked(ListenV2Connected, hello))
        async for message in self.wire.received(connection):
            if isinstance(message, str):
                parsed(ListenV2CloseStream, message)
                self.texts.append(message)
                await connection.close()
                return
            self.bytes += len(message)
            stream.pcm += message
            while len(stream.pcm) // 2 - stream.heard >= STEP:
                stream.heard += STEP
                await self._report(connection, stream)

    async def _report(self, connection: ServerConnection, stream: Stream) -> None:
        words = stream.words()
        silence = stream.heard - (words[-1][2] if words else stream.turn)
        known = [word for word in words if stream.heard - word[1] >= self._late]
        text = " ".join(text for text, _, end in words if end < stream.heard)
        event = "Update"
        match stream.state:
            case "none" if known:
                event, stream.state = "StartOfTurn", "open"
            case "open" if silence >= self._eager and text:
                event, stream.state = "EagerEndOfTurn", "eager"
            case "eager" if silence < self._eager:
                event, stream.state = "TurnResumed", "open"
            case "eager" if silence >= self._end:
                event = "EndOfTurn"
        said = text if stream.state != "none" else ""
        await self.wire.send(connection, self._message(stream, event, said, words))
        if event == "EndOfTurn":
            stream.state, stream.turn, stream.number = "none", stream.heard, stream.number + 1

    def _message(self, stream: Stream, event: str, text: str, words: list[tuple[str, int, int]]) -> str:
        listed = [{"word": word, "start": begin / RATE_HZ, "end": end / RATE_HZ} for word, begin, end in words]
        stream.sent += 1
        message: dict[str, Any] = {
            "type": "TurnInfo",
            "request_id": "r",
            "sequence_id": stream.sent,
            "end_of_turn_confidence": 0.5,
            "event": event,
            "turn_index": stream.number,
            "audio_window_start": stream.turn / RATE_HZ,
            "audio_window_end": stream.heard / RATE_HZ,
            "transcript": text,
            "words": [{**word, "confidence": 0.9} for word in listed] if text else [],
        }
        return checked(ListenV2TurnInfo, message)
