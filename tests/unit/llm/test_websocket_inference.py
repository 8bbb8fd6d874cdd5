"""The language model behind a reconnecting websocket: inferences beside the conversation. In virtual time."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from websockets.asyncio.client import ClientConnection

from link.websocket import Endpoint
from llm.events import Delta, InferenceFailed, Inferred, LinkDown, LinkUp, ReplyDone, Usage
from llm.inference import MAX_AT_ONCE, MAX_CHARACTERS
from llm.items import AssistantMessage, UserMessage
from tests.unit.link.peer import Peer
from tests.unit.link.stage import play
from tests.unit.llm.desk import Desk
from tests.unit.llm.provider import Lane, Provider, silence, two_words
from tests.unit.llm.service_stand import a_moment, kinds, now, service, text_of

BOTH = pytest.mark.parametrize("lanes", [True, False])


async def by_kind(lane: Lane) -> None:
    """Jobs are answered with two words, replies with ten in ten seconds."""
    if lane.asked[-1].startswith("job"):
        await two_words(lane)
        return
    for number in range(10):
        await lane.delta(f"{number} ")
        await asyncio.sleep(1)
    await lane.done()


@BOTH
def test_an_inference_is_answered_beside_an_answer(tmp_path: Path, lanes: bool) -> None:
    async def scene() -> None:
        provider = Provider(by_kind)
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open, lanes=lanes)) as desk:
            await desk.until(LinkUp)
            desk.ask(1)
            await desk.until(Delta)
            before = now()
            desk.infer(7)
            assert await desk.until(Inferred) == Inferred(7, "answer 2 done", Usage(1, 2))
            assert now() == before
            await desk.until(ReplyDone)
            assert text_of(desk, 1) == "".join(f"{number} " for number in range(10))
            assert len(peer.opened_at) == (1 if lanes else 2)
            assert peer.closes == ([] if lanes else [1000])

    play(scene())


@BOTH
def test_the_conversation_goes_on_from_where_it_was(tmp_path: Path, lanes: bool) -> None:
    """An inference is none of its business, nor the other way round."""

    async def scene() -> None:
        provider = Provider(two_words)
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open, lanes=lanes)) as desk:
            await desk.until(LinkUp)
            desk.ask(1, UserMessage("Hello"))
            await desk.until(ReplyDone)
            desk.infer(1)
            await desk.until(Inferred)
            desk.ask(2, UserMessage("Hello"), AssistantMessage("answer 1 done"), UserMessage("Well?"))
            await desk.until(ReplyDone)
            assert [lane.previous for lane in provider.lanes] == [None, None, "resp_1"]

    play(scene())


@BOTH
def test_four_at_once_and_no_more(tmp_path: Path, lanes: bool) -> None:
    async def answer(lane: Lane) -> None:
        await asyncio.sleep(1)
        await two_words(lane)

    async def scene() -> None:
        async with Peer(tmp_path, act=Provider(answer).act) as peer, Desk(service(peer.open, lanes=lanes)) as desk:
            await desk.until(LinkUp)
            for job in range(MAX_AT_ONCE + 2):
                desk.infer(job)
            await a_moment()
            failed = [fact for fact in desk.facts if isinstance(fact, InferenceFailed)]
            assert [fact.job for fact in failed] == [4, 5]
            assert "4 inferences are under way" in failed[0].reason
            for _ in range(MAX_AT_ONCE):
                await desk.until(Inferred)
            desk.infer(9)
            assert (await desk.until(Inferred)).job == 9
            assert MAX_AT_ONCE == 4

    play(scene())


@BOTH
def test_one_that_is_not_answered_in_time(tmp_path: Path, lanes: bool) -> None:
    async def scene() -> None:
        async with Peer(tmp_path, act=Provider(silence).act) as peer, Desk(service(peer.open, lanes=lanes)) as desk:
            await desk.until(LinkUp)
            before = now()
            desk.infer(1, limit_s=3.0)
            failed = await desk.until(InferenceFailed)
            assert (failed.job, now() - before) == (1, 3.0)
            assert failed.reason == "there was no answer within 3 s"
            await a_moment()
            assert kinds(desk) == ["LinkUp", "InferenceFailed"]
            assert peer.closes == ([] if lanes else [1000])

    play(scene())


def test_one_that_comes_too_late_is_not_heard(tmp_path: Path) -> None:
    async def answer(lane: Lane) -> None:
        await asyncio.sleep(5)
        await two_words(lane)

    async def scene() -> None:
        async with Peer(tmp_path, act=Provider(answer).act) as peer:
            model = service(peer.open)
            async with Desk(model) as desk:
                await desk.until(LinkUp)
                desk.infer(1, limit_s=3.0)
                await desk.until(InferenceFailed)
                await asyncio.sleep(5)
                assert (kinds(desk), model.discarded) == (["LinkUp", "InferenceFailed"], 3)

    play(scene())


def test_the_limit_is_for_the_handshake_too(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Peer(tmp_path, act=Provider(two_words).act) as peer:

            async def open_slowly(endpoint: Endpoint) -> ClientConnection:
                if peer.opened_at:
                    await asyncio.sleep(60)
                return await peer.open(endpoint)

            async with Desk(service(open_slowly, lanes=False)) as desk:
                await desk.until(LinkUp)
                before = now()
                desk.infer(1, limit_s=3.0)
                await desk.until(InferenceFailed)
                assert now() - before == 3.0

    play(scene())


@BOTH
@pytest.mark.parametrize("how", ["cut", "1000", "garbage"])
def test_one_whose_link_is_lost(tmp_path: Path, lanes: bool, how: str) -> None:
    async def lose(lane: Lane) -> None:
        await lane.delta("one ")
        if how == "cut":
            lane.connection.transport.abort()
        elif how == "garbage":
            await lane.connection.send("}{")
        else:
            await lane.connection.close(1000)

    async def scene() -> None:
        async with Peer(tmp_path, act=Provider(lose).act) as peer, Desk(service(peer.open, lanes=lanes)) as desk:
            await desk.until(LinkUp)
            before = now()
            desk.infer(1)
            assert (await desk.until(InferenceFailed)).job == 1
            assert now() == before
            await asyncio.sleep(5)
            assert kinds(desk).count("InferenceFailed") == 1
            assert (LinkDown in map(type, desk.facts)) is lanes, "its own link is nobody else's"

    play(scene())


@BOTH
@pytest.mark.parametrize(
    ("kind", "fields", "reason"),
    [
        ("error", {"error": {"code": "server_error", "message": "no"}}, "server_error: no"),
        ("response.failed", {"response": {"error": {"code": "x", "message": "no"}}}, "x: no"),
        ("response.incomplete", {"response": {"incomplete_details": {"reason": "content_filter"}}}, "filter"),
        ("response.output_text.delta", {"delta": "x" * (MAX_CHARACTERS + 1)}, "longer than"),
    ],
)
def test_one_that_comes_to_nothing(tmp_path: Path, lanes: bool, kind: str, fields: dict[str, str], reason: str) -> None:
    async def answer(lane: Lane) -> None:
        await lane.send({"type": kind, **fields})

    async def scene() -> None:
        async with Peer(tmp_path, act=Provider(answer).act) as peer, Desk(service(peer.open, lanes=lanes)) as desk:
            await desk.until(LinkUp)
            desk.infer(1)
            assert reason in (await desk.until(InferenceFailed)).reason
            await a_moment()
            assert kinds(desk) == ["LinkUp", "InferenceFailed"]

    play(scene())


def test_one_that_is_cut_short_is_what_it_is(tmp_path: Path) -> None:
    async def answer(lane: Lane) -> None:
        await lane.delta("half of")
        await lane.done("incomplete")

    async def scene() -> None:
        async with Peer(tmp_path, act=Provider(answer).act) as peer, Desk(service(peer.open)) as desk:
            await desk.until(LinkUp)
            desk.infer(1)
            assert (await desk.until(Inferred)).text == "half of"

    play(scene())


def test_with_lanes_there_is_none_without_a_link(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Peer(tmp_path, act=Provider(two_words).act) as peer, Desk(service(peer.open)) as desk:
            desk.infer(1)
            assert "no link" in (await desk.until(InferenceFailed)).reason

    play(scene())


@BOTH
def test_a_fatal_end_is_still_the_last_fact(tmp_path: Path, lanes: bool) -> None:
    """What is asked afterwards is refused; nobody waits for ever."""

    async def answer(lane: Lane) -> None:
        if not lane.asked[-1].startswith("job"):
            await lane.connection.close(1008)

    async def scene() -> None:
        async with Peer(tmp_path, act=Provider(answer).act) as peer, Desk(service(peer.open, lanes=lanes)) as desk:
            await desk.until(LinkUp)
            desk.infer(1)
            desk.infer(2)
            await a_moment()
            desk.ask(1)
            assert (await desk.until(LinkDown)).fatal
            await asyncio.sleep(5)
            assert kinds(desk) == ["LinkUp", "InferenceFailed", "InferenceFailed", "LinkDown"]
            assert len(peer.closes) == len(peer.opened_at)
            if lanes:
                desk.infer(3)
                await desk.until(InferenceFailed)

    play(scene())


@BOTH
def test_the_end_of_a_call_is_silent(tmp_path: Path, lanes: bool) -> None:
    async def scene() -> None:
        async with Peer(tmp_path, act=Provider(silence).act) as peer:
            async with Desk(service(peer.open, lanes=lanes)) as desk:
                await desk.until(LinkUp)
                desk.infer(1)
                await a_moment()
            await a_moment()
            assert kinds(desk) == ["LinkUp"]
            assert set(peer.closes) == {1000}
            assert len(peer.closes) == len(peer.opened_at)

    play(scene())


@BOTH
@pytest.mark.parametrize("seed", range(6))
def test_each_ends_in_one_fact_whatever_happens(tmp_path: Path, lanes: bool, seed: int) -> None:
    dice = Random(seed)

    async def answer(lane: Lane) -> None:
        for _ in range(3):
            await asyncio.sleep(dice.random())
            if dice.random() < 0.1:
                lane.connection.transport.abort()
            await lane.delta("x")
        if dice.random() < 0.8:
            await (lane.done() if dice.random() < 0.8 else lane.error("server_error"))

    async def scene() -> None:
        async with Peer(tmp_path, act=Provider(answer).act) as peer, Desk(service(peer.open, lanes=lanes)) as desk:
            await desk.until(LinkUp)
            for job in range(40):
                desk.infer(job, limit_s=dice.choice((0.5, 2.0, 20.0)))
                if dice.random() < 0.3:
                    desk.ask(job)
                await asyncio.sleep(dice.random() * 2)
            await asyncio.sleep(30)
            ends = Counter(fact.job for fact in desk.facts if isinstance(fact, Inferred | InferenceFailed))
            assert ends == dict.fromkeys(range(40), 1)
            assert any(isinstance(fact, Inferred) for fact in desk.facts)

    play(scene())
