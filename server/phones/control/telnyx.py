"""Telnyx' Call Control.

<https://developers.telnyx.com/api-reference/call-commands>. Each command has a name of its own, by which Telnyx does it
once however often it comes.
"""

from __future__ import annotations

from random import Random
from urllib.parse import quote
from uuid import UUID

import msgspec

from link.http import Connector, Json, open_connector
from link.websocket import Endpoint
from server.phones.control.rest import Call, ControlError, Rest
from server.phones.markup.stream import Stream
from server.phones.options import Telnyx
from server.protocols.wire import Phone

KEYS = "phones.telnyx.api_key"
WORDS = {
    "10015": "the request was not understood; is phones.telnyx.connection_id that of a Call Control application?",
    "90018": "the call is over",
    "D38": "the number that calls must be one of this account",
}
GONE = ("90018", "90015")
STREAM = {"stream_track": "inbound_track", "stream_codec": "PCMU"}
BOTH_WAYS = {"stream_bidirectional_mode": "rtp", "stream_bidirectional_codec": "PCMU"}


class TelnyxControl:
    """One account."""

    def __init__(self, options: Telnyx, public_url: str, random: Random, connector: Connector = open_connector) -> None:
        url = f"{options.base_url.rstrip('/')}/v2/calls"
        key = (("Authorization", f"Bearer {options.api_key}"),)
        secrets = (options.api_key,)
        self._rest = Rest("Telnyx", Endpoint(url, key), KEYS, random, secrets=secrets, words=WORDS, connector=connector)
        self._connection_id = options.connection_id
        self._public_url = public_url
        self._random = random

    async def hang_up(self, phone: Phone) -> None:
        """End a call; one that is over is no error."""
        await self._act(phone.call_id, "hangup", {}, gone=GONE)

    async def transfer(self, phone: Phone, to: str, words: str) -> None:
        """Connect the caller to somebody else. Raises ControlError for a warm transfer too."""
        if words:
            raise ControlError("Telnyx transfers without words: leave them out")
        await self._act(phone.call_id, "transfer", {"to": to})

    async def send_digits(self, phone: Phone, digits: str) -> None:
        """Press keys."""
        await self._act(phone.call_id, "send_dtmf", {"digits": digits})

    async def answer(self, call_id: str, stream: Stream, *, outbound: bool) -> None:
        """Take a call and stream it to us, or stream one of ours that was answered."""
        body = {"stream_url": stream.url, **STREAM, **BOTH_WAYS}
        await self._act(call_id, "streaming_start" if outbound else "answer", body)

    async def dial(self, call: Call) -> str:
        """Make a call; its events come to our webhook, which streams it when it is answered."""
        if not self._connection_id:
            raise ControlError("Telnyx calls through an application: set phones.telnyx.connection_id")
        body = {
            "connection_id": self._connection_id,
            "from": call.caller,
            "to": call.to,
            "webhook_url": f"{self._public_url}/telnyx/voice",
            **({"answering_machine_detection": "greeting_end"} if call.detect_machine else {}),
        }
        made = await self._rest.ask("POST", "", self._named(body), again=True)
        return str(made["data"]["call_control_id"])

    async def _act(self, call_id: str, action: str, body: dict[str, str], gone: tuple[str, ...] = ()) -> None:
        path = f"/{quote(call_id, safe='')}/actions/{action}"
        await self._rest.ask("POST", path, self._named(body), again=True, gone=gone)

    def _named(self, body: dict[str, str]) -> Json:
        name = str(UUID(int=self._random.getrandbits(128), version=4))
        return Json(msgspec.json.encode({**body, "command_id": name}))

    async def close(self) -> None:
        """Close the connections."""
        await self._rest.close()
