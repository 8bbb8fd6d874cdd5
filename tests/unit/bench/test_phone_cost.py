"""The callers and the bare parts of Twilio's wire do the work that is measured; the codec that is timed does too."""

from __future__ import annotations

import base64
import json
from itertools import repeat
from typing import Any

import pytest
from aiohttp import WSMsgType
from aiohttp.test_utils import TestClient, TestServer

from audio import g711
from bench.phone_callers import MEDIA, START, Player, Said, _said, payloads
from bench.phone_cost import FRAME, opened
from bench.phone_floor import CHUNK, PhoneFloor
from server.protocols.twilio import TwilioWire
from server.protocols.wire import Audio, Opened

MULAW = bytes(range(160))
PAYLOAD = base64.b64encode(MULAW).decode()


def said(**fields: Any) -> Said:
    return _said.decode(json.dumps(fields))


async def answers(back: float | None, frames: int) -> list[bytes]:
    """The audio that comes back for so many messages of 20 ms."""
    async with (
        TestClient(TestServer(PhoneFloor(back).app())) as client,
        client.ws_connect("/twilio", autoping=False) as websocket,
    ):
        await websocket.send_str(START.format(1))
        for _ in repeat(None, frames):
            await websocket.send_str(MEDIA.format(number=1, stream="MZ1", ms=20, payload=PAYLOAD))
        await websocket.ping()  # its pong comes after all that was sent before
        found: list[bytes] = []
        while (message := await websocket.receive()).type is WSMsgType.TEXT:
            content = json.loads(message.data)
            assert (content["event"], content["streamSid"]) == ("media", "MZ1")
            found.append(base64.b64decode(content["media"]["payload"]))
        assert message.type is WSMsgType.PONG
        return found


@pytest.mark.asyncio
async def test_each_message_comes_back_in_the_same_sound() -> None:
    (back,) = set(await answers(None, 5))
    assert g711.from_mulaw(back) == g711.from_mulaw(MULAW)  # two bytes stand for nothing


@pytest.mark.asyncio
@pytest.mark.parametrize(("back", "frames", "count"), [(0.25, 50, 12), (0.0, 50, 0), (1.5, 4, 6)])
async def test_it_sends_as_much_as_it_is_told_to(back: float, frames: int, count: int) -> None:
    assert await answers(back, frames) == [g711.to_mulaw(CHUNK)] * count


def test_the_callers_speak_what_the_codec_hears() -> None:
    loop = payloads("scripted")
    wire = TwilioWire()
    (begun,) = wire.receive(START.format(7))
    assert isinstance(begun, Opened)
    assert begun.phone is not None
    assert (begun.phone.call_id, begun.phone.stream_id) == ("CA7", "MZ7")
    for number, payload in enumerate(loop[:100], 1):
        (heard,) = wire.receive(MEDIA.format(number=number, stream="MZ7", ms=20 * number, payload=payload))
        assert isinstance(heard, Audio)
        assert len(heard.pcm) == 320


def test_a_mark_goes_back_when_what_is_before_it_is_played() -> None:
    player, sound = Player(), {"payload": base64.b64encode(bytes(320)).decode()}
    for number in (1, 2):
        player.take(said(event="media", media=sound), 10.0)
        player.take(said(event="mark", mark={"name": str(number)}), 10.0)
    assert [player.due(at) for at in (10.03, 10.05, 10.07, 10.09)] == [[], ["1"], [], ["2"]]


def test_a_clear_brings_all_marks_back() -> None:
    player = Player()
    player.take(said(event="media", media={"payload": base64.b64encode(bytes(8000)).decode()}), 10.0)
    player.take(said(event="mark", mark={"name": "1"}), 10.0)
    player.take(said(event="clear", streamSid="MZ1"), 10.2)
    assert player.due(10.2) == ["1"]
    player.take(said(event="mark", mark={"name": "2"}), 10.3)
    assert player.due(10.3) == ["2"]


def test_the_codec_that_is_timed_says_what_it_is_given() -> None:
    play, mark = map(json.loads, opened().audio(FRAME * 2))
    assert base64.b64decode(play["media"]["payload"]) == g711.to_mulaw(FRAME * 2)
    assert mark["mark"]["name"] == f"v1:0:{len(FRAME)}"
    assert len(FRAME) == 320
