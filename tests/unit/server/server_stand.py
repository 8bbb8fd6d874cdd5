"""The real server on a unix socket, for virtual time: routes, admission, sessions, observers; services of tests."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
from aiohttp import ClientSession, UnixConnector, web
from multidict import CIMultiDictProxy
from prometheus_client.parser import text_string_to_metric_families

from server.agent import Agent
from server.app import Server
from server.config import Settings
from tests.corpus.raw import RawClient
from tests.unit.server.logbook import Logbook

SERVICES: dict[str, Any] = {
    "stt": {"name": "tests.unit.server.parts:ears"},
    "llm": {"name": "tests.unit.server.parts:model"},
    "tts": {"name": "scripted"},
}
SETTLE_S = 12.0  # of virtual time: what is not over after this is left over


class ServerStand:
    """One server. At the end it checks that nothing failed in its log, and that no call and no slot is left."""

    def __init__(
        self,
        agent: Agent | None = None,
        *,
        numbers: dict[str, Agent] | None = None,
        expects_failures: bool = False,
        **settings: Any,
    ) -> None:
        self.settings = msgspec.convert({**SERVICES, **settings}, Settings)
        self.server = Server(self.settings, agent or Agent(), numbers)
        self._expects_failures = expects_failures
        self._free = self.server.engines.free
        self.log = Logbook()
        self._folder = tempfile.TemporaryDirectory()
        self.clients: list[RawClient] = []

    @property
    def path(self) -> Path:
        """The socket."""
        return Path(self._folder.name) / "socket"

    async def __aenter__(self) -> Self:
        self.log.__enter__()
        await web.UnixSite(await self.server.open(), str(self.path)).start()
        return self

    async def client(
        self,
        *,
        target: str = "/ws",
        host: str = "localhost",
        headers: tuple[str, ...] = (),
        answers_pings: bool = True,
    ) -> RawClient:
        """A new connection."""
        client = await RawClient.connect(
            self.path, target=target, host=host, headers=headers, answers_pings=answers_pings
        )
        self.clients.append(client)
        return client

    async def call(self) -> RawClient:
        """A new call, which has begun."""
        client = await self.client()
        await client.say("start")
        await client.hears("ready")
        return client

    async def get(self, path: str, **headers: str) -> tuple[int, str, CIMultiDictProxy[str]]:
        """A page: its status, text and headers."""
        connector = UnixConnector(str(self.path))
        async with (
            ClientSession(connector=connector) as http,
            http.get(f"http://localhost{path}", headers=headers) as got,
        ):
            return got.status, await got.text(), got.headers

    async def json(self, path: str) -> tuple[int, Any]:
        """A page of JSON: its status and what it says."""
        status, text, _ = await self.get(path)
        return status, json.loads(text)

    async def count(self, name: str, **labels: str) -> float:
        """A metric, as it is scraped."""
        _, text, _ = await self.get("/metrics")
        wanted = {tuple(sorted(labels.items()))}
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and tuple(sorted(sample.labels.items())) in wanted
        )

    async def over(self, left: int = 0) -> None:
        """Wait until no call goes on, or only these."""
        for _ in range(int(SETTLE_S / 0.05)):
            if self.server.calls.count == left:
                return
            await asyncio.sleep(0.05)
        raise AssertionError("a call does not end")

    async def _settle(self) -> None:
        """Let time pass; nothing may be left then."""
        await asyncio.sleep(SETTLE_S)
        assert self.server.calls.count == 0, "a call is not over"
        assert self.server.engines.free == self._free, "a call's services were not given back"
        assert self._expects_failures == bool(self.log.failures), self.log.failures

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        for client in self.clients:
            await client.leave()
        try:
            if error is None:
                await self._settle()
        finally:
            await self.server.stop()
            self.log.__exit__(kind, error, at)
            self._folder.cleanup()
