"""Sound through a real session: what the ears get, what the caller hears, at every rate."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from audio.services import Begin, Finish
from audio.tts.scripted import ScriptedTextToSpeech, decode
from server.agent import Agent
from server.config import Limits
from tests.unit.server.call.session_stand import Stand, virtual
from tests.unit.server.parts import NotedEars


def loud_from(pcm: bytes, rate_hz: int) -> float:
    """Where the voice begins, in milliseconds."""
    samples = np.abs(np.frombuffer(pcm, "<i2").astype(np.int32))
    return float(np.flatnonzero(samples > 1000)[0]) * 1000 / rate_hz


def seconds(pcm: bytes, rate_hz: int) -> float:
    return len(pcm) / 2 / rate_hz


@virtual
async def test_the_ears_get_what_came_just_before_the_voice_and_all_of_the_voice() -> None:
    async with Stand() as call:
        await call.talk(1.0, loud=False)
        await call.speak(1.0, silence_s=1.0)
        await call.hears("transcript", role="user", final=True, text="hello")
    assert isinstance(call.ears.heard[0], Begin)
    assert isinstance(call.ears.heard[-1], Finish)
    assert 200 <= loud_from(call.ears.pcm, 16000) <= 400  # the pre-roll, in whole messages of 100 ms
    assert seconds(call.ears.pcm, 16000) >= 1.2
    assert np.abs(np.frombuffer(call.ears.pcm, "<i2").astype(np.int32)).astype(bool).sum() == 16000


@virtual
async def test_silence_reaches_no_ears() -> None:
    async with Stand() as call:
        await call.talk(3.0, loud=False)
    assert call.ears.heard == []


@pytest.mark.parametrize("rate_hz", [8000, 11025, 16000, 24000, 44100, 47999, 48000])
@pytest.mark.parametrize("ears_hz", [16000, 24000])
@virtual
async def test_a_caller_of_any_rate_is_heard_by_ears_of_another(rate_hz: int, ears_hz: int) -> None:
    ears = NotedEars(["good morning"], ears_hz)
    async with Stand(start={"sample_rate": rate_hz}, ears=ears) as call:
        await call.talk(0.5, loud=False)
        await call.speak(1.0)
        await call.hears("transcript", role="user", final=True, text="good morning")
    assert 200 <= loud_from(ears.pcm, ears_hz) <= 410
    assert 1.2 <= seconds(ears.pcm, ears_hz) <= 1.8


@pytest.mark.parametrize("rate_hz", [8000, 16000, 24000, 48000])
@virtual
async def test_what_the_voice_says_is_heard_whole_at_any_rate(rate_hz: int) -> None:
    async with Stand(Agent(greeting="Hello to you out there."), start={"output_sample_rate": rate_hz}) as call:
        await call.hears_the_bot("Hello to you out there.")
        assert (await call.hears("ready"))["output_sample_rate"] == rate_hz
    assert seconds(call.heard, rate_hz) == pytest.approx(23 * 0.05, abs=0.003)
    words = [piece.word for piece in decode(call.heard, rate_hz) if piece.samples > rate_hz // 20]
    assert words == [0, 1, 2, 3, 4]


@virtual
async def test_the_bot_is_never_far_ahead_of_the_caller() -> None:
    async with Stand(Agent(greeting="This is quite a long greeting, which takes its time to be said.")) as call:
        await call.hears("bot_stopped")
    begin, sent = call.noted.chunks[0][0], 0.0
    for at, chunk in call.noted.chunks:
        sent += len(chunk.pcm) / 2 / 16000
        assert sent - (at - begin) <= 0.2 + 1e-9


@virtual
async def test_a_muted_caller_is_not_heard_not_even_later() -> None:
    async with Stand() as call:
        await call.talk(0.5, loud=False)
        await call.talk(0.1, level=150)  # too soft for a voice, but it would be in the pre-roll
        call.send("mute")
        await call.talk(1.0, level=3000)
        call.send("unmute")
        await call.speak(0.6)
        await call.hears("transcript", role="user", final=True, text="hello")
    samples = np.abs(np.frombuffer(call.ears.pcm, "<i2").astype(np.int32))
    assert set(np.unique(samples)) == {0, 2000}


@virtual
async def test_mute_ends_what_is_being_said() -> None:
    async with Stand() as call:
        await call.talk(0.6)
        call.send("mute")
        await call.hears("speech_stopped")
        await call.hears("transcript", role="user", final=True, text="hello")
    assert isinstance(call.ears.heard[-1], Finish)


@virtual
async def test_with_a_key_to_talk_a_pause_ends_nothing_and_letting_go_ends_the_turn() -> None:
    async with Stand(Agent(), [["Yes."]]) as call:
        call.send("mute", key=True)
        call.send("unmute", key=True)
        await call.speak(0.6, silence_s=4.0)
        assert call.of("transcript", role="user", final=True) == []
        await call.talk(0.6)
        let_go = asyncio.get_running_loop().time()
        call.send("mute", key=True)
        await call.hears("transcript", role="user", final=True, text="hello hello")
        assert asyncio.get_running_loop().time() - let_go < 0.1
        await call.hears_the_bot("Yes.")


@virtual
async def test_a_filter_changes_what_is_spoken_and_not_what_is_logged() -> None:
    agent = Agent(greeting="It is 5 % off.", filters=[lambda text: text.replace("%", "percent")])
    async with Stand(agent) as call:
        await call.hears_the_bot("It is 5 % off.")
    assert seconds(call.heard, 16000) == pytest.approx(len("It is 5 percent off.") * 0.05, abs=0.003)
    captions = [each["text"] for each in call.of("transcript", role="assistant", final=False)]
    assert captions[0] == "It"
    assert captions[-1] == "It is 5 % off."
    assert set(captions) <= {"It", "It is", "It is 5", "It is 5 %", "It is 5 % off."}


@virtual
async def test_a_filter_that_leaves_nothing_is_heard_as_nothing() -> None:
    async with Stand(Agent(greeting="Hello.", filters=[lambda _: ""])) as call:
        await call.talk(1.0, loud=False)
        call.send("text", text="hi")
        await call.hears("transcript", role="user", final=True)
    assert call.heard == b""


def broken(text: str) -> str:
    raise ValueError(f"no filter for {text}")


@pytest.mark.parametrize("bad", [broken, lambda _: None], ids=["it raises", "it gives no text"])
@virtual
async def test_what_a_broken_filter_was_to_change_is_not_spoken(bad: object) -> None:
    agent = Agent(greeting="My number is 12345.", filters=[bad])  # type: ignore[list-item]
    async with Stand(agent, expects_failures=True) as call:
        error = await call.hears("error")
        assert (error["code"], error["fatal"]) == ("speech_failed", False)
        assert "12345" not in error["message"]
        call.send("text", text="hi")
        await call.hears("transcript", role="user", final=True)
    assert call.heard == b""
    assert call.end is not None
    assert call.end.code == 1000


@virtual
async def test_a_voice_that_is_faster_than_speech_waits_for_the_playout() -> None:
    greeting = " ".join(f"Sentence number {number}." for number in range(60))
    async with Stand(Agent(greeting=greeting), limits=Limits(playout_ms=2000.0)) as call:
        await call.talk(5.0, loud=False)
        queued = sum(frame.queued - frame.sent for frame in call.session.hub.playout.frames())
        assert queued / 16000 <= 2.0 + 0.2  # one chunk of the voice more
        assert seconds(call.heard, 16000) >= 4.0


@virtual
async def test_captions_grow_and_never_shrink_until_they_are_final() -> None:
    answers = [
        ["One two three four five. ", "Six seven eight nine ten. ", "Eleven twelve."],
        ["And so on, said the bot."],
    ]
    async with Stand(Agent(greeting="Hello there, my friend."), answers, voice=ScriptedTextToSpeech()) as call:
        await call.hears("bot_stopped")
        await call.speak()
        await call.hears("transcript", role="assistant", text="One two three four five. Six seven")
        await call.speak(0.6)
        await call.hears_the_bot("And so on, said the bot.")
    shown = ""
    for each in call.of("transcript", role="assistant"):
        assert each["final"] or each["text"].startswith(shown), (shown, each)
        shown = "" if each["final"] else each["text"]
    assert call.bot[1].startswith("One two three four five. Six seven")
    assert "twelve" not in call.bot[1]
