"""Bad and odd messages of Vonage's wire, as data."""

from __future__ import annotations

import json
from typing import Any

from server.protocols.vonage import VonageWire
from tests.corpus.binary_carriers import CarrierCase, Corpus, no_messages, padded, too_big, unknown_kinds
from tests.corpus.native import LIMIT, Audio, Many, Step, Text, nested


def event(kind: str, **fields: Any) -> Text:
    """A message as Vonage writes it."""
    return Text(json.dumps({"event": kind, **fields}))


def connected(content_type: Any = "audio/l16;rate=8000", **headers: Any) -> Text:
    """The first message."""
    return event("websocket:connected", **{"content-type": content_type}, **headers)


PIECE = Audio(bytes(320))


def _starts() -> list[CarrierCase]:
    wrong: dict[str, Text] = {
        "no content type": event("websocket:connected"),
        "content type: null": connected(None),
        "content type: a number": connected(16000),
        "content type: nothing": connected(""),
        "a rate that nobody has": connected("audio/l16;rate=11025"),
        "a rate of 48000": connected("audio/l16;rate=48000"),
        "no rate": connected("audio/l16"),
        "a rate that goes on": connected("audio/l16;rate=160001"),
        "mu-law": connected("audio/x-mulaw;rate=8000"),
        "L24": connected("audio/l24;rate=16000"),
        "two types": connected("audio/l16;rate=16000, audio/l16;rate=8000"),
        "a long type": connected("audio/l16;rate=8000" + " " * 5000),
        "a type with a line break": connected("audio/l16;rate=8000\n"),
        "a rate in another script": connected("audio/l16;rate=\u0668\u0660\u0660\u0660"),
        "a number beyond all floats": Text(
            '{"event":"websocket:connected","content-type":"audio/l16;rate=8000","x":1e999}'
        ),
        "dtmf first": event("websocket:dtmf", digit="1"),
        "notify first": event("websocket:notify", payload={"mark": "v1:0:0"}),
        "cleared first": event("websocket:cleared"),
        "an unknown event first": event("news"),
        "a wrong dtmf first": event("websocket:dtmf"),
        "Twilio's first message": event("connected", protocol="Call", version="1.0.0"),
        "Twilio's start": event("start", streamSid="MZ1", start={"streamSid": "MZ1"}),
    }
    fine: dict[str, Text] = {
        "16000": connected("audio/l16;rate=16000"),
        "24000": connected("audio/l16;rate=24000"),
        "a blank in the type": connected("audio/l16; rate=16000"),
        "a type in capitals": connected("AUDIO/L16;RATE=16000"),
        "headers of all kinds": connected(a=1, b=None, c=[1, {"d": True}], event2="x"),
        "a header with a name of ours": connected(uuid=5, **{"from": ["x"], "to": None}),
        "much in the headers": padded(connected().text),
        "a header twice": Text('{"event":"websocket:connected","content-type":"audio/l16;rate=8000","x":1,"x":2}'),
    }
    sequences: dict[str, tuple[Step, ...]] = {
        "audio first": (PIECE,),
        "an empty binary message first": (Audio(b""),),
        "half a sample first": (Audio(b"\0"),),
        "the start as a binary message": (Audio(connected().text.encode()),),
        "two": (connected(), connected()),
        "two, the second of another rate": (connected(), connected("audio/l16;rate=16000")),
        "two, the second wrong": (connected(), connected("")),
        "a second after audio": (connected(), PIECE, PIECE, connected()),
    }
    return [
        *(CarrierCase(f"start: {name}", (step,), closes=1008, start=False) for name, step in wrong.items()),
        *(CarrierCase(f"start: {name}", (step, PIECE), start=False, samples=160) for name, step in fine.items()),
        *(CarrierCase(f"start: {name}", each, closes=1008, start=False) for name, each in sequences.items()),
        CarrierCase(
            "start: a header of deep arrays",
            (Text(connected().text[:-1] + ',"x":' + nested(20_000) + "}"),),
            closes=1007,
            start=False,
        ),
    ]


def _audio() -> list[CarrierCase]:
    sizes = {"nothing": 0, "one sample": 2, "2 bytes short": 318, "2 bytes over": 322, "40 ms": 640, "1 s": 16000}
    odd = {"one byte": 1, "a byte short": 319, "a byte over": 321, "a byte short of the limit": LIMIT - 1}
    return [
        *(CarrierCase(f"audio: {name}", (Audio(bytes(size)),), samples=size // 2) for name, size in sizes.items()),
        *(CarrierCase(f"audio: {name}", (Audio(bytes(size)),), closes=1003) for name, size in odd.items()),
        CarrierCase("audio: of exactly the limit", (Audio(bytes(LIMIT)),), samples=LIMIT // 2),
        CarrierCase("audio: noise", (Audio(bytes(range(256)) * 2),), samples=256),
        CarrierCase("audio: JSON in a binary message", (Audio(b'{"event":"x"} '),), samples=7),
        CarrierCase("audio: in a text message", (Text("\0\1\0\1"),), closes=1007),
        CarrierCase("audio: base64 in a text message", (Text("AAABAAEA"),), closes=1007),
        CarrierCase("audio: a flood", (Many(PIECE, 5000),), samples=800_000),
    ]


def _keys() -> list[CarrierCase]:
    bad: dict[str, tuple[dict[str, Any], str]] = {
        "no digit": ({}, "bad_message"),
        "null": ({"digit": None}, "bad_message"),
        "a number": ({"digit": 5}, "bad_message"),
        "an array": ({"digit": ["5"]}, "bad_message"),
        "Twilio's form": ({"dtmf": {"digit": "5"}}, "bad_message"),
        "nothing": ({"digit": ""}, "bad_value"),
        "two": ({"digit": "12"}, "bad_value"),
        "a blank": ({"digit": " "}, "bad_value"),
        "a letter": ({"digit": "x"}, "bad_value"),
        "another script": ({"digit": "\u0661"}, "bad_value"),
        "NUL": ({"digit": "\0"}, "bad_value"),
        "very many": ({"digit": "1" * 5000}, "bad_value"),
    }
    dtmf = "websocket:dtmf"
    return [
        *(CarrierCase(f"dtmf: {name}", (event(dtmf, **each),), (code,)) for name, (each, code) in bad.items()),
        CarrierCase(
            "dtmf: all keys", tuple(event(dtmf, digit=key) for key in "0123456789*#ABCD"), keys="0123456789*#ABCD"
        ),
        CarrierCase("dtmf: an odd duration", (event(dtmf, digit="1", duration=-1e9),), keys="1"),
        CarrierCase("dtmf: a flood", (Many(event(dtmf, digit="1"), 1000),), keys="1" * 1000),
    ]


def _notifies() -> list[CarrierCase]:
    bad: dict[str, tuple[dict[str, Any], str]] = {
        "no payload": ({}, "bad_message"),
        "payload: null": ({"payload": None}, "bad_message"),
        "payload: text": ({"payload": "v1:0:0"}, "bad_message"),
        "payload: of somebody else": ({"payload": {"kind": "end"}}, "bad_message"),
        "payload: empty": ({"payload": {}}, "bad_message"),
        "mark: a number": ({"payload": {"mark": 5}}, "bad_message"),
        "mark: nothing": ({"payload": {"mark": ""}}, "bad_mark"),
        "mark: a word": ({"payload": {"mark": "hello"}}, "bad_mark"),
        "mark: never put": ({"payload": {"mark": "v1:0:160"}}, "bad_mark"),
        "mark: of a clear to come": ({"payload": {"mark": "v1:1:0"}}, "bad_mark"),
        "mark: negative": ({"payload": {"mark": "v1:0:-160"}}, "bad_mark"),
        "mark: very long": ({"payload": {"mark": "v1:0:" + "1" * 5000}}, "bad_mark"),
    }
    notify = "websocket:notify"
    return [
        *(CarrierCase(f"notify: {name}", (event(notify, **each),), (code,)) for name, (each, code) in bad.items()),
        CarrierCase("notify: of nothing sent", (event(notify, payload={"mark": "v1:0:0"}),)),
        CarrierCase("notify: a flood", (Many(event(notify, payload={"mark": "x"}), 1000),), ("bad_mark",) * 1000),
        CarrierCase("cleared: without a clear", (event("websocket:cleared"),)),
        CarrierCase("cleared: many", (Many(event("websocket:cleared"), 100),)),
        CarrierCase("cleared: with fields of tomorrow", (event("websocket:cleared", dropped=5),)),
        CarrierCase("fine: of exactly the limit", (padded(event("websocket:cleared").text),)),
        CarrierCase("fine: the event last", (Text('{"x":1,"event":"websocket:cleared"}'),)),
        CarrierCase("unknown: a flood", (Many(event("news"), 1000),), ("unknown_type",) * 1000),
    ]


CORPUS = Corpus(
    VonageWire,
    (connected(),),
    (*no_messages("event"), *unknown_kinds(event), *too_big(), *_starts(), *_audio(), *_keys(), *_notifies()),
)
