"""NCCO: what Vonage is to do with a call, as JSON. Pure.

<https://developer.vonage.com/en/voice/voice-api/ncco-reference>
"""

from __future__ import annotations

from typing import Any

import msgspec

from server.phones.markup.stream import Stream

CONTENT_TYPE = "application/json"
AUDIO = "audio/l16;rate=8000"
"""A telephone line has no more; Vonage would send 16000 and 24000 too."""


def connect(stream: Stream) -> str:
    """Connect the call to our websocket, whose first message has the parameters; when that is closed, the call ends."""
    endpoint = {"type": "websocket", "uri": stream.url, "content-type": AUDIO, "headers": dict(stream.parameters)}
    action: dict[str, Any] = {"action": "connect", "endpoint": [endpoint]}
    if stream.status_url:
        action |= {"eventUrl": [stream.status_url]}
    return _json([action])


def dial(number: str, caller_id: str = "") -> str:
    """Connect the caller to a number, or to a `sip:` address."""
    return _json(dialling(number, caller_id))


def dialling(number: str, caller_id: str = "") -> list[dict[str, Any]]:
    """The same, not encoded: a transfer has it inside."""
    sip = number.startswith("sip:")
    endpoint = {"type": "sip", "uri": number} if sip else {"type": "phone", "number": digits(number)}
    shown = {"from": digits(caller_id)} if caller_id else {}
    return [{"action": "connect", **shown, "endpoint": [endpoint]}]


def reject() -> str:
    """Take no call: there is nothing to do with it."""
    return _json([])


def digits(number: str) -> str:
    """A number as Vonage writes it: without a plus."""
    return number.removeprefix("+")


def _json(value: list[dict[str, Any]]) -> str:
    return msgspec.json.encode(value).decode()
