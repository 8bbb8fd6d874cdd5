"""Tools of a real MCP server that is a child process, made with the official package. One child for them all."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from llm.mcp import MCPServer
from llm.registry import ToolRegistry
from llm.tool_schema import ToolArgumentError
from llm.tools import Tool
from tests.unit.llm.mcp_stand import Stand, using

TOKEN = "token-0123456789"
TIMEOUT_S = 20.0

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stand() -> AsyncIterator[Stand]:
    """A stand with the server."""
    server = MCPServer(
        command=sys.executable,
        args=["-m", "tests.unit.llm.mcp_server", "noisy"],
        env={"TEST_TOKEN": TOKEN},
        timeout_s=TIMEOUT_S,
    )
    async with using(server) as started:
        yield started


def tool_of(stand: Stand, name: str) -> Tool:
    """One of its tools."""
    return next(tool for tool in stand.mcp.tools() if tool.name == name)


async def test_its_tools_are_registered_like_any_other(stand: Stand) -> None:
    tool = ToolRegistry(stand.mcp.tools()).get("add")
    assert tool is not None
    assert tool.spec.schema.description == "The sum of two numbers."
    assert set(tool.spec.schema.parameters["properties"]) == {"a", "b"}
    assert tool.spec.offered
    assert tool.spec.timeout_s == TIMEOUT_S
    assert tool.spec.cancel_on_interruption


async def test_text_is_given_as_it_is_and_structured_content_as_json(stand: Stand) -> None:
    assert await stand.call("echo", text="gr\u00fc\u00dfe") == "gr\u00fc\u00dfe"
    assert json.loads(await stand.call("add", a=2, b=3)) == {"result": 5}


async def test_a_name_that_no_model_takes_is_mapped_back(stand: Stand) -> None:
    assert "time_now" in stand.names
    assert await stand.call("time_now") == "noon"


async def test_other_content_is_noted(stand: Stand) -> None:
    assert await stand.call("mixed") == "two words\n[image]\n[audio]\n[resource file:///notes.txt]\nthe third"


@pytest.mark.parametrize(
    ("arguments", "what"), [('{"a": 1}', "'b'"), ('{"a": 1, "b": "two"}', "'two'"), ("{", "not JSON")]
)
async def test_arguments_that_do_not_fit_its_schema_never_reach_it(stand: Stand, arguments: str, what: str) -> None:
    with pytest.raises(ToolArgumentError, match="the arguments of 'add'") as caught:
        tool_of(stand, "add").check(arguments)
    assert what in str(caught.value)


async def test_an_error_of_the_tool_is_an_error_for_the_model_without_our_secrets(stand: Stand) -> None:
    assert await stand.call("fails") == "Error: Error executing tool fails: the disk is full, says ***"


async def test_the_child_sees_what_it_is_given_and_little_else(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = (await stand.call("environment")).split()
    assert "TEST_TOKEN" in seen
    assert "PATH" in seen
    assert {name for name in seen if name.startswith(("PYTEST", "VOICEWIRE", "OPENAI"))} == set()


async def test_a_large_result_passes(stand: Stand) -> None:
    assert len(await stand.call("large", letters=1_000_000)) == 1_000_000


async def test_calls_of_many_tasks_share_the_connection_and_get_each_its_own_result(stand: Stand) -> None:
    calls = [asyncio.create_task(stand.call("echo", text=f"number {number}")) for number in range(100)]
    assert [await call for call in calls] == [f"number {number}" for number in range(100)]


async def test_a_call_that_is_cancelled_is_cancelled_at_the_server(stand: Stand) -> None:
    call = asyncio.create_task(stand.call("slow", name="x1"))
    other = asyncio.create_task(stand.call("slow", name="x2", seconds=0.2))
    while "x1" not in await stand.call("notes"):
        pass
    call.cancel()
    await asyncio.wait([call])
    assert call.cancelled()
    while "cancelled x1" not in await stand.call("notes"):
        pass
    assert await other == "x2 is done", "the other calls go on"


async def test_the_list_is_read_again_when_it_changed(stand: Stand) -> None:
    await stand.call("change", add_tool="brand.new")
    await stand.until("brand_new")
    old = ToolRegistry(stand.mcp.tools())
    echo = tool_of(stand, "echo")
    assert await stand.call("brand_new") == "I am brand.new"
    await stand.call("change", remove_tool="brand.new")
    await stand.until("brand_new", offered=False)
    assert await stand.call_of(old, "brand_new") == "Error: function 'brand_new' is not registered."
    assert tool_of(stand, "echo") is echo, "what did not change is not made anew"
