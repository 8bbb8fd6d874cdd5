"""The wire for every carrier: who is recognised by which first messages, and who is not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from link.errors import ClientError
from server.protocols.any_carrier import AnyCarrierWire
from server.protocols.asterisk import MAX_EARLY
from server.protocols.wire import Answer, Audio, Counted, Message, Opened
from tests.corpus.native import nested

FORMAT = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
SNAKE_FORMAT = {"encoding": "PCMU", "sample_rate": 8000, "channels": 1}
CONNECTED = {"event": "connected", "version": "1.0.0"}
MEDIA = {"type": "audio", "format": "PCMU", "channels": ["external"], "rate": 8000}
OPEN = {"version": "2", "id": "s1", "type": "open", "seq": 1, "parameters": {"conversationId": "c1", "media": [MEDIA]}}
BEGINNINGS: dict[str, list[dict[str, Any]]] = {
    "twilio": [
        {**CONNECTED, "protocol": "Call"},
        {
            "event": "start",
            "sequenceNumber": "1",
            "streamSid": "MZ1",
            "start": {"accountSid": "AC1", "streamSid": "MZ1", "callSid": "CA1", "mediaFormat": FORMAT},
        },
    ],
    "telnyx": [
        CONNECTED,
        {
            "event": "start",
            "sequence_number": "1",
            "stream_id": "s1",
            "start": {"user_id": "u1", "call_control_id": "v3:1", "media_format": SNAKE_FORMAT},
        },
    ],
    "exotel": [
        CONNECTED,
        {
            "event": "start",
            "sequence_number": 1,
            "stream_sid": "s1",
            "start": {
                "stream_sid": "s1",
                "call_sid": "c1",
                "account_sid": "a1",
                "media_format": {"encoding": "base64", "sample_rate": "8000", "bit_rate": "128kbps"},
            },
        },
    ],
    "plivo": [
        {
            "event": "start",
            "sequenceNumber": 0,
            "start": {"callId": "c1", "streamId": "s1", "accountId": "a1", "mediaFormat": FORMAT},
            "extra_headers": "{}",
        },
    ],
    "vonage": [{"event": "websocket:connected", "content-type": "audio/l16;rate=8000"}],
    "genesys": [OPEN],
    "asterisk": [{"event": "MEDIA_START", "channel_id": "1.7", "format": "ulaw", "optimal_frame_size": 160}],
}


@pytest.mark.parametrize("carrier", BEGINNINGS)
def test_each_carrier_is_known_by_its_first_messages(carrier: str) -> None:
    wire = AnyCarrierWire()
    *before, last = [wire.receive(json.dumps(message)) for message in BEGINNINGS[carrier]]
    assert before == [[]] * len(before)
    (opened,) = last
    assert isinstance(opened, Opened)
    assert opened.phone
    assert opened.phone.carrier == carrier


@pytest.mark.parametrize("carrier", BEGINNINGS)
def test_then_its_own_codec_speaks(carrier: str) -> None:
    wire = AnyCarrierWire()
    for message in BEGINNINGS[carrier]:
        wire.receive(json.dumps(message))
    assert wire.audio(bytes(3200))
    assert wire.clear()
    assert bool(wire.ready("c1")) == (carrier == "genesys")
    assert bool(wire.pause()) == (carrier == "asterisk")
    assert bool(wire.resume()) == (carrier == "asterisk")
    assert bool(wire.ended("done")) == (carrier in ("genesys", "asterisk"))
    with pytest.raises(ClientError):
        wire.receive(json.dumps(BEGINNINGS[carrier][-1] | {"seq": 2}))


def test_a_probe_of_genesys_is_answered() -> None:
    probe = {**OPEN, "parameters": {"conversationId": "00000000-0000-0000-0000-000000000000", "media": [MEDIA]}}
    (answer,) = AnyCarrierWire().receive(json.dumps(probe))
    assert isinstance(answer, Answer)


def test_audio_that_overtakes_asterisks_start_is_counted() -> None:
    wire = AnyCarrierWire()
    assert wire.receive(bytes(160)) == [Counted("wire_early")]
    wire.receive(json.dumps(BEGINNINGS["asterisk"][0]))
    assert wire.receive(b"\xff" * 160) == [Audio(bytes(320))]


WRONG: dict[str, tuple[Message, int]] = {
    "an empty text": ("", 1007),
    "no JSON": ("hello", 1007),
    "JSON that is cut off": ('{"event":"connected"', 1007),
    "deep arrays": ('{"event":"connected","x":' + nested(20_000) + "}", 1007),
    "an array": ("[]", 1008),
    "a number": ("5", 1008),
    "an empty object": ("{}", 1008),
    "an event in numbers": ('{"event":5}', 1008),
    "an unknown event": (json.dumps({"event": "x" * 5000}), 1008),
    "the native start": ('{"type":"start","sample_rate":16000}', 1008),
    "a start of nobody": ('{"event":"start","start":{"id":"s1"}}', 1008),
    "a start with nothing": ('{"event":"start"}', 1008),
    "a start in text": ('{"event":"start","start":"MZ1"}', 1008),
    "audio of Twilio's": ('{"event":"media","streamSid":"MZ1","media":{"payload":"AAAA"}}', 1008),
    "Asterisk in plain text": ("MEDIA_START connection_id:c1 format:ulaw", 1008),
    "Vonage with a wrong type": ('{"event":"websocket:connected"}', 1008),
    "Genesys of another version": (json.dumps({**OPEN, "version": "1"}), 1008),
}


@pytest.mark.parametrize(("message", "code"), WRONG.values(), ids=WRONG)
def test_who_begins_otherwise_is_refused(message: Message, code: int) -> None:
    with pytest.raises(ClientError) as refused:
        AnyCarrierWire().receive(message)
    assert refused.value.code == code
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("message", [bytes(160), json.dumps(CONNECTED)], ids=["audio", "connected"])
def test_who_never_begins_is_refused(message: Message) -> None:
    wire = AnyCarrierWire()
    for _ in range(MAX_EARLY):
        wire.receive(message)
    with pytest.raises(ClientError) as refused:
        wire.receive(message)
    assert refused.value.code == 1008


def test_nothing_begins_by_itself() -> None:
    assert AnyCarrierWire().begin() == []
