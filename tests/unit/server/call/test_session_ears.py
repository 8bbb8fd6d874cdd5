"""A real session whose ears are a provider's, over a websocket, in virtual time: it hears, and hangs up in order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from audio.endpoint import Rule, TurnOptions
from audio.events import EarFact
from audio.services import Begin, Finish
from audio.stt.deepgram import DeepgramHearing, DeepgramSettings
from audio.stt.deepgram_flux import FluxHearing, FluxSettings
from audio.stt.hearing import Hearing, Patience
from audio.stt.websocket import WebsocketEars
from link.inbox import Inbox
from link.tasks import Spawn
from link.websocket import Endpoint, Opener
from tests.unit.link.dice import LongestDelays
from tests.unit.link.faults import Wire
from tests.unit.link.peer import Peer, refusing
from tests.unit.server.call.session_stand import Stand, virtual

URL = Endpoint("ws://localhost/listen")
RATE_HZ = 16000


class CountedEars:
    """Ears whose ends are counted, as the stand wants it."""

    def __init__(self, opener: Opener, hearing: Hearing) -> None:
        self._ears = WebsocketEars(URL, hearing, random=LongestDelays(), gate=asyncio.Semaphore(1), opener=opener)
        self.rate_hz, self.listens = self._ears.rate_hz, self._ears.listens
        self.closed = 0

    async def run(self, inbox: Inbox[bytes | Begin | Finish], post: Callable[[EarFact], None], spawn: Spawn) -> None:
        """Hear for ever."""
        await self._ears.run(inbox, post, spawn)

    def close(self) -> None:
        """Count."""
        self._ears.close()
        self.closed += 1


def nova(opener: Opener) -> Any:
    """Ears at Nova."""
    return CountedEars(opener, DeepgramHearing(DeepgramSettings("nova-3"), Patience()))


def flux(opener: Opener) -> Any:
    """Ears at Flux."""
    return CountedEars(opener, FluxHearing(FluxSettings("flux-general-en"), Patience()))


async def nova_hears(connection: ServerConnection) -> None:
    """Whatever it is that was said, it is this, as long as it is half a second."""
    heard = 0
    async for message in Wire().received(connection):
        if isinstance(message, bytes):
            heard += len(message) // 2
        elif json.loads(message)["type"] == "Finalize":
            text = "When do you open?" if heard >= RATE_HZ / 2 else ""
            channel = {"alternatives": [{"transcript": text, "confidence": 0.9, "words": []}]}
            fields = {"start": 0.0, "duration": heard / RATE_HZ, "is_final": True, "from_finalize": True}
            await connection.send(json.dumps({"type": "Results", "channel": channel, **fields}))


async def flux_hears(connection: ServerConnection) -> None:
    """A turn is over after 0.4 s of silence."""
    heard, loud_at, turn = 0, -1, False
    async for message in Wire().received(connection):
        if not isinstance(message, bytes):
            break
        heard += len(message) // 2
        if any(message):
            loud_at = heard
        event = "Update"
        if not turn and loud_at == heard:
            event, turn = "StartOfTurn", True
        elif turn and heard - loud_at >= 0.4 * RATE_HZ:
            event, turn = "EndOfTurn", False
        text = "When do you open?" if turn or event == "EndOfTurn" else ""
        fields = {"audio_window_end": heard / RATE_HZ, "transcript": text, "words": []}
        await connection.send(json.dumps({"type": "TurnInfo", "event": event, **fields}))


@pytest.mark.parametrize(("ears", "act", "rule"), [(nova, nova_hears, "transcript"), (flux, flux_hears, "stt")])
@virtual
async def test_a_call_hears_and_answers(
    tmp_path: Path, ears: Callable[[Opener], Any], act: Callable[[ServerConnection], Any], rule: Rule
) -> None:
    async with Peer(tmp_path, act=act) as peer:
        async with Stand(
            None, [["At nine."], ["At ten."]], ears=ears(peer.open), turn=TurnOptions(rules=(rule,))
        ) as call:
            await call.talk(0.5, loud=False)
            await call.speak()
            await call.hears_the_bot("At nine.")
            await call.talk(0.3)
            peer.cut()
            await call.talk(0.5)
            await call.talk(2.0, loud=False)
            await call.hears_the_bot("At ten.")
            said = [each["text"] for each in call.of("transcript", role="user", final=True)]
            assert said == ["When do you open?"] * 2
        await asyncio.sleep(0.1)
        assert len(peer.opened_at) == 2


@virtual
async def test_a_call_whose_ears_are_refused_goes_on(tmp_path: Path) -> None:
    async with (
        Peer(tmp_path, admit=refusing(401)) as peer,
        Stand(None, [["You wrote it."]], ears=nova(peer.open), expects_failures=True) as call,
    ):
        await call.speak()
        await call.speak()
        call.send("text", text="hello")
        await call.hears_the_bot("You wrote it.")
        assert len(peer.tried_at) == 1
        assert any("401" in failure for failure in map(str, call.log.failures))
