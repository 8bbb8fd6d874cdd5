"""One carrier's REST interface: asked with a limit, again where that is safe, and with errors that say what to do."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any, Literal

import msgspec
from msgspec import Struct

from link.addresses import hidden, secrets_of
from link.backoff import delays
from link.errors import ProviderError, VoicewireError
from link.http import Body, Connector, HttpClient, open_connector
from link.websocket import Endpoint

ATTEMPTS = 3
ATTEMPT_S = 5.0
TOO_MANY = 429
"""The carrier did not look at the request: it may always be sent again."""

Method = Literal["GET", "POST", "PUT", "DELETE"]


class ControlError(VoicewireError):
    """A carrier did not do what it was told; the text says what is to be done."""


class Call(Struct, frozen=True):
    """A call that we make."""

    caller: str
    """One of our numbers."""
    to: str
    detect_machine: bool = False


class Rest:
    """Asks one carrier."""

    def __init__(
        self,
        name: str,
        endpoint: Endpoint,
        keys: str,
        random: Random,
        *,
        secrets: tuple[str, ...],
        words: dict[str, str] | None = None,
        connector: Connector = open_connector,
    ) -> None:
        """`keys` are the settings by which we are known, `secrets` their values, which no error shows.

        `words`: advice for codes that the carrier's answers hold.
        """
        self._name = name
        self._http = HttpClient(endpoint, connector)
        self._keys = keys
        self._random = random
        self._secrets = secrets_of("", secrets)
        self._words = words or {}

    async def ask(
        self, method: Method, path: str, body: Body | None = None, *, again: bool, gone: tuple[str, ...] = ()
    ) -> Any:
        """Ask, and decode the JSON that comes; None where there is none.

        `again`: doing it twice is doing it once, so it is tried again when the answer is lost. `gone`: a refusal with
        one of these words, or with 404, means that the call is over, and is no error. Raises ControlError.
        """
        waits = delays(self._random)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self._once(method, path, body)
            except ProviderError as error:
                if gone and (error.status == 404 or any(word in str(error) for word in gone)):
                    return None
                may_repeat = again or error.status == TOO_MANY
                if error.fatal or not may_repeat or attempt == ATTEMPTS:
                    raise ControlError(self._advice(error)) from error
                await asyncio.sleep(max(next(waits), error.retry_after_s or 0.0))
        raise AssertionError("unreachable")

    async def _once(self, method: Method, path: str, body: Body | None) -> Any:
        try:
            async with asyncio.timeout(ATTEMPT_S), self._http.ask(method, body, path) as answer:
                data = await answer.read()
        except TimeoutError:
            raise ProviderError(f"{self._name} did not answer within {ATTEMPT_S:g} s") from None
        try:
            return msgspec.json.decode(data) if data.strip() else None
        except msgspec.DecodeError:
            raise ProviderError(f"{self._name} answered something that is no JSON", fatal=True) from None

    def _advice(self, error: ProviderError) -> str:
        text = hidden(str(error), self._secrets)
        for code, advice in self._words.items():
            if code in text:
                return f"{text}: {advice}"
        match error.status:
            case 401 | 403:
                return f"{text}: are {self._keys} right?"
            case 404:
                return f"{text}: there is no such call (any more), or {self._keys} are of another account"
            case 429:
                return f"{text}: the account makes too many requests"
            case _:
                return text

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()
