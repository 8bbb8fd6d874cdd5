"""How soon a lost provider is asked again: one call after many drops, and 200 calls that lose it together."""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random

from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.asyncio.server import Server, ServerConnection, unix_serve
from websockets.exceptions import ConnectionClosed

from link.inbox import Inbox
from link.tasks import Task, Work
from link.websocket import HANDSHAKES_AT_ONCE, Endpoint
from llm.events import Ask, Command, Fact, LinkDown, LinkUp, Request
from llm.items import UserMessage
from llm.responses import ResponsesCodec, ResponsesSettings
from llm.websocket import WebsocketLLMService
from tests.virtual.loop import run

ROUND_TRIP_S = 0.1
HANDSHAKE_S = 3 * ROUND_TRIP_S  # TCP, TLS, upgrade
DROPS = 400
CALLS = 200
OUTAGE_S = 20.0


class Stand:
    """A provider that begins each answer and never ends one, or is away; it counts handshakes and notes requests."""

    def __init__(self, folder: str) -> None:
        self._path = Path(folder) / "provider"
        self._loop = asyncio.get_running_loop()
        self._server: Server | None = None
        self.connections: set[ServerConnection] = set()
        self.asked_at: list[float] = []
        self.handshakes = 0
        self.most_handshakes = 0
        self.refused = 0

    async def start(self) -> None:
        """Be there."""
        self._server = await unix_serve(self._serve, str(self._path), compression=None, ping_interval=None)

    async def stop(self) -> None:
        """Be gone, and all connections with it."""
        assert self._server is not None
        for connection in list(self.connections):
            connection.transport.abort()
        self._server.close()
        await self._server.wait_closed()
        self._server = None
        self._path.unlink(missing_ok=True)

    async def open(self, endpoint: Endpoint) -> ClientConnection:
        """What a service opens a connection with: it takes as long as a real one."""
        self.handshakes += 1
        self.most_handshakes = max(self.most_handshakes, self.handshakes)
        try:
            await asyncio.sleep(ROUND_TRIP_S if self._server is None else HANDSHAKE_S)
            return await unix_connect(str(self._path), endpoint.url, compression=None, ping_interval=None)
        except OSError:
            self.refused += 1
            raise
        finally:
            self.handshakes -= 1

    async def _serve(self, connection: ServerConnection) -> None:
        self.connections.add(connection)
        try:
            with contextlib.suppress(ConnectionClosed):
                async for message in connection:
                    request = json.loads(message)
                    if request.get("generate") is not False:
                        self.asked_at.append(self._loop.time())
                        word = {
                            "type": "response.output_text.delta",
                            "delta": "Well",
                            "stream_id": request["stream_id"],
                        }
                        await connection.send(json.dumps(word))
        finally:
            self.connections.remove(connection)


class Call:
    """What the core does, no more: whenever the link is up, it asks for what is owed."""

    def __init__(self, stand: Stand, seed: int, gate: asyncio.Semaphore) -> None:
        self._inbox: Inbox[Command] = Inbox(64)
        self._loop = asyncio.get_running_loop()
        self._tasks: list[asyncio.Task[None]] = []
        self._service = WebsocketLLMService(
            Endpoint("ws://localhost/v1/responses", ping_s=3600.0),
            ResponsesCodec(ResponsesSettings("m", lanes=True)),
            random=Random(seed),
            gate=gate,
            opener=stand.open,
        )
        self._reply = 0
        self.up = False
        self.up_at = 0.0
        self.lost = 0

    def begin(self) -> None:
        """The service runs."""
        self._spawn(self._service.run(self._inbox, self._post, self._spawn))

    async def end(self) -> None:
        """The call is over."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, work: Work) -> Task:
        self._tasks.append(self._loop.create_task(work))
        return self._tasks[-1]

    def _post(self, fact: Fact) -> None:
        match fact:
            case LinkUp():
                self.up, self.up_at = True, self._loop.time()
                self._reply += 1
                self._inbox.put(Ask(self._reply, Request("", (UserMessage("hello"),))))
            case LinkDown(reason, fatal):
                assert not fatal, reason
                self.up = False
                self.lost += 1


async def until(holds: Callable[[], bool], limit_s: float = 60.0) -> None:
    """Wait for something to become true."""
    async with asyncio.timeout(limit_s):
        while not holds():  # noqa: ASYNC110  (it looks at several things, and time is virtual)
            await asyncio.sleep(0.01)


async def one_call_after_the_other() -> list[float]:
    """Seconds from a drop to the new request, of a provider that is well."""
    with tempfile.TemporaryDirectory() as folder:
        stand = Stand(folder)
        await stand.start()
        took: list[float] = []
        for seed in range(20):
            call = Call(stand, seed, asyncio.Semaphore(HANDSHAKES_AT_ONCE))
            call.begin()
            for _ in range(DROPS // 20):
                await until(lambda: len(stand.connections) == 1)
                await asyncio.sleep(1.0)
                [connection] = stand.connections
                dropped_at, asked = asyncio.get_running_loop().time(), len(stand.asked_at)
                connection.transport.abort()
                await until(lambda asked=asked: len(stand.asked_at) > asked)  # type: ignore[misc]
                took.append(stand.asked_at[-1] - dropped_at)
            await call.end()
            await until(lambda: not stand.connections)
        await stand.stop()
        return took


async def all_at_once() -> tuple[Stand, list[float]]:
    """The provider is away for a while; how long after its return each of the calls has its link again."""
    with tempfile.TemporaryDirectory() as folder:
        stand = Stand(folder)
        await stand.start()
        gate = asyncio.Semaphore(HANDSHAKES_AT_ONCE)
        calls = [Call(stand, seed, gate) for seed in range(CALLS)]
        for call in calls:
            call.begin()
        await until(lambda: len(stand.asked_at) == CALLS)
        await stand.stop()
        await asyncio.sleep(OUTAGE_S)
        assert not any(call.up for call in calls)
        back_at = asyncio.get_running_loop().time()
        await stand.start()
        await until(lambda: all(call.up for call in calls))
        await until(lambda: len(stand.asked_at) == 2 * CALLS)
        assert [call.lost for call in calls] == [1] * CALLS, "one outage is told once"
        for call in calls:
            await call.end()
        await until(lambda: not stand.connections)
        await stand.stop()
        return stand, [call.up_at - back_at for call in calls]


def test_a_provider_that_is_well_is_asked_again_within_half_a_second() -> None:
    took = run(one_call_after_the_other())
    assert len(took) == DROPS
    assert statistics.median(took) <= 0.6
    assert statistics.quantiles(took, n=100)[98] <= 1.5
    assert min(took) >= HANDSHAKE_S, "the handshake takes its time here too"


def test_many_calls_that_lose_the_provider_together_come_back_in_an_orderly_way() -> None:
    stand, took = run(all_at_once())
    assert len(took) == CALLS
    assert stand.refused > CALLS, "they went on trying while it was away"
    assert stand.most_handshakes <= HANDSHAKES_AT_ONCE
    assert max(took) <= 10.0
