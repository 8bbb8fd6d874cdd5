"""The language model behind a reconnecting websocket: what cannot be written down costs no call. In virtual time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from llm.events import Infer, InferenceFailed, LinkUp, ModelSettings, Prepare, ReplyDone, ReplyFailed, Request
from llm.items import AssistantMessage, Call, UserMessage
from tests.unit.link.peer import Peer
from tests.unit.link.stage import play
from tests.unit.llm.desk import Desk
from tests.unit.llm.provider import Lane, Provider, two_words
from tests.unit.llm.service_stand import a_moment, kinds, service

BOTH = pytest.mark.parametrize("lanes", [True, False])
HELLO = UserMessage("Hello")
AN_OBJECT = Request("", (HELLO,), settings=ModelSettings(extra={"user": object()}))
HALF = Request("", (UserMessage("file \udce9.txt"),))


@BOTH
@pytest.mark.parametrize("request_", [AN_OBJECT, HALF])
def test_a_request_that_cannot_be_written_is_blocked(tmp_path: Path, request_: Request, lanes: bool) -> None:
    async def scene() -> None:
        provider = Provider(two_words)
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open, lanes=lanes)) as desk:
            await desk.until(LinkUp)
            desk.ask_for(1, request_)
            failed = await desk.until(ReplyFailed)
            assert (failed.reply, failed.kind) == (1, "blocked")
            assert failed.reason.startswith("unsendable: the request cannot be written as JSON: ")
            assert provider.lanes == []
            desk.ask(2)
            assert (await desk.until(ReplyDone)).reply == 2
            assert kinds(desk) == ["LinkUp", "ReplyFailed", "Delta", "Delta", "ReplyDone"]

    play(scene())


@BOTH
def test_so_is_an_inference(tmp_path: Path, lanes: bool) -> None:
    async def scene() -> None:
        provider = Provider(two_words)
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open, lanes=lanes)) as desk:
            await desk.until(LinkUp)
            desk.tell(Infer(5, HALF))
            failed = await desk.until(InferenceFailed)
            assert (failed.job, "cannot be written as JSON" in failed.reason) == (5, True)
            await asyncio.sleep(5)
            assert provider.lanes == []
            assert kinds(desk) == ["LinkUp", "InferenceFailed"]

    play(scene())


@BOTH
def test_a_warm_up_is_left_out_and_the_next_is_made(tmp_path: Path, lanes: bool) -> None:
    async def scene() -> None:
        provider = Provider(two_words)
        async with Peer(tmp_path, act=provider.act) as peer:
            model = service(peer.open, lanes=lanes)
            async with Desk(model) as desk:
                await desk.until(LinkUp)
                desk.tell(Prepare(HALF))
                desk.prepare(HELLO)
                await a_moment()
                assert [lane.asked for lane in provider.lanes] == [["Hello"]]
                assert model.counts.warm_ups_failed == 0

    play(scene())


@BOTH
def test_a_result_that_cannot_be_written_is_no_end_of_the_conversation(tmp_path: Path, lanes: bool) -> None:
    """What is new does not go out; the next request begins anew."""

    async def answer(lane: Lane) -> None:
        await (lane.call("c1") if lane.number == 1 else lane.delta("nine"))
        await lane.done()

    def log(output: str) -> tuple[UserMessage, AssistantMessage]:
        return HELLO, AssistantMessage("", (Call("c1", "f", "{}", output),))

    async def scene() -> None:
        provider = Provider(answer)
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open, lanes=lanes)) as desk:
            await desk.until(LinkUp)
            desk.ask(1, HELLO)
            await desk.until(ReplyDone)
            desk.ask(2, *log("half \ud83d"))
            assert (await desk.until(ReplyFailed)).kind == "blocked"
            desk.ask(3, *log("whole"))
            assert (await desk.until(ReplyDone)).reply == 3
            assert [lane.previous for lane in provider.lanes] == [None, None]

    play(scene())
