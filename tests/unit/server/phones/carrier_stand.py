"""What each carrier shows when it connects, and how it opens a call: for tests with the real server."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from server.door.request import Request
from tests.unit.server.door import signers
from tests.unit.server.door.signers import GENESYS_KEY, GENESYS_SECRET, SOCKET, TELNYX_PUBLIC, TOKEN

Secrets = dict[str, dict[str, Any]]
PHONES: Secrets = {
    "twilio": {"auth_token": TOKEN},
    "telnyx": {"public_key": TELNYX_PUBLIC},
    "plivo": {"auth_token": TOKEN},
    "exotel": {"username": "exo", "password": TOKEN},
    "vonage": {"signature_secret": TOKEN * 2},
    "genesys": {"api_key": GENESYS_KEY, "client_secret": GENESYS_SECRET},
    "asterisk": {"username": "pbx", "password": TOKEN},
}
"""Settings in which every path can be proven."""


class Opening(Struct, frozen=True):
    """How a carrier comes in."""

    proof: Callable[[float], Request] | None
    """A request whose headers prove who it is, at a time; None: it needs a ticket."""
    messages: tuple[Any, ...]
    """Its first messages: JSON, or bytes."""
    headers: tuple[str, ...] = ()
    """Further headers of the upgrade."""


def _start(**start: Any) -> dict[str, Any]:
    return {"event": "start", **start}


CARRIERS: dict[str, Opening] = {
    "twilio": Opening(
        lambda _: signers.twilio(SOCKET, "/twilio"),
        (
            {"event": "connected", "protocol": "Call", "version": "1.0.0"},
            _start(
                sequenceNumber="1",
                streamSid="MZ1",
                start={
                    "accountSid": "AC1",
                    "streamSid": "MZ1",
                    "callSid": "CA1",
                    "tracks": ["inbound"],
                    "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                    "customParameters": {},
                },
            ),
        ),
    ),
    "telnyx": Opening(
        None,
        (
            {"event": "connected", "version": "1.0.0"},
            _start(
                sequence_number="1",
                stream_id="st1",
                start={
                    "user_id": "u",
                    "call_control_id": "v3:c1",
                    "client_state": "",
                    "media_format": {"encoding": "PCMU", "sample_rate": 8000, "channels": 1},
                    "from": "",
                    "to": "",
                },
            ),
        ),
    ),
    "plivo": Opening(
        None,
        (
            _start(
                sequenceNumber=0,
                start={
                    "callId": "c1",
                    "streamId": "s1",
                    "accountId": "MA1",
                    "tracks": ["inbound"],
                    "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000},
                },
                extra_headers="{}",
            ),
        ),
    ),
    "exotel": Opening(
        lambda _: signers.basic("exo", TOKEN),
        (
            {"event": "connected"},
            _start(
                sequence_number="1",
                stream_sid="s1",
                start={
                    "stream_sid": "s1",
                    "call_sid": "c1",
                    "account_sid": "a1",
                    "from": "1",
                    "to": "2",
                    "custom_parameters": {},
                    "media_format": {"encoding": "base64", "sample_rate": "8000", "bit_rate": "128kbps"},
                },
            ),
        ),
    ),
}


def raw(messages: tuple[Any, ...]) -> list[bytes | str]:
    """As they go over the wire."""
    return [each if isinstance(each, bytes) else json.dumps(each) for each in messages]


def lines(request: Request) -> tuple[str, ...]:
    """The headers of a request, as they are sent."""
    return tuple(f"{name}: {value}" for name, value in request.headers.items())
