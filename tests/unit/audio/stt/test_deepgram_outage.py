"""Ears at Nova when the link does not come back, comes back late, or is refused: told once, and bounded."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from audio.events import SpeechLost
from tests.unit.audio.stt.booth import Booth, spoken
from tests.unit.audio.stt.nova import Nova
from tests.unit.audio.stt.nova_ears import ears, names, now
from tests.unit.link.peer import Peer, refusing
from tests.unit.link.stage import play


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
