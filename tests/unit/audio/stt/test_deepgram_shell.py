"""Ears at Deepgram's Nova over a websocket, in virtual time: one final for each `Finish`, no word lost or doubled."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from pathlib import Path
from random import Random

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from audio.events import SpeechLost
from audio.stt.deepgram import DeepgramHearing, DeepgramSettings
from audio.stt.hearing import Patience
from audio.stt.websocket import WebsocketEars
from link.websocket import Endpoint, Opener
from tests.unit.audio.stt.booth import Booth, spoken
from tests.unit.audio.stt.faults import FLAVOURS
from tests.unit.audio.stt.nova import Nova
from tests.unit.link.dice import LongestDelays
from tests.unit.link.peer import Peer, close_at_once, half_open, refusing
from tests.unit.link.stage import play

URL = Endpoint("ws://localhost/v1/listen?model=nova-3", (("Authorization", "Token sesame-street"),))


def ears(opener: Opener, random: Random | None = None, patience: Patience | None = None) -> WebsocketEars:
    """Ears at a peer; unlucky dice, so that delays are known."""
    hearing = DeepgramHearing(DeepgramSettings("nova-3", language="en"), patience or Patience())
    return WebsocketEars(URL, hearing, random=random or LongestDelays(), gate=asyncio.Semaphore(1), opener=opener)


def names(*numbers: int) -> str:
    """The text of these words."""
    return " ".join(f"w{number}" for number in numbers)


def now() -> float:
    """The virtual clock."""
    return asyncio.get_running_loop().time()


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


def test_after_the_deadline_what_is_there_is_the_final_and_what_comes_later_is_nobodys(tmp_path: Path) -> None:
    async def scene() -> None:
        nova = Nova(delay_s=3.0)
        async with Peer(tmp_path, act=nova.act) as peer, Booth(ears(peer.open)) as booth:
            await booth.say(1, 2, 3, 4)
            await booth.until(1)
            assert booth.answered_after(0) == pytest.approx(2.0, abs=0.01)
            assert booth.finals[0].split()[:3] == ["w1", "w2", "w3"], "an interim result"
            nova.delay_s = 0.05
            await asyncio.sleep(4)
            await booth.say(5, 6)
            await booth.until(2)
            assert booth.finals[1] == names(5, 6)

    play(scene())


def test_a_provider_that_says_nothing_at_all_is_replaced_after_the_deadline(tmp_path: Path) -> None:
    async def deaf(connection: ServerConnection) -> None:
        async for _ in connection:
            pass

    async def scene() -> None:
        async with Peer(tmp_path, act=deaf) as peer, Booth(ears(peer.open)) as booth:
            await booth.say(1, 2)
            await booth.until(1)
            assert booth.finals == [""]
            peer.act = Nova().act
            await asyncio.sleep(1)
            await booth.say(3)
            await booth.until(2)
            assert booth.finals[1] == "w3"
            assert len(peer.opened_at) == 2

    play(scene())


@pytest.mark.parametrize("seed", range(25))
def test_stalls_and_late_results_double_no_word_and_answer_each_finish_in_time(tmp_path: Path, seed: int) -> None:
    """Words may be lost here: a final is not waited for any longer than its deadline."""
    dice = Random(seed)
    flavours = (*FLAVOURS, "stall", "stall", "stall")
    faults = {at: dice.choice(flavours) for at in dice.sample(range(1, 120), dice.randint(1, 4))}
    nova = Nova(faults, delay_s=dice.choice((0.05, 1.9, 2.1, 5.0)), flags=dice.random() < 0.7)
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


def test_a_half_open_link_costs_one_speech_and_no_more(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Peer(tmp_path, act=half_open) as peer, Booth(ears(peer.open)) as booth:
            await booth.say(1, 2)
            await booth.until(1)
            peer.act = Nova().act
            await asyncio.sleep(1)
            await booth.say(3)
            await booth.until(2)
            assert booth.finals == ["", "w3"]

    play(scene())


SAID = ((1, 2, 3, 4, 5, 6, 7, 8, 9), (10, 11), (12, 13, 14, 15))


async def talk(booth: Booth) -> None:
    """Three speeches, and time for their answers."""
    for number, words in enumerate(SAID, 1):
        await booth.say(*words)
        await booth.until(number)
        await booth.be_silent(0.5)


@pytest.mark.parametrize("how", FLAVOURS)
def test_a_loss_at_any_message_loses_no_word_and_doubles_none(tmp_path: Path, how: str) -> None:
    async def scene(at: int) -> int:
        nova = Nova({at: how} if at else {})
        async with Peer(tmp_path, act=nova.act) as peer, Booth(ears(peer.open)) as booth:
            await talk(booth)
            assert booth.finals == [names(*words) for words in SAID], at
            assert not booth.lost
            assert nova.wire.struck == (at > 0)
            return nova.wire.messages

    messages: list[int] = []

    async def count() -> None:
        messages.append(await scene(0))

    play(count())
    assert messages[0] > 40
    for at in range(1 + FLAVOURS.index(how) % 2, messages[0] - 1, 2):

        async def with_a_loss(at: int = at) -> None:
            await scene(at)

        play(with_a_loss())


@pytest.mark.parametrize("seed", range(40))
def test_any_losses_lose_no_word_and_double_none(tmp_path: Path, seed: int) -> None:
    dice = Random(seed)
    faults: Mapping[int, str] = {at: dice.choice(FLAVOURS) for at in dice.sample(range(1, 120), dice.randint(1, 6))}
    nova = Nova(
        faults,
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


class Door:
    """Lets clients in, or does not."""

    def __init__(self) -> None:
        self.open = True

    async def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Let them in while it is open."""
        return None if self.open else await refusing(503)(connection, request)


def test_a_link_that_does_not_come_back_is_told_once_and_every_finish_is_answered(tmp_path: Path) -> None:
    async def scene() -> None:
        nova, door = Nova(interim_s=0.2), Door()
        async with Peer(tmp_path, nova.act, door.admit) as peer, Booth(ears(peer.open)) as booth:
            await booth.say(1)
            await booth.until(1)
            booth.begin()
            await booth.hear(spoken(2, 3))
            door.open = False
            lost_at = now()
            peer.cut()
            await booth.hear(spoken(4, 0))
            booth.finish()
            await booth.until(2)
            assert booth.finals[1].startswith("w2"), "what was understood until then"
            assert booth.facts[-1] == SpeechLost("the speech-to-text cannot be reached")
            assert now() - lost_at == pytest.approx(5.0, abs=0.01)
            await booth.say(5)
            await booth.until(3)
            assert booth.answered_after(2) == pytest.approx(2.0, abs=0.01)
            await asyncio.sleep(60)
            assert len(booth.lost) == 1
            door.open = True
            await asyncio.sleep(6)
            await booth.say(6)
            await booth.until(4)
            assert booth.finals[2:] == ["", "w6"]

    play(scene())


def test_speech_in_an_outage_that_nobody_has_noticed_yet_is_lost_at_once(tmp_path: Path) -> None:
    async def scene() -> None:
        nova, door = Nova(), Door()
        async with Peer(tmp_path, nova.act, door.admit) as peer, Booth(ears(peer.open)) as booth:
            await asyncio.sleep(1)
            door.open = False
            peer.cut()
            await asyncio.sleep(20)
            assert not booth.lost, "nobody spoke"
            booth.begin()
            await asyncio.sleep(0.01)
            assert len(booth.lost) == 1

    play(scene())


def test_a_link_that_comes_back_in_time_brings_the_words_late(tmp_path: Path) -> None:
    async def scene() -> None:
        nova, door = Nova(), Door()
        async with Peer(tmp_path, nova.act, door.admit) as peer, Booth(ears(peer.open)) as booth:
            await asyncio.sleep(1)
            booth.begin()
            door.open = False
            peer.cut()
            await booth.hear(spoken(5, 0))
            booth.finish()
            await asyncio.sleep(2.5)
            door.open = True
            await booth.until(1)
            assert booth.finals == ["w5"]
            assert 2.5 < booth.answered_after(0) < 4.7
            assert not booth.lost

    play(scene())


def test_what_is_said_in_a_long_outage_is_bounded(tmp_path: Path) -> None:
    """The newest 15 s are heard when the link is back."""

    async def scene() -> None:
        nova, door = Nova(), Door()
        door.open = False
        async with Peer(tmp_path, nova.act, door.admit) as peer, Booth(ears(peer.open)) as booth:
            booth.begin()
            await booth.hear(spoken(*range(1, 101)))
            door.open = True
            await asyncio.sleep(5.1)
            booth.finish()
            await booth.until(1)
            assert booth.finals == [names(*range(26, 101))]
            assert len(booth.lost) == 1

    play(scene())


@pytest.mark.parametrize("status", [400, 401, 403])
def test_whoever_is_refused_says_so_once_and_answers_each_finish_with_nothing(
    tmp_path: Path, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        async with Peer(tmp_path, admit=refusing(status)) as peer, Booth(ears(peer.open)) as booth:
            await booth.say(1)
            await booth.say(2)
            await booth.until(2)
            await asyncio.sleep(20)
            assert booth.finals == ["", ""]
            assert len(booth.lost) == 1
            assert str(status) in booth.lost[0]
            assert "sesame" not in booth.lost[0]
            assert len(peer.tried_at) == 1

    play(scene())
