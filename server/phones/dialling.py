"""`POST /calls`: programs that show the server's token have it call somebody (`voicewire dial` is one).

    {"from": "+4930…", "to": "+4917…", "carrier": "twilio", "greeting": "Hello.", "detect_machine": true}

Only `from` and `to` must be there. The answer is `{"carrier": "twilio", "call_id": "CA…"}`, or `{"error": "…"}`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec
from aiohttp import web
from loguru import logger
from msgspec import Struct, field

from server.door.request import same
from server.phones.control.carriers import Carriers
from server.phones.control.needs import NEEDS, lacking
from server.phones.control.rest import Call, ControlError
from server.phones.expected import Expected
from server.phones.options import NUMBER, Phones

MAX_GREETING = 2000


class Wish(Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked for."""

    caller: str = field(name="from")
    to: str
    carrier: str = ""
    greeting: str | None = None
    detect_machine: bool = False


class Secrets(Protocol):
    """What it needs of the settings."""

    @property
    def phones(self) -> Phones:
        """The carriers."""

    @property
    def public_url(self) -> str:
        """Where the server is reached from outside."""

    @property
    def token(self) -> str:
        """What has to be shown."""


class Dialling:
    """Makes calls for others."""

    def __init__(self, settings: Secrets, carriers: Carriers, expected: Expected, now: Callable[[], float]) -> None:
        self._phones = settings.phones
        self._public_url = settings.public_url
        self._token = settings.token
        self._carriers = carriers
        self._expected = expected
        self._now = now

    async def handle(self, request: web.Request) -> web.Response:
        """The route."""
        scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
        if not self._token or scheme.lower() != "bearer" or not same(shown, self._token):
            return _error(401, "show the server's token: Authorization: Bearer …; without a token nobody is called")
        try:
            wish = msgspec.json.decode(await request.read(), type=Wish)
            carrier = self._carrier(wish)
            call_id = await self._carriers.dial(carrier, Call(wish.caller, wish.to, wish.detect_machine))
        except (msgspec.DecodeError, ValueError) as error:
            return _error(400, str(error))
        except ControlError as error:
            logger.error("nobody was called: {}", error)
            return _error(502, str(error))
        self._expected.dialled(call_id, wish.greeting, self._now())
        logger.info("calling by {}: {}", carrier, call_id)
        return web.json_response({"carrier": carrier, "call_id": call_id})

    def _carrier(self, wish: Wish) -> str:
        """Who carries the call. Raises ValueError that says what is wrong."""
        for name, number in (("from", wish.caller), ("to", wish.to)):
            if not NUMBER.fullmatch(number):
                raise ValueError(f"`{name}` is no telephone number; write it as +4930…")
        if len(wish.greeting or "") > MAX_GREETING:
            raise ValueError(f"`greeting` has more than {MAX_GREETING} characters")
        if not self._public_url:
            raise ValueError("public_url is not set, so the carrier cannot be told where to connect to")
        ready = [name for name in NEEDS if not lacking(self._phones, name, to_dial=True)]
        if wish.carrier:
            if wish.carrier not in ready:
                keys = " and ".join(lacking(self._phones, wish.carrier, to_dial=True)) if wish.carrier in NEEDS else ""
                raise ValueError(f"set {keys}" if keys else f"there is no carrier {wish.carrier!r} that makes calls")
            return wish.carrier
        if len(ready) != 1:
            raise ValueError(f"name the `carrier`: one of {', '.join(ready)}" if ready else "no carrier has its keys")
        return ready[0]


def _error(status: int, text: str) -> web.Response:
    return web.json_response({"error": text}, status=status)
