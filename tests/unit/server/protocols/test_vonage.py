"""Vonage's wire: what its messages mean, and what it is sent. Wrong messages are in tests/corpus."""

from __future__ import annotations

import json
from typing import Any

import pytest

from server.call import events as e
from server.protocols.vonage import VonageWire
from server.protocols.wire import Audio, Capabilities, Incoming, Message, Opened, Phone, PlayedReport


def connected(rate_hz: int = 8000, **headers: Any) -> str:
    """The first message, as the documents show it."""
    return json.dumps({"event": "websocket:connected", "content-type": f"audio/l16;rate={rate_hz}", **headers})


def opened(rate_hz: int = 8000) -> VonageWire:
    """A wire whose call is open."""
    wire = VonageWire()
    wire.receive(connected(rate_hz))
    return wire


def notified(wire: VonageWire, messages: list[Message]) -> list[Incoming]:
    """What it means that Vonage returns the notify at the end of these."""
    notify = json.loads(messages[-1])
    assert notify["action"] == "notify"
    return wire.receive(json.dumps({"event": "websocket:notify", "payload": notify["payload"]}))


# --- in ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate_hz", [8000, 16000, 24000])
def test_the_first_message_opens_the_call_with_its_headers(rate_hz: int) -> None:
    headers = {"uuid": "63f61863", "from": "447700900000", "to": "447700900001", "agent": "sales", "vip": True}
    (meaning,) = VonageWire().receive(connected(rate_hz, **headers))
    can = Capabilities(rate_hz, rate_hz, reports="marks", captions=False, granule_ms=20)
    phone = Phone("vonage", call_id="63f61863", caller="447700900000", called="447700900001")
    assert meaning == Opened(can, "", headers, phone)


def test_a_call_of_which_nothing_is_told_is_a_call() -> None:
    (meaning,) = VonageWire().receive(connected())
    assert isinstance(meaning, Opened)
    assert (meaning.metadata, meaning.phone) == ({}, Phone("vonage"))


MEANINGS: dict[str, tuple[Message, list[Incoming]]] = {
    "audio": (b"\1\0" * 160, [Audio(b"\1\0" * 160)]),
    "a key": ('{"event":"websocket:dtmf","digit":"5","duration":260}', [e.Dtmf("5")]),
    "cleared": ('{"event":"websocket:cleared"}', []),
}


@pytest.mark.parametrize(("message", "meaning"), MEANINGS.values(), ids=MEANINGS)
def test_each_message_has_its_meaning(message: Message, meaning: list[Incoming]) -> None:
    assert opened().receive(message) == meaning


def test_a_notify_that_comes_back_says_what_was_heard() -> None:
    wire = opened()
    first, second = wire.audio(bytes(320)), wire.audio(bytes(640))
    assert notified(wire, first) == [PlayedReport(160)]
    assert notified(wire, second) == [PlayedReport(480)]


def test_a_notify_from_before_a_clear_says_nothing() -> None:
    wire = opened()
    before = wire.audio(bytes(320))
    wire.clear()
    assert notified(wire, before) == []
    assert notified(wire, wire.audio(bytes(320))) == [PlayedReport(160)]


# --- out --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rate_hz", "size"), [(8000, 320), (16000, 640), (24000, 960)])
def test_audio_leaves_in_messages_of_exactly_20_ms(rate_hz: int, size: int) -> None:
    pcm = bytes(range(256)) * 15
    *audio, _ = opened(rate_hz).audio(pcm[: 3 * size])
    assert [len(each) for each in audio] == [size] * 3
    assert b"".join(each for each in audio if isinstance(each, bytes)) == pcm[: 3 * size]


def test_silence_fills_up_what_is_no_whole_20_ms_and_is_not_counted() -> None:
    wire = opened()
    messages = wire.audio(b"\1\0" * 200)
    assert messages[:-1] == [b"\1\0" * 160, b"\1\0" * 40 + bytes(240)]
    assert notified(wire, messages) == [PlayedReport(200)]


def test_the_other_messages() -> None:
    wire = opened()
    assert [json.loads(each) for each in wire.clear()] == [{"action": "clear"}]
    assert [wire.begin(), wire.ready("c1"), wire.pause(), wire.resume(), wire.custom("{}"), wire.ended("x")] == [[]] * 6
    assert wire.event(e.UserSpeech(True)) == []
