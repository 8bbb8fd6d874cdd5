"""Ears at Deepgram's Nova over a websocket, in virtual time: one final for each `Finish`, no word lost or doubled."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from pathlib import Path
from random import Random

import pytest
from websockets.asyncio.server import ServerConnection

from tests.unit.audio.stt.booth import Booth
from tests.unit.audio.stt.nova import Nova
from tests.unit.audio.stt.nova_ears import ears, names, now
from tests.unit.link.faults import FLAVOURS, Wire
from tests.unit.link.peer import Peer, close_at_once, half_open
from tests.unit.link.stage import play


def test_each_speech_is_answered_once_with_what_was_said(tmp_path: Path) -> None:
    async def scene() -> None:
        nova = Nova()
        async with Peer(tmp_path, act=nova.act) as peer, Booth(ears(peer.open)) as booth:
            await booth.say(1, 2, 3, 4, 5, 6, 7, 8)
            await booth.until(1)
            await booth.say(9, 10)
            await booth.until(2)
            assert booth.finals == [names(1, 2, 3, 4, 5, 6, 7, 8), names(9, 10)]
            assert booth.answered_after(1) == pytest.approx(0.05, abs=0.01)
            assert booth.partials[0].startswith("w1"), "while it is said"
            assert max(nova.frames) == 2560, "frames of 80 ms"

    play(scene())


def test_the_end_of_a_call_ends_the_stream_in_order(tmp_path: Path) -> None:
    async def scene() -> None:
        nova = Nova()
        async with Peer(tmp_path, act=nova.act) as peer:
            async with Booth(ears(peer.open)) as booth:
                await booth.say(1)
                await booth.until(1)
            await asyncio.sleep(0.01)
            assert len(nova.sent("CloseStream")) == 1
            assert peer.closes == [1000]
            assert len(asyncio.all_tasks()) <= 3, "its own tasks are over; what is left is the peer's"

    play(scene())


def test_a_provider_that_does_not_read_does_not_hold_up_the_end_of_a_call(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Peer(tmp_path, act=half_open) as peer:
            async with Booth(ears(peer.open)) as booth:
                await booth.say(1)
                before = now()
            assert now() - before <= 1.1

    play(scene())


def test_while_nobody_speaks_the_connection_is_kept_alive(tmp_path: Path) -> None:
    async def scene() -> None:
        nova = Nova()
        async with Peer(tmp_path, act=nova.act) as peer, Booth(ears(peer.open)) as booth:
            await asyncio.sleep(30)
            assert [round(each - 1000) for each in nova.sent("KeepAlive")] == [4, 8, 12, 16, 20, 24, 28]
            await booth.say(*range(1, 41))
            await booth.until(1)
            assert len(nova.sent("KeepAlive")) == 7, "audio keeps it alive too"

    play(scene())


def test_without_from_finalize_the_end_of_the_audio_is_enough(tmp_path: Path) -> None:
    async def scene() -> None:
        nova = Nova(flags=False)
        async with Peer(tmp_path, act=nova.act) as peer, Booth(ears(peer.open)) as booth:
            await booth.say(1, 2)
            await booth.until(1)
            assert booth.finals == [names(1, 2)]
            assert booth.answered_after(0) < 0.1

    play(scene())


def test_speech_without_audio_is_answered_at_once(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Peer(tmp_path, act=Nova().act) as peer, Booth(ears(peer.open)) as booth:
            booth.begin()
            booth.finish()
            booth.finish()
            await booth.until(2)
            assert booth.finals == ["", ""]

    play(scene())


def test_whoever_says_nothing_twice_is_answered_with_what_is_there_and_it_is_told(tmp_path: Path) -> None:
    async def scene() -> None:
        nova = Nova(delay_s=3.0)
        async with Peer(tmp_path, act=nova.act) as peer, Booth(ears(peer.open)) as booth:
            await booth.say(1, 2, 3, 4)
            await booth.until(1)
            assert booth.answered_after(0) == pytest.approx(4.25, abs=0.01), "twice 2 s, and 0.25 s between"
            assert booth.finals[0].split()[:3] == ["w1", "w2", "w3"], "an interim result"
            assert booth.lost == ["it said nothing for 2 s after the end of speech"]
            nova.delay_s = 0.05
            await asyncio.sleep(4)
            await booth.say(5, 6)
            await booth.until(2)
            assert booth.finals[1] == names(5, 6)

    play(scene())


@pytest.mark.parametrize("seed", range(25))
def test_stalls_and_late_results_double_no_word_and_answer_each_finish_in_time(tmp_path: Path, seed: int) -> None:
    """Words may be lost here: a final is not waited for any longer than its deadline."""
    dice = Random(seed)
    flavours = (*FLAVOURS, "stall", "stall", "stall")
    faults = {at: dice.choice(flavours) for at in dice.sample(range(1, 120), dice.randint(1, 4))}
    nova = Nova(Wire(faults), delay_s=dice.choice((0.05, 1.9, 2.1, 5.0)), flags=dice.random() < 0.7)
    said: list[list[str]] = []

    async def scene() -> None:
        number = 0
        async with Peer(tmp_path, act=nova.act) as peer, Booth(ears(peer.open, Random(seed))) as booth:
            for _ in range(dice.randint(3, 6)):
                count = dice.randint(1, 8)
                said.append(names(*range(number + 1, number + count + 1)).split())
                await booth.say(*range(number + 1, number + count + 1))
                number += count
                await asyncio.sleep(dice.choice((0.0, 1.0, 4.0)))
            await booth.until(len(said))
            assert max(booth.answered_after(each) for each in range(len(said))) <= 7.1, "an outage, and its deadline"
            await asyncio.sleep(30)
            assert len(booth.finals) == len(said)
            for final, words in zip(booth.finals, said, strict=True):
                heard = [word for word in final.split() if not word.startswith("frag")]
                assert heard == [word for word in words if word in heard], "in order, once, and of this speech"

    play(scene())


@pytest.mark.parametrize("seed", range(40))
def test_any_losses_lose_no_word_and_double_none(tmp_path: Path, seed: int) -> None:
    dice = Random(seed)
    faults: Mapping[int, str] = {at: dice.choice(FLAVOURS) for at in dice.sample(range(1, 120), dice.randint(1, 6))}
    nova = Nova(
        Wire(faults),
        interim_s=dice.choice((0.1, 0.4, 1.0)),
        final_s=dice.choice((0.4, 1.2, 5.0)),
        delay_s=dice.choice((0.0, 0.05, 0.5)),
        flags=dice.random() < 0.7,
    )
    said: list[tuple[int, ...]] = []
    number = 0

    async def scene() -> None:
        nonlocal number
        async with Peer(tmp_path, act=nova.act) as peer, Booth(ears(peer.open, Random(seed))) as booth:
            for _ in range(dice.randint(2, 5)):
                count = dice.randint(0, 12)
                said.append(tuple(range(number + 1, number + count + 1)))
                number += count
                await booth.say(*said[-1])
                await asyncio.sleep(dice.choice((0.0, 0.1, 1.0, 5.0)))
            await booth.until(len(said))
            await asyncio.sleep(10)
            assert booth.finals == [names(*words) for words in said]
            assert not booth.lost

    play(scene())


def test_whoever_sends_garbage_is_not_waited_for(tmp_path: Path) -> None:
    """Not even for its close frame."""

    async def babble(connection: ServerConnection) -> None:
        await connection.send("}{")
        await half_open(connection)

    async def scene() -> None:
        async with Peer(tmp_path, act=babble) as peer, Booth(ears(peer.open)):
            await asyncio.sleep(2)
            gaps = [after - before for before, after in itertools.pairwise(peer.opened_at)]
            assert gaps == pytest.approx([0.25, 0.5, 1.0])

    play(scene())


def test_delays_start_anew_after_something_was_understood(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Peer(tmp_path, act=close_at_once) as peer, Booth(ears(peer.open)) as booth:
            await asyncio.sleep(1.5)
            peer.act = Nova().act
            await asyncio.sleep(1)
            await booth.say(1)
            await booth.until(1)
            peer.cut()
            await asyncio.sleep(1)
            gaps = [after - before for before, after in itertools.pairwise(peer.opened_at)]
            assert gaps[:3] == pytest.approx([0.25, 0.5, 1.0])
            assert len(gaps) == 4, "0.25 s later, not 2 s"

    play(scene())
