"""The language model behind a reconnecting websocket: a link is replaced before it is too old. In virtual time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection

from link.websocket import Endpoint
from llm.events import Delta, LinkDown, LinkUp, ReplyDone
from llm.items import AssistantMessage, UserMessage
from llm.responses import ResponsesCodec, ResponsesSettings
from llm.websocket import RENEW_AGAIN_S, WebsocketLLMService
from tests.unit.link.dice import LongestDelays
from tests.unit.link.peer import Peer, refusing
from tests.unit.link.stage import play
from tests.unit.llm.desk import Desk
from tests.unit.llm.provider import Lane, Provider, silence, two_words
from tests.unit.llm.service_stand import a_moment, kinds, now, service, text_of

RENEW_S = 100.0
HANDSHAKE_S = 2.0


def renewing(peer: Peer, *, lanes: bool = True, slow_s: float = 0.0) -> WebsocketLLMService:
    """A service that renews its link after RENEW_S; each handshake but the first takes `slow_s`."""

    async def open_slowly(endpoint: Endpoint) -> ClientConnection:
        if peer.opened_at:
            await asyncio.sleep(slow_s)
        return await peer.open(endpoint)

    return service(open_slowly, settings=ResponsesSettings("m", lanes=lanes, renew_s=RENEW_S))


async def ten_words(lane: Lane) -> None:
    """Ten seconds."""
    for number in range(10):
        await lane.delta(f"{lane.number}.{number} ")
        await asyncio.sleep(1)
    await lane.done()


TEN = "".join(f"1.{number} " for number in range(10))


def test_a_link_lives_for_55_minutes() -> None:
    assert ResponsesSettings("m").renew_s == 55 * 60


@pytest.mark.parametrize("lanes", [True, False])
def test_an_idle_link_is_replaced_and_nobody_hears_of_it(tmp_path: Path, lanes: bool) -> None:
    async def scene() -> None:
        provider = Provider(two_words)
        async with Peer(tmp_path, act=provider.act) as peer:
            model = renewing(peer, lanes=lanes)
            async with Desk(model) as desk:
                await desk.until(LinkUp)
                desk.ask(1, UserMessage("Hello"))
                await desk.until(ReplyDone)
                before = peer.opened_at[0]
                await asyncio.sleep(RENEW_S * 3.5)
                assert peer.opened_at == [pytest.approx(before + RENEW_S * n) for n in range(4)]
                assert peer.closes == [1000, 1000, 1000]
                assert kinds(desk) == ["LinkUp", "Delta", "Delta", "ReplyDone"]
                assert model.counts.renewed == 3

                asked_at = now()
                desk.ask(2, UserMessage("Hello"), AssistantMessage("answer 1 done"), UserMessage("Well?"))
                await desk.until(ReplyDone)
                assert now() == asked_at
                assert provider.lanes[1].previous is None, "another connection knows nothing"
                assert len(provider.lanes[1].asked) == 3

    play(scene())


@pytest.mark.parametrize("lanes", [True, False])
def test_an_answer_is_given_to_its_end_first(tmp_path: Path, lanes: bool) -> None:
    async def scene() -> None:
        async with Peer(tmp_path, act=Provider(ten_words).act) as peer, Desk(renewing(peer, lanes=lanes)) as desk:
            await desk.until(LinkUp)
            await asyncio.sleep(RENEW_S - 1)
            desk.ask(1)
            await asyncio.sleep(5)
            assert len(peer.opened_at) == 1
            await desk.until(ReplyDone)
            ended = now()
            await a_moment()
            assert text_of(desk, 1) == TEN
            assert peer.opened_at[1:] == [ended]
            assert peer.closes == [1000]
            assert LinkDown not in map(type, desk.facts)

    play(scene())


@pytest.mark.parametrize("lanes", [True, False])
def test_an_answer_that_is_abandoned_is_not_waited_for(tmp_path: Path, lanes: bool) -> None:
    async def scene() -> None:
        async with Peer(tmp_path, act=Provider(ten_words).act) as peer, Desk(renewing(peer, lanes=lanes)) as desk:
            await desk.until(LinkUp)
            await asyncio.sleep(RENEW_S - 1)
            desk.ask(1)
            await asyncio.sleep(3)
            desk.cancel(1)
            await a_moment()
            assert (len(peer.opened_at), peer.closes) == (2, [1000])
            before = now()
            desk.ask(2)
            await a_moment()
            assert (desk.facts[-1], desk.times[-1]) == (Delta(2, "2.0 "), before)
            assert LinkDown not in map(type, desk.facts)

    play(scene())


@pytest.mark.parametrize("lanes", [True, False])
def test_nor_is_a_warm_up(tmp_path: Path, lanes: bool) -> None:
    async def scene() -> None:
        provider = Provider(two_words, silence)
        async with Peer(tmp_path, act=provider.act) as peer, Desk(renewing(peer, lanes=lanes)) as desk:
            await desk.until(LinkUp)
            desk.prepare(UserMessage("Hello"))
            await asyncio.sleep(RENEW_S + 1)
            assert (len(peer.opened_at), peer.closes) == (2, [1000])
            assert kinds(desk) == ["LinkUp"]

    play(scene())


@pytest.mark.parametrize("lanes", [True, False])
def test_what_is_asked_meanwhile_is_answered_by_the_old_link(tmp_path: Path, lanes: bool) -> None:
    async def scene() -> None:
        provider = Provider(ten_words)
        peer = Peer(tmp_path, act=provider.act)
        async with peer, Desk(renewing(peer, lanes=lanes, slow_s=HANDSHAKE_S)) as desk:
            await desk.until(LinkUp)
            await asyncio.sleep(RENEW_S + 0.5)
            before = now()
            desk.ask(1)
            await desk.until(Delta)
            assert now() == before
            await asyncio.sleep(5)
            assert (len(peer.opened_at), peer.closes) == (2, []), "the old one is needed yet"
            await desk.until(ReplyDone)
            await a_moment()
            assert text_of(desk, 1) == TEN
            assert peer.closes == [1000]
            desk.ask(2)
            await desk.until(ReplyDone)
            first, second = provider.lanes
            assert first.connection is not second.connection
            assert LinkDown not in map(type, desk.facts)

    play(scene())


@pytest.mark.parametrize("lanes", [True, False])
def test_a_replaced_link_whose_answer_is_abandoned_is_of_no_more_use(tmp_path: Path, lanes: bool) -> None:
    async def scene() -> None:
        peer = Peer(tmp_path, act=Provider(ten_words).act)
        async with peer, Desk(renewing(peer, lanes=lanes, slow_s=HANDSHAKE_S)) as desk:
            await desk.until(LinkUp)
            await asyncio.sleep(RENEW_S + 0.5)
            desk.ask(1)
            await asyncio.sleep(5)
            desk.cancel(1)
            before = now()
            desk.ask(2)
            await a_moment()
            assert desk.facts[-1] == Delta(2, "2.0 ")
            assert desk.times[-1] == before
            assert peer.closes == [None]
            await desk.until(ReplyDone)
            assert LinkDown not in map(type, desk.facts)

    play(scene())


def test_without_lanes_what_waits_for_a_drain_goes_to_the_new_link(tmp_path: Path) -> None:
    async def scene() -> None:
        peer = Peer(tmp_path, act=Provider(ten_words).act)
        async with peer, Desk(renewing(peer, lanes=False, slow_s=0.5)) as desk:
            await desk.until(LinkUp)
            await asyncio.sleep(RENEW_S - 1)
            desk.ask(1)
            await asyncio.sleep(3.5)
            desk.cancel(1)
            desk.ask(2)
            before = now()
            await asyncio.sleep(0.8)
            assert (desk.facts[-1], desk.times[-1]) == (Delta(2, "2.0 "), before + 0.5)
            assert LinkDown not in map(type, desk.facts)
            assert peer.closes == [1000]

    play(scene())


def test_a_replaced_link_that_is_lost_in_mid_answer(tmp_path: Path) -> None:
    """Its successor is there: the core asks again at once."""

    async def drop(lane: Lane) -> None:
        await lane.delta("one ")
        await asyncio.sleep(5)
        lane.connection.transport.abort()

    async def scene() -> None:
        provider = Provider(drop)
        async with Peer(tmp_path, act=provider.act) as peer, Desk(renewing(peer, slow_s=HANDSHAKE_S)) as desk:
            await desk.until(LinkUp)
            await asyncio.sleep(RENEW_S + 0.5)
            desk.ask(1)
            assert not (await desk.until(LinkDown)).fatal
            await desk.until(LinkUp)
            provider.answer = two_words
            before = now()
            desk.ask(2)
            await desk.until(ReplyDone)
            assert now() == before
            assert kinds(desk) == ["LinkUp", "Delta", "LinkDown", "LinkUp", "Delta", "Delta", "ReplyDone"]
            assert len(peer.opened_at) == 2

    play(scene())


@pytest.mark.parametrize("status", [401, 503])
def test_a_provider_that_lets_nobody_in_keeps_the_one_who_is_in(tmp_path: Path, status: int) -> None:
    async def scene() -> None:
        closed = refusing(status)
        hours = [None, closed, None]

        async def admit(connection: ServerConnection, request: object) -> object:
            refusal = hours.pop(0)
            return await refusal(connection, request) if refusal else None  # type: ignore[arg-type]

        act = Provider(two_words).act
        async with Peer(tmp_path, act=act, admit=admit) as peer, Desk(renewing(peer)) as desk:  # type: ignore[arg-type]
            await desk.until(LinkUp)
            await asyncio.sleep(RENEW_S + 1)
            assert (len(peer.tried_at), peer.closes) == (2, [])
            desk.ask(1)
            await desk.until(ReplyDone)
            await asyncio.sleep(RENEW_AGAIN_S)
            assert peer.tried_at[2] == peer.tried_at[1] + RENEW_AGAIN_S
            assert peer.closes == [1000]
            assert LinkDown not in map(type, desk.facts)

    play(scene())


def test_a_link_that_is_lost_while_it_is_replaced(tmp_path: Path) -> None:
    async def scene() -> None:
        async with (
            Peer(tmp_path, act=Provider(two_words).act) as peer,
            Desk(renewing(peer, slow_s=HANDSHAKE_S)) as desk,
        ):
            await desk.until(LinkUp)
            await asyncio.sleep(RENEW_S + 0.5)
            peer.cut()
            await desk.until(LinkUp)
            await asyncio.sleep(HANDSHAKE_S)
            assert kinds(desk) == ["LinkUp", "LinkDown", "LinkUp"]
            assert len(peer.opened_at) == 3
            assert peer.closes == [None, 1000], "one is enough"
            desk.ask(1)
            await desk.until(ReplyDone)

    play(scene())


def test_one_renewal_at_a_time(tmp_path: Path) -> None:
    """An answer that ends meanwhile begins no other."""

    async def scene() -> None:
        peer = Peer(tmp_path, act=Provider(two_words).act)
        async with peer, Desk(renewing(peer, slow_s=HANDSHAKE_S)) as desk:
            await desk.until(LinkUp)
            await asyncio.sleep(RENEW_S + 0.5)
            for reply in (1, 2, 3):
                desk.ask(reply)
                await desk.until(ReplyDone)
            await asyncio.sleep(RENEW_S / 2)
            assert (len(peer.tried_at), peer.closes) == (2, [1000])

    play(scene())


def test_a_renewal_that_fails_after_the_link_was_lost_changes_nothing(tmp_path: Path) -> None:
    async def scene() -> None:
        hours = [None, None, refusing(503)]  # the second one is that of the loss

        async def admit(connection: ServerConnection, request: object) -> object:
            refusal = hours.pop(0) if hours else None
            return await refusal(connection, request) if refusal else None  # type: ignore[arg-type]

        peer = Peer(tmp_path, act=Provider(two_words).act, admit=admit)  # type: ignore[arg-type]

        async def open_renewals_slowly(endpoint: Endpoint) -> ClientConnection:
            if len(peer.opened_at) == 1 and not peer.closes:
                await asyncio.sleep(HANDSHAKE_S)
            return await peer.open(endpoint)

        settings = ResponsesSettings("m", renew_s=RENEW_S)
        model = WebsocketLLMService(
            Endpoint("ws://localhost/", ping_s=600.0),
            ResponsesCodec(settings),
            random=LongestDelays(),
            gate=asyncio.Semaphore(2),
            opener=open_renewals_slowly,
        )
        async with peer, Desk(model) as desk:
            await desk.until(LinkUp)
            await asyncio.sleep(RENEW_S + 0.5)
            peer.cut()
            await desk.until(LinkUp)
            again = now()
            await asyncio.sleep(RENEW_S * 0.9)
            assert (len(peer.tried_at), hours) == (3, [])
            await asyncio.sleep(RENEW_S * 0.2)
            assert peer.tried_at[3] == pytest.approx(again + RENEW_S)

    play(scene())


def test_a_link_that_lived_to_be_renewed_has_proved_itself(tmp_path: Path) -> None:
    """The delays before its successor begin anew."""

    async def scene() -> None:
        hours = [refusing(503), refusing(503)]

        async def admit(connection: ServerConnection, request: object) -> object:
            return await hours.pop(0)(connection, request) if hours else None  # type: ignore[arg-type]

        act = Provider(two_words).act
        async with Peer(tmp_path, act=act, admit=admit) as peer, Desk(renewing(peer)) as desk:  # type: ignore[arg-type]
            await desk.until(LinkUp)
            await asyncio.sleep(RENEW_S * 1.5)
            before = now()
            peer.cut()
            await desk.until(LinkUp)
            assert now() - before == pytest.approx(0.25)

    play(scene())


def test_after_a_loss_the_clock_begins_anew(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Peer(tmp_path, act=Provider(two_words).act) as peer, Desk(renewing(peer)) as desk:
            await desk.until(LinkUp)
            await asyncio.sleep(RENEW_S / 2)
            peer.cut()
            await desk.until(LinkUp)
            second = now()
            await asyncio.sleep(RENEW_S * 0.9)
            assert len(peer.opened_at) == 2
            await asyncio.sleep(RENEW_S * 0.2)
            assert peer.opened_at[2] == pytest.approx(second + RENEW_S)

    play(scene())


def test_a_renewed_link_that_is_lost_comes_back_like_any_other(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Peer(tmp_path, act=Provider(two_words).act) as peer, Desk(renewing(peer)) as desk:
            await desk.until(LinkUp)
            await asyncio.sleep(RENEW_S * 1.5)
            before = now()
            peer.cut()
            await desk.until(LinkDown)
            await desk.until(LinkUp)
            assert now() - before == pytest.approx(0.25)
            desk.ask(1)
            await desk.until(ReplyDone)

    play(scene())


@pytest.mark.parametrize("after_s", [RENEW_S / 2, RENEW_S + 0.5, RENEW_S + HANDSHAKE_S, RENEW_S * 1.5])
def test_the_end_of_a_call_leaves_nothing(tmp_path: Path, after_s: float) -> None:
    """Nor a task or a timer: `play` would complain."""

    async def scene() -> None:
        async with Peer(tmp_path, act=Provider(ten_words).act) as peer:
            async with Desk(renewing(peer, slow_s=HANDSHAKE_S)) as desk:
                await desk.until(LinkUp)
                await asyncio.sleep(after_s)
                desk.ask(1)
                await a_moment()
            await asyncio.sleep(HANDSHAKE_S + 1)
            assert len(peer.closes) == len(peer.opened_at)

    play(scene())
