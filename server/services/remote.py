"""The engine of a service that is somewhere else, and what every factory is given."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from random import Random
from typing import Generic, TypeVar

from msgspec import Struct

from link.http import HttpClient
from link.tasks import Spawn
from link.websocket import HANDSHAKES_AT_ONCE, Endpoint
from server.agent import Agent
from server.config import Settings

S = TypeVar("S")


class Given(Struct, frozen=True):
    """What a service is made of, besides its table."""

    place: str
    """The key of its table: `stt`, `tts`, `tts.services[1]`."""
    settings: Settings
    agent: Agent
    words: Sequence[str]
    """All that callers may say, as far as that is known: example sentences."""
    spawn: Spawn
    """Makes tasks of the process."""


class RemoteEngine(Generic[S]):
    """What the process has of one provider: nothing but its address, and a gate for handshakes."""

    free = 1 << 30

    def __init__(self, endpoint: Endpoint, make: Callable[[Random, asyncio.Semaphore], S]) -> None:
        """`make` gives each call its own service."""
        self.endpoint = endpoint
        self._make = make
        self._gate = asyncio.Semaphore(HANDSHAKES_AT_ONCE)
        self._random = Random()

    async def start(self) -> None:
        """Nothing to load."""

    def open(self) -> S:
        """A service for one call."""
        return self._make(self._random, self._gate)

    async def close(self) -> None:
        """Nothing to release."""


class HttpEngine(Generic[S]):
    """What the process has of a provider that is asked over HTTP: its connections."""

    free = 1 << 30

    def __init__(self, client: HttpClient, make: Callable[[HttpClient], S]) -> None:
        """`make` gives each call its own service."""
        self.endpoint = client.endpoint
        self._client = client
        self._make = make

    async def start(self) -> None:
        """The first request connects."""

    def open(self) -> S:
        """A service for one call."""
        return self._make(self._client)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()
