"""Tools of an MCP server, from the configuration to the model: a real server, a real child, a real websocket."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import msgspec
import pytest
from websockets.asyncio.client import connect

from link.errors import ConfigError
from llm.mcp import MCPServer
from llm.tools import tool
from server.agent import Agent
from server.app import Server
from server.config import Settings
from server.services.scripted import Simple
from tests.unit.server.logbook import Logbook
from tests.unit.server.parts import Call, DirectModel
from tests.unit.server.server_stand import SERVICES

ROOT = Path(__file__).parents[3]
CHILD = MCPServer(
    command=sys.executable,
    args=["-m", "tests.unit.llm.mcp_server"],
    env={"PYTHONPATH": str(ROOT)},
    name="far",
    include=("echo", "add", "fails"),
)
MODELS: list[DirectModel] = []
PATIENCE_S = 30.0


def calling() -> Simple:
    """A model that calls two tools of the MCP server, and says goodbye."""

    def make() -> DirectModel:
        calls = [Call("far_echo", '{"text": "hello"}'), Call("far_add", '{"a": "two", "b": 3}'), Call("far_fails")]
        MODELS.append(DirectModel([calls, ["Done."]]))
        return MODELS[-1]

    return Simple(make)


def make_server(*servers: MCPServer, agent: Agent | None = None) -> Server:
    """A server whose agent has these MCP servers."""
    services = {**SERVICES, "llm": {"name": f"{__name__}:calling"}, "port": 0}
    return Server(msgspec.convert(services, Settings), agent or Agent(mcp=servers))


@pytest.mark.asyncio
async def test_the_model_calls_the_tools_of_an_mcp_server() -> None:
    server = make_server(CHILD)
    results: list[tuple[str, str, str]] = []
    with Logbook():
        try:
            async with asyncio.timeout(PATIENCE_S):
                address = (await server.start()).replace("http", "ws")
                async with connect(f"{address.rstrip('/')}/ws") as socket:
                    await socket.send(json.dumps({"type": "start"}))
                    await socket.send(json.dumps({"type": "text", "text": "please"}))
                    while len(results) < 3:
                        message = await socket.recv()
                        event = json.loads(message) if isinstance(message, str) else {}
                        if event.get("type") == "tool_result":
                            results.append((event["name"], event["status"], event["result"]))
        finally:
            await server.stop()
    told = {name: (status, text) for name, status, text in results}
    assert told["far_echo"] == ("completed", "hello")
    assert told["far_add"][0] == "failed"
    assert "a" in told["far_add"][1]
    assert told["far_fails"][0] == "failed"
    assert "the disk is full" in told["far_fails"][1]
    offered = [schema.name for schema in MODELS[-1].asked[0].tools]
    assert sorted(offered) == ["far_add", "far_echo", "far_fails"]


@pytest.mark.asyncio
async def test_a_server_of_tools_that_cannot_be_started_stops_the_start() -> None:
    server = make_server(MCPServer(command="no-such-program-at-all"))
    try:
        with pytest.raises(ConfigError, match="no-such-program-at-all"):
            await server.start()
    finally:
        await server.stop()


@pytest.mark.asyncio
async def test_a_name_that_the_agent_has_already_stops_the_start() -> None:
    @tool
    async def far_echo(text: str) -> str:
        """The agent's own."""
        return text

    server = make_server(agent=Agent(tools=[far_echo], mcp=[CHILD]))
    try:
        with pytest.raises(ConfigError, match="both have a tool 'far_echo'"):
            await server.start()
    finally:
        await server.stop()


def test_servers_of_tools_can_be_configured() -> None:
    settings = msgspec.convert({"mcp": [{"url": "https://mcp.example.org/mcp", "name": "x"}]}, Settings)
    assert settings.mcp == (MCPServer(url="https://mcp.example.org/mcp", name="x"),)
