"""What a process has of a Chat Completions endpoint: its start, its connections, and what goes with each request."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import openai
import pytest

from link.errors import ConfigError
from llm.chat import ChatEngine, ChatOptions
from llm.chat_codec import body_of
from llm.chat_options import OPENAI_URL
from llm.events import Ask, ModelSettings, Prepare, ReplyDone, ReplyFailed, Request, ToolSchema
from llm.items import UserMessage
from tests.unit.llm.chat_server import MODEL, ChatServer, hello, refusal
from tests.unit.llm.chat_stand import at, logged
from tests.unit.llm.desk import Desk

pytestmark = pytest.mark.asyncio

QUESTION = Request("", (UserMessage("Question"),))


async def test_calls_share_the_connections_of_the_process() -> None:
    async with ChatServer() as server, asyncio.timeout(5):
        engine = ChatEngine(ChatOptions("m", base_url=server.url))
        await engine.start()
        for _ in range(3):
            async with Desk(engine.open()) as desk:
                desk.ask(1)
                await desk.until(ReplyDone)
        assert (server.connections, len(server.asked)) == (1, 3)
        assert engine.free > 1000
        await engine.close()


async def test_in_an_outage_only_the_first_failure_is_a_warning() -> None:
    """Whichever calls find out; the other kind, and the next outage, are told again."""
    down, out = refusal(503), refusal(401)
    acts = (down, down, refusal(400), down, out, out, hello, out)
    async with ChatServer(*acts) as server, at(server) as desk, asyncio.timeout(5):
        with logged() as lines:
            for reply in range(1, len(acts) + 1):
                desk.ask(reply)
                await desk.until(ReplyDone if acts[reply - 1] is hello else ReplyFailed)
    told = [(line.split()[0], line.partition("HTTP ")[2][:3]) for line in lines]
    assert told == [("WARNING", "503"), ("WARNING", "400"), ("ERROR", "401"), ("ERROR", "401")]


async def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(ConfigError, match=r"pip install -e '\.\[openai\]'"):
        await ChatEngine(ChatOptions("m", base_url="http://localhost/v1")).start()


async def test_a_wrong_option_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        await ChatEngine(ChatOptions("m")).start()


async def test_an_environment_that_the_http_library_cannot_use_stops_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "gopher://user:hidden@proxy/")
    with pytest.raises(ConfigError, match=f"no client for {OPENAI_URL}"):
        await ChatEngine(ChatOptions("m", api_key="k")).start()


async def test_an_engine_that_never_started_can_be_closed() -> None:
    await ChatEngine(ChatOptions("m")).close()


async def test_what_goes_with_each_request() -> None:
    options: dict[str, Any] = {
        "api_key": "own",
        "headers": {"X-Title": "voicewire"},
        "query": {"api-version": "2026-01-01"},
    }
    async with ChatServer() as server, at(server, **options) as desk, asyncio.timeout(5):
        desk.ask(1)
        await desk.until(ReplyDone)
        asked = server.asked[0]
        assert (asked.headers["Authorization"], asked.headers["X-Title"]) == ("Bearer own", "voicewire")
        assert asked.query == {"api-version": "2026-01-01"}
        assert asked.headers["x-stainless-retry-count"] == "0"


async def test_what_the_environment_has_for_openai_is_not_shown_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("API_KEY", "ADMIN_KEY", "ORG_ID", "PROJECT_ID", "WEBHOOK_SECRET"):
        monkeypatch.setenv(f"OPENAI_{name}", f"secret-{name}")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer secret-1\nX-Mine: secret-2")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:1/")
    monkeypatch.setenv("HTTP_PROXY", "http://localhost:1/")
    async with ChatServer() as server, at(server) as desk, asyncio.timeout(5):
        desk.tell(Prepare(QUESTION))
        desk.ask(1)
        await desk.until(ReplyDone)
        assert "secret" not in str(dict(server.asked[0].headers))
        assert "Authorization" not in server.asked[0].headers


async def test_a_request_is_the_one_that_the_package_makes_itself() -> None:
    """All of it stands in the body, as if `chat.completions.create` had been called with it."""
    settings = ModelSettings(temperature=0.5, tool_choice="required", extra={"top_k": 40})
    tools = (ToolSchema("time", "The time.", {"type": "object", "properties": {}}),)
    request = Request("Be brief.", (UserMessage("Question"),), tools, "Go on.", settings)
    async with ChatServer() as server, at(server) as desk, asyncio.timeout(5):
        desk.tell(Ask(1, request))
        await desk.until(ReplyDone)
        body = body_of(ChatOptions("m", base_url=server.url), request)
        extra = {"top_k": body.pop("top_k")}
        async with openai.AsyncOpenAI(api_key="k", base_url=server.url) as client:
            stream = await client.chat.completions.create(**body, extra_body=extra)
            assert [chunk.model async for chunk in stream] == [MODEL] * 4
        ours, theirs = server.asked
        assert (ours.path, ours.body) == (theirs.path, theirs.body)
        assert ours.headers.keys() ^ theirs.headers.keys() == {"Authorization"}


async def test_a_header_of_ones_own_goes_before_the_key() -> None:
    options: dict[str, Any] = {"api_key": "own", "headers": {"authorization": "Basic eDp5"}}
    async with ChatServer() as server, at(server, **options) as desk, asyncio.timeout(5):
        desk.ask(1)
        await desk.until(ReplyDone)
        assert server.asked[0].headers.getall("Authorization") == ["Basic eDp5"]
