"""Ears at Deepgram's Flux over a websocket, in virtual time: turns come once, and no word is lost or doubled."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from random import Random

import pytest

from audio.stt.deepgram_flux import FluxHearing, FluxSettings
from audio.stt.hearing import Patience
from audio.stt.websocket import WebsocketEars
from link.websocket import Endpoint, Opener
from tests.unit.audio.stt.booth import Booth, spoken
from tests.unit.audio.stt.flux import Flux
from tests.unit.link.dice import LongestDelays
from tests.unit.link.faults import FLAVOURS, Wire
from tests.unit.link.peer import Peer
from tests.unit.link.stage import play

URL = Endpoint("ws://localhost/v2/listen", (("Authorization", "Token sesame-street"),))
TURNS = re.compile("(started (eager (resumed )?)*ended )*")


def ears(opener: Opener, random: Random | None = None) -> WebsocketEars:
    """Ears at a peer; unlucky dice, so that delays are known."""
    hearing = FluxHearing(FluxSettings("flux-general-en", eager_eot_threshold=0.5), Patience())
    return WebsocketEars(URL, hearing, random=random or LongestDelays(), gate=asyncio.Semaphore(1), opener=opener)


def names(*numbers: int) -> str:
    """The text of these words."""
    return " ".join(f"w{number}" for number in numbers)


def check(booth: Booth, words: list[int], finishes: int) -> None:
    """What holds in any case: all words once and in order, whole turns, an answer for each Finish."""
    assert booth.words == names(*words).split()
    assert len(booth.finals) >= finishes
    assert TURNS.fullmatch("".join(f"{kind} " for kind in booth.hints)), booth.hints
    assert not booth.lost


def test_a_turn_is_told_as_it_goes(tmp_path: Path) -> None:
    async def scene() -> None:
        flux = Flux()
        async with Peer(tmp_path, act=flux.act) as peer, Booth(ears(peer.open)) as booth:
            await booth.be_silent(1)
            await booth.say(1, 2, 3)
            await booth.be_silent(1.5)
            assert booth.finals == [names(1, 2, 3)]
            assert booth.hints == ["started", "eager", "ended"]
            assert booth.partials[-1] == names(1, 2, 3)
            await booth.say(4)
            await booth.be_silent(1.5)
            assert booth.finals == [names(1, 2, 3), "w4"]
        await asyncio.sleep(0.01)
        assert flux.texts == ['{"type":"CloseStream"}']

    play(scene())


def test_a_pause_is_part_of_a_turn(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Peer(tmp_path, act=Flux(end_s=1.0).act) as peer, Booth(ears(peer.open)) as booth:
            await booth.say(1, 2)
            await booth.be_silent(0.4)
            await booth.say(3)
            await booth.be_silent(2)
            assert booth.finals == [names(1, 2, 3), ""]
            assert booth.hints == ["started", "eager", "resumed", "eager", "ended"]

    play(scene())


def test_a_noise_is_answered_with_nothing(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Peer(tmp_path, act=Flux().act) as peer, Booth(ears(peer.open)) as booth:
            await booth.say(0, 0)
            await booth.be_silent(1)
            assert booth.finals == [""]
            assert booth.answered_after(0) <= 0.4
            assert booth.hints == []

    play(scene())


def test_a_client_that_is_muted_in_a_turn_hears_its_end(tmp_path: Path) -> None:
    """No audio comes any more, and after a while nothing is sent but a sign of life."""

    async def scene() -> None:
        flux = Flux()
        async with Peer(tmp_path, act=flux.act) as peer, Booth(ears(peer.open)) as booth:
            await booth.hear(spoken(1, 2))
            await asyncio.sleep(1)
            booth.begin()
            booth.finish()
            await asyncio.sleep(5)
            check(booth, [1, 2], 1)
            assert booth.hints[-1] == "ended"
            before = flux.bytes
            await asyncio.sleep(60)
            assert 12 * 2560 <= flux.bytes - before <= 16 * 2560
            assert len(peer.opened_at) == 1

    play(scene())


@pytest.mark.parametrize("seed", range(15))
def test_any_losses_lose_no_word_and_double_none(tmp_path: Path, seed: int) -> None:
    dice = Random(seed)
    faults = {at: dice.choice(FLAVOURS) for at in dice.sample(range(1, 150), dice.randint(1, 4))}
    flux = Flux(Wire(faults), end_s=dice.choice((0.5, 0.75, 1.0)), late_s=dice.choice((0.1, 0.3)))

    async def scene() -> None:
        number = finishes = 0
        async with Peer(tmp_path, act=flux.act) as peer, Booth(ears(peer.open, Random(seed))) as booth:
            for _ in range(dice.randint(2, 5)):
                count = dice.randint(0, 8)
                await booth.say(*range(number + 1, number + count + 1))
                number, finishes = number + count, finishes + 1
                await booth.be_silent(dice.choice((0.2, 0.5, 1.0, 2.0)))
            await booth.be_silent(8)
            check(booth, list(range(1, number + 1)), finishes)

    play(scene())
