"""The language model behind a reconnecting websocket: answers that are abandoned. In virtual time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

import pytest

from llm.events import Delta, LinkDown, LinkUp, ReplyDone, Usage
from llm.line import DRAIN_S, MAX_LANES
from tests.unit.link.peer import Peer, wait_for_the_end
from tests.unit.link.stage import play
from tests.unit.llm.desk import Desk
from tests.unit.llm.provider import Lane, Provider, silence, two_words
from tests.unit.llm.service_stand import a_moment, kinds, now, service, text_of

# --- abandoned answers, with lanes ----------------------------------------------------------------------------------


async def ten_words_a_second(lane: Lane) -> None:
    """Thirty words: three seconds."""
    for number in range(30):
        await lane.delta(f"{lane.number}.{number} ")
        await asyncio.sleep(0.1)
    await lane.done()


def test_with_lanes_a_cancel_costs_the_next_ask_nothing(tmp_path: Path) -> None:
    async def scene() -> None:
        provider = Provider(ten_words_a_second)
        async with Peer(tmp_path, act=provider.act) as peer:
            model = service(peer.open)
            async with Desk(model) as desk:
                await desk.until(LinkUp)
                desk.ask(1)
                await asyncio.sleep(0.95)
                before = now()
                desk.cancel(1)
                desk.ask(2)
                await desk.until(ReplyDone)
                assert provider.asked_at[1] == before
                assert text_of(desk, 1) == "".join(f"1.{number} " for number in range(10))
                assert text_of(desk, 2) == "".join(f"2.{number} " for number in range(30))
                assert model.discarded == 20 + 1, "the rest of the first answer, and its end"
                assert len(peer.opened_at) == 1
                assert not [fact for fact in desk.facts if isinstance(fact, LinkDown)]

    play(scene())


def test_with_lanes_nothing_abandoned_is_posted_even_when_it_fails(tmp_path: Path) -> None:
    async def fail_late(lane: Lane) -> None:
        await asyncio.sleep(1)
        await lane.error("server_error")

    async def scene() -> None:
        async with Peer(tmp_path, act=Provider(fail_late).act) as peer:
            model = service(peer.open)
            async with Desk(model) as desk:
                await desk.until(LinkUp)
                for reply in range(1, 6):
                    desk.ask(reply)
                    desk.cancel(reply)
                await asyncio.sleep(2)
                assert kinds(desk) == ["LinkUp"]
                assert model.discarded == 5

    play(scene())


def test_with_lanes_answers_that_never_end_are_forgotten_in_the_end(tmp_path: Path) -> None:
    async def scene() -> None:
        provider = Provider(silence)
        async with Peer(tmp_path, act=provider.act) as peer:
            model = service(peer.open)
            async with Desk(model) as desk:
                await desk.until(LinkUp)
                for reply in range(1, MAX_LANES + 4):
                    desk.ask(reply)
                    desk.cancel(reply)
                    await a_moment()
                assert model.counts.forgotten == 3
                provider.answer = two_words
                desk.ask(99)
                assert (await desk.until(ReplyDone)).reply == 99
                await provider.lanes[0].delta("too late")
                await a_moment()
                assert model.discarded == 1

    play(scene())


# --- abandoned answers, without lanes -------------------------------------------------------------------------------


def breaking_off(after_s: float, kind: str) -> Provider:
    """The first answer goes on for so long after its first word, and ends like this; the others come at once."""

    async def answer(lane: Lane) -> None:
        if lane.number > 1:
            await two_words(lane)
            return
        await lane.delta("first")
        await asyncio.sleep(after_s)
        await lane.delta("first")
        if kind == "error":
            await lane.error("server_error")
        else:
            await lane.done(kind)

    return Provider(answer)


@pytest.mark.parametrize("kind", ["completed", "incomplete", "failed", "error"])
def test_without_lanes_an_abandoned_answer_is_drained_before_the_next_ask(tmp_path: Path, kind: str) -> None:
    async def scene() -> None:
        provider = breaking_off(0.7, kind)
        async with Peer(tmp_path, act=provider.act) as peer:
            model = service(peer.open, lanes=False)
            async with Desk(model) as desk:
                await desk.until(LinkUp)
                desk.ask(1)
                await desk.until(Delta)
                desk.cancel(1)
                desk.ask(2)
                done = await desk.until(ReplyDone)
                assert done == ReplyDone(2, Usage(1, 2))
                assert text_of(desk, 1) == "first"
                assert text_of(desk, 2) == "answer 2 done"
                assert provider.asked_at[1] - provider.asked_at[0] == pytest.approx(0.7)
                assert model.discarded == 2
                assert len(peer.opened_at) == 1

    play(scene())


def test_without_lanes_an_answer_that_was_drained_meanwhile_costs_the_next_ask_nothing(tmp_path: Path) -> None:
    async def scene() -> None:
        provider = breaking_off(0.8, "completed")
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open, lanes=False)) as desk:
            await desk.until(LinkUp)
            desk.ask(1)
            await desk.until(Delta)
            desk.cancel(1)
            await asyncio.sleep(5)
            before = now()
            desk.ask(2)
            assert (await desk.until(ReplyDone)).reply == 2
            assert now() == before
            assert len(peer.opened_at) == 1

    play(scene())


def test_without_lanes_one_that_goes_on_for_too_long_costs_the_connection(tmp_path: Path) -> None:
    async def scene() -> None:
        provider = breaking_off(DRAIN_S + 0.01, "completed")
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open, lanes=False)) as desk:
            await desk.until(LinkUp)
            desk.ask(1)
            await desk.until(Delta)
            before = now()
            desk.cancel(1)
            desk.ask(2)
            assert not (await desk.until(LinkDown)).fatal
            assert now() - before == pytest.approx(DRAIN_S)
            assert DRAIN_S == 1.0
            await desk.until(LinkUp)
            await asyncio.sleep(1)
            assert len(provider.asked_at) == 1, "what was asked of the lost link is asked again by the core"
            before = now()
            desk.ask(3)
            assert (await desk.until(ReplyDone)).reply == 3
            assert now() == before
            assert text_of(desk, 3) == "answer 2 done"

    play(scene())


def test_without_lanes_the_drain_begins_with_the_cancel(tmp_path: Path) -> None:
    async def scene() -> None:
        act = breaking_off(60, "completed").act
        async with Peer(tmp_path, act=act) as peer, Desk(service(peer.open, lanes=False)) as desk:
            await desk.until(LinkUp)
            desk.ask(1)
            await desk.until(Delta)
            before = now()
            desk.cancel(1)
            await asyncio.sleep(0.6)
            desk.ask(2)
            await desk.until(LinkDown)
            assert now() - before == pytest.approx(DRAIN_S)

    play(scene())


def test_without_lanes_a_link_that_is_lost_while_draining_is_not_drained_on(tmp_path: Path) -> None:
    async def scene() -> None:
        provider = breaking_off(60, "completed")
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open, lanes=False)) as desk:
            await desk.until(LinkUp)
            desk.ask(1)
            await desk.until(Delta)
            desk.cancel(1)
            desk.ask(2)
            await asyncio.sleep(0.5)
            peer.cut()
            await desk.until(LinkUp)
            before = now()
            desk.cancel(2)  # it was lost with its link: nothing of it stands in the way
            desk.ask(3)
            assert (await desk.until(ReplyDone)).reply == 3
            assert now() == before
            assert len(provider.asked_at) == 2

    play(scene())


def test_without_lanes_a_second_cancel_before_the_drain_is_over(tmp_path: Path) -> None:
    """Ask, cancel, ask, cancel, ask: the first is drained, the second was never sent, and the last is heard."""

    async def answer(lane: Lane) -> None:
        await asyncio.sleep(0.4)
        await two_words(lane)

    async def scene() -> None:
        provider = Provider(answer)
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open, lanes=False)) as desk:
            await desk.until(LinkUp)
            for reply in (1, 2, 3):
                desk.ask(reply)
                if reply < 3:
                    desk.cancel(reply)
            assert (await desk.until(ReplyDone)).reply == 3
            assert kinds(desk) == ["LinkUp", "Delta", "Delta", "ReplyDone"]
            assert text_of(desk, 3) == "answer 2 done"
            assert [lane.asked for lane in provider.lanes] == [["question 1"], ["question 3"]]
            assert len(peer.opened_at) == 1

    play(scene())


def test_without_lanes_what_nobody_asked_for_is_counted(tmp_path: Path) -> None:
    async def talkative(lane: Lane) -> None:
        await two_words(lane)
        await lane.delta("and another thing")
        await lane.done()

    async def scene() -> None:
        async with Peer(tmp_path, act=Provider(talkative).act) as peer:
            model = service(peer.open, lanes=False)
            async with Desk(model) as desk:
                await desk.until(LinkUp)
                desk.ask(1)
                await desk.until(ReplyDone)
                await a_moment()
                assert kinds(desk) == ["LinkUp", "Delta", "Delta", "ReplyDone"]
                assert model.discarded == 2

    play(scene())


# --- cancels --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lanes", [True, False])
def test_a_stalled_reply_costs_the_connection_at_once(tmp_path: Path, lanes: bool) -> None:
    async def scene() -> None:
        provider = Provider(silence)
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open, lanes=lanes)) as desk:
            await desk.until(LinkUp)
            desk.ask(1)
            await asyncio.sleep(6)
            before = now()
            desk.cancel(1, stalled=True)
            assert not (await desk.until(LinkDown)).fatal
            assert now() == before
            provider.answer = two_words
            await desk.until(LinkUp)
            assert now() - before == pytest.approx(0.25)
            desk.ask(2)
            assert (await desk.until(ReplyDone)).reply == 2

    play(scene())


@pytest.mark.parametrize("lanes", [True, False])
@pytest.mark.parametrize("stalled", [True, False])
def test_a_cancel_of_a_reply_that_is_over_does_nothing(tmp_path: Path, lanes: bool, stalled: bool) -> None:
    async def scene() -> None:
        act = Provider(two_words).act
        async with Peer(tmp_path, act=act) as peer, Desk(service(peer.open, lanes=lanes)) as desk:
            await desk.until(LinkUp)
            desk.cancel(1, stalled=stalled)
            desk.ask(1)
            await desk.until(ReplyDone)
            desk.cancel(1, stalled=stalled)
            desk.ask(2)
            desk.cancel(1, stalled=stalled)
            before = now()
            assert (await desk.until(ReplyDone)).reply == 2
            assert now() == before
            assert len(peer.opened_at) == 1

    play(scene())


@pytest.mark.parametrize("lanes", [True, False])
def test_whoever_asks_for_something_else_does_not_want_the_answer_before(tmp_path: Path, lanes: bool) -> None:
    async def answer(lane: Lane) -> None:
        for number in range(3):
            await lane.delta(f"{lane.number}.{number} ")
            await lane.send({"type": "response.reasoning_summary_text.delta", "delta": "hm"})
            await asyncio.sleep(0.2)
        await lane.done()

    async def scene() -> None:
        async with Peer(tmp_path, act=Provider(answer).act) as peer:
            model = service(peer.open, lanes=lanes)
            async with Desk(model) as desk:
                await desk.until(LinkUp)
                desk.ask(1)
                await desk.until(Delta)
                desk.ask(2)
                assert (await desk.until(ReplyDone)).reply == 2
                assert (text_of(desk, 1), text_of(desk, 2)) == ("1.0 ", "2.0 2.1 2.2 ")
                assert model.discarded == 3, "two words and the end: a sign of life is none"

    play(scene())


@pytest.mark.parametrize("lanes", [True, False])
def test_a_cancel_before_the_first_word(tmp_path: Path, lanes: bool) -> None:
    async def scene() -> None:
        async with Peer(tmp_path, act=Provider(two_words).act) as peer:
            model = service(peer.open, lanes=lanes)
            async with Desk(model) as desk:
                await desk.until(LinkUp)
                desk.ask(1)
                desk.cancel(1)
                desk.ask(2)
                assert (await desk.until(ReplyDone)).reply == 2
                assert text_of(desk, 1) == ""
                assert text_of(desk, 2) == "answer 2 done"
                assert model.discarded == 3

    play(scene())


@pytest.mark.parametrize("lanes", [True, False])
def test_a_silent_link_is_no_lost_link(tmp_path: Path, lanes: bool) -> None:
    """How long to wait for a word is the core's business."""

    async def scene() -> None:
        async with Peer(tmp_path, act=wait_for_the_end) as peer, Desk(service(peer.open, lanes=lanes)) as desk:
            await desk.until(LinkUp)
            desk.ask(1)
            await asyncio.sleep(300)
            assert kinds(desk) == ["LinkUp"]

    play(scene())


@pytest.mark.parametrize("lanes", [True, False])
@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_asked_and_cancelled_only_what_is_wanted_is_posted(tmp_path: Path, lanes: bool, seed: int) -> None:
    """Asks and cancels at any moment, with links that drop: each answer is whole or was abandoned."""
    dice = Random(seed)

    async def answer(lane: Lane) -> None:
        for number in range(5):
            await asyncio.sleep(dice.random() * 0.2)
            await lane.delta(str(number))
            if dice.random() < 0.05:
                lane.connection.transport.abort()
        await lane.done()

    async def scene() -> None:
        async with Peer(tmp_path, act=Provider(answer).act) as peer, Desk(service(peer.open, lanes=lanes)) as desk:
            cancelled: dict[int, int] = {}  # reply -> facts posted when it was cancelled
            await desk.until(LinkUp)
            for reply in range(1, 40):
                if isinstance(desk.facts[-1], LinkDown):
                    await desk.until(LinkUp)
                desk.ask(reply)
                await asyncio.sleep(dice.random() * 1.5)
                desk.cancel(reply)
                await a_moment()
                cancelled[reply] = len(desk.facts)
            for at, fact in enumerate(desk.facts):
                if isinstance(fact, Delta | ReplyDone):
                    assert at < cancelled[fact.reply]
            whole = [fact.reply for fact in desk.facts if isinstance(fact, ReplyDone)]
            assert len(whole) > 5
            assert {text_of(desk, reply) for reply in whole} == {"01234"}
            assert all("01234".startswith(text_of(desk, reply)) for reply in range(1, 40))

    play(scene())
