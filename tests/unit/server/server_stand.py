"""The real server on a unix socket, for virtual time: routes, admission, sessions, observers; services of tests."""

from __future__ import annotations

import asyncio
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

    def __init__(self, agent: Agent | None = None, **settings: Any) -> None:
        self.settings = msgspec.convert({**SERVICES, **settings}, Settings)
        self.server = Server(self.settings, agent or Agent())
        self.log = Logbook()
        self._folder = tempfile.TemporaryDirectory()
        self._clients: list[RawClient] = []

    @property
    def path(self) -> Path:
        """The socket."""
        return Path(self._folder.name) / "socket"

    async def __aenter__(self) -> Self:
        self.log.__enter__()
        await web.UnixSite(await self.server.open(), str(self.path)).start()
        return self

    async def client(self, *, answers_pings: bool = True, headers: tuple[str, ...] = ()) -> RawClient:
        """A new connection."""
        client = await RawClient.connect(self.path, answers_pings=answers_pings, headers=headers)
        self._clients.append(client)
        return client

    async def get(self, path: str, **headers: str) -> tuple[int, str, CIMultiDictProxy[str]]:
        """A page: its status, text and headers."""
        connector = UnixConnector(str(self.path))
        async with (
            ClientSession(connector=connector) as http,
            http.get(f"http://localhost{path}", headers=headers) as got,
        ):
            return got.status, await got.text(), got.headers

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

    async def over(self) -> None:
        """Wait until no call goes on."""
        for _ in range(int(SETTLE_S / 0.05)):
            if self.server.calls.count == 0:
                return
            await asyncio.sleep(0.05)
        raise AssertionError("a call does not end")

    async def settle(self) -> None:
        """Let the clients go and time pass; nothing may be left then."""
        for client in self._clients:
            await client.leave()
        await asyncio.sleep(SETTLE_S)
        assert self.server.calls.count == 0, "a call is not over"
        assert getattr(self.server.engines.stt, "free", 100) == 100, "a call's ears were not given back"
        assert self.log.failures == []

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        try:
            if error is None:
                await self.settle()
        finally:
            await self.server.stop()
            self.log.__exit__(kind, error, at)
            self._folder.cleanup()
