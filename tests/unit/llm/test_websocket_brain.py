"""The language model behind a reconnecting websocket, against the local brain."""

from __future__ import annotations

import asyncio

import pytest
from msgspec import structs

from llm.events import FunctionCall, LinkDown, LinkUp, ModelSettings, ReplyDone, Request
from llm.items import AssistantMessage, Call, Item, UserMessage
from llm.local import request as local
from llm.local.faults import Faults
from llm.local.scripted import scripted, words
from llm.responses import ResponsesSettings
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


# --- what the brain is shown ------------------------------------------------------------------------------------------


@pytest.mark.asyncio
@pytest.mark.parametrize("lanes", [True, False])
async def test_the_brain_is_shown_the_log_whatever_is_left_out(lanes: bool) -> None:
    """Turns, calls and their results, words that were cut: with and without leaving anything out it sees the same."""

    async def talk(incremental: bool) -> tuple[list[str], list[tuple[local.Item, ...]]]:
        shown: list[tuple[local.Item, ...]] = []

        def respond(request: local.Request, _: object) -> list[local.Output]:
            shown.append(request.items)
            number = len(shown)
            called = [local.FunctionCall("f", {"n": number})] if number % 3 == 0 else []
            return [local.Text(f"Answer {number} is here."), *called]

        settings = ResponsesSettings("m", lanes=lanes, incremental=incremental)
        log: list[Item] = []
        inputs: list[str] = []
        async with serving(respond, server_id="x") as brain, real(brain.url, settings=settings) as desk:
            await desk.until(LinkUp)
            for turn in range(1, 13):
                if turn % 3 != 1:
                    log.append(UserMessage(f"turn {turn}"))
                desk.ask_for(turn, Request("", tuple(log)))
                done = await desk.until(ReplyDone)
                inputs.append("some" if done.usage.cached_tokens else "all")
                calls = [
                    Call(fact.call_id, fact.name, fact.arguments, "9")
                    for fact in desk.facts
                    if isinstance(fact, FunctionCall) and fact.reply == turn
                ]
                text = text_of(desk, turn)
                log.append(AssistantMessage(text[:6] if turn == 8 else text, tuple(calls)))
        return inputs, [tuple(without_id(item) for item in items) for items in shown]

    async with asyncio.timeout(PATIENCE_S):
        some, shown = await talk(True)
        whole, shown_whole = await talk(False)
    assert shown == shown_whole
    assert set(whole) == {"all"}
    assert some == ["all", *["some"] * 7, "all", *["some"] * 3]


def without_id(item: local.Item) -> local.Item:
    """Calls are numbered by connection and response."""
    match item:
        case local.Called():
            return structs.replace(item, call_id="")
        case local.Result():
            return structs.replace(item, call_id="")
        case _:
            return item


@pytest.mark.asyncio
async def test_what_it_cost_and_who_answered() -> None:
    async with asyncio.timeout(PATIENCE_S), serving(words(12)) as brain, real(brain.url) as desk:
        await desk.until(LinkUp)
        desk.ask(1)
        first = await desk.until(ReplyDone)
        assert (first.model, first.incomplete, first.usage.cached_tokens) == ("m", "", 0)
        desk.ask(2, UserMessage("question 1"), AssistantMessage(text_of(desk, 1)), UserMessage("question 2"))
        second = await desk.until(ReplyDone)
        assert second.usage.cached_tokens > 15
        assert second.usage.input_tokens > second.usage.cached_tokens


@pytest.mark.asyncio
async def test_an_answer_that_is_cut_at_its_limit() -> None:
    request = Request("", (UserMessage("Hello"),), settings=ModelSettings(max_output_tokens=10))
    async with asyncio.timeout(PATIENCE_S), serving(words(40)) as brain, real(brain.url) as desk:
        await desk.until(LinkUp)
        desk.ask_for(1, request)
        done = await desk.until(ReplyDone)
        assert done.incomplete == "max_output_tokens"
        assert text_of(desk, 1) == "Answer zero one two three four"


@pytest.mark.asyncio
async def test_a_brain_that_forgets_is_told_everything_again() -> None:
    faults = Faults(forget_responses=True)
    async with asyncio.timeout(PATIENCE_S), serving(words(4), faults=faults) as brain, real(brain.url) as desk:
        await desk.until(LinkUp)
        log: list[Item] = []
        for turn in range(1, 4):
            log.append(UserMessage(f"turn {turn}"))
            desk.ask_for(turn, Request("", tuple(log)))
            done = await desk.until(ReplyDone)
            assert (done.reply, done.usage.cached_tokens) == (turn, 0)
            log.append(AssistantMessage(text_of(desk, turn)))
        assert set(kinds(desk)) == {"LinkUp", "Delta", "ReplyDone"}
