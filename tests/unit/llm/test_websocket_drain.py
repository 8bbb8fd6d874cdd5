"""The language model behind a reconnecting websocket, without lanes: what waits for a drain. In virtual time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from llm.events import Delta, Inferred, LinkDown, LinkUp, ReplyDone
from llm.items import UserMessage
from llm.line import DRAIN_S
from tests.unit.link.peer import Peer
from tests.unit.link.stage import play
from tests.unit.llm.desk import Desk
from tests.unit.llm.provider import Lane, Provider, two_words
from tests.unit.llm.service_stand import a_moment, kinds, now, service, text_of

ANSWER_S = 0.8


async def answer(lane: Lane) -> None:
    """Eight words in ANSWER_S; a job is answered at once."""
    if lane.asked[-1].startswith("job"):
        await two_words(lane)
        return
    for number in range(8):
        await lane.delta(f"{lane.number}.{number} ")
        await asyncio.sleep(ANSWER_S / 8)
    await lane.done()


def test_what_was_given_up_while_it_waited_is_never_sent(tmp_path: Path) -> None:
    async def scene() -> None:
        provider = Provider(answer)
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open, lanes=False)) as desk:
            await desk.until(LinkUp)
            desk.ask(1)
            await a_moment()
            desk.cancel(1)
            desk.ask(2)
            await asyncio.sleep(0.1)
            desk.cancel(2)
            await asyncio.sleep(0.1)
            desk.ask(3)
            assert (await desk.until(ReplyDone)).reply == 3
            assert [lane.asked for lane in provider.lanes] == [["question 1"], ["question 3"]]
            assert provider.asked_at[1] - provider.asked_at[0] == pytest.approx(ANSWER_S)
            assert len(peer.opened_at) == 1

    play(scene())


def test_when_all_are_given_up_none_is_sent(tmp_path: Path) -> None:
    async def scene() -> None:
        provider = Provider(answer)
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open, lanes=False)) as desk:
            await desk.until(LinkUp)
            for reply in range(1, 30):
                desk.ask(reply)
                desk.cancel(reply)
            await asyncio.sleep(5)
            assert len(provider.lanes) == 1
            assert kinds(desk) == ["LinkUp"]

    play(scene())


def test_the_last_of_those_that_wait_is_the_one_that_is_wanted(tmp_path: Path) -> None:
    async def scene() -> None:
        provider = Provider(answer)
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open, lanes=False)) as desk:
            await desk.until(LinkUp)
            for reply in range(1, 5):
                desk.ask(reply)
            desk.cancel(3)
            assert (await desk.until(ReplyDone)).reply == 4
            assert [lane.asked for lane in provider.lanes] == [["question 1"], ["question 4"]]

    play(scene())


def test_nothing_else_waits_with_it(tmp_path: Path) -> None:
    """An inference is answered in the middle of a drain; a warm-up is of no use now."""

    async def scene() -> None:
        provider = Provider(answer)
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open, lanes=False)) as desk:
            await desk.until(LinkUp)
            desk.ask(1)
            await a_moment()
            desk.cancel(1)
            desk.ask(2)
            desk.prepare(UserMessage("Hello"))
            desk.infer(7)
            before = now()
            assert (await desk.until(Inferred)).job == 7
            assert now() == before
            assert (await desk.until(ReplyDone)).reply == 2
            assert "generate" not in "".join(str(lane.request) for lane in provider.lanes)

    play(scene())


def test_what_waits_when_the_link_is_lost_is_not_sent_on_the_next(tmp_path: Path) -> None:
    async def scene() -> None:
        provider = Provider(answer)
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open, lanes=False)) as desk:
            await desk.until(LinkUp)
            desk.ask(1)
            await desk.until(Delta)
            desk.cancel(1)
            desk.ask(2)
            await a_moment()
            peer.cut()
            await desk.until(LinkDown)
            await desk.until(LinkUp)
            await asyncio.sleep(2 * DRAIN_S)
            assert len(provider.lanes) == 1
            assert text_of(desk, 2) == ""

    play(scene())
