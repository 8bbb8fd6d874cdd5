"""`voicewire serve` as a process whose language model is a Chat Completions endpoint, a fallback, or a switch."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse

from llm.local.chat_server import LocalChat
from llm.local.faults import Faults
from tests.e2e.real_server import RealServer, serving
from tests.unit.llm.chat_server import Act, Asked, ChatServer, calls, piece

pytestmark = pytest.mark.asyncio

PATIENCE_S = 20.0
AGENT = '''
from llm.tools import FunctionCallParams, tool
from server.agent import Agent

@tool
async def think(params: FunctionCallParams) -> str:
    """Have somebody smarter answer."""
    params.llm.switch("smart")
    return "found"

agent = Agent(tools=[think])
'''


def saying(text: str) -> Act:
    """An act: these words."""

    async def act(asked: Asked) -> None:
        await asked.say(text)
        await asked.end()

    return act


async def thinks(asked: Asked) -> None:
    """An act: the agent's tool is called."""
    await asked.chunk(calls(piece(0, "{}", "think", "c1")))
    await asked.end("tool_calls")


def table(**options: Any) -> str:
    """A table of TOML, on one line."""
    return "{" + ", ".join(f"{name} = {value}" for name, value in options.items()) + "}"


def chat(url: str) -> str:
    """A Chat Completions endpoint, as a setting."""
    return table(name='"openai-chat"', model='"m"', base_url=f'"{url}"')


def closed_port() -> int:
    """A port at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@asynccontextmanager
async def serves(folder: Path, llm: str) -> AsyncIterator[RealServer]:
    """A server with this model. At the end it is asked to stop, and does so in order."""
    config, agent = folder / "voicewire.toml", folder / "agent.py"
    config.write_text(f'stt = "scripted"\ntts = {{name = "scripted", ms_per_char = 10}}\nllm = {llm}\n')
    agent.write_text(AGENT)
    async with serving(config, str(agent)) as server:
        yield server
        server.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_S):
            assert await server.process.wait() == 0


async def answers(server: RealServer, *lines: str) -> list[str]:
    """What the bot says to each line that is typed, in one call."""
    async with ClientSession() as http, http.ws_connect(f"{server.url}/ws") as websocket, asyncio.timeout(PATIENCE_S):
        await websocket.send_json({"type": "start"})
        said = [await _answer(websocket, line) for line in lines]
        await websocket.send_json({"type": "end"})
        async for _ in websocket:
            pass
        assert websocket.close_code == 1000
        return said


async def _answer(websocket: ClientWebSocketResponse, line: str) -> str:
    await websocket.send_json({"type": "text", "text": line})
    async for message in websocket:
        event = json.loads(message.data) if isinstance(message.data, str) else {}
        if event.get("role") == "assistant" and event.get("final"):
            return str(event["text"])
    raise AssertionError(f"the call ended with {websocket.close_code}")


async def test_a_chat_completions_endpoint(tmp_path: Path) -> None:
    async with ChatServer(saying("One."), saying("Two.")) as model, serves(tmp_path, chat(model.url)) as server:
        assert await answers(server, "first", "second") == ["One.", "Two."]
        assert [each["content"] for each in model.asked[1].body["messages"]] == ["first", "One.", "second"]


async def test_the_brain_at_such_an_endpoint(tmp_path: Path) -> None:
    brain = LocalChat(faults=Faults(), now=lambda: datetime(2026, 11, 2, 16, 31))
    url = await brain.start()
    try:
        async with serves(tmp_path, chat(url)) as server:
            lines = ("what is nine plus five", "what is two plus three")
            assert await answers(server, *lines) == ["Nine plus five is fourteen.", "Two plus three is five."]
    finally:
        await brain.close()


async def test_a_fallback_whose_first_model_is_away(tmp_path: Path) -> None:
    away = chat(f"http://127.0.0.1:{closed_port()}/v1")
    async with ChatServer(saying("One."), saying("Two.")) as model:
        llm = table(name='"fallback"', models=f"[{away}, {chat(model.url)}]")
        async with serves(tmp_path, llm) as server:
            assert await answers(server, "first", "second") == ["One.", "Two."]
            assert len(model.asked) == 2


async def test_a_switch_in_the_middle_of_a_call(tmp_path: Path) -> None:
    async with ChatServer(thinks) as fast, ChatServer(saying("One."), saying("Two.")) as smart:
        llm = table(name='"switch"', models=table(fast=chat(fast.url), smart=chat(smart.url)))
        async with serves(tmp_path, llm) as server:
            assert await answers(server, "first", "second") == ["One.", "Two."]
            assert smart.asked[0].body["messages"][-1]["content"] == "found"
            assert (len(fast.asked), len(smart.asked)) == (1, 2)
