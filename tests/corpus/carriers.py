"""Bad and odd messages of the carriers that speak JSON, as data: what is sent, and what is defined to come of it.

A `Dialect` writes a carrier's messages, right or wrong; `cases` are the same for all of them, with those that only one
can have in `carrier_dialects.py`. A case is a sequence on one connection. Nothing is answered on these wires, so its
outcome is what the codec says: the codes of the complaints, what is counted, how much is heard, and the close code, or
None where the call goes on as if nothing had been said. `start` is sent first unless the case says otherwise.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from server.protocols.wire import Wire
from tests.corpus.native import Audio, Many, Step, Text, nested

LIMIT = 64 * 1024
CHUNK = b"\x55\x2a" * 160
"""20 ms of L16 at 8 kHz, 40 of mu-law; never silence."""


class Case(Struct, frozen=True):
    """What a carrier sends, and what comes of it."""

    name: str
    steps: tuple[Step, ...]
    complaints: tuple[str, ...] = ()
    closes: int | None = None
    counts: tuple[tuple[str, int], ...] = ()
    """What is counted: `wire_lost`, `wire_late`, `wire_duplicate`."""
    chunks: int | None = 0
    """So many times CHUNK is heard, silence included; None: it does not matter."""
    keys: str = ""
    ends: bool = False
    """The caller has hung up."""
    start: bool = True
    """`connected` and `start` go before the steps."""
    alone: bool = True
    """The codec alone gives the same outcome; else it takes a socket, or a clock."""


class Dialect(Struct, frozen=True):
    """How a carrier writes: each function takes the fields that are to be other than right."""

    name: str
    wire: Callable[[], Wire]
    stream: str
    """The field that holds the stream's id, in each message."""
    mark_event: str
    connected: Text | None
    start: Callable[..., dict[str, Any]]
    mark: Callable[[str], dict[str, Any]]
    limit: int = LIMIT

    def message(self, event: str, **fields: Any) -> Text:
        """A message of this stream."""
        return Text(json.dumps({"event": event, self.stream: "S1", **fields}))

    def media(self, chunk: int | str | None = None, payload: bytes | str = CHUNK, **media: Any) -> Text:
        """Audio of the caller."""
        encoded = payload if isinstance(payload, str) else base64.b64encode(payload).decode()
        numbered = {} if chunk is None else {"chunk": chunk}
        return self.message("media", media={"track": "inbound", **numbered, "payload": encoded, **media})

    def key(self, digit: Any) -> Text:
        """A key of the caller."""
        return self.message("dtmf", dtmf={"digit": digit})

    def played(self, name: str) -> Text:
        """A mark that comes back."""
        return self.message(self.mark_event, **self.mark(name))

    def started(self, **changes: Any) -> Text:
        """The first message, with changes."""
        return Text(json.dumps(self.start(**changes)))

    def opening(self) -> tuple[Text, ...]:
        """What goes before the steps of a case."""
        return (*((self.connected,) if self.connected else ()), self.started())


def cases(by: Dialect) -> tuple[Case, ...]:
    """The cases that all carriers have."""
    families = (_no_json, _no_object, _unknown, _wrong_fields, _wrong_values, _audio, _order, _streams, _fine, _limits)
    return tuple(case for family in families for case in family(by))


def _no_json(by: Dialect) -> list[Case]:
    good = by.media(1).text
    texts = {
        "an empty text": "",
        "white space": " \t\r\n",
        "a word": "hello",
        "a brace": "{",
        "a message that is cut off": good[: len(good) // 2],
        "a comma too many": good[:-1] + ",}",
        "single quotes": good.replace('"', "'"),
        "two messages": good + good,
        "two messages, a line each": good + "\n" + good,
        "NUL after the message": good + "\0",
        "a line break in the payload": good.replace("VSpV", "VS\npV", 1),
        "a byte order mark": "\ufeff" + good,
        "NaN": good.replace('"S1"', "NaN"),
        "a lone surrogate, escaped": good.replace('"S1"', '"\\ud800"'),
        "a wrong escape": good.replace('"S1"', '"\\x41"'),
        "XML": "<Response/>",
        "a form": "event=media",
        "base64 alone": base64.b64encode(CHUNK).decode(),
        "deep nesting, unclosed": nested(30_000, closed=False),
        "deep nesting in a field nobody knows": '{"event":"media","x":' + nested(20_000) + "}",
        "an unknown event, and no JSON after it": '{"event":"news","x":tru}',
        "a wrong field, and no JSON after it": '{"event":"media","media":5, broken',
    }
    return [Case(f"no JSON: {name}", (Text(text),), closes=1007) for name, text in texts.items()]


def _no_object(by: Dialect) -> list[Case]:
    texts = {
        "null": "null",
        "a number": "5",
        "a string": '"media"',
        "an array": "[]",
        "an array of messages": f"[{by.media(1).text}]",
        "deep arrays": nested(500),
        "an empty object": "{}",
        "no event": '{"media":{"payload":""}}',
        "a type, as on our own wire": '{"type":"start"}',
        "event: null": '{"event":null}',
        "event: a number": '{"event":1}',
        "event: an array": '{"event":["media"]}',
    }
    return [Case(f"no message: {name}", (Text(text),), closes=1007) for name, text in texts.items()]


def _unknown(by: Dialect) -> list[Case]:
    kinds = {
        "a word": "news",
        "nothing": "",
        "in capitals": "MEDIA",
        "with a blank": "media ",
        "with NUL": "media\0",
        "a long one": "x" * 5000,
        "beyond ASCII": "médïa",
        "with format characters": "%s{0}{event}",
        "with line breaks": "a\nERROR forged line",
        "with colour": "\x1b[31mred",
        "of ours": "clear" if by.name != "plivo" else "clearAudio",
        "of another carrier": "websocket:dtmf",
    }
    return [Case(f"unknown event: {name}", (by.message(kind),), ("unknown_type",)) for name, kind in kinds.items()]


def _wrong_fields(by: Dialect) -> list[Case]:
    messages = {
        "media without media": by.message("media"),
        "media: null": by.message("media", media=None),
        "media: text": by.message("media", media="x"),
        "media: an array": by.message("media", media=[]),
        "no payload": by.message("media", media={"chunk": 1}),
        "payload: null": by.message("media", media={"payload": None}),
        "payload: a number": by.message("media", media={"payload": 5}),
        "payload: bytes as numbers": by.message("media", media={"payload": [255, 255]}),
        "payload: signs that base64 has not": by.media(1, "!!!!"),
        "payload: base64 of the kind for addresses": by.media(1, "_-_-"),
        "payload: no padding": by.media(1, "VSo"),
        "payload: too much padding": by.media(1, "VSpV===="),
        "payload: white space": by.media(1, "VSpV VSpV"),
        "payload: beyond ASCII": by.media(1, "VSpé"),
        "payload: hexadecimal, cut": by.media(1, "552a5"),
        "chunk: a word": by.media("first"),
        "chunk: nothing": by.media(""),
        "chunk: half": by.message("media", media={"payload": "", "chunk": 0.5}),
        "chunk: five thousand digits": by.media("9" * 5000),
        "chunk: digits of another script, with a word": by.media("\u0661x"),
        "chunk: an object": by.message("media", media={"payload": "", "chunk": {}}),
        "track: a number": by.media(1, track=1),
        "track: both at once": by.media(1, track="both"),
        "track: nothing": by.media(1, track=""),
        "the stream's id: a number": by.message("media", **{"media": {"payload": ""}, by.stream: 5}),
        "the stream's id: null": by.message("media", **{"media": {"payload": ""}, by.stream: None}),
        "dtmf without dtmf": by.message("dtmf"),
        "dtmf: text": by.message("dtmf", dtmf="5"),
        "dtmf without a digit": by.message("dtmf", dtmf={}),
        "digit: a number": by.key(5),
        "digit: null": by.key(None),
        "digit: an array": by.key(["5"]),
        "a mark without a name": by.message(by.mark_event),
        "a mark's name: a number": by.played(5),  # type: ignore[arg-type]
        "a mark's name: null": by.played(None),  # type: ignore[arg-type]
    }
    return [Case(f"wrong field: {name}", (each,), ("bad_message",)) for name, each in messages.items()]


def _wrong_values(by: Dialect) -> list[Case]:
    keys = ["", "12", "x", " ", "E", "\0", "\n", "\u0661", "#" * 5000]
    marks = [
        "",
        "hello",
        "v1:0:1",
        "v1:1:0",
        "v1:-1:0",
        "v2:0:0",
        " v1:0:0",
        "v1:0:0\n",
        "v1:\u0660:\u0660",
        "x" * 9999,
    ]
    return [
        *(Case(f"no key: {key[:9]!r}", (by.key(key),), ("bad_value",)) for key in keys),
        *(Case(f"no mark of ours: {name[:20]!r}", (by.played(name),), ("bad_mark",)) for name in marks),
    ]


def _audio(by: Dialect) -> list[Case]:
    second = [by.media(number) for number in range(1, 51)]
    return [
        Case("audio: in a binary message", (Audio(CHUNK),), closes=1003),
        Case("audio: a binary message of nothing", (Audio(b""),), closes=1003),
        Case("audio: JSON in a binary message", (Audio(by.media(1).text.encode()),), closes=1003),
        Case("audio: one chunk, then a binary message", (by.media(1), Audio(CHUNK)), closes=1003, chunks=None),
        Case("audio: a payload of nothing", (by.media(1, b""),)),
        Case("audio: a second", tuple(second), chunks=50),
        Case("audio: without numbers", (by.media(), by.media()), chunks=2),
        Case("audio: of what the caller hears", (by.media(1, track="outbound"),)),
        Case("audio: both tracks", (by.media(7), by.media(7, track="outbound"), by.media(8)), chunks=2),
        Case("audio: both tracks, counted as one", (by.media(1), by.media(2, track="outbound"), by.media(3)), chunks=2),
        Case("audio: numbers as text", (by.media("1"), by.media("2"), by.media(3)), chunks=3),
        Case("audio: numbers below nought", (by.media(-3), by.media(-2), by.media("-1")), chunks=3),
        Case("audio: a flood of it", (Many(by.media(), 1000),), closes=1008, chunks=None, alone=False),
        Case("flood: of keys", (Many(by.key("1"), 600),), closes=1008, alone=False),
        Case("flood: of messages nobody knows", (Many(by.message("news"), 600),), closes=1008, alone=False),
        Case("flood: of what the caller hears", (Many(by.media(1, track="outbound"), 600),), closes=1008, alone=False),
        Case("flood: of marks", (Many(by.played("v1:0:0"), 600),), closes=1008, alone=False),
    ]


def _order(by: Dialect) -> list[Case]:
    def numbers(*order: int) -> tuple[Step, ...]:
        return tuple(by.media(number) for number in order)

    waits = by.name == "telnyx"
    lost, late, twice = "wire_lost", "wire_late", "wire_duplicate"
    swapped = () if waits else ((lost, 1), (late, 1))
    return [
        Case("order: two change places", numbers(1, 2, 3, 5, 4, 6), counts=swapped, chunks=6),
        Case("order: one is lost", numbers(1, 2, 3, 5, 6, 7), counts=((lost, 1),), chunks=7),
        Case("order: one comes far too late", numbers(1, 2, 3, 5, 6, 7, 4), counts=((lost, 1), (late, 1)), chunks=7),
        Case("order: one comes twice", numbers(1, 2, 3, 3, 4), counts=((twice, 1),), chunks=4),
        Case("order: each comes twice", numbers(1, 1, 2, 2, 3, 3), counts=((twice, 3),), chunks=3),
        Case("order: the first is not number one", numbers(40, 41, 42), chunks=3),
        Case("order: a jump of an hour", numbers(1, 2, 3, 180_000, 180_001, 180_002), counts=((lost, 3000),),
             chunks=None),
        Case("order: a wild number", (*numbers(1, 2, 3), by.media("1" + "0" * 30)), chunks=None,
             counts=() if waits else ((lost, 3000),)),
        Case("order: they begin anew", numbers(*range(100, 110), *range(1, 21)), counts=((twice, 10),), chunks=20),
        Case("order: always the same number", numbers(*[1] * 30), counts=((twice, 10),), chunks=20),
        Case("order: a key does not wait for a lost chunk", (*numbers(1, 2, 3, 5), by.key("7"), *numbers(6)),
             counts=((lost, 1),), chunks=6, keys="7"),
        Case("order: the end does not wait either", (*numbers(1, 2, 3, 5), by.message("stop")),
             counts=((lost, 1),), chunks=5, ends=True),
    ]  # fmt: skip


def _streams(by: Dialect) -> list[Case]:
    other = {by.stream: "S2"}
    late = [
        Case("start: a second one", (by.started(),), closes=1008),
        Case("start: a second one of another stream", (by.started(stream="S2"),), closes=1008),
        Case("start: a second one that is wrong", (by.started(rate="fast"),), closes=1008),
        Case("start: after the end", (by.message("stop"), by.started()), closes=1008, ends=True),
        Case("another stream: audio", (by.message("media", **other, media={"payload": ""}),), closes=1008),
        Case("another stream: a key", (by.message("dtmf", **other, dtmf={"digit": "1"}),), closes=1008),
        Case("another stream: a mark", (by.message(by.mark_event, **other, **by.mark("v1:0:0")),), closes=1008),
        Case("another stream: the end", (by.message("stop", **other),), closes=1008),
        Case("another stream: a long id", (by.message("stop", **{by.stream: "S" * 9999}),), closes=1008),
    ]
    missing: dict[str, Step] = {
        "audio": by.media(1),
        "a key": by.key("1"),
        "a mark": by.played("v1:0:0"),
        "the end": by.message("stop"),
    }
    early = [Case(f"no start: {name}", (each,), closes=1008, start=False) for name, each in missing.items()]
    wrong: dict[str, dict[str, Any]] = {
        "no details": {"start": None},
        "details: text": {"start": "x"},
        "the form of sound: text": {"form": "audio/x-mulaw"},
        "the rate: a word": {"rate": "fast"},
        "the rate: an object": {"rate": {}},
        "the encoding: a number": {"encoding": 7},
        "no id": {"stream": ""},
    }
    refused: dict[str, dict[str, Any]] = {
        "G722": {"encoding": "G722", "rate": 16000},
        "OPUS": {"encoding": "OPUS", "rate": 16000},
        "AMR-WB": {"encoding": "AMR-WB", "rate": 16000},
        "MP3": {"encoding": "audio/mpeg"},
        "an encoding of no name": {"encoding": ""},
        "a long encoding": {"encoding": "x" * 5000},
        "mu-law at 16 kHz": {"encoding": "audio/x-mulaw", "rate": 16000},
        "a rate of nought": {"rate": 0},
        "a rate below nought": {"rate": -8000},
        "a rate that is 1 too much": {"rate": 8001},
        "a huge rate": {"rate": 10**30},
        "CD quality": {"encoding": "L16", "rate": 44100},
    }
    return [
        *late,
        *early,
        *(Case(f"start: {name}", (by.started(**each),), closes=1008, start=False) for name, each in wrong.items()),
        *(Case(f"start: {name}", (by.started(**each),), closes=1003, start=False) for name, each in refused.items()),
        Case("start: after one that nobody knows", (by.message("news"), by.started(), by.media(1)), ("unknown_type",),
             chunks=None if by.name == "telnyx" else 1, start=False),
    ]  # fmt: skip


def _fine(by: Dialect) -> list[Case]:
    spaced = json.dumps(json.loads(by.media(1).text), indent=2)
    steps: dict[str, tuple[Step, ...]] = {
        "fields that nobody knows": (by.message("dtmf", dtmf={"digit": "1", "x": [1, {"y": None}]}, news=nested(3)),),
        "the event last": (Text(json.dumps({"dtmf": {"digit": "1"}, "event": "dtmf"})),),
        "no stream's id": (Text(json.dumps({"event": "dtmf", "dtmf": {"digit": "1"}})),),
        "an escaped event": (Text(by.key("1").text.replace("dtmf", "d\\u0074mf")),),
    }
    return [
        *(Case(f"fine: {name}", each, keys="1") for name, each in steps.items()),
        Case("fine: every key", tuple(map(by.key, "0123456789*#ABCD")), keys="0123456789*#ABCD"),
        Case("fine: white space around", (Text(spaced), by.media(2), by.media(3)), chunks=3),
        Case("fine: the end", (by.message("stop"),), ends=True),
        Case("fine: a mark of nought", (by.played("v1:0:0"),)),
    ]


def _limits(by: Dialect) -> list[Case]:
    def padded(size: int) -> Text:
        empty = by.message("dtmf", dtmf={"digit": "1"}, x="").text
        return by.message("dtmf", dtmf={"digit": "1"}, x="y" * (size - len(empty)))

    wide = Text(padded(by.limit // 2 + 200).text.replace("y", "é"))
    return [
        Case("limit: a message of exactly the limit", (padded(by.limit),), keys="1"),
        Case("limit: one byte over it", (padded(by.limit + 1),), closes=1009, alone=False),
        Case("limit: over it in bytes, not in characters", (wide,), closes=1009, alone=False),
        Case("limit: a megabyte", (padded(1 << 20),), closes=1009, alone=False),
    ]
