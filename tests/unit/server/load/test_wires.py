"""The simulated carriers beside the server's codecs, and what they find wrong with a server."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from server.call.events import Dtmf, Gone
from server.load.wires.asterisk import Asterisk
from server.load.wires.carrier import CarrierWire
from server.load.wires.exotel import Exotel
from server.load.wires.genesys import Genesys
from server.load.wires.plivo import Plivo
from server.load.wires.telnyx import Telnyx
from server.load.wires.twilio import Twilio
from server.load.wires.vonage import Vonage
from server.phones.sockets import LINES
from server.protocols.wire import Answer, Audio, Incoming, Message, Opened, PlayedReport, Wire

NAMED = {"agent": "shop", "caller": "+15550100"}
CARRIERS: dict[str, Callable[[], CarrierWire]] = {
    "twilio": lambda: Twilio(parameters=NAMED),
    "signalwire": lambda: Twilio(media_format="L16@24000h", rate_hz=24_000, parameters=NAMED),
    "telnyx": lambda: Telnyx(parameters=NAMED),
    "telnyx in A-law": lambda: Telnyx(encoding="PCMA", parameters=NAMED),
    "plivo": lambda: Plivo(headers=NAMED),
    "plivo at 16 kHz": lambda: Plivo(content_type="audio/x-l16", rate_hz=16_000, headers=NAMED),
    "exotel": lambda: Exotel(parameters=NAMED),
    "vonage": lambda: Vonage(headers=NAMED),
    "genesys": lambda: Genesys(variables=NAMED),
    "asterisk": lambda: Asterisk(variables=NAMED),
    "asterisk at 24 kHz": lambda: Asterisk(media_format="slin24", variables=NAMED),
}
MARKS = [name for name in CARRIERS if name != "genesys"]
WIRES = {line.path: line.wire for line in LINES}


def opened(name: str) -> tuple[CarrierWire, Wire, Opened]:
    """A stream that is open on both sides."""
    carrier = CARRIERS[name]()
    wire = WIRES[carrier.path]()  # type: ignore[index]
    found = [each for message in carrier.opening() for each in wire.receive(message)]
    assert len(found) == 1
    assert isinstance(found[0], Opened)
    give(carrier, wire.ready("call1"), 0.0)
    return carrier, wire, found[0]


def give(carrier: CarrierWire, messages: list[Message], now: float) -> None:
    for message in messages:
        carrier.take(message, now)


def meant(wire: Wire, messages: list[Message]) -> list[Incoming]:
    return [each for message in messages for each in wire.receive(message)]


def tone(carrier: CarrierWire, ms: float) -> bytes:
    """A sound that companding does not change."""
    samples = round(ms * carrier.rate_hz / 1000)
    return np.where(np.arange(samples) // 20 % 2, 1052, -1052).astype("<i2").tobytes()


@pytest.mark.parametrize("name", CARRIERS)
def test_what_a_carrier_opens_with_opens_a_call(name: str) -> None:
    carrier, _, call = opened(name)
    assert call.metadata.items() >= NAMED.items()
    assert call.capabilities.rate_in == call.capabilities.rate_out == carrier.rate_hz
    assert call.phone is not None
    assert call.phone.carrier == carrier.path
    assert not carrier.faults


@pytest.mark.parametrize("name", CARRIERS)
def test_the_caller_is_heard_and_presses_keys(name: str) -> None:
    carrier, wire, _ = opened(name)
    pieces = [tone(carrier, carrier.chunk_ms)] * 3
    heard = [each for piece in pieces for each in meant(wire, carrier.media(piece))]
    assert all(isinstance(each, Audio) for each in heard)
    pcm = b"".join(each.pcm for each in heard if isinstance(each, Audio))
    keys = meant(wire, carrier.dtmf("5"))
    pcm += b"".join(each.pcm for each in keys if isinstance(each, Audio))
    assert Dtmf("5") in keys
    assert len(pcm) == len(b"".join(pieces))
    assert np.abs(np.frombuffer(pcm, "<i2") - np.frombuffer(b"".join(pieces), "<i2")).max() < 50


@pytest.mark.parametrize("name", CARRIERS)
def test_what_the_server_says_is_played(name: str) -> None:
    carrier, wire, _ = opened(name)
    piece = tone(carrier, 400)
    give(carrier, wire.audio(piece), 1.0)
    give(carrier, wire.audio(piece), 1.3)
    assert carrier.buffer.left(1.5) == round(0.3 * carrier.rate_hz)
    carrier.due(2.0)
    [stretch] = carrier.buffer.played
    assert stretch.at_s == pytest.approx(1.0)
    assert len(stretch.pcm) == 2 * len(piece)
    assert not carrier.faults


@pytest.mark.parametrize("name", MARKS)
def test_marks_tell_what_was_played(name: str) -> None:
    carrier, wire, _ = opened(name)
    piece = tone(carrier, 400)
    for _ in range(2):
        give(carrier, wire.audio(piece), 1.0)
    assert meant(wire, carrier.due(1.39)) == []
    assert meant(wire, carrier.due(1.41)) == [PlayedReport(len(piece) // 2)]
    assert meant(wire, carrier.due(1.81)) == [PlayedReport(len(piece))]


@pytest.mark.parametrize("name", CARRIERS)
def test_a_clear_empties_the_buffer_and_what_comes_after_it_is_played(name: str) -> None:
    carrier, wire, call = opened(name)
    piece = tone(carrier, 400)
    give(carrier, wire.audio(piece), 1.0)
    give(carrier, wire.clear(), 1.1)
    assert carrier.buffer.left(1.1) == 0
    assert meant(wire, carrier.due(1.1)) == []
    give(carrier, wire.audio(piece), 1.2)
    told = meant(wire, carrier.due(1.7))
    assert told == ([PlayedReport(len(piece) // 2)] if call.capabilities.reports == "marks" else [])
    assert [len(each.pcm) // 2 for each in carrier.buffer.played] == [len(piece) // 8, len(piece) // 2]
    assert not carrier.faults


@pytest.mark.parametrize("name", CARRIERS)
def test_the_caller_hangs_up(name: str) -> None:
    carrier, wire, _ = opened(name)
    told = meant(wire, carrier.stop())
    silent = carrier.path in ("vonage", "asterisk")  # the connection's end says it
    assert any(isinstance(each, Gone) for each in told) != silent
    give(carrier, [each.message for each in told if isinstance(each, Answer)], 1.0)
    assert carrier.over
    assert not carrier.faults


def marks_after_a_clear(carrier: CarrierWire, wire: Wire) -> int:
    meant(wire, carrier.opening())
    give(carrier, wire.audio(tone(carrier, 400)), 1.0)
    give(carrier, wire.clear(), 1.1)
    return sum("v1:0:" in str(message) for message in carrier.due(1.1))


@pytest.mark.parametrize(
    ("carrier", "marks"),
    [
        (Twilio(), 1),
        (Telnyx(), 1),
        (Telnyx(returns_marks=False), 0),
        (Plivo(), 0),
        (Exotel(), 1),
        (Exotel(returns_marks=False), 0),
        (Vonage(), 0),
        (Vonage(returns_marks=True), 1),
        (Asterisk(), 0),
    ],
    ids=lambda each: type(each).__name__,
)
def test_which_carriers_return_marks_because_of_a_clear(carrier: CarrierWire, marks: int) -> None:
    assert marks_after_a_clear(carrier, WIRES[carrier.path]()) == marks  # type: ignore[index]


# --- what only one of them does ---------------------------------------------------------------------------------------


def test_asterisk_pauses_and_plays_on_and_a_flush_may_leave_it_paused() -> None:
    carrier, wire, _ = opened("asterisk")
    give(carrier, wire.audio(tone(carrier, 400)), 1.0)
    give(carrier, wire.pause(), 1.1)
    assert carrier.buffer.left(9.0) == 2400
    give(carrier, wire.resume(), 9.0)
    assert carrier.buffer.left(9.1) == 1600
    for message in ('{"command":"PAUSE_MEDIA"}', '{"command":"FLUSH_MEDIA"}'):
        carrier.take(message, 9.2)
    give(carrier, wire.audio(tone(carrier, 400)), 9.2)
    assert carrier.buffer.left(10.0) == 3200
    assert not carrier.faults


def test_asterisk_says_when_its_queue_is_full_and_drops_what_is_too_much() -> None:
    carrier = Asterisk()
    second = bytes(8000)
    for _ in range(17):
        carrier.take(second, 0.0)
    assert carrier.due(0.0) == []
    carrier.take(second, 0.0)
    assert [json.loads(each)["event"] for each in carrier.due(0.0)] == ["MEDIA_XOFF"]
    for _ in range(3):
        carrier.take(second, 0.0)
    assert carrier.buffer.left(0.0) == 160_000
    assert carrier.faults == {"the queue is full": 1}
    assert carrier.due(3.9) == []
    assert [json.loads(each)["event"] for each in carrier.due(4.0)] == ["MEDIA_XON"]


def test_asterisk_is_told_to_hang_up() -> None:
    carrier, wire, _ = opened("asterisk")
    give(carrier, wire.ended("bye"), 1.0)
    assert carrier.over


def test_genesys_pings_and_closes_when_it_is_told_to() -> None:
    carrier, wire, _ = opened("genesys")
    assert carrier.due(1.0) == []
    for at in (6.0, 11.0, 16.0):
        [ping] = carrier.due(at)
        answers = wire.receive(ping)
        give(carrier, [each.message for each in answers if isinstance(each, Answer)], at)
    assert not carrier.faults
    assert carrier.due(21.0)
    assert carrier.due(26.0)
    assert carrier.faults == {"a ping was not answered": 1}
    give(carrier, wire.ended("bye"), 27.0)
    [close] = carrier.due(27.0)
    assert not carrier.over
    give(carrier, [each.message for each in wire.receive(close) if isinstance(each, Answer)], 27.1)
    assert carrier.over


def test_genesys_sends_nothing_before_it_is_opened_and_tells_when_it_plays() -> None:
    early = Genesys()
    early.opening()
    assert early.media(bytes(1600)) == []
    carrier, wire, _ = opened("genesys")
    give(carrier, wire.audio(tone(carrier, 200)), 1.0)
    assert [json.loads(each)["type"] for at in (1.1, 1.15, 1.3) for each in carrier.due(at)] == [
        "playback_started",
        "playback_completed",
    ]


# --- what a server may not do -----------------------------------------------------------------------------------------


def media(data: bytes, **fields: Any) -> str:
    return json.dumps({"event": "media", "media": {"payload": base64.b64encode(data).decode()}, **fields})


TWILIO, EXOTEL = {"streamSid": "MZ0123456789"}, {"stream_sid": "MZ0123456789"}
PLIVO = {"streamId": "20170ada-f610-433b-8758-c02a2aab3662"}
PLAY = {"event": "playAudio", "media": {"contentType": "audio/x-mulaw", "sampleRate": 8000, "payload": "fw=="}}
FAULTS: list[tuple[CarrierWire, Message, str]] = [
    (Twilio(), b"\0" * 160, "a binary message, where text is due"),
    (Twilio(), "hello", "a text is no JSON object"),
    (Twilio(), "[]", "a text is no JSON object"),
    (Twilio(), media(bytes(160), streamSid="MZ1"), "a message is not for this stream"),
    (Twilio(), media(bytes(160)), "a message is not for this stream"),
    (Twilio(), '{"event":"clear"}', "a message is not for this stream"),
    (Twilio(), json.dumps({"event": "pause", **TWILIO}), "a message that Twilio does not know"),
    (Twilio(), json.dumps({"event": "media", **TWILIO, "media": {"payload": "!"}}), "a payload is no base64"),
    (Twilio(), media(bytes(4_800_001), **TWILIO), "31931: more than 10 minutes wait"),
    (Twilio(media_format="L16@24000h", rate_hz=24_000), media(bytes(3), **TWILIO), "half a sample"),
    (Telnyx(), b"\0" * 160, "a binary message, where text is due"),
    (Telnyx(), media(bytes(159)), "a piece is not 20 ms to 30 s long"),
    (Telnyx(), media(bytes(240_001)), "a piece is not 20 ms to 30 s long"),
    (Telnyx(), '{"event":"playAudio"}', "a message that Telnyx does not know"),
    (Plivo(), b"\0" * 160, "a binary message, where text is due"),
    (Plivo(), '{"event":"clearAudio"}', "a message is not for this stream"),
    (Plivo(), '{"event":"checkpoint","name":"x","streamId":"y"}', "a message is not for this stream"),
    (Plivo(rate_hz=16_000, content_type="audio/x-l16"), json.dumps(PLAY),
     "audio in another form than the stream's"),
    (Plivo(), json.dumps({"event": "clear", **PLIVO}), "a message that Plivo does not know"),
    (Exotel(), b"\0" * 3200, "a binary message, where text is due"),
    (Exotel(), media(bytes(3200)), "a message is not for this stream"),
    (Exotel(), media(bytes(2880), **EXOTEL), "a chunk has not 3,200 to 100,000 bytes"),
    (Exotel(), media(bytes(100_160), **EXOTEL), "a chunk has not 3,200 to 100,000 bytes"),
    (Exotel(), media(bytes(3300), **EXOTEL), "a chunk is no multiple of 320 bytes"),
    (Vonage(), bytes(320), "audio that has not 20 ms"),
    (Vonage(), bytes(641), "audio that has not 20 ms"),
    (Vonage(), '{"action":"stop"}', "a message that Vonage does not know"),
    (Genesys(), bytes(1600), "audio before `opened`"),
    (Genesys(), '{"version":"2","id":"x","type":"pong","seq":1,"clientseq":0}', "a message is not of this session"),
    (Asterisk(), bytes(170), "audio is no whole frames"),
    (Asterisk(), bytes(65_501), "a message is too long"),
    (Asterisk(), '{"command":"MARK_MEDIA","correlation_id":"' + "x" * 100 + '"}', "a message is too long"),
    (Asterisk(), "FLUSH_MEDIA", "a text is no JSON object"),
    (Asterisk(), '{"command":"STOP"}', "a command that is not known here"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("carrier", "message", "fault"), FAULTS, ids=[f"{type(a).__name__}: {b}" for a, _, b in FAULTS]
)
def test_what_the_documents_forbid_is_a_fault(carrier: CarrierWire, message: Message, fault: str) -> None:
    carrier.take(message, 0.0)
    assert fault in carrier.faults


def test_vonage_holds_a_minute() -> None:
    carrier = Vonage()
    for _ in range(3001):
        carrier.take(bytes(640), 0.0)
    assert carrier.faults == {"more than 60 s wait": 1}
    assert carrier.buffer.left(0.0) == 60 * 16_000


def test_genesys_finds_wrong_numbers_wrong_media_and_too_many_messages() -> None:
    def said(seq: int, kind: str, **parameters: Any) -> str:
        head = {"version": "2", "id": "e160e428-53b2-487c-977d-96989bf5c99d", "seq": seq, "clientseq": 1}
        return json.dumps({**head, "type": kind, "parameters": parameters})

    form = {"type": "audio", "format": "PCMU", "channels": ["external"], "rate": 8000}
    carrier = Genesys(formats=("PCMU",))
    carrier.opening()
    for number, chosen in enumerate(([], [{**form, "format": "L16"}], [form, form])):
        carrier.take(said(number + 1, "opened", media=chosen, startPaused=False), 0.0)
        assert carrier.media(bytes(160)) == []
    assert sum(carrier.faults.values()) == 3
    carrier.take(said(5, "opened", media=[form], startPaused=False), 0.0)
    assert carrier.faults["the numbers are wrong"] == 1
    assert carrier.media(bytes(160))
    for _ in range(25):
        carrier.take(bytes(160), 1.0)
    assert "429: too many messages of audio" not in carrier.faults
    carrier.take(bytes(160), 1.1)
    assert carrier.faults["429: too many messages of audio"] == 1
