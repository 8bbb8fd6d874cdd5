"""The JSON carriers: what right messages mean, and what a carrier is told. Wrong ones are in tests/corpus."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

import pytest

from audio import g711
from server.call.events import Dtmf, Gone, UserSpeech
from server.protocols.exotel import MAX_CHUNK_BYTES, ExotelWire
from server.protocols.plivo import PlivoWire
from server.protocols.telnyx import TelnyxWire
from server.protocols.twilio import TwilioWire
from server.protocols.wire import Audio, Capabilities, Complaint, Incoming, Message, Opened, Phone, PlayedReport, Wire

MULAW = bytes(range(160))
PCM = struct.pack("<160h", *range(-16000, 16000, 200))


def said(messages: list[Message]) -> list[dict[str, Any]]:
    """Messages as a carrier reads them."""
    return [json.loads(message) for message in messages]


def take(wire: Wire, event: str, **fields: Any) -> list[Incoming]:
    return wire.receive(json.dumps({"event": event, **fields}))


def opened(wire: Wire, **start: Any) -> Opened:
    (meaning,) = take(wire, "start", **start)
    assert isinstance(meaning, Opened)
    return meaning


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


# --- Twilio -----------------------------------------------------------------------------------------------------------

TWILIO_FORMAT = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
TWILIO_START: dict[str, Any] = {
    "sequenceNumber": "1",
    "streamSid": "MZ1",
    "start": {
        "accountSid": "AC1",
        "streamSid": "MZ1",
        "callSid": "CA1",
        "tracks": ["inbound"],
        "mediaFormat": TWILIO_FORMAT,
        "customParameters": {"caller": "+4930123", "called": "+4940456", "plan": "gold"},
    },
}


def twilio() -> TwilioWire:
    wire = TwilioWire()
    opened(wire, **TWILIO_START)
    return wire


def test_twilio_says_who_calls_in_parameters_of_ours() -> None:
    wire = TwilioWire()
    assert take(wire, "connected", protocol="Call", version="1.0.0") == []
    assert opened(wire, **TWILIO_START) == Opened(
        Capabilities(8000, 8000, reports="marks", captions=False),
        metadata={"caller": "+4930123", "called": "+4940456", "plan": "gold"},
        phone=Phone("twilio", "CA1", "MZ1", "AC1", "+4930123", "+4940456"),
    )


def test_twilio_in() -> None:
    wire = twilio()
    media = {"track": "inbound", "chunk": "1", "timestamp": "5", "payload": b64(MULAW)}
    assert take(wire, "media", sequenceNumber="3", streamSid="MZ1", media=media) == [Audio(g711.from_mulaw(MULAW))]
    dtmf = {"track": "inbound_track", "digit": "#"}
    assert take(wire, "dtmf", streamSid="MZ1", sequenceNumber="5", dtmf=dtmf) == [Dtmf("#")]
    stop = {"accountSid": "AC1", "callSid": "CA1"}
    assert take(wire, "stop", streamSid="MZ1", stop=stop) == [Gone("the caller hung up")]


def test_twilio_out() -> None:
    wire = twilio()
    media, mark = said(wire.audio(PCM))
    assert media == {"event": "media", "streamSid": "MZ1", "media": {"payload": b64(g711.to_mulaw(PCM))}}
    assert mark == {"event": "mark", "streamSid": "MZ1", "mark": {"name": "v1:0:160"}}
    assert said(wire.clear()) == [{"event": "clear", "streamSid": "MZ1"}]
    assert take(wire, "mark", streamSid="MZ1", sequenceNumber="9", mark=mark["mark"]) == [], "the clear brought it back"
    assert said(wire.audio(PCM))[1]["mark"]["name"] == "v1:1:160"
    assert take(wire, "mark", streamSid="MZ1", mark={"name": "v1:1:160"}) == [PlayedReport(160)]


@pytest.mark.parametrize("encoding", ["audio/x-L16", "L16", "audio/l16;rate=24000", "L16@24000h"])
def test_signalwire_speaks_l16_at_24_khz(encoding: str) -> None:
    wire = TwilioWire()
    form = {"encoding": encoding, "sampleRate": 24000, "channels": 1}
    meaning = opened(wire, streamSid="MZ1", start={**TWILIO_START["start"], "mediaFormat": form})
    assert (meaning.capabilities.rate_in, meaning.capabilities.rate_out) == (24000, 24000)
    assert take(wire, "media", media={"payload": b64(PCM), "chunk": 1}) == [Audio(PCM)]
    assert said(wire.audio(PCM))[0]["media"]["payload"] == b64(PCM)


# --- Telnyx -----------------------------------------------------------------------------------------------------------

TELNYX_START: dict[str, Any] = {
    "sequence_number": "1",
    "stream_id": "32DE",
    "start": {
        "user_id": "U1",
        "call_control_id": "v2:T02",
        "call_session_id": "ff55",
        "client_state": "aGVsbG8=",
        "from": "+4930123",
        "to": "+4940456",
        "media_format": {"encoding": "PCMU", "sample_rate": 8000, "channels": 1},
        "custom_parameters": {"plan": "gold"},
    },
}


def telnyx(encoding: str = "PCMU", rate: int = 8000) -> TelnyxWire:
    wire = TelnyxWire()
    form = {"encoding": encoding, "sample_rate": rate, "channels": 1}
    opened(wire, stream_id="32DE", start={**TELNYX_START["start"], "media_format": form})
    return wire


def test_telnyx_says_who_calls() -> None:
    wire = TelnyxWire()
    assert take(wire, "connected", version="1.0.0") == []
    assert opened(wire, **TELNYX_START) == Opened(
        Capabilities(8000, 8000, reports="marks", captions=False, granule_ms=20.0),
        metadata={"plan": "gold", "client_state": "aGVsbG8="},
        phone=Phone("telnyx", "v2:T02", "32DE", "U1", "+4930123", "+4940456"),
    )


def test_telnyx_in_puts_the_order_right() -> None:
    wire = telnyx()
    pieces = {n: bytes([n]) * 160 for n in range(1, 7)}
    out: list[Incoming] = []
    for number in (2, 1, 3, 5, 6, 4):
        media = {"track": "inbound", "chunk": str(number), "timestamp": "5", "payload": b64(pieces[number])}
        out += take(wire, "media", sequence_number=str(number), stream_id="32DE", media=media)
    heard = b"".join(each.pcm for each in out if isinstance(each, Audio))
    assert len(out) == sum(isinstance(each, Audio) for each in out), "nothing is counted"
    assert heard == g711.from_mulaw(b"".join(pieces.values()))


@pytest.mark.parametrize(("event", "fields"), [("dtmf", {"dtmf": {"digit": "5"}}), ("stop", {"stop": {}})])
def test_telnyx_a_key_and_the_end_let_out_what_waits(event: str, fields: dict[str, Any]) -> None:
    wire = telnyx("L16", 16000)
    for number in (1, 2, 3, 5):
        take(wire, "media", media={"chunk": number, "payload": b64(PCM)})
    _, audio, last = take(wire, event, **fields)
    assert audio == Audio(bytes(len(PCM)) + PCM)
    assert last in (Dtmf("5"), Gone("the caller hung up"))


def test_telnyx_a_mark_neither_waits_nor_breaks_the_order() -> None:
    wire = telnyx("L16", 16000)
    for number in (1, 2, 3, 5):
        take(wire, "media", media={"chunk": number, "payload": b64(PCM)})
    wire.audio(PCM)
    assert take(wire, "mark", mark={"name": "v1:0:160"}) == [PlayedReport(160)]
    assert take(wire, "media", media={"chunk": 4, "payload": b64(PCM)}) == [Audio(2 * PCM)]


@pytest.mark.parametrize(
    ("encoding", "rate", "encoded"),
    [("PCMU", 8000, g711.to_mulaw(PCM)), ("PCMA", 8000, g711.to_alaw(PCM)), ("L16", 24000, PCM)],
)
def test_telnyx_out_speaks_what_the_start_names_and_needs_no_id(encoding: str, rate: int, encoded: bytes) -> None:
    wire = telnyx(encoding, rate)
    media, mark = said(wire.audio(PCM))
    assert media == {"event": "media", "media": {"payload": b64(encoded)}}
    assert mark == {"event": "mark", "mark": {"name": "v1:0:160"}}
    assert said(wire.clear()) == [{"event": "clear"}]


def test_telnyx_errors_are_told_in_its_words() -> None:
    payload = {"code": 100002, "title": "unknown_error", "detail": "the codec does not fit"}
    (complaint,) = take(telnyx(), "error", stream_id="32DE", payload=payload)
    assert isinstance(complaint, Complaint)
    assert complaint.message == "Telnyx reports an error, unknown_error: the codec does not fit"


# --- Plivo ------------------------------------------------------------------------------------------------------------


def plivo_start(encoding: str = "audio/x-mulaw", rate: int = 8000, headers: Any = "") -> dict[str, Any]:
    form = {"encoding": encoding, "sampleRate": rate}
    details = {"callId": "C1", "streamId": "ST1", "accountId": "MA1", "tracks": ["inbound"], "mediaFormat": form}
    return {"sequenceNumber": 1, "start": details, "extra_headers": headers}


def plivo(encoding: str = "audio/x-mulaw", rate: int = 8000) -> PlivoWire:
    wire = PlivoWire()
    opened(wire, **plivo_start(encoding, rate))
    return wire


@pytest.mark.parametrize(
    "headers",
    ["caller=4930123;plan=gold", "caller=4930123,plan=gold", '{"caller": "4930123", "plan": "gold"}',
     {"caller": "4930123", "plan": "gold"}, " caller = 4930123 ; plan=gold ; ; rubbish"],
    ids=["semicolons", "commas", "JSON", "an object", "untidy"],
)  # fmt: skip
def test_plivo_says_who_calls_in_headers_of_ours(headers: Any) -> None:
    assert opened(PlivoWire(), **plivo_start(headers=headers)) == Opened(
        Capabilities(8000, 8000, reports="marks", captions=False),
        metadata={"caller": "4930123", "plan": "gold"},
        phone=Phone("plivo", "C1", "ST1", "MA1", "4930123"),
    )


@pytest.mark.parametrize("headers", ["", "{}", "[]", "x", {}])
def test_plivo_without_headers(headers: Any) -> None:
    assert opened(PlivoWire(), **plivo_start(headers=headers)).metadata == {}


def test_plivo_in() -> None:
    wire = plivo()
    media = {"track": "inbound", "timestamp": "1650", "chunk": 2, "payload": b64(MULAW)}
    assert take(wire, "media", sequenceNumber=2, streamId="ST1", media=media) == [Audio(g711.from_mulaw(MULAW))]
    assert take(wire, "dtmf", streamId="ST1", dtmf={"track": "inbound", "digit": "1", "timestamp": "4"}) == [Dtmf("1")]
    assert take(wire, "clearedAudio", sequenceNumber=3, streamId="ST1") == []


@pytest.mark.parametrize(
    ("encoding", "rate", "encoded"),
    [("audio/x-mulaw", 8000, g711.to_mulaw(PCM)), ("audio/x-l16", 8000, PCM), ("audio/x-l16", 16000, PCM)],
)
def test_plivo_out(encoding: str, rate: int, encoded: bytes) -> None:
    wire = plivo(encoding, rate)
    play, checkpoint = said(wire.audio(PCM))
    media = {"contentType": encoding, "sampleRate": rate, "payload": b64(encoded)}
    assert play == {"event": "playAudio", "media": media}
    assert checkpoint == {"event": "checkpoint", "streamId": "ST1", "name": "v1:0:160"}
    assert take(wire, "playedStream", streamId="ST1", name="v1:0:160") == [PlayedReport(160)]
    assert said(wire.clear()) == [{"event": "clearAudio", "streamId": "ST1"}]


# --- Exotel -----------------------------------------------------------------------------------------------------------


def exotel_start(rate: Any = "8000", encoding: str = "raw/slin") -> dict[str, Any]:
    form = {"encoding": encoding, "sample_rate": rate, "bit_rate": "16"}
    numbers = {"from": "+914930123", "to": "+914940456"}
    details = {"stream_sid": "S1", "call_sid": "C1", "account_sid": "A1", "media_format": form, **numbers}
    return {"sequence_number": "1", "stream_sid": "S1", "start": {**details, "custom_parameters": {"plan": "gold"}}}


@pytest.mark.parametrize(
    ("rate", "chunk_ms", "granule_ms"), [(8000, 200, 20), ("16000", 100, 10), (24000, 200 / 3, 20 / 3)]
)
def test_exotel_says_who_calls_and_wants_long_pieces(rate: Any, chunk_ms: float, granule_ms: float) -> None:
    wire = ExotelWire()
    take(wire, "connected")
    hz = int(rate)
    can = Capabilities(hz, hz, reports="marks", captions=False, chunk_ms=chunk_ms, granule_ms=granule_ms)
    phone = Phone("exotel", "C1", "S1", "A1", "+914930123", "+914940456")
    assert opened(wire, **exotel_start(rate)) == Opened(can, metadata={"plan": "gold"}, phone=phone)
    assert round(chunk_ms * hz / 1000) * 2 == 3200
    assert round(granule_ms * hz / 1000) * 2 == 320


@pytest.mark.parametrize("encoding", ["raw/slin", "audio/x-raw", "raw", "base64", "linear16", "audio/x-l16", "slin16"])
def test_exotel_has_many_words_for_the_same(encoding: str) -> None:
    wire = ExotelWire()
    opened(wire, **exotel_start(encoding=encoding))
    media = {"chunk": "2", "timestamp": "200", "payload": b64(PCM)}
    assert take(wire, "media", sequence_number="3", stream_sid="S1", media=media) == [Audio(PCM)]


def test_exotel_in_and_out() -> None:
    wire = ExotelWire()
    opened(wire, **exotel_start())
    assert take(wire, "dtmf", stream_sid="S1", dtmf={"digit": "5", "duration": "100"}) == [Dtmf("5")]
    media, mark = said(wire.audio(PCM))
    assert media == {"event": "media", "stream_sid": "S1", "media": {"payload": b64(PCM)}}
    assert mark == {"event": "mark", "stream_sid": "S1", "mark": {"name": "v1:0:160"}}
    assert said(wire.clear()) == [{"event": "clear", "stream_sid": "S1"}]
    assert take(wire, "stop", stream_sid="S1", stop={"call_sid": "C1", "reason": "hangup"}) == [
        Gone("the caller hung up")
    ]


def test_exotel_what_is_too_long_for_a_message_goes_in_several_and_has_one_mark() -> None:
    wire = ExotelWire()
    opened(wire, **exotel_start())
    pcm = bytes(range(256)) * 1000
    *media, mark = said(wire.audio(pcm))
    pieces = [base64.b64decode(each["media"]["payload"]) for each in media]
    assert b"".join(pieces) == pcm
    assert all(len(each) <= MAX_CHUNK_BYTES for each in pieces)
    assert all(len(each) % 320 == 0 for each in pieces), "the playout gives whole granules"
    assert mark["mark"]["name"] == "v1:0:128000"


# --- all of them ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wire", [twilio(), telnyx(), plivo()], ids=["twilio", "telnyx", "plivo"])
def test_a_carrier_is_told_of_audio_only(wire: Wire) -> None:
    told = [
        *wire.begin(),
        *wire.ready("c1"),
        *wire.event(UserSpeech(True)),
        *wire.custom("{}"),
        *wire.turn({"total": 1.0}),
        *wire.complain(Complaint("x", "y")),
        *wire.pause(),
        *wire.resume(),
        *wire.ended("over"),
    ]
    assert told == []
