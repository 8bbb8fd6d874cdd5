"""Tools of a real MCP server behind an address, by both protocols: that of 2026, and the one before with sessions."""

from __future__ import annotations

import asyncio
import json
import socket
import sys

import pytest
from aiohttp import web
from mcp.shared import jsonrpc_dispatcher

from link.errors import ConfigError
from llm import cancel_tool
from llm.mcp import MCPServer
from llm.registry import ToolRegistry
from tests.unit.llm.mcp_server import Site, serving
from tests.unit.llm.mcp_stand import Stand, using
from tests.unit.server.logbook import Logbook

TOKEN = "token-0123456789"
KINDS = [(False, False), (True, False), (False, True), (True, True)]
"""Whether the server is an old one, and whether it answers with JSON instead of a stream of events."""

either = pytest.mark.parametrize(("old", "as_json"), [KINDS[0], KINDS[-1]])
each_kind = pytest.mark.parametrize(("old", "as_json"), KINDS)
pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that ends does not wait for its clients as long as in earnest."""
    monkeypatch.setattr(jsonrpc_dispatcher, "_SHUTDOWN_WRITE_TIMEOUT", 0.05)


def at(site: Site, *, timeout_s: float = 10.0, connect_s: float = 5.0, name: str = "") -> MCPServer:
    """The server of a site."""
    return MCPServer(url=site.url, timeout_s=timeout_s, connect_s=connect_s, name=name)


async def begun(stand: Stand, name: str) -> None:
    """Wait until a slow call has begun at the server."""
    while f"{name}" not in (await stand.call("notes")).partition(";")[0]:
        pass


async def sees(stand: Stand, text: str) -> None:
    """Wait until the server notes this."""
    while text not in await stand.call("notes"):
        pass


# --- calls ------------------------------------------------------------------------------------------------------------


@each_kind
async def test_its_tools_are_called_and_its_list_is_read_again(old: bool, as_json: bool) -> None:
    async with serving(old=old, as_json=as_json) as site, using(at(site)) as stand:
        assert await stand.call("echo", text="hello") == "hello"
        assert json.loads(await stand.call("add", a=2, b=3)) == {"result": 5}
        await stand.call("change", add_tool="brand.new")
        await stand.until("brand_new")
        assert await stand.call("brand_new") == "I am brand.new"
        assert ("GET" in site.requests) is old, "an old server has a session and a stream of its own"


@either
async def test_a_call_that_takes_too_long_is_given_up_and_cancelled_at_the_server(old: bool, as_json: bool) -> None:
    async with serving(old=old, as_json=as_json) as site, using(at(site, timeout_s=0.3)) as stand:
        assert await stand.call("slow", name="x1") == "Error: 'slow' did not answer within 0.3 s."
        await sees(stand, "cancelled x1")
        assert stand.mcp.tools()[0].spec.timeout_s == 0.3


@either
async def test_a_call_that_is_cancelled_is_cancelled_at_the_server(old: bool, as_json: bool) -> None:
    async with serving(old=old, as_json=as_json) as site, using(at(site)) as stand:
        call = asyncio.create_task(stand.call("slow", name="x1"))
        await begun(stand, "x1")
        call.cancel()
        await asyncio.wait([call])
        assert call.cancelled()
        await sees(stand, "cancelled x1")


async def test_headers_go_with_each_request() -> None:
    async with serving(token=TOKEN) as site:
        server = MCPServer(url=site.url, headers={"Authorization": f"Bearer {TOKEN}"})
        async with using(server) as stand:
            assert await stand.call("echo", text="hello") == "hello"


@each_kind
async def test_an_answer_without_end_is_refused_and_the_connection_stays(old: bool, as_json: bool) -> None:
    async with serving(old=old, as_json=as_json) as site, using(at(site)) as stand:
        call = asyncio.create_task(stand.call("slow", name="x1", seconds=0.5))
        assert len(await stand.call("large", letters=4_000_000)) == 4_000_000
        said = await stand.call("large", letters=5_000_000)
        assert said == f"Error: the tool server '127.0.0.1:{site.port}': its answer is longer than 4 MiB"
        assert await call == "x1 is done"


async def test_a_gateway_that_fails_for_a_moment_fails_the_call_and_nothing_else() -> None:
    async with serving() as site, using(at(site)) as stand:
        call = asyncio.create_task(stand.call("slow", name="x1", seconds=0.2))
        await begun(stand, "x1")
        site.status = 503
        said = await stand.call("echo", text="hello")
        assert said == f"Error: the tool server '127.0.0.1:{site.port}': it answered with HTTP 503"
        site.status = 0
        assert await call == "x1 is done"
        assert await stand.call("echo", text="hello") == "hello"


# --- a server that goes and comes back --------------------------------------------------------------------------------


@either
async def test_a_call_that_runs_when_the_server_goes_fails_and_is_not_repeated(old: bool, as_json: bool) -> None:
    async with serving(old=old, as_json=as_json) as site, using(at(site)) as stand:
        call = asyncio.create_task(stand.call("slow", name="x1"))
        await begun(stand, "x1")
        await site.stop()
        label = f"127.0.0.1:{site.port}"
        lost = f"Error: the connection to the tool server '{label}' was lost while 'slow' ran"
        assert await call == f"{lost}; whether it was done is not known."
        await site.start()
        assert await stand.call("notes") == "begun ; cancelled ", "a new server, which was asked nothing else"


@either
async def test_a_call_that_the_server_has_not_seen_is_asked_again(old: bool, as_json: bool) -> None:
    async with serving(old=old, as_json=as_json) as site, using(at(site)) as stand:
        assert await stand.call("echo", text="hello") == "hello"
        await site.stop()
        call = asyncio.create_task(stand.call("echo", text="anybody there?"))
        assert not (await asyncio.wait([call], timeout=0.1))[0]
        await site.start()
        assert await call == "anybody there?"


@pytest.mark.parametrize("old", [False, True])
async def test_a_restart_between_two_calls_is_not_noticed(old: bool) -> None:
    async with serving(old=old) as site, using(at(site)) as stand:
        await stand.call("change", add_tool="brand_new")
        await stand.until("brand_new")
        await site.stop()
        await site.start()
        assert await stand.call("echo", text="hello") == "hello"
        await stand.until("brand_new", offered=False)


async def test_a_call_waits_for_a_server_that_is_away_but_not_for_long() -> None:
    with Logbook() as log:
        async with serving() as site, using(at(site, connect_s=0.4)) as stand:
            await site.stop()
            said = [asyncio.create_task(stand.call("echo", text="hello")) for _ in range(3)]
            assert {await each for each in said} == {
                f"Error: the tool server '127.0.0.1:{site.port}' cannot be reached."
            }
            assert len(stand.names) > 5, "the tools stay offered"
    assert log.said("it cannot be reached: All connection attempts failed; connecting again", "WARNING")
    assert log.failures == []


async def test_more_calls_at_once_than_there_is_room_for_wait_their_turn() -> None:
    async with serving() as site, using(at(site)) as stand:
        calls = [asyncio.create_task(stand.call("echo", text=str(number))) for number in range(100)]
        assert [await call for call in calls] == [str(number) for number in range(100)]


# --- several servers, and the names of their tools --------------------------------------------------------------------


async def test_names_have_the_server_in_front_and_filters_choose_among_them() -> None:
    async with serving() as site:
        server = MCPServer(url=site.url, name="test", include=["echo", "t*", "nothing"], exclude=["tim?.*"])
        async with using(server, at(site, name="other")) as stand:
            assert "other_time_now" in stand.names
            assert [name for name in stand.names if name.startswith("test_")] == ["test_echo"]
            assert await stand.call("test_echo", text="hello") == "hello"
            await stand.call("other_change", add_tool="test-2")
            await stand.until("test_test-2")
            assert ToolRegistry(stand.mcp.tools()).has_function("other_test-2")


async def test_two_servers_with_a_tool_of_one_name_are_an_error_that_names_both() -> None:
    async with serving() as site, serving() as other:
        with pytest.raises(ConfigError) as caught:
            async with using(at(site), at(other)):
                pass
    first, second = (f"the tool server '127.0.0.1:{each.port}'" for each in (site, other))
    assert str(caught.value).startswith(f"{first} and {second} both have a tool 'echo'; give a server a `name`")


@pytest.mark.parametrize("name", ["time_now", cancel_tool.NAME])
async def test_a_tool_that_the_agent_has_too_is_an_error(name: str) -> None:
    async with serving() as site, using(at(site, name="x")) as stand:
        if name == cancel_tool.NAME:
            await stand.call("x_change", add_tool=name)
            await stand.until(f"x_{name}")
        with pytest.raises(ConfigError, match=f"the agent and the tool server '.*' both have a tool '{name}'"):
            async with using(at(site), taken=["time_now"] if name == "time_now" else []):
                pass


async def test_a_tool_that_comes_later_with_a_name_that_is_taken_is_not_offered() -> None:
    async with serving() as site, using(at(site), taken=["brand_new"]) as stand:
        await stand.call("change", add_tool="brand_new")
        await stand.call("change", add_tool="other_one")
        await stand.until("other_one")
        assert "brand_new" not in stand.names


# --- what cannot be used ----------------------------------------------------------------------------------------------


async def refused(server: MCPServer) -> str:
    """Why a server cannot be used."""
    with pytest.raises(ConfigError) as caught:
        async with using(server):
            pass
    return str(caught.value)


@either
async def test_a_wrong_key_is_said_and_not_shown(old: bool, as_json: bool) -> None:
    async with serving(old=old, as_json=as_json, token="another") as site:
        server = MCPServer(url=f"{site.url}?key={TOKEN}", headers={"Authorization": f"Bearer {TOKEN}"})
        said = await refused(server)
    assert said == f"the tool server '127.0.0.1:{site.port}' cannot be used: it answered with HTTP 401"


async def test_nobody_at_the_address() -> None:
    async with serving() as site:
        pass
    said = await refused(at(site, name="x"))
    assert said == "the tool server 'x' cannot be used: it cannot be reached: All connection attempts failed"


async def test_a_host_that_does_not_exist() -> None:
    said = await refused(MCPServer(url="http://nowhere.invalid/mcp"))
    assert said.startswith("the tool server 'nowhere.invalid' cannot be used: it cannot be reached: ")


async def test_a_wrong_path() -> None:
    async with serving() as site:
        said = await refused(MCPServer(url=site.url.replace("/mcp", "/pcm")))
    assert said.endswith("cannot be used: it answered with HTTP 404")


async def test_a_web_page_is_no_server_of_tools() -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<h1>hello</h1>", content_type="text/html")

    app = web.Application()
    app.add_routes([web.post("/mcp", page)])
    runner = web.AppRunner(app)
    await runner.setup()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        await web.SockSite(runner, listening).start()
        said = await refused(MCPServer(url=f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"))
        await runner.cleanup()
    assert "cannot be used: it does not speak MCP as we do: Unexpected content type: text/html" in said


async def test_a_server_that_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
        said = await refused(MCPServer(url=url, connect_s=0.2))
    assert said.endswith("cannot be used: it did not answer as an MCP server within 0.2 s")


async def test_one_server_that_cannot_be_used_closes_the_others() -> None:
    async with serving(old=True) as site:
        nobody = MCPServer(url="http://127.0.0.1:1/mcp")
        with pytest.raises(ConfigError, match=r"'127\.0\.0\.1:1' cannot be used"):
            async with using(at(site), nobody):
                pass
        assert site.requests[-1] == "DELETE", "its session was ended"


async def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("llm.mcp_") and name != "llm.mcp_options"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mcp", None)
    said = await refused(MCPServer(command="uvx"))
    assert "install it: .venv/bin/pip install -e '.[mcp]'" in said
