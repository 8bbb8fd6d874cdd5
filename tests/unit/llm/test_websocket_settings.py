"""The language model behind a websocket: what an agent may set, and what a model thought. In virtual time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llm.events import Delta, LinkUp, ModelSettings, ReplyDone, ReplyFailed, Request, Thought, ToolSchema
from llm.items import AssistantMessage, Call, Item, Reasoning, UserMessage
from llm.responses import ResponsesSettings
from tests.unit.link.peer import Peer
from tests.unit.link.stage import play
from tests.unit.llm.desk import Desk
from tests.unit.llm.provider import Lane, Provider, two_words
from tests.unit.llm.service_stand import kinds, service, text_of

HELLO = UserMessage("Hello")
TOOL = ToolSchema("f", "", {"type": "object", "properties": {}})
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}


def test_settings_hold_from_the_next_request(tmp_path: Path) -> None:
    async def scene() -> None:
        provider = Provider(two_words)
        settings = ResponsesSettings("m", extra={"service_tier": "flex", "temperature": 1.0})
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open, settings=settings)) as desk:
            await desk.until(LinkUp)
            chosen = ModelSettings(
                model="m2", temperature=0.1, max_output_tokens=90, tool_choice="f", extra={"service_tier": "priority"}
            )
            for reply, each in enumerate((ModelSettings(), chosen, ModelSettings()), 1):
                desk.ask_for(reply, Request("", (HELLO,), (TOOL,), settings=each))
                await desk.until(ReplyDone)
            names = ("model", "temperature", "max_output_tokens", "tool_choice", "service_tier")
            sent = [tuple(lane.request.get(name) for name in names) for lane in provider.lanes]
            usual = ("m", 1.0, None, None, "flex")
            assert sent == [usual, ("m2", 0.1, 90, {"type": "function", "name": "f"}, "priority"), usual]

    play(scene())


def test_who_really_answered_what_it_cost_and_why_it_is_cut_short(tmp_path: Path) -> None:
    async def answer(lane: Lane) -> None:
        usage = {
            "input_tokens": 100,
            "input_tokens_details": {"cached_tokens": 64},
            "output_tokens": 20,
            "output_tokens_details": {"reasoning_tokens": 12},
        }
        details = {"reason": "max_output_tokens"}
        response = {"id": "resp_1", "model": "m-2026-01-01", "usage": usage, "incomplete_details": details}
        await lane.delta("Well")
        await lane.send({"type": "response.incomplete", "response": response})

    async def scene() -> None:
        async with Peer(tmp_path, act=Provider(answer).act) as peer, Desk(service(peer.open)) as desk:
            await desk.until(LinkUp)
            desk.ask(1)
            done = await desk.until(ReplyDone)
            assert (done.model, done.incomplete) == ("m-2026-01-01", "max_output_tokens")
            usage = done.usage
            assert (usage.input_tokens, usage.cached_tokens) == (100, 64)
            assert (usage.output_tokens, usage.reasoning_tokens) == (20, 12)

    play(scene())


def test_a_refusal_is_spoken(tmp_path: Path) -> None:
    async def refuse(lane: Lane) -> None:
        for word in ("I cannot ", "say that."):
            await lane.send({"type": "response.refusal.delta", "delta": word})
        await lane.done()

    async def scene() -> None:
        provider = Provider(refuse)
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open)) as desk:
            await desk.until(LinkUp)
            desk.ask(1, HELLO)
            await desk.until(ReplyDone)
            assert text_of(desk, 1) == "I cannot say that."
            desk.ask(2, HELLO, AssistantMessage("I cannot say that."), UserMessage("Why?"))
            await desk.until(ReplyDone)
            assert provider.lanes[1].asked == ["Why?"]

    play(scene())


@pytest.mark.parametrize(("calls", "end"), [(0, "ReplyFailed"), (1, "ReplyDone")])
def test_a_filter_blocks_an_answer_of_which_nothing_is_left(tmp_path: Path, calls: int, end: str) -> None:
    async def answer(lane: Lane) -> None:
        for number in range(calls):
            await lane.call(f"c{number}")
        details = {"reason": "content_filter"}
        await lane.send({"type": "response.incomplete", "response": {"incomplete_details": details}})

    async def scene() -> None:
        async with Peer(tmp_path, act=Provider(answer).act) as peer, Desk(service(peer.open)) as desk:
            await desk.until(LinkUp)
            desk.ask(1)
            await desk.until(ReplyDone if calls else ReplyFailed)
            assert kinds(desk) == ["LinkUp", *["FunctionCall"] * calls, end]

    play(scene())


# --- what a model thought ---------------------------------------------------------------------------------------------


async def think(lane: Lane) -> None:
    """The first answer is a thought and a call."""
    if lane.number > 1:
        await two_words(lane)
        return
    await lane.send({"type": "response.reasoning_summary_text.delta", "delta": "Hm"})
    await lane.send({"type": "response.output_item.done", "item": THOUGHT | {"status": "completed"}})
    await lane.call("c1")
    await lane.done()


@pytest.mark.parametrize("url", ["ws://localhost/v1/responses", "ws://localhost/v1/responses?key=secret-1"])
def test_a_thought_is_told_with_its_source(tmp_path: Path, url: str) -> None:
    async def scene() -> None:
        async with Peer(tmp_path, act=Provider(think).act) as peer, Desk(service(peer.open, url=url)) as desk:
            await desk.until(LinkUp)
            desk.ask(1)
            thought = await desk.until(Thought)
            assert (thought.reply, thought.reasoning.source) == (1, "ws://localhost/v1/responses m")
            assert json.loads(thought.reasoning.item) == THOUGHT
            await desk.until(ReplyDone)
            assert kinds(desk) == ["LinkUp", "Thought", "FunctionCall", "ReplyDone"]
            assert desk.signs_of_life == 1

    play(scene())


@pytest.mark.parametrize(
    ("way", "items"),
    [
        ("known", ["function_call_output"]),
        ("lost", ["message", "reasoning", "function_call", "function_call_output"]),
        ("another model", ["message", "function_call", "function_call_output"]),
        ("another turn", ["message", "function_call", "function_call_output", "message"]),
        ("another provider", ["message", "function_call", "function_call_output"]),
    ],
)
def test_it_is_shown_again_with_the_results_where_it_is_understood(tmp_path: Path, way: str, items: list[str]) -> None:
    """A provider that knows it needs no telling; one that has lost it is told; nobody else could read it."""

    async def scene() -> None:
        provider = Provider(think)
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open)) as desk:
            await desk.until(LinkUp)
            desk.ask(1, HELLO)
            thought = (await desk.until(Thought)).reasoning
            await desk.until(ReplyDone)
            if way not in ("known", "another model"):
                peer.cut()
                await desk.until(LinkUp)
            if way == "another provider":
                thought = Reasoning("wss://elsewhere/v1/responses m", thought.item)
            log: list[Item] = [HELLO, AssistantMessage("", (Call("c1", "f", "{}", "9"),), (thought,))]
            log += [UserMessage("And?")] if way == "another turn" else []
            chosen = ModelSettings(model="m2" if way == "another model" else "")
            desk.ask_for(2, Request("", tuple(log), settings=chosen))
            await desk.until(Delta)
            sent = provider.lanes[1].request["input"]
            assert [item["type"] for item in sent] == items
            assert [item for item in sent if item["type"] == "reasoning"] == [THOUGHT] * ("reasoning" in items)

    play(scene())
