"""An OpenAI transcription session that understands the numbered words of `booth`, in the SDK's own types."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent
from pydantic import TypeAdapter
from websockets.asyncio.server import ServerConnection

from tests.unit.audio.stt.booth import understood
from tests.unit.link.faults import Wire

RATE_HZ = 24000
CLIENT: TypeAdapter[Any] = TypeAdapter(RealtimeClientEvent)
SERVER: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)
_ITEM = "conversation.item.input_audio_transcription"
MISFITS: dict[str, str | bytes] = {
    "wrong types": f'{{"type":"{_ITEM}.delta","item_id":7,"delta":[]}}',
    "numbers": f'{{"type":"{_ITEM}.delta","item_id":"item_of_nobody","content_index":1e308,"delta":""}}',
}


class Realtime:
    """Its `act` serves each connection."""

    def __init__(self, wire: Wire | None = None, *, delay_s: float = 0.1, live: bool = True) -> None:
        """`live`: text comes while speech goes on; else after the commit."""
        self.wire = wire or Wire()
        self._delay_s = delay_s
        self._live = live
        self._items = 0
        self.settings: list[Any] = []
        self.refuse: dict[str, Any] | None = None
        """The error that answers the settings."""

    async def act(self, connection: ServerConnection) -> None:
        """Listen, and tell what was understood."""
        pcm, told, item = bytearray(), 0, self._new()
        async for message in self.wire.received(connection):
            CLIENT.validate_json(message)
            event = json.loads(message)
            match event["type"].rpartition(".")[2]:
                case "update":
                    self.settings.append(event["session"])
                    await self._say(connection, "session.updated", session=event["session"])
                    if self.refuse:
                        await self._say(connection, "error", error=self.refuse)
                case "append":
                    pcm += base64.b64decode(event["audio"])
                    words = [text for text, _, end in understood(bytes(pcm), RATE_HZ) if end < len(pcm) // 2]
                    if self._live and len(words) > told:
                        await self._say(connection, f"{_ITEM}.delta", item_id=item, delta=" ".join(words[told:]) + " ")
                        told = len(words)
                case "commit":
                    words = [text for text, _, _ in understood(bytes(pcm), RATE_HZ)]
                    await self._say(connection, "input_audio_buffer.committed", item_id=item)
                    await asyncio.sleep(self._delay_s)
                    usage = {"type": "duration", "seconds": 1.0}
                    text = " ".join(words)
                    await self._say(connection, f"{_ITEM}.completed", item_id=item, transcript=text, usage=usage)
                    pcm, told, item = bytearray(), 0, self._new()

    def _new(self) -> str:
        self._items += 1
        return f"item_{self._items}"

    async def _say(self, connection: ServerConnection, kind: str, **fields: Any) -> None:
        index = {"content_index": 0} if kind.startswith(_ITEM) else {}
        message = {"type": kind, "event_id": "e", **index, **fields}
        SERVER.validate_python(message)
        await self.wire.send(connection, json.dumps(message))
