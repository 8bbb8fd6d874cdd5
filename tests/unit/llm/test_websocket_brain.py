"""The language model behind a reconnecting websocket, against the local brain."""

from __future__ import annotations

import asyncio

import pytest

from llm.events import Failure, FunctionCall, LinkDown, LinkUp, ReplyDone, ReplyFailed
from llm.items import AssistantMessage, Call, UserMessage
from llm.local import request as local
from llm.local.faults import Faults
from llm.local.scripted import scripted, words
from tests.unit.llm.local.client import serving
from tests.unit.llm.service_stand import kinds, real, text_of

PATIENCE_S = 5.0  # of tests with real sockets


@pytest.mark.asyncio
@pytest.mark.parametrize("lanes", [True, False])
async def test_an_answer(lanes: bool) -> None:
    async with asyncio.timeout(PATIENCE_S), serving(words(12)) as brain, real(brain.url, lanes=lanes) as desk:
        await desk.until(LinkUp)
        desk.ask(1)
        done = await desk.until(ReplyDone)
        assert text_of(desk, 1) == "Answer zero one two three four five six seven. Eight nine ten eleven."
        assert done.reply == 1
        assert done.usage.output_tokens > 5
        assert kinds(desk) == ["LinkUp", *["Delta"] * (len(desk.facts) - 2), "ReplyDone"]
        assert not desk.ended


@pytest.mark.asyncio
@pytest.mark.parametrize("lanes", [True, False])
async def test_a_function_call_and_the_answer_to_its_result(lanes: bool) -> None:
    script: list[list[local.Output]] = [
        [local.Text("Let me see."), local.FunctionCall("price", {"of": "bell"})],
        [local.Text("Nine.")],
    ]
    async with asyncio.timeout(PATIENCE_S), serving(scripted(script)) as brain, real(brain.url, lanes=lanes) as desk:
        await desk.until(LinkUp)
        desk.ask(1, UserMessage("What is it?"))
        call = await desk.until(FunctionCall)
        assert (call.reply, call.name, call.arguments) == (1, "price", '{"of":"bell"}')
        assert text_of(desk, 1) == "Let me see."
        await desk.until(ReplyDone)
        result = Call(call.call_id, call.name, call.arguments, "9")
        desk.ask(2, UserMessage("What is it?"), AssistantMessage("Let me see.", (result,)))
        await desk.until(ReplyDone)
        assert text_of(desk, 2) == "Nine."


@pytest.mark.asyncio
@pytest.mark.parametrize("close_code", [None, 1000, 1001, 1011, 1012, 1013])
async def test_a_link_that_drops_in_mid_answer_comes_back(close_code: int | None) -> None:
    faults = Faults(drop_after_events=6, close_code=close_code)
    async with asyncio.timeout(PATIENCE_S), serving(words(40), faults=faults) as brain, real(brain.url) as desk:
        await desk.until(LinkUp)
        desk.ask(1)
        down = await desk.until(LinkDown)
        assert not down.fatal
        assert text_of(desk, 1).startswith("Answer zero")
        brain.faults = Faults()
        await desk.until(LinkUp)
        desk.ask(2)
        await desk.until(ReplyDone)
        assert text_of(desk, 2).endswith("thirty-nine.")
        assert [kind for kind in kinds(desk) if kind != "Delta"] == ["LinkUp", "LinkDown", "LinkUp", "ReplyDone"]


@pytest.mark.asyncio
async def test_a_link_that_is_cut_while_nothing_is_asked_comes_back() -> None:
    async with asyncio.timeout(PATIENCE_S), serving() as brain, real(brain.url) as desk:
        for _ in range(3):
            await desk.until(LinkUp)
            brain.drop_links()
            assert not (await desk.until(LinkDown)).fatal
        await desk.until(LinkUp)
        assert brain.connections == 1


@pytest.mark.asyncio
async def test_garbage_in_mid_answer_costs_the_connection() -> None:
    faults = Faults(garbage_after_events=6)
    async with asyncio.timeout(PATIENCE_S), serving(words(40), faults=faults) as brain, real(brain.url) as desk:
        await desk.until(LinkUp)
        desk.ask(1)
        down = await desk.until(LinkDown)
        assert "not a Responses event" in down.reason
        brain.faults = Faults()
        await desk.until(LinkUp)
        desk.ask(2)
        await desk.until(ReplyDone)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("code", "kind"), [("rate_limit_exceeded", "passing"), ("server_error", "passing"), ("invalid_api_key", "fatal")]
)
async def test_an_error_is_of_the_reply_and_the_link_stays(code: str, kind: Failure) -> None:
    async with asyncio.timeout(PATIENCE_S), serving(faults=Faults(error_event=code)) as brain, real(brain.url) as desk:
        await desk.until(LinkUp)
        desk.ask(1)
        assert await desk.until(ReplyFailed) == ReplyFailed(1, f"{code}: An error, as this server was told to.", kind)
        brain.faults = Faults()
        desk.ask(2)
        await desk.until(ReplyDone)
        assert LinkDown not in map(type, desk.facts)


@pytest.mark.asyncio
@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_a_fatal_refusal_is_the_last_fact(status: int) -> None:
    faults = Faults(reject_status=status)
    async with asyncio.timeout(PATIENCE_S), serving(faults=faults) as brain, real(brain.url) as desk:
        down = await desk.until(LinkDown)
        await asyncio.sleep(0)
        assert (down.fatal, desk.ended, len(desk.facts)) == (True, True, 1)
        assert f"HTTP {status}" in down.reason


@pytest.mark.asyncio
async def test_a_wrong_address_is_fatal_too() -> None:
    async with asyncio.timeout(PATIENCE_S), real("http://localhost/v1") as desk:
        assert (await desk.until(LinkDown)).fatal
