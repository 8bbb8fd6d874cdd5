"""Vonage's Voice API, with a token (RS256) that the application's private key signs.

<https://developer.vonage.com/en/api/voice>
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote
from uuid import UUID

import msgspec

from link.errors import ConfigError
from link.http import Connector, Json, open_connector
from link.websocket import Endpoint
from server.phones.control.rest import Call, ControlError, Rest
from server.phones.markup import vonage
from server.phones.options import Vonage
from server.protocols.wire import Phone

KEYS = "phones.vonage.application_id and private_key"
TOKEN_S = 300.0


class VonageControl:
    """One application."""

    def __init__(
        self,
        options: Vonage,
        public_url: str,
        random: Random,
        now: Callable[[], float],
        connector: Connector = open_connector,
    ) -> None:
        """`now` is Unix time. Raises ConfigError where the key cannot be read."""
        self._options = options
        self._public_url = public_url
        self._random = random
        self._now = now
        self._connector = connector
        self._key = _key(options.private_key)

    async def hang_up(self, phone: Phone) -> None:
        """End a call; one that is over is no error."""
        body = {"action": "hangup"}
        await self._ask("PUT", _path(phone.call_id), body, again=True, gone=("not-found",))

    async def transfer(self, phone: Phone, to: str, words: str) -> None:
        """The call goes on with a `connect`. Raises ControlError for a warm transfer too."""
        if words:
            raise ControlError("Vonage transfers without words: leave them out")
        ncco = vonage.dialling(to, phone.called)
        body = {"action": "transfer", "destination": {"type": "ncco", "ncco": ncco}}
        await self._ask("PUT", _path(phone.call_id), body, again=False)

    async def send_digits(self, phone: Phone, digits: str) -> None:
        """Press keys."""
        await self._ask("PUT", f"{_path(phone.call_id)}/dtmf", {"digits": digits}, again=False)

    async def dial(self, call: Call) -> str:
        """Make a call; when it is answered its webhook connects it to us. Returns Vonage's name for it."""
        body: dict[str, Any] = {
            "to": [{"type": "phone", "number": vonage.digits(call.to)}],
            "from": {"type": "phone", "number": vonage.digits(call.caller)},
            "answer_url": [f"{self._public_url}/vonage/answer"],
            "answer_method": "POST",
            "event_url": [f"{self._public_url}/vonage/event"],
        }
        if call.detect_machine:
            body["advanced_machine_detection"] = {"behavior": "continue", "mode": "detect_beep"}
        made = await self._ask("POST", "", body, again=False)
        return str(made["uuid"])

    async def _ask(self, method: Any, path: str, body: Any, *, again: bool, gone: tuple[str, ...] = ()) -> Any:
        """With a token of its own; connections are not kept, for there are few requests in a call."""
        headers = (("Authorization", f"Bearer {self._token()}"),)
        url = f"{self._options.base_url.rstrip('/')}/v1/calls"
        rest = Rest("Vonage", Endpoint(url, headers), KEYS, self._random, secrets=(), connector=self._connector)
        try:
            return await rest.ask(method, path, Json(msgspec.json.encode(body)), again=again, gone=gone)
        finally:
            await rest.close()

    def _token(self) -> str:
        import jwt

        now = int(self._now())
        name = str(UUID(int=self._random.getrandbits(128), version=4))
        claims = {
            "application_id": self._options.application_id,
            "iat": now,
            "exp": now + int(TOKEN_S),
            "jti": name,
        }
        return jwt.encode(claims, self._key, algorithm="RS256")

    async def close(self) -> None:
        """Nothing is kept."""


def _path(call_id: str) -> str:
    return f"/{quote(call_id, safe='')}"


def _key(place: str) -> str:
    """The key of a file. Raises ConfigError."""
    try:
        return Path(place).read_text("ascii")
    except (OSError, ValueError) as error:
        raise ConfigError(f"phones.vonage.private_key cannot be read as a file: {type(error).__name__}") from None
