"""The language model behind a websocket: what is new goes out, and the whole log where it must. In virtual time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

import pytest

from llm.events import Delta, FunctionCall, LinkUp, ModelSettings, ReplyDone, ReplyFailed, Request
from llm.items import AssistantMessage, Call, Item, UserMessage
from llm.responses import ResponsesSettings
from tests.unit.link.peer import Peer
from tests.unit.link.stage import play
from tests.unit.llm.desk import Desk
from tests.unit.llm.naive_provider import NaiveProvider, essence, whole
from tests.unit.llm.provider import Lane, Provider, two_words
from tests.unit.llm.service_stand import a_moment, kinds, now, service, text_of

HELLO, WELL, BYE = UserMessage("Hello"), UserMessage("Well?"), UserMessage("Bye")


def said(number: int) -> AssistantMessage:
    """What `two_words` answers to the n-th request, as a log has it."""
    return AssistantMessage(f"answer {number} done")


# --- what is left out -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lanes", [True, False])
def test_turn_after_turn_only_what_is_new_goes_out(tmp_path: Path, lanes: bool) -> None:
    async def scene() -> None:
        provider = Provider(two_words)
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open, lanes=lanes)) as desk:
            await desk.until(LinkUp)
            log: list[Item] = []
            for turn in range(1, 6):
                log.append(UserMessage(f"turn {turn}"))
                desk.ask(turn, *log)
                await desk.until(ReplyDone)
                log.append(said(turn))
            assert [lane.asked for lane in provider.lanes] == [[f"turn {turn}"] for turn in range(1, 6)]
            assert [lane.previous for lane in provider.lanes] == [None, "resp_1", "resp_2", "resp_3", "resp_4"]

    play(scene())


def test_with_lanes_each_answer_goes_on_from_another_lane(tmp_path: Path) -> None:
    async def scene() -> None:
        provider = Provider(two_words)
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open)) as desk:
            await desk.until(LinkUp)
            desk.ask(1, HELLO)
            await desk.until(ReplyDone)
            desk.ask(2, HELLO, said(1), WELL)
            await desk.until(ReplyDone)
            first, second = provider.lanes
            assert first.request["stream_id"] != second.request["stream_id"]
            assert second.previous == "resp_1"

    play(scene())


def test_results_of_calls_are_new(tmp_path: Path) -> None:
    async def look_up(lane: Lane) -> None:
        await lane.delta("Let me see.")
        if lane.number == 1:
            await lane.call("c1")
            await lane.call("c2", "g", '{"a":1}')
        await lane.done()

    async def scene() -> None:
        provider = Provider(look_up)
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open)) as desk:
            await desk.until(LinkUp)
            desk.ask(1, HELLO)
            calls = [await desk.until(FunctionCall) for _ in range(2)]
            await desk.until(ReplyDone)
            results = tuple(Call(call.call_id, call.name, call.arguments, f"of {call.name}") for call in calls)
            desk.ask(2, HELLO, AssistantMessage("Let me  see. ", results))
            await desk.until(ReplyDone)
            assert (provider.lanes[1].previous, provider.lanes[1].asked) == ("resp_1", ["of f", "of g"])

    play(scene())


def test_it_can_be_switched_off(tmp_path: Path) -> None:
    async def scene() -> None:
        provider = Provider(two_words)
        settings = ResponsesSettings("m", incremental=False)
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open, settings=settings)) as desk:
            await desk.until(LinkUp)
            desk.ask(1, HELLO)
            await desk.until(ReplyDone)
            desk.ask(2, HELLO, said(1), WELL)
            await desk.until(ReplyDone)
            assert provider.lanes[1].asked == ["Hello", "answer 1 done", "Well?"]

    play(scene())


# --- the whole log ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lanes", [True, False])
@pytest.mark.parametrize("why", ["cancelled", "failed", "incomplete", "link lost", "note", "model", "cut"])
def test_the_whole_log_goes_out_when_the_provider_may_hold_something_else(
    tmp_path: Path, lanes: bool, why: str
) -> None:
    async def answer(lane: Lane) -> None:
        if lane.number != 2:
            await two_words(lane)
            return
        await lane.delta("answer 2 done")
        if why == "cancelled":
            await asyncio.sleep(0.5)
        await lane.done({"failed": "failed", "incomplete": "incomplete"}.get(why, "completed"))

    async def scene() -> None:
        provider = Provider(answer)
        if why == "incomplete":
            provider = Provider(cut_off_by_the_limit)
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open, lanes=lanes)) as desk:
            await desk.until(LinkUp)
            desk.ask(1, HELLO)
            await desk.until(ReplyDone)
            log = (HELLO, said(1), WELL)
            desk.ask_for(2, Request("", log, note="Be quick." if why == "note" else ""))
            await desk.until(Delta)
            if why == "cancelled":
                desk.cancel(2)
            elif why == "failed":
                await desk.until(ReplyFailed)
            elif why == "link lost":
                peer.cut()
                await desk.until(LinkUp)
            else:
                await desk.until(ReplyDone)
            heard = AssistantMessage("answer 2") if why == "cut" else said(2)
            model = ModelSettings(model="m2" if why == "model" else "")
            desk.ask_for(3, Request("", (*log, heard, BYE), settings=model))
            await desk.until(ReplyDone)
            third = provider.lanes[2]
            assert third.previous is None
            assert third.asked == ["Hello", "answer 1 done", "Well?", heard.text, "Bye"]
            assert third.request["model"] == (model.model or "m")

    play(scene())


async def cut_off_by_the_limit(lane: Lane) -> None:
    """The second answer is not complete: whatever it was about to call has no result."""
    await lane.delta(f"answer {lane.number} done")
    if lane.number != 2:
        await lane.done()
        return
    details = {"reason": "max_output_tokens"}
    await lane.send({"type": "response.incomplete", "response": {"id": "resp_2", "incomplete_details": details}})


# --- what the provider has forgotten ----------------------------------------------------------------------------------


@pytest.mark.parametrize("lanes", [True, False])
def test_what_was_forgotten_is_asked_again_at_once_and_nobody_hears_of_it(tmp_path: Path, lanes: bool) -> None:
    async def forgetful(lane: Lane) -> None:
        if lane.previous is not None:
            await lane.error("previous_response_not_found")
        else:
            await two_words(lane)

    async def scene() -> None:
        provider = Provider(forgetful)
        async with Peer(tmp_path, act=provider.act) as peer:
            model = service(peer.open, lanes=lanes)
            async with Desk(model) as desk:
                await desk.until(LinkUp)
                desk.ask(1, HELLO)
                await desk.until(ReplyDone)
                before = now()
                desk.ask(2, HELLO, said(1), WELL)
                assert (await desk.until(ReplyDone)).reply == 2
                assert now() == before
                assert text_of(desk, 2) == "answer 3 done"
                assert kinds(desk) == ["LinkUp", "Delta", "Delta", "ReplyDone", "Delta", "Delta", "ReplyDone"]
                assert provider.lanes[2].asked == ["Hello", "answer 1 done", "Well?"]
                assert (model.counts.asked_again, model.discarded) == (1, 0)

                provider.answer = two_words
                desk.ask(3, HELLO, said(1), WELL, said(3), BYE)
                await desk.until(ReplyDone)
                assert (provider.lanes[3].previous, provider.lanes[3].asked) == ("resp_3", ["Bye"])

    play(scene())


@pytest.mark.parametrize("lanes", [True, False])
def test_whoever_finds_nothing_twice_has_failed(tmp_path: Path, lanes: bool) -> None:
    async def lost(lane: Lane) -> None:
        if lane.number == 1:
            await two_words(lane)
        else:
            await lane.error("previous_response_not_found")

    async def scene() -> None:
        provider = Provider(lost)
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open, lanes=lanes)) as desk:
            await desk.until(LinkUp)
            desk.ask(1, HELLO)
            await desk.until(ReplyDone)
            desk.ask(2, HELLO, said(1), WELL)
            failed = await desk.until(ReplyFailed)
            await a_moment()
            assert (failed.reply, failed.kind) == (2, "passing")
            assert len(provider.lanes) == 3

    play(scene())


@pytest.mark.parametrize("lanes", [True, False])
def test_nobody_asks_again_for_what_is_not_wanted_any_more(tmp_path: Path, lanes: bool) -> None:
    async def late(lane: Lane) -> None:
        if lane.number == 2:
            await asyncio.sleep(0.5)
            await lane.error("previous_response_not_found")
        else:
            await two_words(lane)

    async def scene() -> None:
        provider = Provider(late)
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open, lanes=lanes)) as desk:
            await desk.until(LinkUp)
            desk.ask(1, HELLO)
            await desk.until(ReplyDone)
            desk.ask(2, HELLO, said(1), WELL)
            await asyncio.sleep(0.1)
            desk.cancel(2)
            await asyncio.sleep(5)
            assert len(provider.lanes) == 2
            desk.ask(3, HELLO, said(1), WELL)
            assert (await desk.until(ReplyDone)).reply == 3

    play(scene())


# --- whatever happens -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lanes", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_the_model_is_shown_the_log(tmp_path: Path, lanes: bool, seed: int) -> None:
    """Turns, cancels, drops, warm-ups and a provider that forgets: what it puts together is what was asked."""
    dice = Random(seed)
    kept = NaiveProvider()
    shown: dict[str, list[object]] = {}

    async def answer(lane: Lane) -> None:
        conversation = kept.shown(lane.request)
        if conversation is None:
            await lane.error("previous_response_not_found")
            return
        question = lane.asked[-1] if lane.request["input"] else ""
        shown[question] = essence(conversation)
        text = f"to {question}"
        if lane.request.get("generate") is False:
            await asyncio.sleep(dice.random() * 0.3)
            lane.response_id = kept.keep(conversation, [])
            await lane.done()
            return
        for word in text.split():
            await lane.delta(f" {word} ")
            await asyncio.sleep(dice.random() * 0.2)
            if dice.random() < 0.02:
                lane.connection.transport.abort()
        output = {"type": "message", "role": "assistant", "content": text}
        lane.response_id = kept.keep(conversation, [output])
        if dice.random() < 0.1:
            kept.forget()
        await lane.done()

    async def scene() -> None:
        provider = Provider(answer, answer)
        log: list[Item] = []
        async with Peer(tmp_path, act=provider.act) as peer, Desk(service(peer.open, lanes=lanes)) as desk:
            await desk.until(LinkUp)
            answered = 0
            for reply in range(1, 60):
                if dice.random() < 0.3:
                    desk.prepare(*log)
                    await asyncio.sleep(dice.random() * 0.3)
                log.append(UserMessage(f"turn {reply}"))
                request = Request("", tuple(log))
                desk.ask_for(reply, request)
                await asyncio.sleep(dice.random() * 2)
                if ReplyDone in [type(fact) for fact in desk.facts if getattr(fact, "reply", 0) == reply]:
                    answered += 1
                    assert shown[f"turn {reply}"] == essence(whole(request))
                else:
                    desk.cancel(reply)
                if text := text_of(desk, reply):
                    log.append(AssistantMessage(" ".join(text.split())))
                await asyncio.sleep(dice.random() * 2)
            went_on = [lane for lane in provider.lanes if lane.previous is not None]
            assert answered > 30
            assert len(went_on) > 15

    play(scene())
