"""What a real session does when something fails: a service, the core, the client, the connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from audio.events import Word
from audio.services import Sink, Utterance
from audio.tts.scripted import ScriptedTextToSpeech
from link.inbox import Inbox
from link.tasks import Spawn
from llm.events import Ask, Cancel, LinkUp
from llm.service import Post
from server.agent import Agent
from server.call import events as e
from server.call.handle import CallHandle
from server.call.policy import Policy
from server.call.session import FAULT
from server.config import Limits
from server.protocols.wire import Ping, Pong
from tests.unit.server.call.session_stand import Stand, virtual
from tests.unit.server.parts import NotedEars

SECRET = "secret detail sk-12345"


class BrokenVoice(ScriptedTextToSpeech):
    """A voice that breaks at its first sentence."""

    async def run(self, inbox: Inbox[Utterance], sink: Sink, spawn: Spawn) -> None:
        await inbox.get()
        raise RuntimeError(SECRET)


class SilentVoice(ScriptedTextToSpeech):
    """A voice that takes nothing."""

    async def run(self, inbox: Inbox[Utterance], sink: Sink, spawn: Spawn) -> None:
        await asyncio.Event().wait()


class StallingVoice(ScriptedTextToSpeech):
    """A voice that says the first sentence in one word of 10 s, and stalls 0.3 s into the second."""

    async def run(self, inbox: Inbox[Utterance], sink: Sink, spawn: Spawn) -> None:
        first = await inbox.get()
        await sink.audio(first.frame, bytes(20 * self.rate_hz), (Word(0.0, len(first.text)),))
        sink.done(first.frame)
        second = await inbox.get()
        await asyncio.sleep(0.3)
        await sink.audio(second.frame, bytes(self.rate_hz), (Word(0.0, len(second.text)),))
        await asyncio.Event().wait()


class BrokenModel:
    """A model of which a part breaks at the first request."""

    def __init__(self, *, in_a_task: bool) -> None:
        self._in_a_task = in_a_task

    async def run(
        self, inbox: Inbox[Ask | Cancel], post: Post, spawn: Callable[[Coroutine[Any, Any, None]], object]
    ) -> None:
        """Break."""
        post(LinkUp())
        await inbox.get()
        if not self._in_a_task:
            raise RuntimeError(SECRET)
        spawn(self._break())
        await asyncio.Event().wait()

    async def _break(self) -> None:
        raise RuntimeError(SECRET)


class DeafEars(NotedEars):
    """Ears that do not keep up."""

    async def run(self, inbox: Any, post: Any, spawn: Any) -> None:
        await asyncio.Event().wait()


FAULTS: dict[str, Callable[[], dict[str, Any]]] = {
    "ears": lambda: {"ears": NotedEars(["x"], fails=RuntimeError(SECRET))},
    "voice": lambda: {"voice": BrokenVoice()},
    "model": lambda: {"model": BrokenModel(in_a_task=False)},
    "a task of the model": lambda: {"model": BrokenModel(in_a_task=True)},
}


def ended_as_ours(call: Stand) -> None:
    """The end of a call that we are to blame for: told in order, in few words, once."""
    assert call.end == e.End(FAULT, 1011)
    assert call.socket.closed == (1011, FAULT)
    assert call.seen[-1] == {"type": "ended", "reason": FAULT}
    assert "secret" not in str(call.seen)
    assert [event for _, event in call.noted.events if isinstance(event, e.CallEnded)] == [e.CallEnded(FAULT)]


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@virtual
async def test_a_service_that_dies_ends_the_call_without_details(fault: Callable[[], dict[str, Any]]) -> None:
    agent = Agent()
    told: list[str] = []

    @agent.on("call_ended")
    async def ended(call: CallHandle, event: Any) -> None:
        told.append(event.reason)

    async with Stand(agent, expects_failures=True, **fault()) as call:
        await call.session.handle.say("Hello.")
        await call.speak()
        call.send("text", text="hi")
        await call.ended()
        ended_as_ours(call)
        assert call.log.said("by a fault of ours", "ERROR")
    assert told == [FAULT]


@pytest.mark.parametrize("where", ["core", "playout", "wire in", "wire out"])
@virtual
async def test_a_fault_of_our_own_ends_the_call_in_order(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError(SECRET)

    async with Stand(Agent(greeting="Hello there, my dear friend."), expects_failures=True) as call:
        await call.hears("bot_started")
        match where:
            case "core":
                monkeypatch.setattr(call.session.core, "handle", broken)
            case "playout":
                monkeypatch.setattr(call.session.hub.playout, "take", broken)
            case "wire in":
                monkeypatch.setattr(call.session._wire, "receive", broken)
            case "wire out":
                monkeypatch.setattr(call.session._wire, "event", broken)
        call.send("dtmf", digits="1")
        call.send("dtmf", digits="2")
        await call.ended()
        ended_as_ours(call)


@virtual
async def test_a_voice_that_stalls_is_given_up_in_time() -> None:
    async with Stand(Agent(greeting="One. Two."), voice=StallingVoice()) as call:
        await call.hears("error", code="speech_failed")
        assert call.at("error") - call.at("ready") == pytest.approx(0.3 + Policy().speech_next_s)


@virtual
async def test_commands_that_a_service_does_not_take_end_the_call() -> None:
    agent = Agent(greeting="One. " * 5)
    async with Stand(agent, voice=SilentVoice(), limits=Limits(commands=4), expects_failures=True) as call:
        for number in range(8):
            await call.session.handle.say(f"Sentence {number}.")
        assert (await call.ended()) == e.End("a service did not keep up", 1011)
        assert call.socket.closed == (1011, "a service did not keep up")


@virtual
async def test_audio_that_slow_ears_do_not_take_is_dropped_and_counted() -> None:
    async with Stand(ears=DeafEars(["x"]), limits=Limits(ears_audio_s=1.0)) as call:
        await call.talk(3.0)
        call.send("end")
        await call.ended()
    assert call.dropped["ears_audio_ms"] == pytest.approx(2000, abs=110)


@virtual
async def test_nothing_is_sent_to_a_client_that_is_gone() -> None:
    async with Stand(Agent(greeting="Hello there, my dear friend, how do you do?")) as call:
        await call.hears("bot_started")
        call.gone()
        end = await call.ended()
        sent = len(call.socket.sent)
        await asyncio.sleep(5)
        assert len(call.socket.sent) == sent
        assert end == e.End("the caller hung up", 1000)
        assert call.noted.events[-1][1] == e.CallEnded("the caller hung up")


@virtual
async def test_a_client_that_does_not_read_is_cut_off() -> None:
    async with Stand(Agent(greeting="Hello there, my dear friend, how do you do?")) as call:
        await call.hears("bot_started")
        call.socket.reading.clear()
        begin = asyncio.get_running_loop().time()
        end = await call.ended()
        assert end.code == 4408
        assert call.socket.closed is not None
        assert call.socket.closed[0] == 4408
        assert 5 <= asyncio.get_running_loop().time() - begin <= 5 + 1 + 2 + 0.5  # the limit, the look, the last words
        assert call.log.said("the client did not take the last messages")


@virtual
async def test_a_client_that_leaves_too_much_unread_is_cut_off_before_that() -> None:
    async with Stand(limits=Limits(messages_per_s=1000.0)) as call:
        call.socket.reading.clear()
        for number in range(1500):
            call.send("news", number=number)
        assert (await call.ended()).code == 4408
        assert call.socket.closed == (4408, "the client left 1024 messages unread")


@virtual
async def test_a_call_that_is_drained_says_so() -> None:
    async with Stand(Agent(greeting="Hello there, my dear friend, how do you do?")) as call:
        await call.hears("bot_started")
        call.session.drain()
        call.session.drain()
        assert (await call.ended()) == e.End("the server is going away", 1012)
        assert call.socket.closed == (1012, "the server is going away")
        assert call.of("ended") == [{"type": "ended", "reason": "the server is going away"}]


@virtual
async def test_pings_are_answered_and_asked() -> None:
    async with Stand() as call:
        call.socket.incoming.put_nowait(Ping(b"are you there"))
        await asyncio.sleep(45)
        frames = [message for _, message in call.socket.sent if isinstance(message, Ping | Pong)]
        assert frames == [Ping(), Pong(b"are you there"), Ping(), Ping()]


@virtual
async def test_what_does_not_fit_is_answered_and_counted() -> None:
    async with Stand() as call:
        call.send("news")
        call.send("played", samples=-1)
        call.send("text")
        await call.hears("error", code="bad_message")
        assert [each["code"] for each in call.of("error")] == ["unknown_type", "bad_value", "bad_message"]
    assert call.dropped == {"bad_messages": 3}


@virtual
async def test_hanging_up_with_nothing_to_say_ends_at_once() -> None:
    async with Stand() as call:
        await call.session.handle.hang_up("done")
        assert (await call.ended()) == e.End("done", 1000)


@virtual
async def test_nothing_follows_the_last_message() -> None:
    async with Stand(Agent(greeting="Hello there, my dear friend, how do you do?")) as call:
        await call.hears("bot_started")
        for _ in range(3):
            call.send("end")
        call.send("text", text="still there?")
        await call.talk(0.5)
        await call.ended()
        assert call.socket.sent[-1][1] == '{"type":"ended","reason":"the client ended the call"}'
