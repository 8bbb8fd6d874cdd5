"""Bad and odd messages of Genesys AudioHook, as data."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

from server.protocols.genesys import PROBE, GenesysWire
from tests.corpus.binary_carriers import CarrierCase, Corpus, no_messages, padded, too_big
from tests.corpus.native import LIMIT, Audio, Step, Text, nested

SESSION = "e160e428-53e2-487c-977d-96989bf5c99d"
CONVERSATION = "090eaa2f-72fa-480a-83e0-8667ff89c0ec"
MONO = {"type": "audio", "format": "PCMU", "channels": ["external"], "rate": 8000}
L16 = {**MONO, "format": "L16"}
STEREO = {**MONO, "channels": ["external", "internal"]}
FRAME = Audio(bytes(1600))
PARAMETERS: dict[str, Any] = {
    "organizationId": "d7934305-0972-4844-938e-9060eef73d05",
    "conversationId": CONVERSATION,
    "participant": {"id": SESSION, "ani": "+15551234567", "aniName": "Ann", "dnis": "+15557654321"},
    "media": [STEREO, MONO, L16],
    "language": "en-US",
}


def said(kind: str, parameters: Any = None, *, seq: Any = 2, **head: Any) -> Text:
    """A message as Genesys writes it; a field that is `...` is left out."""
    message = {
        "version": "2", "id": SESSION, "type": kind, "seq": seq, "serverseq": 1, "position": "PT0.0S",
        "parameters": {} if parameters is None else parameters, **head,
    }  # fmt: skip
    return Text(json.dumps({name: value for name, value in message.items() if value is not ...}))


def opening(**parameters: Any) -> Text:
    """The first message."""
    return said("open", {**PARAMETERS, **parameters}, seq=1, serverseq=0)


def row(*messages: tuple[str, Any]) -> tuple[Text, ...]:
    """Messages in their order, from the second on."""
    return tuple(said(kind, parameters, seq=seq) for (kind, parameters), seq in zip(messages, count(2), strict=False))


def _unknown() -> list[CarrierCase]:
    kinds = {
        "a word": "news",
        "nothing": "",
        "of the server": "opened",
        "pause": "pause",
        "in capitals": "PING",
        "with a blank": "ping ",
        "with NUL": "ping\0",
        "a long one": "x" * 5000,
        "with markup": "<b>ping</b>",
        "with line breaks": "a\nERROR forged line",
    }
    return [CarrierCase(f"unknown: {name}", (said(kind),), ("unknown_type",)) for name, kind in kinds.items()]


def _starts() -> list[CarrierCase]:
    wrong: dict[str, Text] = {
        "version 1": said("open", PARAMETERS, seq=1, version="1"),
        "version: a number": said("open", PARAMETERS, seq=1, version=2),
        "no version": said("open", PARAMETERS, seq=1, version=...),
        "no id": said("open", PARAMETERS, seq=1, id=...),
        "id: null": said("open", PARAMETERS, seq=1, id=None),
        "no seq": said("open", PARAMETERS, seq=...),
        "seq: text": said("open", PARAMETERS, seq="1"),
        "seq: negative": said("open", PARAMETERS, seq=-1),
        "seq: beyond 53 bits": said("open", PARAMETERS, seq=2**53 + 1),
        "seq: beyond 64 bits": said("open", PARAMETERS, seq=2**70),
        "no parameters": said("open", seq=1, parameters=...),
        "parameters: null": Text(said("open", "X", seq=1).text.replace('"X"', "null")),
        "parameters: an array": said("open", [], seq=1),
        "no conversation": opening(conversationId=None),
        "media: null": opening(media=None),
        "media: none": opening(media=[]),
        "media: text": opening(media="PCMU"),
        "media: an object": opening(media=MONO),
        "media: without channels": opening(media=[{"type": "audio", "format": "PCMU", "rate": 8000}]),
        "media: the agent alone": opening(media=[{**MONO, "channels": ["internal"]}]),
        "media: no channel": opening(media=[{**MONO, "channels": []}]),
        "media: three channels": opening(media=[{**MONO, "channels": ["external", "internal", "other"]}]),
        "media: the customer twice": opening(media=[{**MONO, "channels": ["external", "external"]}]),
        "media: 16000": opening(media=[{**MONO, "rate": 16000}]),
        "media: rate 0": opening(media=[{**MONO, "rate": 0}]),
        "media: OPUS": opening(media=[{**MONO, "format": "OPUS"}]),
        "media: video": opening(media=[{**MONO, "type": "video"}]),
        "participant: text": opening(participant="Ann"),
        "customConfig: an array": opening(customConfig=[]),
        "inputVariables: text": opening(inputVariables="x"),
        "a number beyond all floats": Text(opening(customConfig={"x": 7}).text.replace('"x": 7', '"x": 1e999')),
        "a ping first": said("ping", seq=1),
        "a close first": said("close", {"reason": "end"}, seq=1),
        "an unknown type first": said("news", seq=1),
        "a start of the native wire": Text('{"type":"start"}'),
    }
    fine: dict[str, Text] = {
        "one medium": opening(media=[MONO]),
        "media nobody knows, and one": opening(media=[{**MONO, "format": "OPUS"}, {**MONO, "rate": 48000}, MONO]),
        "nothing that need not be": Text(
            said("open", {"conversationId": CONVERSATION, "media": [MONO]}, seq=1, serverseq=..., position=...).text
        ),
        "fields of tomorrow": opening(tomorrow={"x": [1, None]}, continuedSessions=[{"x": 1}]),
        "much in the settings": opening(customConfig={"x": "y" * 60_000}),
        "seq: 0": said("open", PARAMETERS, seq=0),
        "seq: a high one": said("open", PARAMETERS, seq=2**53),
    }
    sequences: dict[str, tuple[Step, ...]] = {
        "audio first": (FRAME,),
        "an empty binary message first": (Audio(b""),),
        "two": (opening(), said("open", PARAMETERS)),
        "two, the second a probe": (opening(), said("open", {**PARAMETERS, "conversationId": PROBE})),
        "a second after audio": (opening(), FRAME, said("open", PARAMETERS)),
    }
    return [
        *(CarrierCase(f"start: {name}", (step,), closes=1008, start=False) for name, step in wrong.items()),
        *(CarrierCase(f"start: {name}", (step, FRAME), start=False, samples=1600) for name, step in fine.items()),
        *(CarrierCase(f"start: {name}", each, closes=1008, start=False) for name, each in sequences.items()),
        CarrierCase("start: the same once more", (opening(),), counted=(("wire_duplicate", 1),)),
        CarrierCase(
            "start: deep arrays in the settings",
            (Text(opening(customConfig={"x": 7}).text.replace('"x": 7', f'"x": {nested(20_000)}')),),
            closes=1007,
            start=False,
        ),
    ]


def _heads() -> list[CarrierCase]:
    ignored: dict[str, dict[str, Any]] = {
        "no version": {"version": ...},
        "no id": {"id": ...},
        "no seq": {"seq": ...},
        "seq: null": {"seq": None},
        "seq: text": {"seq": "2"},
        "seq: a float": {"seq": 2.5},
        "seq: negative": {"seq": -2},
        "seq: beyond 64 bits": {"seq": 2**70},
    }
    closed: dict[str, dict[str, Any]] = {
        "another version": {"version": "3"},
        "another session": {"id": CONVERSATION},
        "no session": {"id": ""},
        "1,000 messages missing": {"seq": 1002},
        "a jump": {"seq": 2**53},
    }
    return [
        *(CarrierCase(f"head: {name}", (said("ping", **head),), ("bad_message",)) for name, head in ignored.items()),
        *(CarrierCase(f"head: {name}", (said("ping", **head),), closes=1008) for name, head in closed.items()),
        CarrierCase("head: 999 messages missing", (said("ping", seq=1001),), counted=(("wire_lost", 999),)),
        CarrierCase("head: one missing", (said("ping", seq=3),), counted=(("wire_lost", 1),)),
        CarrierCase("head: seq again", (said("ping"), said("ping")), counted=(("wire_duplicate", 1),)),
        CarrierCase("head: seq 0", (said("ping", seq=0),), counted=(("wire_duplicate", 1),)),
        CarrierCase(
            "head: a late one",
            (said("ping", seq=3), said("dtmf", {"digit": "1"}, seq=2)),
            counted=(("wire_duplicate", 1), ("wire_lost", 1)),
        ),
        CarrierCase("head: no serverseq, no position", (said("ping", serverseq=..., position=...),)),
        CarrierCase("head: a serverseq that we never sent", (said("ping", serverseq=10**9),)),
        CarrierCase("head: an odd position", (said("ping", position=[]),)),
        CarrierCase("head: an unknown one has its number too", (said("news"), said("ping", seq=3)), ("unknown_type",)),
    ]


def _audio() -> list[CarrierCase]:
    def of(media: dict[str, Any], size: int) -> tuple[Step, ...]:
        return opening(media=[media]), Audio(bytes(size))

    stereo16 = {**STEREO, "format": "L16"}
    fine: dict[str, tuple[dict[str, Any], int, int]] = {
        "mu-law": (MONO, 1601, 1601),
        "L16": (L16, 1600, 800),
        "two channels": (STEREO, 1600, 800),
        "two channels of L16": (stereo16, 1600, 400),
        "nothing": (MONO, 0, 0),
        "of exactly the limit": (MONO, LIMIT, LIMIT),
    }
    odd: dict[str, tuple[dict[str, Any], int]] = {
        "L16, a byte over": (L16, 1601),
        "two channels, a byte over": (STEREO, 1601),
        "two channels of L16, a sample over": (stereo16, 1602),
        "L16, one byte": (L16, 1),
    }
    return [
        *(
            CarrierCase(f"audio: {name}", of(media, size), start=False, samples=samples)
            for name, (media, size, samples) in fine.items()
        ),
        *(
            CarrierCase(f"audio: {name}", of(media, size), closes=1003, start=False)
            for name, (media, size) in odd.items()
        ),
        CarrierCase("audio: JSON in a binary message", (Audio(said("ping").text.encode()),)),
        CarrierCase("audio: in a text message", (Text("\x7f\x7f\x7f"),), closes=1007),
        CarrierCase("audio: base64 in a text message", (Text("f39/fw=="),), closes=1007),
        CarrierCase("audio: a flood", (FRAME,) * 500, samples=800_000),
        CarrierCase("audio: while paused", (said("paused"), FRAME), samples=1600),
    ]


def _parameters() -> list[CarrierCase]:
    bad: dict[str, tuple[str, Any, str]] = {
        "dtmf: no digit": ("dtmf", {}, "bad_message"),
        "dtmf: a number": ("dtmf", {"digit": 5}, "bad_message"),
        "dtmf: an array": ("dtmf", ["5"], "bad_message"),
        "dtmf: nothing": ("dtmf", {"digit": ""}, "bad_value"),
        "dtmf: two": ("dtmf", {"digit": "12"}, "bad_value"),
        "dtmf: a letter": ("dtmf", {"digit": "x"}, "bad_value"),
        "dtmf: another script": ("dtmf", {"digit": "\u0661"}, "bad_value"),
        "discarded: nothing": ("discarded", {}, "bad_message"),
        "discarded: a number": ("discarded", {"start": "PT0S", "discarded": 5}, "bad_message"),
        "discarded: no duration": ("discarded", {"discarded": "5 s"}, "bad_value"),
        "discarded: negative": ("discarded", {"discarded": "PT-1S"}, "bad_value"),
        "discarded: hours": ("discarded", {"discarded": "PT1H"}, "bad_value"),
        "discarded: very long": ("discarded", {"discarded": f"PT{'9' * 5000}S"}, "bad_value"),
        "discarded: an exponent": ("discarded", {"discarded": "PT1e9S"}, "bad_value"),
        "error: of Genesys": ("error", {"code": 429, "message": "too many", "retryAfter": "PT3S"}, "carrier_error"),
        "error: without a word": ("error", {}, "carrier_error"),
        "error: a long one": ("error", {"code": 500, "message": "x" * 50_000}, "carrier_error"),
        "error: a code in letters": ("error", {"code": "429"}, "bad_message"),
        "close: a reason in numbers": ("close", {"reason": 1}, "bad_message"),
    }
    lost = (("wire_lost", 1),)
    return [
        *(CarrierCase(name, (said(kind, parameters),), (code,)) for name, (kind, parameters, code) in bad.items()),
        CarrierCase("dtmf: all keys", row(*(("dtmf", {"digit": key}) for key in "12*#")), keys="12*#"),
        CarrierCase("discarded: 0 s", (said("discarded", {"discarded": "PT0S"}),), counted=lost, samples=0),
        CarrierCase(
            "discarded: half a second", (said("discarded", {"discarded": "PT.5S"}),), counted=lost, samples=4000
        ),
        CarrierCase("discarded: an hour", (said("discarded", {"discarded": "PT3600S"}),), counted=lost, samples=8000),
        CarrierCase("paused twice", row(("paused", None), ("paused", None))),
        CarrierCase("resumed without a pause", (said("resumed", {"start": "PT0S", "discarded": "PT0S"}),)),
        CarrierCase("update: without a language", (said("update"),)),
        CarrierCase("a ping of exactly the limit", (padded(said("ping").text),)),
        CarrierCase("pings: a flood", row(*[("ping", None)] * 1000)),
        CarrierCase("unknown: a flood", row(*[("news", None)] * 1000), ("unknown_type",) * 1000),
    ]


def _ends() -> list[CarrierCase]:
    close = said("close", {"reason": "end"})
    probe = opening(conversationId=PROBE)
    return [
        CarrierCase("close", (close,), hangs_up=True),
        CarrierCase("close: without a reason", (said("close"),), hangs_up=True),
        CarrierCase("close: a reason of its own", (said("close", {"reason": "<b>" * 5000}),), hangs_up=True),
        CarrierCase("close: audio after it", (close, FRAME), hangs_up=True, samples=0),
        CarrierCase("close: twice", (close, said("close", {"reason": "end"}, seq=3)), hangs_up=True),
        CarrierCase("close: an open after it", (close, said("open", PARAMETERS, seq=3)), hangs_up=True),
        CarrierCase("close: another session after it", (close, said("ping", seq=3, id="x")), hangs_up=True),
        CarrierCase("close: no JSON after it", (close, Text("{")), closes=1007, hangs_up=True),
        CarrierCase("probe", (probe, close), start=False, hangs_up=True),
        CarrierCase("probe: with audio", (probe, FRAME, close), start=False, hangs_up=True, samples=0),
        CarrierCase("probe: with pings", (probe, said("ping"), said("close", seq=3)), start=False, hangs_up=True),
        CarrierCase("probe: with keys", (probe, said("dtmf", {"digit": "1"})), start=False),
        CarrierCase("probe: opened again", (probe, said("open", PARAMETERS)), closes=1008, start=False),
        CarrierCase(
            "probe: with no usable media", (opening(conversationId=PROBE, media=[]),), closes=1008, start=False
        ),
    ]


CORPUS = Corpus(
    GenesysWire,
    (opening(),),
    (*no_messages("type"), *too_big(), *_unknown(), *_starts(), *_heads(), *_audio(), *_parameters(), *_ends()),
)
