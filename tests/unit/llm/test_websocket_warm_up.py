"""The language model behind a reconnecting websocket: warm-ups, of which nobody hears. In virtual time."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import pytest

from llm.events import Delta, LinkDown, LinkUp, ModelSettings, ReplyDone
from llm.items import AssistantMessage, UserMessage
from llm.line import DRAIN_S
from llm.responses import ResponsesSettings
from tests.unit.link.peer import Peer
from tests.unit.link.stage import play
from tests.unit.llm.desk import Desk
from tests.unit.llm.provider import Answer, Lane, Provider, two_words
from tests.unit.llm.service_stand import a_moment, kinds, now, service, text_of
from tests.unit.server.logbook import Logbook

GREETING, HELLO, WELL = AssistantMessage("Good morning."), UserMessage("Hello"), UserMessage("Well?")


def slowly(seconds: float) -> Answer:
    """A warm-up that takes its time."""

    async def warm(lane: Lane) -> None:
        await asyncio.sleep(seconds)
        await lane.done()

    return warm


async def refuse(lane: Lane) -> None:
    """A provider that knows no warm-ups."""
    await lane.error("unknown_parameter")


@pytest.mark.parametrize("lanes", [True, False])
def test_a_request_goes_on_from_its_warm_up(tmp_path: Path, lanes: bool) -> None:
    async def scene() -> None:
        provider = Provider(two_words)
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open, lanes=lanes)) as desk:
            await desk.until(LinkUp)
            desk.prepare(GREETING)
            await a_moment()
            warm = provider.lanes[0]
            assert (warm.request["generate"], warm.asked) == (False, ["Good morning."])
            desk.ask(1, GREETING, HELLO)
            await desk.until(ReplyDone)
            assert "generate" not in provider.lanes[1].request
            assert (provider.lanes[1].previous, provider.lanes[1].asked) == ("resp_1", ["Hello"])
            assert kinds(desk) == ["LinkUp", "Delta", "Delta", "ReplyDone"]
            assert desk.signs_of_life == 0

    play(scene())


def test_a_warm_up_goes_on_from_what_is_known_and_what_is_known_needs_none(tmp_path: Path) -> None:
    async def scene() -> None:
        provider = Provider(two_words)
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open)) as desk:
            await desk.until(LinkUp)
            desk.ask(1, HELLO)
            await desk.until(ReplyDone)
            log = (HELLO, AssistantMessage("answer 1 done"))
            desk.prepare(*log)
            await a_moment()
            assert len(provider.lanes) == 1
            desk.prepare(*log, WELL)
            await a_moment()
            assert (provider.lanes[1].previous, provider.lanes[1].asked) == ("resp_1", ["Well?"])
            desk.ask(2, *log, WELL, HELLO)
            await desk.until(ReplyDone)
            assert (provider.lanes[2].previous, provider.lanes[2].asked) == ("resp_2", ["Hello"])

    play(scene())


def test_with_lanes_nobody_waits_for_one(tmp_path: Path) -> None:
    async def scene() -> None:
        provider = Provider(two_words, slowly(3.0))
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open)) as desk:
            await desk.until(LinkUp)
            desk.prepare(GREETING)
            await asyncio.sleep(0.1)
            before = now()
            desk.ask(1, GREETING, HELLO)
            await desk.until(ReplyDone)
            assert now() == before
            assert (provider.lanes[1].previous, provider.lanes[1].asked) == (None, ["Good morning.", "Hello"])
            await asyncio.sleep(5)
            desk.ask(2, GREETING, HELLO, AssistantMessage("answer 2 done"), WELL)
            await desk.until(ReplyDone)
            assert provider.lanes[2].previous == "resp_2", "the warm-up that came too late counts for nothing"

    play(scene())


def test_without_lanes_it_is_waited_for_a_little(tmp_path: Path) -> None:
    async def scene() -> None:
        provider = Provider(two_words, slowly(0.4))
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open, lanes=False)) as desk:
            await desk.until(LinkUp)
            desk.prepare(GREETING)
            await asyncio.sleep(0.1)
            before = now()
            desk.ask(1, GREETING, HELLO)
            await desk.until(ReplyDone)
            assert now() - before == pytest.approx(0.3)
            assert (provider.lanes[1].previous, provider.lanes[1].asked) == ("resp_1", ["Hello"])
            assert len(peer.opened_at) == 1

    play(scene())


def test_but_no_longer_than_for_an_answer_that_was_abandoned(tmp_path: Path) -> None:
    async def scene() -> None:
        provider = Provider(two_words, slowly(60.0))
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open, lanes=False)) as desk:
            await desk.until(LinkUp)
            desk.prepare(GREETING)
            await asyncio.sleep(5)
            before = now()
            desk.ask(1, GREETING, HELLO)
            assert not (await desk.until(LinkDown)).fatal
            assert now() - before == pytest.approx(DRAIN_S)
            await desk.until(LinkUp)
            desk.ask(2, GREETING, HELLO)
            assert (await desk.until(ReplyDone)).reply == 2

    play(scene())


@pytest.mark.parametrize("lanes", [True, False])
def test_a_provider_that_refuses_one_is_not_asked_again(tmp_path: Path, lanes: bool) -> None:
    async def scene() -> None:
        provider = Provider(two_words, refuse)
        async with Peer(tmp_path, act=provider.act) as peer:
            model = service(peer.open, lanes=lanes)
            with Logbook() as book:
                async with Desk(model) as desk:
                    await desk.until(LinkUp)
                    desk.prepare(GREETING)
                    await a_moment()
                    assert kinds(desk) == ["LinkUp"]
                    peer.cut()
                    await desk.until(LinkUp)
                    desk.prepare(GREETING)
                    desk.ask(1, GREETING, HELLO)
                    await desk.until(ReplyDone)
                    assert [lane.request.get("generate") for lane in provider.lanes] == [False, None]
                    assert provider.lanes[1].previous is None
                    assert model.counts.warm_ups_failed == 1
            warnings = [entry.message for entry in book.entries if entry.level == "WARNING"]
            assert warnings == ["llm: the provider takes no warm-up: unknown_parameter: as told"]

    play(scene())


def test_one_that_the_provider_cannot_go_on_from_is_sent_whole(tmp_path: Path) -> None:
    async def forgetful(lane: Lane) -> None:
        if lane.previous is not None:
            await lane.error("previous_response_not_found")
        else:
            await lane.done()

    async def scene() -> None:
        provider = Provider(two_words, forgetful)
        async with Peer(tmp_path, act=provider.act) as peer:
            model = service(peer.open)
            async with Desk(model) as desk:
                await desk.until(LinkUp)
                desk.ask(1, HELLO)
                await desk.until(ReplyDone)
                log = (HELLO, AssistantMessage("answer 1 done"), WELL)
                desk.prepare(*log)
                await a_moment()
                assert (provider.lanes[2].request["generate"], len(provider.lanes[2].asked)) == (False, 3)
                assert (model.counts.asked_again, model.counts.warm_ups_failed) == (1, 0)
                desk.ask(2, *log, HELLO)
                await desk.until(ReplyDone)
                assert provider.lanes[3].previous == "resp_3"

    play(scene())


@pytest.mark.parametrize("lanes", [True, False])
def test_a_provider_that_answers_one_is_not_listened_to(tmp_path: Path, lanes: bool) -> None:
    """It has not understood `generate`; what it knows now is not the log."""

    async def scene() -> None:
        provider = Provider(two_words, two_words)
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open, lanes=lanes)) as desk:
            await desk.until(LinkUp)
            desk.prepare(GREETING)
            await a_moment()
            desk.ask(1, GREETING, HELLO)
            await desk.until(ReplyDone)
            assert text_of(desk, 1) == "answer 2 done"
            assert provider.lanes[1].previous is None
            assert kinds(desk) == ["LinkUp", "Delta", "Delta", "ReplyDone"]

    play(scene())


def test_it_is_for_the_model_that_will_be_asked(tmp_path: Path) -> None:
    async def scene() -> None:
        provider = Provider(two_words)
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open)) as desk:
            await desk.until(LinkUp)
            desk.prepare(GREETING, settings=ModelSettings(model="m2"))
            await a_moment()
            assert provider.lanes[0].request["model"] == "m2"
            desk.ask(1, GREETING, HELLO)
            await desk.until(ReplyDone)
            assert provider.lanes[1].previous is None

    play(scene())


def test_it_can_be_switched_off(tmp_path: Path) -> None:
    async def scene() -> None:
        provider = Provider(two_words)
        settings = ResponsesSettings("m", warm_up=False)
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open, settings=settings)) as desk:
            await desk.until(LinkUp)
            desk.prepare(GREETING)
            await a_moment()
            assert provider.lanes == []

    play(scene())


@pytest.mark.parametrize("lanes", [True, False])
def test_nothing_is_warmed_up_while_there_is_something_better_to_do(tmp_path: Path, lanes: bool) -> None:
    """The link is down, or an answer is being given (without lanes: or drained)."""

    async def answer(lane: Lane) -> None:
        await lane.delta("one ")
        await asyncio.sleep(0.5)
        await lane.done()

    async def scene() -> None:
        provider = Provider(answer)
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open, lanes=lanes)) as desk:
            desk.prepare(GREETING)
            await desk.until(LinkUp)
            await a_moment()
            desk.ask(1, HELLO)
            await desk.until(Delta)
            desk.prepare(GREETING)
            await a_moment()
            if not lanes:
                desk.cancel(1)
                desk.prepare(GREETING)
            await asyncio.sleep(2)
            assert [lane.request.get("generate") for lane in provider.lanes] == [None]

    play(scene())


def test_a_warm_up_proves_nothing(tmp_path: Path) -> None:
    """A provider that takes it and drops the connection is waited for longer and longer."""

    async def drop(lane: Lane) -> None:
        await lane.done()
        await lane.connection.close(1011)

    async def scene() -> None:
        async with (
            Peer(tmp_path, act=Provider(two_words, drop).act) as peer,
            Desk(service(peer.open)) as desk,
        ):
            for _ in range(4):
                await desk.until(LinkUp)
                desk.prepare(GREETING)
            gaps = [round(after - before, 6) for before, after in itertools.pairwise(peer.opened_at)]
            assert gaps == [0.25, 0.5, 1.0]

    play(scene())
