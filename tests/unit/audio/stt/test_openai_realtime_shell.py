"""Ears at OpenAI over a websocket, in virtual time: one final for each `Finish`, and no word lost or doubled."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

import pytest

from audio.stt.hearing import Patience
from audio.stt.openai_events import RealtimeSettings
from audio.stt.openai_realtime import RealtimeHearing
from audio.stt.websocket import WebsocketEars
from link.websocket import Endpoint, Opener
from tests.unit.audio.stt.booth import Booth
from tests.unit.audio.stt.realtime import Realtime
from tests.unit.link.dice import LongestDelays
from tests.unit.link.faults import FLAVOURS, Wire
from tests.unit.link.peer import Peer
from tests.unit.link.stage import play

URL = Endpoint("ws://localhost/v1/realtime?intent=transcription", (("Authorization", "Bearer sesame-street"),))
SAID = ((1, 2, 3, 4, 5), (6, 7), (8, 9, 10))


def ears(opener: Opener, random: Random | None = None) -> WebsocketEars:
    """Ears at a peer; unlucky dice, so that delays are known."""
    hearing = RealtimeHearing(RealtimeSettings("gpt-live-transcribe"), Patience())
    return WebsocketEars(URL, hearing, random=random or LongestDelays(), gate=asyncio.Semaphore(1), opener=opener)


def names(*numbers: int) -> str:
    """The text of these words."""
    return " ".join(f"w{number}" for number in numbers)


async def talk(booth: Booth) -> None:
    """Three speeches, and time for their answers."""
    for number, words in enumerate(SAID, 1):
        await booth.say(*words)
        await booth.until(number)


def test_each_speech_is_answered_once_with_what_was_said(tmp_path: Path) -> None:
    async def scene() -> None:
        realtime = Realtime()
        async with Peer(tmp_path, act=realtime.act) as peer, Booth(ears(peer.open)) as booth:
            await talk(booth)
            assert booth.finals == [names(*words) for words in SAID]
            assert booth.partials[:2] == ["w1", "w1 w2"]
            assert len(realtime.settings) == 1

    play(scene())


@pytest.mark.parametrize("seed", range(25))
def test_any_losses_lose_no_word_and_double_none(tmp_path: Path, seed: int) -> None:
    dice = Random(seed)
    faults = {at: dice.choice(FLAVOURS) for at in dice.sample(range(1, 120), dice.randint(1, 4))}
    realtime = Realtime(Wire(faults), delay_s=dice.choice((0.0, 0.1, 0.8)), live=dice.random() < 0.5)
    said: list[tuple[int, ...]] = []

    async def scene() -> None:
        number = 0
        async with Peer(tmp_path, act=realtime.act) as peer, Booth(ears(peer.open, Random(seed))) as booth:
            for _ in range(dice.randint(2, 5)):
                count = dice.randint(0, 10)
                said.append(tuple(range(number + 1, number + count + 1)))
                number += count
                await booth.say(*said[-1])
                await asyncio.sleep(dice.choice((0.0, 0.1, 1.0, 5.0)))
            await booth.until(len(said))
            await asyncio.sleep(10)
            assert booth.finals == [names(*words) for words in said]
            assert not booth.lost

    play(scene())


def test_settings_that_are_refused_are_told_once_without_the_key(tmp_path: Path) -> None:
    async def scene() -> None:
        realtime = Realtime()
        realtime.refuse = {
            "message": "no such model for sesame-street",
            "type": "invalid_request_error",
            "code": "model_not_found",
        }
        async with Peer(tmp_path, act=realtime.act) as peer, Booth(ears(peer.open)) as booth:
            await booth.say(1)
            await booth.say(2)
            await booth.until(2)
            assert booth.finals == ["", ""]
            assert booth.lost == ["OpenAI refuses the session: model_not_found: no such model for ***"]
            assert len(peer.tried_at) == 1

    play(scene())
