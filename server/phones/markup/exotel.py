"""What Exotel's applets are answered: JSON. Pure.

The Voicebot applet asks an https address for the websocket's; the Connect applet behind it, which number to dial:
<https://docs.exotel.com/voice-apis/programmable-connect-working-with-connect-applet-dynamic-url>
"""

from __future__ import annotations

import msgspec

from server.phones.markup.stream import Stream, with_query

CONTENT_TYPE = "application/json"


def connect(stream: Stream) -> str:
    """Connect the call to our websocket; parameters stand in its query, and come back as custom parameters."""
    return _json({"url": with_query(stream.url, stream.parameters)})


def dial(number: str, caller_id: str = "") -> str:
    """The number that a Connect applet is to dial, once; the caller sees `caller_id`, or the applet's own number."""
    outgoing = {"outgoing_phone_number": caller_id} if caller_id else {}
    return _json({"fetch_after_attempt": False, "destination": {"numbers": [number]}, **outgoing})


def _json(value: dict[str, object]) -> str:
    return msgspec.json.encode(value).decode()
