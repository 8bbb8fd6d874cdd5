"""Bad and odd messages of Asterisk's `chan_websocket`, as data."""

from __future__ import annotations

import json
from typing import Any

from server.protocols.asterisk import AsteriskWire
from tests.corpus.binary_carriers import CarrierCase, Corpus, no_messages, padded, too_big, unknown_kinds
from tests.corpus.native import LIMIT, Audio, Many, Step, Text, nested

CHANNEL = "pbx1-1763770000.7"
FRAME = Audio(b"\xff" * 160)


def event(kind: str, **fields: Any) -> Text:
    """A message as Asterisk writes it; a field that is `...` is left out."""
    message = {"event": kind, "channel_id": CHANNEL, **fields}
    return Text(json.dumps({name: value for name, value in message.items() if value is not ...}))


def start(**fields: Any) -> Text:
    """The first message."""
    usual = {
        "connection_id": "media_connection1",
        "channel": "WebSocket/media_connection1/0x7f",
        "format": "ulaw",
        "optimal_frame_size": 160,
        "ptime": 20,
        "channel_variables": {"MEDIA_WEBSOCKET_OPTIMAL_FRAME_SIZE": "160"},
    }
    return event("MEDIA_START", **{**usual, **fields})


PLAIN = (
    "MEDIA_START connection_id:c1 channel:WebSocket/c1 channel_id:pbx1-1.7 format:ulaw optimal_frame_size:160 ptime:20"
)


def _starts() -> list[CarrierCase]:
    wrong: dict[str, Text] = {
        "plain text": Text(PLAIN),
        "no format": start(format=...),
        "format: null": start(format=None),
        "format: nothing": start(format=""),
        "format: opus": start(format="opus", optimal_frame_size=0),
        "format: g722": start(format="g722"),
        "format: slin48": start(format="slin48", optimal_frame_size=1920),
        "format: in capitals": start(format="ULAW"),
        "format: a long one": start(format="x" * 5000),
        "no frame size": start(optimal_frame_size=...),
        "frame size: text": start(optimal_frame_size="160"),
        "frame size: 0": start(optimal_frame_size=0),
        "frame size: negative": start(optimal_frame_size=-160),
        "frame size: one byte": start(optimal_frame_size=1),
        "frame size: one byte short of 10 ms": start(optimal_frame_size=79),
        "frame size: one byte over 100 ms": start(optimal_frame_size=801),
        "frame size: huge": start(optimal_frame_size=10**18),
        "frame size: beyond 64 bits": start(optimal_frame_size=10**30),
        "frame size: half a sample over": start(format="slin16", optimal_frame_size=641),
        "passthrough": start(passthrough=True),
        "unbuffered": start(unbuffered=True),
        "unbuffered: text": start(unbuffered="no"),
        "variables: an array": start(channel_variables=[]),
        "variables: null": start(channel_variables=None),
        "variables: a number beyond all floats": Text(start(channel_variables={"x": 7}).text.replace("7}", "1e999}")),
        "channel_id: null": start(channel_id=None),
        "channel_id: a number": start(channel_id=7),
        "dtmf first": event("DTMF_END", digit="1"),
        "a mark first": event("MEDIA_MARK_PROCESSED", correlation_id="v1:0:0"),
        "XON first": event("MEDIA_XON"),
        "an unknown event first": event("news"),
        "an error first": event("ERROR", error_text="no"),
        "Vonage's first message": Text('{"event":"websocket:connected","content-type":"audio/l16;rate=8000"}'),
    }
    fine: dict[str, tuple[Text, int]] = {
        "alaw": (start(format="alaw"), 160),
        "slin": (start(format="slin", optimal_frame_size=320), 80),
        "slin16": (start(format="slin16", optimal_frame_size=640), 80),
        "slin24": (start(format="slin24", optimal_frame_size=960), 80),
        "frames of 10 ms": (start(optimal_frame_size=80, ptime=10), 160),
        "frames of 100 ms": (start(optimal_frame_size=800, ptime=100), 160),
        "an odd ptime": (start(ptime="soon"), 160),
        "no ptime, no names": (start(ptime=..., connection_id=..., channel=..., channel_id=...), 160),
        "no variables": (start(channel_variables=...), 160),
        "variables of all kinds": (start(channel_variables={"A": 1, "CALLER": None, "CALLED": [1, {"x": True}]}), 160),
        "much in the variables": (padded(start().text), 160),
        "fields of tomorrow": (start(passthrough=False, unbuffered=False, version=7), 160),
    }
    sequences: dict[str, tuple[Step, ...]] = {
        "two": (start(), start()),
        "two, the second of another codec": (start(), start(format="alaw")),
        "two, the second in plain text": (start(), Text(PLAIN)),
        "a second after audio": (start(), FRAME, start()),
    }
    early = (("wire_early", 100),)
    return [
        *(CarrierCase(f"start: {name}", (step,), closes=1008, start=False) for name, step in wrong.items()),
        *(
            CarrierCase(f"start: {name}", (step, FRAME), start=False, samples=samples)
            for name, (step, samples) in fine.items()
        ),
        *(CarrierCase(f"start: {name}", each, closes=1008, start=False) for name, each in sequences.items()),
        CarrierCase("start: 2 s late", (Many(FRAME, 100), start(), FRAME), counted=early, start=False, samples=160),
        CarrierCase(
            "start: 2 s late, and a frame", (Many(FRAME, 101), start()), counted=early, closes=1008, start=False
        ),
        CarrierCase(
            "start: an event before it, after audio",
            (FRAME, event("DTMF_END", digit="1")),
            counted=(("wire_early", 1),),
            closes=1008,
            start=False,
        ),
        CarrierCase(
            "start: as a binary message", (Audio(start().text.encode()),), counted=(("wire_early", 1),), start=False
        ),
        CarrierCase(
            "start: deep arrays in the variables",
            (Text(start(channel_variables={"x": 7}).text.replace('"x": 7', f'"x": {nested(20_000)}')),),
            closes=1007,
            start=False,
        ),
    ]


def _audio() -> list[CarrierCase]:
    slin = start(format="slin16", optimal_frame_size=640)
    sizes = {"nothing": 0, "a byte": 1, "a byte short": 159, "a byte over": 161, "1 s": 8000, "the limit": LIMIT}
    odd = {"a byte": 1, "a byte short": 639, "a byte over": 641, "a byte short of the limit": LIMIT - 1}
    return [
        *(CarrierCase(f"audio: {name}", (Audio(bytes(size)),), samples=size) for name, size in sizes.items()),
        *(
            CarrierCase(f"audio of slin16: {name}", (slin, Audio(bytes(size))), closes=1003, start=False)
            for name, size in odd.items()
        ),
        CarrierCase("audio of slin16: the limit", (slin, Audio(bytes(LIMIT))), start=False, samples=LIMIT // 2),
        CarrierCase("audio: JSON in a binary message", (Audio(event("MEDIA_XON").text.encode()),)),
        CarrierCase("audio: in a text message", (Text("\x7f\x7f\x7f"),), closes=1007),
        CarrierCase("audio: base64 in a text message", (Text("f39/fw=="),), closes=1007),
        CarrierCase("audio: a flood", (Many(FRAME, 5000),), samples=800_000),
    ]


def _events() -> list[CarrierCase]:
    dtmf, mark = "DTMF_END", "MEDIA_MARK_PROCESSED"
    bad: dict[str, tuple[Text, str]] = {
        "dtmf: no digit": (event(dtmf), "bad_message"),
        "dtmf: a number": (event(dtmf, digit=5), "bad_message"),
        "dtmf: null": (event(dtmf, digit=None), "bad_message"),
        "dtmf: nothing": (event(dtmf, digit=""), "bad_value"),
        "dtmf: two": (event(dtmf, digit="12"), "bad_value"),
        "dtmf: a letter": (event(dtmf, digit="x"), "bad_value"),
        "dtmf: flash": (event(dtmf, digit="!"), "bad_value"),
        "dtmf: another script": (event(dtmf, digit="\u0661"), "bad_value"),
        "mark: no id": (event(mark), "bad_message"),
        "mark: a number": (event(mark, correlation_id=7), "bad_message"),
        "mark: nothing": (event(mark, correlation_id=""), "bad_mark"),
        "mark: a word": (event(mark, correlation_id="hello"), "bad_mark"),
        "mark: never put": (event(mark, correlation_id="v1:0:160"), "bad_mark"),
        "mark: of a flush to come": (event(mark, correlation_id="v1:1:0"), "bad_mark"),
        "mark: very long": (event(mark, correlation_id="v1:0:" + "1" * 5000), "bad_mark"),
        "error: of Asterisk": (event("ERROR", error_text="Unable to parse JSON command"), "carrier_error"),
        "error: without a word": (event("ERROR"), "carrier_error"),
        "error: a long one": (event("ERROR", error_text="x" * 50_000), "carrier_error"),
        "error: a number": (event("ERROR", error_text=5), "bad_message"),
        "a channel in numbers": (event("MEDIA_XON", channel_id=7), "bad_message"),
    }
    closed: dict[str, Text] = {
        "another channel's key": event(dtmf, digit="1", channel_id="pbx1-1763770000.8"),
        "another channel's mark": event(mark, correlation_id="v1:0:0", channel_id="x"),
        "another channel's XOFF": event("MEDIA_XOFF", channel_id="x" * 5000),
    }
    plain: dict[str, str] = {
        "a key": "DTMF_END digit:1 channel_id:pbx1-1.7",
        "a mark": "MEDIA_MARK_PROCESSED v1:0:0",
        "XOFF": "MEDIA_XOFF",
    }
    unasked = ("QUEUE_DRAINED", "STATUS", "MEDIA_BUFFERING_COMPLETED")
    return [
        *(CarrierCase(name, (step,), (code,)) for name, (step, code) in bad.items()),
        *(CarrierCase(name, (step,), closes=1008) for name, step in closed.items()),
        *(CarrierCase(f"plain text: {name}", (Text(text),), closes=1007) for name, text in plain.items()),
        *(CarrierCase(f"{kind}: nobody asked", (event(kind),), ("unknown_type",)) for kind in unasked),
        CarrierCase("XON: with fields of tomorrow", (event("MEDIA_XON", queue_length=[]),)),
        CarrierCase(
            "dtmf: all keys", tuple(event(dtmf, digit=key) for key in "0123456789*#ABCD"), keys="0123456789*#ABCD"
        ),
        CarrierCase("dtmf: without a channel", (event(dtmf, digit="1", channel_id=...),), keys="1"),
        CarrierCase("dtmf: a flood", (Many(event(dtmf, digit="1"), 1000),), keys="1" * 1000),
        CarrierCase("mark: of nothing sent", (event(mark, correlation_id="v1:0:0"),)),
        CarrierCase("mark: a flood", (Many(event(mark, correlation_id="x"), 1000),), ("bad_mark",) * 1000),
        CarrierCase("XOFF", (event("MEDIA_XOFF"),), counted=(("wire_full", 1),)),
        CarrierCase("XOFF: a flood", (Many(event("MEDIA_XOFF"), 1000),), counted=(("wire_full", 1000),)),
        CarrierCase("XOFF and XON", (event("MEDIA_XOFF"), event("MEDIA_XON")), counted=(("wire_full", 1),)),
        CarrierCase("unknown: a flood", (Many(event("news"), 1000),), ("unknown_type",) * 1000),
        CarrierCase("of exactly the limit", (padded(event("MEDIA_XON").text),)),
    ]


CORPUS = Corpus(
    AsteriskWire,
    (start(),),
    (*no_messages("event"), *unknown_kinds(event), *too_big(), *_starts(), *_audio(), *_events()),
)
