"""How each carrier that speaks JSON writes its messages, and what goes wrong with one of them only."""

from __future__ import annotations

from typing import Any

from server.protocols.exotel import MAX_CHUNK_BYTES, ExotelWire
from server.protocols.plivo import PlivoWire
from server.protocols.telnyx import TelnyxWire
from server.protocols.twilio import TwilioWire
from tests.corpus.carriers import CHUNK, Case, Dialect, cases
from tests.corpus.native import Text, nested


def twilio_start(stream: str = "S1", encoding: Any = "audio/x-L16", rate: Any = 8000, **changes: Any) -> dict[str, Any]:
    """Twilio's, with L16 so that cases can say what is heard; SignalWire can do it."""
    details = {
        "accountSid": "AC1",
        "streamSid": stream,
        "callSid": "CA1",
        "tracks": ["inbound"],
        "mediaFormat": changes.get("form", {"encoding": encoding, "sampleRate": rate, "channels": 1}),
        "customParameters": changes.get("parameters", {"caller": "+4930123"}),
    }
    return {"event": "start", "sequenceNumber": "1", "streamSid": stream, "start": changes.get("start", details)}


def telnyx_start(stream: str = "S1", encoding: Any = "L16", rate: Any = 8000, **changes: Any) -> dict[str, Any]:
    """Telnyx's."""
    details = {
        "user_id": "U1",
        "call_control_id": "v3:1",
        "client_state": "aGVsbG8=",
        "media_format": changes.get("form", {"encoding": encoding, "sample_rate": rate, "channels": 1}),
        "from": "+4930123",
        "to": "+4940456",
        "custom_parameters": changes.get("parameters", {}),
    }
    return {"event": "start", "sequence_number": "1", "stream_id": stream, "start": changes.get("start", details)}


def plivo_start(stream: str = "S1", encoding: Any = "audio/x-l16", rate: Any = 8000, **changes: Any) -> dict[str, Any]:
    """Plivo's."""
    details = {
        "callId": "C1",
        "streamId": stream,
        "accountId": "MA1",
        "tracks": ["inbound"],
        "mediaFormat": changes.get("form", {"encoding": encoding, "sampleRate": rate}),
    }
    headers = changes.get("parameters", "caller=4930123;plan=gold")
    return {
        "event": "start",
        "sequenceNumber": 1,
        "start": changes.get("start", details),
        "extra_headers": headers,
    }


def exotel_start(stream: str = "S1", encoding: Any = "raw/slin", rate: Any = "8000", **changes: Any) -> dict[str, Any]:
    """Exotel's."""
    details = {
        "stream_sid": stream,
        "call_sid": "C1",
        "account_sid": "A1",
        "from": "+914930123",
        "to": "+914940456",
        "custom_parameters": changes.get("parameters", {"plan": "gold"}),
        "media_format": changes.get("form", {"encoding": encoding, "sample_rate": rate, "bit_rate": "128kbps"}),
    }
    return {"event": "start", "sequence_number": "1", "stream_sid": stream, "start": changes.get("start", details)}


CONNECTED = Text('{"event":"connected","protocol":"Call","version":"1.0.0"}')
TWILIO = Dialect(
    "twilio",
    TwilioWire,
    stream="streamSid",
    mark_event="mark",
    connected=CONNECTED,
    start=twilio_start,
    mark=lambda name: {"mark": {"name": name}},
)
TELNYX = Dialect(
    "telnyx",
    TelnyxWire,
    stream="stream_id",
    mark_event="mark",
    connected=CONNECTED,
    start=telnyx_start,
    mark=lambda name: {"mark": {"name": name}},
)
PLIVO = Dialect(
    "plivo",
    PlivoWire,
    stream="streamId",
    mark_event="playedStream",
    connected=None,
    start=plivo_start,
    mark=lambda name: {"name": name},
)
EXOTEL = Dialect(
    "exotel",
    ExotelWire,
    stream="stream_sid",
    mark_event="mark",
    connected=CONNECTED,
    start=exotel_start,
    mark=lambda name: {"mark": {"name": name}},
    limit=ExotelWire.max_message_bytes,
)


def _half_samples(by: Dialect) -> list[Case]:
    return [
        Case("audio: half a sample", (by.media(1, b"\1"),), closes=1003),
        Case("audio: an odd number of bytes", (by.media(1, CHUNK + b"\1"),), closes=1003),
        Case("audio: an odd number, and nobody listens", (by.media(1, CHUNK + b"\1", track="outbound"),)),
    ]


def _two_names(by: Dialect) -> list[Case]:
    details = by.start(stream="S2")["start"]
    return [Case("start: two names of the stream", (by.message("start", start=details),), closes=1008, start=False)]


def _mulaw(by: Dialect, name: str) -> list[Case]:
    """With a byte a sample there is no odd size."""
    start = by.started(encoding=name)
    return [
        Case(
            f"{name}: odd sizes", (start, by.media(None, b"\xff"), by.media(None, b"\0" * 319)), chunks=2, start=False
        ),
        Case(f"{name}: every byte", (start, by.media(None, bytes(range(256)) * 5)), chunks=8, start=False),
    ]


def _stereo(by: Dialect) -> list[Case]:
    def form(channels: Any) -> Text:
        names = {"twilio": ("encoding", "sampleRate"), "telnyx": ("encoding", "sample_rate")}[by.name]
        return by.started(form=dict(zip(names, ("L16", 8000), strict=True)) | {"channels": channels})

    return [
        Case("start: two channels", (form(2),), closes=1003, start=False),
        Case("start: no channel", (form(0),), closes=1003, start=False),
        Case("start: channels of a word", (form("mono"),), closes=1008, start=False),
    ]


TWILIO_CASES = (
    *cases(TWILIO),
    *_half_samples(TWILIO),
    *_two_names(TWILIO),
    *_mulaw(TWILIO, "audio/x-mulaw"),
    *_stereo(TWILIO),
    Case("connected: a second time", (CONNECTED,)),
    Case("start: parameters that are no texts", (TWILIO.started(parameters={"a": 1}),), closes=1008, start=False),
    Case("start: parameters that are no object", (TWILIO.started(parameters=[]),), closes=1008, start=False),
)
TELNYX_CASES = (
    *cases(TELNYX),
    *_half_samples(TELNYX),
    *_mulaw(TELNYX, "PCMU"),
    *_mulaw(TELNYX, "PCMA"),
    *_stereo(TELNYX),
    Case("connected: a second time", (CONNECTED,)),
    Case("start: no form of sound", (TELNYX.started(start={"user_id": "U1"}),), closes=1008, start=False),
    Case("start: parameters that are no object", (TELNYX.started(parameters=[]),), closes=1008, start=False),
    Case(
        "an error of Telnyx", (TELNYX.message("error", payload={"code": 1, "title": "x" * 9999}),), ("carrier_error",)
    ),
    Case("an error of Telnyx that says nothing", (TELNYX.message("error"),), ("carrier_error",)),
    Case("an error of Telnyx before the start", (TELNYX.message("error"),), ("carrier_error",), start=False),
    Case(
        "an error of Telnyx with a number for a title",
        (TELNYX.message("error", payload={"title": 1}),),
        ("bad_message",),
    ),
    Case("an error of another stream", (TELNYX.message("error", stream_id="S2"),), ("carrier_error",)),
)
PLIVO_CASES = (
    *cases(PLIVO),
    *_half_samples(PLIVO),
    *_mulaw(PLIVO, "audio/x-mulaw"),
    Case("connected: there is no such thing", (CONNECTED,), ("unknown_type",)),
    Case("start: no form of sound", (PLIVO.started(start={"streamId": "S1"}),), closes=1008, start=False),
    Case("start: A-law, which it does not take", (PLIVO.started(encoding="audio/x-alaw"),), closes=1003, start=False),
    Case("start: a rate that it does not take", (PLIVO.started(rate=24000),), closes=1003, start=False),
    Case("start: headers that are an array", (PLIVO.started(parameters=[]),), closes=1008, start=False),
    Case("start: headers of rubbish", (PLIVO.started(parameters=";;=,{"), PLIVO.media()), chunks=1, start=False),
    Case(
        "start: headers nested deeply", (PLIVO.started(parameters=nested(20_000)), PLIVO.media()), chunks=1, start=False
    ),
    Case("clearedAudio without a clear", (PLIVO.message("clearedAudio"),)),
    Case("clearedAudio of another stream", (PLIVO.message("clearedAudio", streamId="S2"),), closes=1008),
    Case("no start: clearedAudio", (PLIVO.message("clearedAudio"),), closes=1008, start=False),
)
EXOTEL_CASES = (
    *cases(EXOTEL),
    *_half_samples(EXOTEL),
    *_two_names(EXOTEL),
    *_mulaw(EXOTEL, "audio/x-mulaw"),
    Case("connected: a second time", (CONNECTED,)),
    Case("start: parameters that are no object", (EXOTEL.started(parameters=[]),), closes=1008, start=False),
    Case("limit: the longest chunk", (EXOTEL.media(1, bytes(MAX_CHUNK_BYTES)),), chunks=None),
    Case("limit: a chunk of one byte more", (EXOTEL.media(1, bytes(MAX_CHUNK_BYTES + 1)),), closes=1009),
    Case("limit: a chunk of two bytes more", (EXOTEL.media(1, bytes(MAX_CHUNK_BYTES + 2)),), closes=1009),
)
ALL: tuple[tuple[Dialect, tuple[Case, ...]], ...] = (
    (TWILIO, TWILIO_CASES),
    (TELNYX, TELNYX_CASES),
    (PLIVO, PLIVO_CASES),
    (EXOTEL, EXOTEL_CASES),
)
