"""The language model behind a reconnecting websocket: warm-ups that are refused or never answered. In virtual time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from llm.events import LinkDown, LinkUp, ReplyDone, ReplyFailed
from llm.items import AssistantMessage, UserMessage
from llm.line import MAX_LANES
from llm.responses import ResponsesSettings
from tests.unit.link.peer import Peer
from tests.unit.link.stage import play
from tests.unit.llm.desk import Desk
from tests.unit.llm.provider import Answer, Lane, Provider, silence, two_words
from tests.unit.llm.service_stand import a_moment, now, service

GREETING, HELLO, WELL = AssistantMessage("Good morning."), UserMessage("Hello"), UserMessage("Well?")

# --- an error that names no lane --------------------------------------------------------------------------------------


def refusing_in(seconds: float) -> Answer:
    """A warm-up that is refused after a while, in words that name no lane."""

    async def warm(lane: Lane) -> None:
        await asyncio.sleep(seconds)
        lane.request = {}
        await lane.error("unknown_parameter")

    return warm


async def in_two_seconds(lane: Lane) -> None:
    """A sign of it after one second, the words after two."""
    await asyncio.sleep(1)
    await lane.send({"type": "response.created", "response": {}})
    await asyncio.sleep(1)
    await two_words(lane)


def test_before_any_sign_of_the_answer_it_is_that_of_the_warm_up(tmp_path: Path) -> None:
    async def scene() -> None:
        provider = Provider(in_two_seconds, refusing_in(0.5))
        async with Peer(tmp_path, act=provider.act) as peer:
            model = service(peer.open)
            async with Desk(model) as desk:
                await desk.until(LinkUp)
                desk.prepare(GREETING)
                desk.ask(1, GREETING, HELLO)
                assert (await desk.until(ReplyDone)).reply == 1
                assert ReplyFailed not in map(type, desk.facts)
                desk.prepare(GREETING, HELLO, WELL)
                await a_moment()
                assert [lane.request.get("generate") for lane in provider.lanes[1:]] == [None], "it is not asked again"
                assert model.counts.warm_ups_failed == 1

    play(scene())


def test_after_a_sign_of_the_answer_it_is_that_of_the_answer(tmp_path: Path) -> None:
    async def scene() -> None:
        provider = Provider(in_two_seconds, refusing_in(1.5))
        async with Peer(tmp_path, act=provider.act) as peer:
            model = service(peer.open)
            async with Desk(model) as desk:
                await desk.until(LinkUp)
                desk.prepare(GREETING)
                desk.ask(1, GREETING, HELLO)
                assert (await desk.until(ReplyFailed)).reply == 1
                assert model.counts.warm_ups_failed == 0

    play(scene())


def test_a_warm_up_that_the_provider_took_is_not_what_it_complains_of(tmp_path: Path) -> None:
    async def taken(lane: Lane) -> None:
        await lane.send({"type": "response.created", "response": {}})
        await refusing_in(0.5)(lane)

    async def scene() -> None:
        async with Peer(tmp_path, act=Provider(in_two_seconds, taken).act) as peer:
            model = service(peer.open)
            async with Desk(model) as desk:
                await desk.until(LinkUp)
                desk.prepare(GREETING)
                desk.ask(1, GREETING, HELLO)
                assert (await desk.until(ReplyFailed)).reply == 1

    play(scene())


# --- one that is never answered ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("lanes", [True, False])
@pytest.mark.parametrize("end", ["lost", "replaced"])
def test_one_that_was_not_answered_when_its_link_went_is_the_last(tmp_path: Path, lanes: bool, end: str) -> None:
    async def scene() -> None:
        provider = Provider(two_words, silence)
        settings = ResponsesSettings("m", lanes=lanes, renew_s=100.0)
        async with Peer(tmp_path, act=provider.act) as peer:
            model = service(peer.open, settings=settings)
            async with Desk(model) as desk:
                await desk.until(LinkUp)
                desk.prepare(GREETING)
                await asyncio.sleep(99)
                if end == "lost":
                    peer.cut()
                    await desk.until(LinkDown)
                    await desk.until(LinkUp)
                await asyncio.sleep(5)
                assert len(peer.opened_at) == 2
                assert model.counts.warm_ups_failed == 1
                desk.prepare(GREETING)
                desk.ask(1, GREETING, HELLO)
                await desk.until(ReplyDone)
                assert [lane.request.get("generate") for lane in provider.lanes] == [False, None]

    play(scene())


def test_without_lanes_it_costs_one_drain_and_not_one_each_turn(tmp_path: Path) -> None:
    async def scene() -> None:
        provider = Provider(two_words, silence)
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open, lanes=False)) as desk:
            await desk.until(LinkUp)
            desk.prepare(GREETING)
            desk.ask(1, GREETING)
            await desk.until(LinkDown)
            await desk.until(LinkUp)
            for reply in range(2, 5):
                desk.prepare(GREETING)
                before = now()
                desk.ask(reply, GREETING)
                assert (await desk.until(ReplyDone)).reply == reply
                assert now() == before

    play(scene())


def test_with_lanes_they_are_forgotten_in_the_end(tmp_path: Path) -> None:
    async def scene() -> None:
        provider = Provider(two_words, silence)
        async with Peer(tmp_path, act=provider.act) as peer:
            model = service(peer.open)
            async with Desk(model) as desk:
                await desk.until(LinkUp)
                for _ in range(3 * MAX_LANES):
                    desk.prepare(GREETING)
                    await a_moment()
                assert len(provider.lanes) == MAX_LANES + 1, "then none is asked for any more"
                assert (model.counts.forgotten, model.counts.warm_ups_failed) == (1, 1)
                desk.ask(1, GREETING, HELLO)
                await desk.until(ReplyDone)

    play(scene())
