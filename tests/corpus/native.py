"""Bad and odd messages of the native wire, as data: what a client sends, and what is defined to come of it.

A `Case` is a sequence of steps on one connection, with its outcome: the codes of the `error` messages that answer it,
and the close code, or None where the call goes on as if nothing had been said. `start` is sent first unless the case
says otherwise. Cases made of whole messages only are put to the codec alone as well. What is wrong about frames, tokens
and pace stands in `native_connections.py`.
"""

from __future__ import annotations

import json
from typing import Any

from msgspec import Struct

LIMIT = 64 * 1024
RATE_HZ = 16000
SECOND = bytes(2 * RATE_HZ)


class Text(Struct, frozen=True):
    """A text message."""

    text: str


class Audio(Struct, frozen=True):
    """A binary message."""

    pcm: bytes


class Frame(Struct, frozen=True):
    """One websocket frame, right or wrong."""

    opcode: int
    payload: bytes = b""
    fin: bool = True
    rsv: int = 0
    masked: bool = True


class Bytes(Struct, frozen=True):
    """Bytes that are no frame."""

    data: bytes


class Many(Struct, frozen=True):
    """A message again and again, one `every_s`."""

    step: Text | Audio | Frame
    count: int
    every_s: float = 0.0


class Wait(Struct, frozen=True):
    """Time passes."""

    seconds: float


class StopReading(Struct, frozen=True):
    """The client lets everything stand in the socket."""


Step = Text | Audio | Frame | Bytes | Many | Wait | StopReading


class Case(Struct, frozen=True):
    """What a client does, and what comes of it."""

    name: str
    steps: tuple[Step, ...]
    errors: tuple[str, ...] = ()
    closes: int | None = None
    start: bool = True
    """A `start` goes before the steps."""
    pings: bool = True
    """The client answers pings."""
    token: str = ""
    """The server asks for this one."""
    headers: tuple[str, ...] = ()
    alone: bool = True
    """The codec alone gives the same outcome."""
    speaks: bool = False
    """The bot has a long answer to the first turn."""


def message(kind: str, **fields: Any) -> Text:
    """A message as a client writes it."""
    return Text(json.dumps({"type": kind, **fields}))


def nested(depth: int, *, closed: bool = True) -> str:
    """JSON arrays within each other."""
    return "[" * depth + "]" * depth * closed


def _no_json() -> list[Case]:
    texts = {
        "an empty text": "",
        "white space": " \t\r\n",
        "a word": "hello",
        "a brace": "{",
        "an object that is cut off": '{"type":"text","text":"hel',
        "a comma too many": '{"type":"end",}',
        "a colon missing": '{"type" "end"}',
        "single quotes": "{'type':'end'}",
        "no quotes": "{type:end}",
        "two objects": '{"type":"mute"}{"type":"unmute"}',
        "two objects, a line each": '{"type":"mute"}\n{"type":"unmute"}',
        "something after the object": '{"type":"mute"} x',
        "NUL after the object": '{"type":"mute"}\0',
        "NUL alone": "\0",
        "NUL in a string": '{"type":"text","text":"a\0b"}',
        "a line break in a string": '{"type":"text","text":"a\nb"}',
        "a tab in a key": '{"ty\tpe":"text"}',
        "a byte order mark": '\ufeff{"type":"mute"}',
        "NaN": '{"type":"played","samples":NaN}',
        "Infinity": '{"type":"played","samples":Infinity}',
        "minus Infinity": '{"type":"played","samples":-Infinity}',
        "a hexadecimal number": '{"type":"played","samples":0x10}',
        "a number with a plus": '{"type":"played","samples":+1}',
        "a number with a leading zero": '{"type":"played","samples":007}',
        "a number that is only a sign": '{"type":"played","samples":-}',
        "a number without its fraction": '{"type":"played","samples":1.}',
        "a lone high surrogate, escaped": '{"type":"text","text":"\\ud800"}',
        "a lone low surrogate, escaped": '{"type":"text","text":"\\udfff"}',
        "surrogates the wrong way round": '{"type":"text","text":"\\udc00\\ud800"}',
        "a surrogate in a key": '{"type":"mute","\\ud800":1}',
        "a wrong escape": '{"type":"text","text":"\\x41"}',
        "a cut escape": '{"type":"text","text":"\\u12"}',
        "a comment": '{"type":"mute"} // please',
        "True": '{"type":"text","text":True}',
        "XML": "<start/>",
        "a form": "type=end",
        "deep nesting, unclosed": nested(30_000, closed=False),
        "deep nesting in a field nobody knows": '{"type":"mute","x":' + nested(20_000) + "}",
        "deep nesting in a type nobody knows": '{"type":"news","x":' + nested(20_000) + "}",
        "deep objects": '{"type":"mute","x":' + '{"a":' * 10_000 + "1" + "}" * 10_000 + "}",
        "a type nobody knows, and no JSON after it": '{"type":"news","x":tru}',
        "a wrong field, and no JSON after it": '{"type":"text","text":5, broken',
        "a wrong field, and nothing after it": '{"type":"text","text":5',
        "a wrong field, and a lone surrogate after it": '{"type":"text","text":5,"x":"\\ud800"}',
    }
    return [Case(f"no JSON: {name}", (Text(text),), closes=1007) for name, text in texts.items()]


def _no_object() -> list[Case]:
    texts = {
        "null": "null",
        "true": "true",
        "a number": "5",
        "a huge number": "9" * 4000,
        "a string": '"text"',
        "an array": "[]",
        "an array of messages": '[{"type":"mute"}]',
        "deep arrays": nested(500),
        "an empty object": "{}",
        "no type": '{"text":"hello"}',
        "a type in capitals": '{"TYPE":"mute"}',
        "type: null": '{"type":null}',
        "type: a number": '{"type":1}',
        "type: true": '{"type":true}',
        "type: an array": '{"type":["text"]}',
        "type: an object": '{"type":{"type":"text"}}',
    }
    return [Case(f"no message: {name}", (Text(text),), closes=1007) for name, text in texts.items()]


def _unknown() -> list[Case]:
    kinds = {
        "a word": "news",
        "nothing": "",
        "of ours": "transcript",
        "in capitals": "TEXT",
        "with a blank": "text ",
        "with NUL": "text\0",
        "of another wire": "session.update",
        "a long one": "x" * 5000,
        "beyond ASCII": "téxt",
        "with markup": "<b>text</b>",
        "with format characters": "%s{0}{type}",
        "with line breaks": "a\nERROR forged line",
        "with colour": "\x1b[31mred",
    }
    cases = [Case(f"unknown type: {name}", (message(kind),), ("unknown_type",)) for name, kind in kinds.items()]
    return [*cases, Case("unknown type: a Twilio message", (Text('{"event":"media","media":{}}'),), closes=1007)]


def _wrong_fields() -> list[Case]:
    messages = {
        "text without text": message("text"),
        "text: null": message("text", text=None),
        "text: a number": message("text", text=5),
        "text: an array": message("text", text=["hello"]),
        "text: an object": message("text", text={"text": "hello"}),
        "text twice, the second wrong": Text('{"type":"text","text":"x","text":5}'),
        "type twice": Text('{"type":"mute","type":"text"}'),
        "played without samples": message("played"),
        "played: null": message("played", samples=None),
        "played: text": message("played", samples="100"),
        "played: half a sample": message("played", samples=0.5),
        "played: a float": message("played", samples=100.0),
        "played: true": message("played", samples=True),
        "played: an exponent": Text('{"type":"played","samples":1e3}'),
        "played: beyond all floats": Text('{"type":"played","samples":1e999}'),
        "played: five thousand digits": Text('{"type":"played","samples":' + "9" * 5000 + "}"),
        "cleared without samples": message("cleared"),
        "cleared: text": message("cleared", samples=""),
        "cleared: an array": message("cleared", samples=[1]),
        "dtmf without digits": message("dtmf"),
        "dtmf: a number": message("dtmf", digits=5),
        "dtmf: null": message("dtmf", digits=None),
        "dtmf: an array": message("dtmf", digits=["5"]),
    }
    return [Case(f"wrong field: {name}", (each,), ("bad_message",)) for name, each in messages.items()]


def _wrong_values() -> list[Case]:
    messages = {
        "played: negative": message("played", samples=-1),
        "played: very negative": message("played", samples=-(1 << 63)),
        "cleared: negative": message("cleared", samples=-1),
        "dtmf: nothing": message("dtmf", digits=""),
        "dtmf: a blank": message("dtmf", digits="1 2"),
        "dtmf: a letter": message("dtmf", digits="x"),
        "dtmf: digits of another script": message("dtmf", digits="\u0661\u0662"),
        "dtmf: NUL": message("dtmf", digits="1\0"),
        "dtmf: a line break": message("dtmf", digits="1\n"),
    }
    return [Case(f"wrong value: {name}", (each,), ("bad_value",)) for name, each in messages.items()]


def _cut() -> list[Case]:
    messages = {
        "a letter too many": message("text", text="x" * (16 * 1024 + 1)),
        "the longest text that fits": message("text", text="x" * (LIMIT - 40)),
        "a key too many": message("dtmf", digits="1" * 65),
        "very many keys": message("dtmf", digits="1" * 5000),
    }
    return [Case(f"cut: {name}", (each,), ("too_long",)) for name, each in messages.items()]


def _odd_but_fine() -> list[Case]:
    steps: dict[str, tuple[Step, ...]] = {
        "fields that nobody knows": (Text('{"type":"mute","volume":11,"x":{"y":[1,2,{"z":null}]}}'),),
        "the type last": (Text('{"text":"hello","type":"text"}'),),
        "white space around": (Text(' \n {"type" : "mute"} \t'),),
        "an escaped type": (Text('{"type":"m\\u0075te"}'),),
        "a text of nothing": (message("text", text=""),),
        "a text of blanks": (message("text", text=" \n\t "),),
        "a text with NUL": (message("text", text="a\0b"),),
        "a text with markup": (message("text", text="<script>alert(1)</script>"),),
        "a text with a template": (message("text", text="{0} %s {{x}} ${y}"),),
        "a text beyond the first plane": (message("text", text="\U0001f600 \u202e\u0000\ufffd"),),
        "a text with surrogates in pairs": (Text('{"type":"text","text":"\\ud83d\\ude00"}'),),
        "the longest text that is not cut": (message("text", text="x" * 16 * 1024),),
        "a message of exactly the limit": (Text('{"type":"mute","x":"' + "y" * (LIMIT - 22) + '"}'),),
        "played: more than was ever sent": (message("played", samples=1 << 40),),
        "played: beyond 64 bits": (message("played", samples=1 << 70),),
        "played: backwards": (message("played", samples=100), message("played", samples=50)),
        "played by a client that did not say so": (message("played", samples=0),),
        "cleared without a clear": (message("cleared", samples=5),),
        "cleared twice": (message("cleared", samples=0), message("cleared", samples=0)),
        "cleared: beyond 64 bits": (message("cleared", samples=1 << 70),),
        "interrupt while nothing is said": (message("interrupt"), message("interrupt")),
        "mute twice": (message("mute"), message("mute")),
        "unmute without mute": (message("unmute"),),
        "every key": (message("dtmf", digits="0123456789*#ABCDabcd"),),
        "as many keys as are not cut": (message("dtmf", digits="1" * 64),),
        "audio while muted": (message("mute"), Audio(SECOND)),
        "no audio at all in a message": (Audio(b""),),
        "one sample": (Audio(b"\1\0"),),
        "audio of exactly the limit": (Audio(bytes(LIMIT)),),
        "noise": (Audio(bytes(range(256)) * 64),),
        "full scale, both ways": (Audio(b"\xff\x7f\x00\x80" * 4000),),
    }
    return [Case(f"fine: {name}", each) for name, each in steps.items()]


def _audio() -> list[Case]:
    return [
        Case("audio: one byte", (Audio(b"\0"),), closes=1003),
        Case("audio: an odd number of bytes", (Audio(bytes(641)),), closes=1003),
        Case("audio: odd, at the limit", (Audio(bytes(LIMIT - 1)),), closes=1003),
        Case("audio: JSON in a binary message", (Audio(b'{"type":"mute"}'),), closes=1003),
        Case("audio: a WAV file's head is audio", (Audio(b"RIFF\x24\x08\0\0WAVEfmt \x10\0\0\0\1\0\1\0"),)),
        Case("audio: in a text message", (Text("\0\1\0\1"),), closes=1007),
        Case("audio: base64 in a text message", (Text("AAABAAEA"),), closes=1007),
        Case("audio: one byte over the limit", (Audio(bytes(LIMIT + 1)),), closes=1009, alone=False),
        Case("audio: two bytes over the limit", (Audio(bytes(LIMIT + 2)),), closes=1009, alone=False),
        Case("audio: a megabyte", (Audio(bytes(1 << 20)),), closes=1009, alone=False),
        Case("text: one byte over the limit", (Text('"' + "x" * (LIMIT - 1) + '"'),), closes=1009, alone=False),
        Case("text: a megabyte", (Text("x" * (1 << 20)),), closes=1009, alone=False),
        Case("text: over the limit in bytes, not in characters", (Text('"' + "é" * 32767 + '"'),), closes=1007),
        Case("text: far over the limit in bytes only", (Text('"' + "é" * 33000 + '"'),), closes=1009, alone=False),
    ]


def _starts() -> list[Case]:
    wrong: dict[str, Any] = {
        "sample_rate: 0": {"sample_rate": 0},
        "sample_rate: negative": {"sample_rate": -16000},
        "sample_rate: 7999": {"sample_rate": 7999},
        "sample_rate: 48001": {"sample_rate": 48001},
        "sample_rate: huge": {"sample_rate": 10**18},
        "sample_rate: beyond 64 bits": {"sample_rate": 10**30},
        "sample_rate: a float": {"sample_rate": 16000.0},
        "sample_rate: text": {"sample_rate": "16000"},
        "sample_rate: null": {"sample_rate": None},
        "sample_rate: true": {"sample_rate": True},
        "output_sample_rate: 0": {"output_sample_rate": 0},
        "output_sample_rate: 7999": {"output_sample_rate": 7999},
        "output_sample_rate: 96000": {"output_sample_rate": 96000},
        "output_sample_rate: text": {"output_sample_rate": "24k"},
        "token: a number": {"token": 5},
        "token: null": {"token": None},
        "can: text": {"can": "clear"},
        "can: numbers": {"can": [1]},
        "can: null": {"can": None},
        "metadata: an array": {"metadata": []},
        "metadata: text": {"metadata": "x"},
    }
    fine: dict[str, Any] = {
        "the lowest rate": {"sample_rate": 8000},
        "the highest rate": {"sample_rate": 48000},
        "a rate of nobody's": {"sample_rate": 47999},
        "two rates": {"sample_rate": 8000, "output_sample_rate": 48000},
        "output_sample_rate: null": {"output_sample_rate": None},
        "can: what nobody can": {"can": ["fly", "played", "", "played", "\0"]},
        "can: very much": {"can": ["x"] * 5000},
        "metadata: anything": {"metadata": {"a": [1, {"b": None}], "": True, "\U0001f600": 1e300}},
        "metadata: much": {"metadata": {"x": "y" * 60_000}},
        "fields of tomorrow": {"codec": "opus", "version": 7},
    }
    bad = [
        Case(f"start: {name}", (message("start", **each),), closes=1008, start=False) for name, each in wrong.items()
    ]
    good = [Case(f"start: {name}", (message("start", **each),), start=False) for name, each in fine.items()]
    late = (
        Case("start: a second one", (message("start"),), closes=1008),
        Case("start: a second one, wrong", (message("start", sample_rate=1),), closes=1008),
        Case("start: after audio", (Audio(bytes(640)), message("start")), closes=1008, start=False),
        Case("start: after an empty message", (Audio(b""), message("start")), closes=1008, start=False),
        Case("start: after text", (message("text", text="hi"), message("start")), closes=1008, start=False),
        Case("start: after a wrong one", (message("news"), message("start")), ("unknown_type",), 1008, start=False),
        Case("start: after the defaults", (Wait(1.5), message("start")), closes=1008, start=False, alone=False),
        Case("start: just before the defaults", (Wait(0.9), message("start")), start=False, alone=False),
    )
    return [*bad, *good, *late]


MESSAGES: tuple[Case, ...] = (
    *_no_json(), *_no_object(), *_unknown(), *_wrong_fields(), *_wrong_values(), *_cut(), *_odd_but_fine(), *_audio(),
    *_starts(),
)  # fmt: skip
