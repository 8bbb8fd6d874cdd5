"""How a call of a carrier is opened: several messages before it, answers to some of them, nothing at all."""

from __future__ import annotations

import asyncio
import json

import pytest

from link.errors import ClientError
from server.call.shared import Greeting
from server.calls import greet
from server.config import Limits
from server.protocols.asterisk import AsteriskWire
from server.protocols.genesys import PROBE, GenesysWire
from server.protocols.twilio import TwilioWire
from server.protocols.wire import Phone, Wire
from tests.corpus import asterisk, genesys
from tests.corpus.native import Audio as Binary
from tests.corpus.native import Step, Text, Wait
from tests.unit.server.call.session_stand import MemorySocket
from tests.virtual.loop import run

CONNECTED = Text('{"event":"connected","protocol":"Call","version":"1.0.0"}')
START = Text(json.dumps({"event": "start", "streamSid": "MZ1", "start": {"streamSid": "MZ1", "callSid": "CA1"}}))
PROBING = genesys.opening(conversationId=PROBE)


async def greeted(wire: Wire, *steps: Step) -> tuple[Greeting | ClientError, MemorySocket, float]:
    """What comes of these steps, what was sent, and how long it took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    socket = MemorySocket(loop.time)
    greeting = loop.create_task(greet(socket, wire, Limits()))
    for step in steps:
        match step:
            case Text(text):
                socket.incoming.put_nowait(text)
            case Binary(pcm):
                socket.incoming.put_nowait(pcm)
            case Wait(seconds):
                await asyncio.sleep(seconds)
    try:
        return await greeting, socket, loop.time() - began
    except ClientError as error:
        return error, socket, loop.time() - began


def test_a_carrier_may_take_its_time_between_its_first_messages() -> None:
    async def scene() -> None:
        greeting, socket, _ = await greeted(TwilioWire(), Wait(1.5), CONNECTED, Wait(3), START)
        assert isinstance(greeting, Greeting)
        assert greeting.opened.phone == Phone("twilio", call_id="CA1", stream_id="MZ1")
        assert (greeting.first, greeting.silent_since, socket.sent) == ([], None, [])

    run(scene())


@pytest.mark.parametrize("steps", [(), (CONNECTED,), (Wait(4.9), CONNECTED)])
def test_a_carrier_that_does_not_begin_is_let_go_after_the_limit(steps: tuple[Step, ...]) -> None:
    async def scene() -> None:
        refused, _, seconds = await greeted(TwilioWire(), *steps)
        assert isinstance(refused, ClientError)
        assert (refused.code, str(refused)) == (1008, "nothing opened the call for 5 s")
        assert seconds == pytest.approx(5.0)

    run(scene())


def test_audio_before_asterisks_start_opens_nothing() -> None:
    async def scene() -> None:
        greeting, _, _ = await greeted(AsteriskWire(), asterisk.FRAME, asterisk.FRAME, asterisk.start())
        assert isinstance(greeting, Greeting)
        assert greeting.opened.phone
        assert greeting.first == []

    run(scene())


def test_a_probe_is_answered_and_closed_in_order() -> None:
    async def scene() -> None:
        close = genesys.said("close", {"reason": "end"}, seq=3)
        ended, socket, _ = await greeted(GenesysWire(), PROBING, genesys.said("ping"), Wait(1), close)
        assert isinstance(ended, ClientError)
        assert (ended.code, str(ended)) == (1000, "Genesys closed the session: 'end'")
        answers = [json.loads(message) for _, message in socket.sent if isinstance(message, str)]
        assert [each["type"] for each in answers] == ["opened", "pong", "closed"]

    run(scene())


def test_a_probe_that_says_no_more_is_let_go() -> None:
    async def scene() -> None:
        refused, _, _ = await greeted(GenesysWire(), PROBING)
        assert isinstance(refused, ClientError)
        assert refused.code == 1008

    run(scene())
