"""The language model behind a reconnecting websocket: against the local brain, and against peers made for one fault.

What has time in it runs in virtual time.
"""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from random import Random

import pytest
from websockets.asyncio.server import ServerConnection

from link.websocket import Endpoint, Opener
from llm.context import AssistantMessage, Call, UserMessage
from llm.events import Delta, FunctionCall, LinkDown, LinkUp, ReplyDone, ReplyFailed, Usage
from llm.local import request as local
from llm.local.faults import Faults
from llm.local.scripted import scripted, words
from llm.responses import ResponsesCodec, ResponsesSettings
from llm.websocket import DRAIN_S, WebsocketLLMService
from tests.unit.link.dice import LongestDelays, ShortestDelays
from tests.unit.link.peer import Peer, close_at_once, half_open, refusing, wait_for_the_end
from tests.unit.link.stage import play
from tests.unit.llm.desk import Desk
from tests.unit.llm.local.client import serving
from tests.unit.llm.provider import Lane, Provider, silence, two_words

PATIENCE_S = 5.0  # of tests with real sockets


def service(opener: Opener, *, url: str = "ws://localhost/", lanes: bool = True) -> WebsocketLLMService:
    codec = ResponsesCodec(ResponsesSettings("m", lanes=lanes))
    return WebsocketLLMService(
        Endpoint(url, ping_s=600.0), codec, random=LongestDelays(), gate=asyncio.Semaphore(1), opener=opener
    )


def real(url: str, *, lanes: bool = True) -> Desk:
    """A desk at a real server; lucky dice, for nobody likes to wait."""
    codec = ResponsesCodec(ResponsesSettings("m", lanes=lanes))
    return Desk(WebsocketLLMService(Endpoint(url), codec, random=ShortestDelays(), gate=asyncio.Semaphore(1)))


def now() -> float:
    return asyncio.get_running_loop().time()


async def a_moment() -> None:
    """Let everything happen that needs no time."""
    await asyncio.sleep(0.001)


def text_of(desk: Desk, reply: int) -> str:
    return "".join(fact.text for fact in desk.facts if isinstance(fact, Delta) and fact.reply == reply)


def kinds(desk: Desk) -> list[str]:
    return [type(fact).__name__ for fact in desk.facts]


# --- against the local brain ----------------------------------------------------------------------------------------


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
    ("code", "fatal"), [("rate_limit_exceeded", False), ("server_error", False), ("invalid_api_key", True)]
)
async def test_an_error_is_of_the_reply_and_the_link_stays(code: str, fatal: bool) -> None:
    async with asyncio.timeout(PATIENCE_S), serving(faults=Faults(error_event=code)) as brain, real(brain.url) as desk:
        await desk.until(LinkUp)
        desk.ask(1)
        assert await desk.until(ReplyFailed) == ReplyFailed(1, f"{code}: An error, as this server was told to.", fatal)
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


# --- the link -------------------------------------------------------------------------------------------------------


def test_the_end_of_a_call_closes_its_connection_in_order_and_leaves_no_task(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Peer(tmp_path, act=Provider(silence).act) as peer:
            async with Desk(service(peer.open)) as desk:
                await desk.until(LinkUp)
                desk.ask(1)
                await a_moment()
            assert len(asyncio.all_tasks()) <= 3, "its own tasks are over; what is left is the peer's"
            await a_moment()
            assert peer.closes == [1000]

    play(scene())


def test_a_provider_that_is_away_is_told_once_until_it_is_back(tmp_path: Path) -> None:
    answers = [refusing(503), refusing(500), refusing(502), None, None]

    async def in_turn(connection: ServerConnection, request: object) -> object:
        admit = answers.pop(0)
        return await admit(connection, request) if admit else None  # type: ignore[arg-type]

    async def scene() -> None:
        async with Peer(tmp_path, admit=in_turn) as peer, Desk(service(peer.open)) as desk:  # type: ignore[arg-type]
            await desk.until(LinkUp)
            assert kinds(desk) == ["LinkDown", "LinkUp"]
            assert len(peer.tried_at) == 4
            peer.cut()
            await desk.until(LinkUp)
            assert kinds(desk) == ["LinkDown", "LinkUp", "LinkDown", "LinkUp"]

    play(scene())


def test_after_a_loss_failed_attempts_are_not_told_again(tmp_path: Path) -> None:
    answers = [None, refusing(503), refusing(503), None]

    async def in_turn(connection: ServerConnection, request: object) -> object:
        admit = answers.pop(0)
        return await admit(connection, request) if admit else None  # type: ignore[arg-type]

    async def scene() -> None:
        async with Peer(tmp_path, admit=in_turn) as peer, Desk(service(peer.open)) as desk:  # type: ignore[arg-type]
            await desk.until(LinkUp)
            peer.cut()
            await desk.until(LinkUp)
            assert kinds(desk) == ["LinkUp", "LinkDown", "LinkUp"]
            assert not answers

    play(scene())


def test_a_policy_close_is_fatal_and_the_last_fact(tmp_path: Path) -> None:
    async def refuse(lane: Lane) -> None:
        await lane.connection.close(1008, "no such key")

    async def scene() -> None:
        async with Peer(tmp_path, act=Provider(refuse).act) as peer, Desk(service(peer.open)) as desk:
            await desk.until(LinkUp)
            desk.ask(1)
            down = await desk.until(LinkDown)
            await asyncio.sleep(60)
            assert down.fatal
            assert "no such key" in down.reason
            assert desk.ended
            assert kinds(desk) == ["LinkUp", "LinkDown"]
            assert len(peer.tried_at) == 1

    play(scene())


@pytest.mark.parametrize("asking", [True, False])
def test_the_providers_time_limit_is_answered_with_a_new_connection(tmp_path: Path, asking: bool) -> None:
    async def over(lane: Lane) -> None:
        await lane.error("websocket_connection_limit_reached")

    async def over_while_idle(connection: ServerConnection) -> None:
        await connection.send('{"type":"error","error":{"code":"websocket_connection_limit_reached","message":""}}')
        await connection.wait_closed()

    async def scene() -> None:
        act = Provider(over).act if asking else over_while_idle
        async with Peer(tmp_path, act=act) as peer, Desk(service(peer.open)) as desk:
            await desk.until(LinkUp)
            if asking:
                desk.ask(1)
            down = await desk.until(LinkDown)
            assert not down.fatal
            assert "time limit" in down.reason
            peer.act = Provider(two_words).act
            await desk.until(LinkUp)
            desk.ask(2)
            assert (await desk.until(ReplyDone)).reply == 2

    play(scene())


def test_whoever_sends_garbage_is_not_waited_for(tmp_path: Path) -> None:
    """Not even for its close frame."""

    async def babble(connection: ServerConnection) -> None:
        await connection.send("}{")
        await half_open(connection)

    async def scene() -> None:
        async with Peer(tmp_path, act=babble) as peer, Desk(service(peer.open)) as desk:
            await desk.until(LinkDown)
            before = now()
            await desk.until(LinkUp)
            assert now() - before == pytest.approx(0.25)

    play(scene())


def test_delays_start_anew_only_after_an_answer(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Peer(tmp_path, act=close_at_once) as peer, Desk(service(peer.open)) as desk:
            for _ in range(4):
                await desk.until(LinkUp)
            peer.act = Provider(two_words).act
            await desk.until(LinkUp)
            desk.ask(1)
            await desk.until(ReplyDone)
            peer.cut()
            await desk.until(LinkUp)
            gaps = [round(after - before, 6) for before, after in itertools.pairwise(peer.opened_at)]
            assert gaps == [0.25, 0.5, 1.0, 2.0, pytest.approx(0.25)]

    play(scene())


def test_a_refused_answer_proves_nothing(tmp_path: Path) -> None:
    async def refuse(lane: Lane) -> None:
        await lane.error("server_error")
        await lane.connection.close(1011)

    async def scene() -> None:
        async with Peer(tmp_path, act=Provider(refuse).act) as peer, Desk(service(peer.open)) as desk:
            for reply in range(1, 5):
                await desk.until(LinkUp)
                desk.ask(reply)
            await desk.until(ReplyFailed)
            gaps = [round(after - before, 6) for before, after in itertools.pairwise(peer.opened_at)]
            assert gaps == [0.25, 0.5, 1.0]

    play(scene())


def test_an_ask_while_the_link_is_down_is_ignored(tmp_path: Path) -> None:
    """The core asks again when the link is up."""

    async def scene() -> None:
        provider = Provider(two_words)
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open)) as desk:
            desk.ask(1)
            await desk.until(LinkUp)
            peer.cut()
            await desk.until(LinkDown)
            desk.ask(2)
            desk.cancel(2)
            await desk.until(LinkUp)
            await asyncio.sleep(1)
            assert provider.asked_at == []
            desk.ask(3)
            assert (await desk.until(ReplyDone)).reply == 3
            assert len(provider.asked_at) == 1

    play(scene())


def test_a_provider_that_does_not_read_costs_the_connection_after_the_send_deadline(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Peer(tmp_path, act=half_open) as peer, Desk(service(peer.open)) as desk:
            await desk.until(LinkUp)
            before = now()
            desk.ask(1, UserMessage("x" * 900_000))
            down = await desk.until(LinkDown)
            assert now() - before == pytest.approx(5.0)
            assert not down.fatal
            peer.act = Provider(two_words).act
            await desk.until(LinkUp)
            desk.ask(2)
            assert (await desk.until(ReplyDone)).reply == 2

    play(scene())


def test_a_cut_connection_that_was_not_noticed_yet_is_noticed_by_asking(tmp_path: Path) -> None:
    async def scene() -> None:
        provider = Provider(two_words)
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open)) as desk:
            await desk.until(LinkUp)
            peer.cut()
            desk.ask(1)  # nothing of the loss has reached the client yet
            await desk.until(LinkUp)
            assert kinds(desk) == ["LinkUp", "LinkDown", "LinkUp"]
            desk.ask(2)
            assert (await desk.until(ReplyDone)).reply == 2
            assert text_of(desk, 2) == f"answer {len(provider.asked_at)} done"

    play(scene())


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
        provider = breaking_off(3.0, "completed")
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
    """Ask, cancel, ask, cancel, ask: each is drained in turn, and only the last is heard."""

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
            assert text_of(desk, 3) == "answer 3 done"
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
