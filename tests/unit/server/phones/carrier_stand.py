"""What each carrier shows when it connects, and what it says first: for tests with the real server."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from server.door.door import Carrier, Path
from server.door.request import Request
from tests.corpus import asterisk, genesys, vonage
from tests.corpus.carrier_dialects import exotel_start, plivo_start, telnyx_start, twilio_start
from tests.unit.server.door import signers
from tests.unit.server.door.signers import GENESYS_KEY, GENESYS_SECRET, SITE, SOCKET, TELNYX_PUBLIC, TOKEN

SETTINGS: dict[str, Any] = {
    "public_url": SITE,
    "phones": {
        "twilio": {"auth_token": TOKEN},
        "telnyx": {"public_key": TELNYX_PUBLIC},
        "plivo": {"auth_token": TOKEN},
        "exotel": {"username": "exo", "password": TOKEN},
        "vonage": {"signature_secret": TOKEN * 2},
        "genesys": {"api_key": GENESYS_KEY, "client_secret": GENESYS_SECRET},
        "asterisk": {"username": "pbx", "password": TOKEN},
    },
}
"""With which every path can be proven."""
SECRETS = (TOKEN, GENESYS_KEY, GENESYS_SECRET, TELNYX_PUBLIC)
PATHS: tuple[Path, ...] = ("twilio", "telnyx", "plivo", "exotel", "vonage", "genesys", "asterisk", "carrier")
FIRST: dict[Path, str] = {
    "twilio": json.dumps(twilio_start(encoding="audio/x-mulaw")),
    "telnyx": json.dumps(telnyx_start(encoding="PCMU")),
    "plivo": json.dumps(plivo_start(encoding="audio/x-mulaw")),
    "exotel": json.dumps(exotel_start()),
    "vonage": vonage.connected().text,
    "genesys": genesys.opening().text,
    "asterisk": asterisk.start().text,
    "carrier": json.dumps(twilio_start(encoding="audio/x-mulaw")),
}
"""What opens a call."""
PROOFS: dict[Carrier, Callable[[], Request]] = {
    "twilio": lambda: signers.twilio(SOCKET, "/twilio"),
    "exotel": lambda: signers.basic("exo", TOKEN),
    "vonage": lambda: signers.vonage({"iat": int(time.time())}),
    "genesys": lambda: signers.genesys(created=int(time.time()), expires=int(time.time()) + 10),
    "asterisk": lambda: signers.basic("pbx", TOKEN),
}
"""Who shows something in the headers of the upgrade; the others need a ticket."""


def lines(request: Request) -> tuple[str, ...]:
    """The headers of a request, as they are sent."""
    return tuple(f"{name}: {value}" for name, value in request.headers.items())
