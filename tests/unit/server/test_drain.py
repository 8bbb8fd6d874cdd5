"""How a server goes: not ready, no new calls, running ones to their end or the deadline; and then as a real process."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse

from server.agent import Agent
from server.call.handle import CallHandle
from server.calls import GOING
from tests.unit.server.call.session_stand import virtual
from tests.unit.server.server_stand import ServerStand

DRAIN_S = 60.0
GREETING = "Hello there, my dear friend, how do you do? " * 20


async def draining(stand: ServerStand) -> asyncio.Task[None]:
    """Begin to stop the server."""
    stopping = asyncio.get_running_loop().create_task(stand.server.stop())
    await asyncio.sleep(0)
    return stopping


async def seconds(task: asyncio.Task[None]) -> float:
    """How long a task takes from now on."""
    begin = asyncio.get_running_loop().time()
    await task
    return asyncio.get_running_loop().time() - begin


# --- in virtual time --------------------------------------------------------------------------------------------------


@virtual
async def test_a_server_without_calls_goes_at_once() -> None:
    async with ServerStand() as stand:
        assert await seconds(await draining(stand)) < 0.1


@virtual
async def test_a_server_that_goes_is_alive_but_not_ready_and_takes_no_call() -> None:
    async with ServerStand() as stand:
        call = await stand.call()
        stopping = await draining(stand)
        assert await stand.json("/ready") == (503, {"ready": False, "why": "the server is starting or going away"})
        assert (await stand.json("/health"))[0] == 200
        refused = await stand.client()
        assert (refused.status, refused.body) == (503, f"No call: {GOING}.\n")
        await call.say("end")
        await stopping


@virtual
async def test_a_call_goes_on_to_its_own_end_and_then_the_server_goes() -> None:
    async with ServerStand(drain_s=DRAIN_S) as stand:
        call = await stand.call()
        stopping = await draining(stand)
        await asyncio.sleep(DRAIN_S / 2)
        await call.say("text", text="still there")
        await call.hears("transcript", role="user", text="still there", final=True)
        await call.say("end")
        assert await call.closed() == 1000
        assert await seconds(stopping) < 0.1


@virtual
async def test_at_the_deadline_calls_are_told_and_closed_with_1012() -> None:
    async with ServerStand(Agent(greeting=GREETING), drain_s=DRAIN_S) as stand:
        calls = [await stand.call() for _ in range(3)]
        assert await seconds(await draining(stand)) == pytest.approx(DRAIN_S, abs=0.1)
        for call in calls:
            assert await call.closed() == 1012
            assert call.messages[-1] == {"type": "ended", "reason": GOING}
        assert stand.log.said("3 calls are ended after 60 s of draining", "WARNING")


@virtual
async def test_the_handlers_of_a_call_hear_of_its_end_when_the_server_goes() -> None:
    agent = Agent()
    ended: list[str] = []

    @agent.on("call_ended")
    async def note(call: CallHandle) -> None:
        await asyncio.sleep(1)
        ended.append(call.call_id)

    async with ServerStand(agent, drain_s=DRAIN_S) as stand:
        call = await stand.call()
        await (await draining(stand))
        assert ended == [call.messages[0]["call_id"]]


@virtual
async def test_a_client_that_does_not_read_holds_the_server_up_for_seconds_only() -> None:
    async with ServerStand(Agent(greeting=GREETING), drain_s=0.1) as stand:
        call = await stand.client()
        await call.say("start", output_sample_rate=48_000)
        await call.hears("bot_started")
        call.stop_reading()
        await asyncio.sleep(4)
        assert await seconds(await draining(stand)) < 10
        call.read_on()
        await call.closed()


@virtual
async def test_asked_again_the_server_ends_its_calls_at_once() -> None:
    async with ServerStand(drain_s=DRAIN_S) as stand:
        call = await stand.call()
        stopping = await draining(stand)
        await asyncio.sleep(1)
        stand.server.calls.end_all()
        assert await call.closed() == 1012
        assert await seconds(stopping) < 0.1


@virtual
async def test_a_call_that_is_being_opened_when_all_end_does_not_begin() -> None:
    async with ServerStand(drain_s=DRAIN_S) as stand:
        client = await stand.client()
        stopping = await draining(stand)
        stand.server.calls.end_all()
        await client.say("start")
        assert await client.closed() == 1012
        assert client.messages == []
        await stopping


# --- as a process -----------------------------------------------------------------------------------------------------

START_S = 60.0  # a loaded machine
CONFIG = """
port = 0
drain_s = 600.0
stt = "tests.unit.server.parts:ears"
llm = "tests.unit.server.parts:model"
tts = "scripted"
"""


class Process:
    """`voicewire serve`, with services of tests."""

    def __init__(self, process: asyncio.subprocess.Process, http: ClientSession, address: str) -> None:
        self._process = process
        self._http = http
        self._address = address

    async def call(self) -> ClientWebSocketResponse:
        """A call that has begun."""
        call = await self._http.ws_connect(f"{self._address}/ws")
        await call.send_json({"type": "start"})
        assert (await call.receive_json())["type"] == "ready"
        return call

    async def is_draining(self) -> None:
        """Wait until it says that it goes."""
        assert self._process.stderr
        async for line in self._process.stderr:
            if b"stopping: 1 calls may go on" in line:
                break
        async with self._http.get(f"{self._address}/ready") as ready:
            assert ready.status == 503

    def send(self, number: signal.Signals) -> None:
        """A signal."""
        self._process.send_signal(number)

    async def ended(self) -> tuple[int, str]:
        """Its exit code, and what else it logged."""
        assert self._process.stderr
        rest = (await self._process.stderr.read()).decode()
        return await self._process.wait(), rest


@asynccontextmanager
async def process(folder: Path) -> AsyncIterator[Process]:
    """A server in a process of its own."""
    config = folder / "voicewire.toml"
    config.write_text(CONFIG)
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, "-m", "server", "serve", "--config", str(config)]
    running = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
    try:
        async with asyncio.timeout(START_S), ClientSession() as http:
            assert running.stdout
            line = (await running.stdout.readline()).decode()
            found = re.search(r"open (\S+) in a browser", line)
            assert found, line
            yield Process(running, http, found[1])
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()


@pytest.mark.asyncio
async def test_a_second_signal_ends_a_draining_process_with_exit_code_0(tmp_path: Path) -> None:
    async with process(tmp_path) as server:
        call = await server.call()
        server.send(signal.SIGTERM)
        await server.is_draining()
        await call.ping()
        server.send(signal.SIGTERM)
        async for _ in call:
            pass
        assert call.close_code == 1012
        code, log = await server.ended()
    assert code == 0
    assert "stopping at once" in log
    assert "Traceback" not in log
