"""Keys that the bot presses: tones in their place among the words, which nobody interrupts."""

from __future__ import annotations

import asyncio
from itertools import groupby

import pytest

from llm.items import AssistantMessage
from server.agent import Agent
from tests.unit.audio.goertzel import decoded
from tests.unit.server.call.session_stand import Stand, virtual

START = {"sample_rate": 8000}


def sound_of(call: Stand, frame: int) -> bytes:
    """What left of one frame."""
    return b"".join(chunk.pcm for _, chunk in call.noted.chunks if chunk.frame == frame)


@virtual
async def test_keys_are_pressed_after_what_was_said_and_before_what_is_said_then() -> None:
    async with Stand(Agent(greeting="I type your number."), start=START) as call:
        await call.session.handle.send_dtmf("1#w9")
        await call.session.handle.say("That was it.")
        await call.hears("transcript", role="assistant", text="That was it.", final=True)
        assert [frame for frame, _ in groupby(chunk.frame for _, chunk in call.noted.chunks)] == [1, 2, 3]
        keys = [("1", 100), ("", 100), ("#", 100), ("", 600), ("9", 100), ("", 100)]
        assert decoded(sound_of(call, 2), 8000) == keys
        said = [item.text for item in call.session.handle.log if isinstance(item, AssistantMessage)]
        assert said == ["I type your number.", "That was it."], "keys are no words"


@virtual
async def test_a_barge_in_does_not_cut_a_number() -> None:
    async with Stand(Agent(greeting="I type your number now, and it may take me a while."), start=START) as call:
        await call.session.handle.send_dtmf("123456")
        await call.speak(0.5)
        await call.hears("transcript", role="user", final=True)
        await asyncio.sleep(5.0)
        assert "take me" not in call.bot[0], "it was interrupted"
        assert [key for key, _ in decoded(sound_of(call, 2), 8000) if key] == list("123456")


@pytest.mark.parametrize("digits", ["", "12-34", "a", "1" * 65])
@virtual
async def test_what_is_no_key_is_refused(digits: str) -> None:
    async with Stand() as call:
        with pytest.raises(ValueError, match="1 to 64 of 0-9"):
            await call.session.handle.send_dtmf(digits)


@virtual
async def test_keys_that_are_no_text_are_refused() -> None:
    async with Stand() as call:
        with pytest.raises(TypeError, match="a text is wanted"):
            await call.session.handle.send_dtmf(12)  # type: ignore[arg-type]


@virtual
async def test_too_many_keys_are_told_of() -> None:
    async with Stand() as call:
        await call.session.handle.send_dtmf("1" * 40)
        await call.session.handle.send_dtmf("2" * 25)
        await call.hears("error", code="playout_full")
        await asyncio.sleep(10.0)
        await call.session.handle.send_dtmf("3" * 64)
        await asyncio.sleep(15.0)
        keys = [[key for key, _ in decoded(sound_of(call, frame), 16_000) if key] for frame in (1, 2)]
        assert keys == [["1"] * 40, ["3"] * 64]
