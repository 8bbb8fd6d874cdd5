"""Bad and odd connections of the native wire, as data: tokens, frames, pace, clients that do not read."""

from __future__ import annotations

from tests.corpus.native import (
    LIMIT,
    RATE_HZ,
    Audio,
    Bytes,
    Case,
    Frame,
    Many,
    Step,
    StopReading,
    Wait,
    message,
)
from tests.corpus.raw import BINARY, CLOSE, PING, PONG, TEXT

RIGHT = ("Authorization: Bearer s3cret",)
WRONG = ("Authorization: Bearer x",)
END = b'\x81\x8e\0\0\0\0{"type":"end"}'  # whole frames, to come in one piece
NEWS = b'\x81\x8f\0\0\0\0{"type":"news"}'


def _tokens() -> list[Case]:
    def case(name: str, *steps: Step, closes: int | None = 1008, headers: tuple[str, ...] = ()) -> Case:
        return Case(f"token: {name}", steps, closes=closes, start=False, token="s3cret", headers=headers, alone=False)

    return [
        case("right", message("start", token="s3cret"), closes=None),
        case("as a header", message("start"), headers=RIGHT, closes=None),
        case("a right header and a wrong start", message("start", token="x"), headers=RIGHT, closes=None),
        case("a wrong header and a right start", message("start", token="s3cret"), headers=WRONG, closes=None),
        case("none", message("start")),
        case("empty", message("start", token="")),
        case("wrong", message("start", token="secret")),
        case("in capitals", message("start", token="S3CRET")),
        case("with a blank", message("start", token="s3cret ")),
        case("beyond ASCII", message("start", token="s3cr\u00e9t")),
        case("very long", message("start", token="s3cret" * 9000)),
        case("audio without one", Audio(bytes(640))),
        case("text without one", message("text", text="hello")),
        case("no word at all", Wait(1.5)),
        case("a wrong header", message("start"), headers=WRONG),
        case("a header in small letters", message("start"), headers=("authorization: bearer s3cret",), closes=None),
        case("another scheme", message("start"), headers=("Authorization: Basic czNjcmV0",)),
        case("another scheme, the right token", message("start"), headers=("Authorization: Basic s3cret",)),
        case("a header without a scheme", message("start"), headers=("Authorization: s3cret",)),
        case("a header beyond ASCII", message("start"), headers=("Authorization: Bearer s3cr\xe9t",)),
        case("an empty header", message("start"), headers=("Authorization:",)),
    ]  # fmt: skip


def _frames() -> list[Case]:
    half, rest = b'{"type":"te', b'xt","text":"in two"}'
    single = (Frame(0, bytes([byte]), fin=False) for byte in half[1:] + rest)

    def case(
        name: str, *steps: Step, errors: tuple[str, ...] = (), closes: int | None = None, pings: bool = True
    ) -> Case:
        return Case(f"frames: {name}", steps, errors, closes, alone=False, pings=pings)

    return [
        case("text in two", Frame(TEXT, half, fin=False), Frame(0, rest)),
        case("text in two, a ping between", Frame(TEXT, half, fin=False), Frame(PING, b"p"), Frame(0, rest)),
        case("text in bytes", Frame(TEXT, half[:1], fin=False), *single, Frame(0)),
        case("a letter torn apart", Frame(TEXT, b'{"type":"text","text":"\xc3', fin=False), Frame(0, b'\xa9"}')),
        case("audio in two", Frame(BINARY, bytes(321), fin=False), Frame(0, bytes(319))),
        case("audio in two, odd together", Frame(BINARY, bytes(321), fin=False), Frame(0, bytes(320)), closes=1003),
        case("over the limit in two", Frame(BINARY, bytes(40_000), fin=False), Frame(0, bytes(40_000)), closes=1009),
        case("two halves that never meet", Frame(TEXT, half, fin=False), Frame(TEXT, rest), closes=1002),
        case("an end without a beginning", Frame(0, rest), closes=1002),
        case("a ping", Frame(PING, b"are you there")),
        case("a ping of 125 bytes", Frame(PING, bytes(125))),
        case("a ping of 126 bytes", Frame(PING, bytes(126)), closes=1002),
        case("a ping in two", Frame(PING, b"p", fin=False), closes=1002),
        case("a pong that nobody asked for", Frame(PONG, b"here I am"), Frame(PONG)),
        case("a pong that is no text", Frame(PONG, b"\xff\xfe")),
        case("not UTF-8", Frame(TEXT, b'{"type":"text","text":"\xff"}'), closes=1007),
        case("UTF-8, overlong", Frame(TEXT, b'{"type":"text","text":"\xc0\xaf"}'), closes=1007),
        case("UTF-8, a surrogate", Frame(TEXT, b'{"type":"text","text":"\xed\xa0\x80"}'), closes=1007),
        case("UTF-8, cut off", Frame(TEXT, b'{"type":"text","text":"\xe2\x82'), closes=1007),
        case("UTF-16", Frame(TEXT, '{"type":"mute"}'.encode("utf-16")), closes=1007),
        case("an opcode of tomorrow", Frame(3, b"x"), closes=1002),
        case("a control opcode of tomorrow", Frame(11, b"x"), closes=1002),
        case("a reserved bit", Frame(TEXT, b'{"type":"mute"}', rsv=2), closes=1002),
        case("compressed, unasked", Frame(TEXT, b'{"type":"mute"}', rsv=4), closes=1002),
        case("an endless length", Bytes(b"\x82\xff" + b"\x7f" + b"\xff" * 7 + bytes(4)), closes=1009),
        case("HTTP on the websocket", Bytes(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), closes=1002),
        case("closed in order", Frame(CLOSE, b"\x03\xe8bye"), closes=1000),
        case("closed without a code", Frame(CLOSE), closes=1000),
        case("closed with a code of their own", Frame(CLOSE, b"\x0f\xa0"), closes=1000),
        case("closed with a code that nobody may send", Frame(CLOSE, b"\x00\x05"), closes=1002),
        case("closed with half a code", Frame(CLOSE, b"\x03"), closes=1002),
        case("closed with a reason that is no text", Frame(CLOSE, b"\x03\xe8\xff"), closes=1007),
        case("a wrong message right after the end", Bytes(END + NEWS), closes=1000),
        case("audio after a close", Frame(CLOSE, b"\x03\xe8"), Frame(BINARY, bytes(640)), closes=1000),
    ]  # fmt: skip


def _floods() -> list[Case]:
    tenth = Audio(bytes(RATE_HZ // 10 * 2))

    def case(
        name: str,
        *steps: Step,
        errors: tuple[str, ...] = (),
        closes: int | None = None,
        pings: bool = True,
        start: bool = True,
    ) -> Case:
        return Case(f"pace: {name}", steps, errors, closes, start=start, pings=pings, alone=False)

    return [
        case("audio in real time", Many(tenth, 120, 0.1)),
        case("audio at 1.9 times real time", Many(tenth, 228, 0.1 / 1.9)),
        case("audio at 2.2 times real time", Many(tenth, 300, 0.1 / 2.2), closes=1008),
        case("audio at 20 times real time", Many(tenth, 300, 0.005), closes=1008),
        case("all audio at once", Many(Audio(bytes(LIMIT)), 10), closes=1008),
        case("four seconds at once, then real time", Many(tenth, 40), Many(tenth, 60, 0.1)),
        case("nine seconds at once, then real time", Many(tenth, 90), Many(tenth, 60, 0.1), closes=1008),
        case("silence, then real time again", Many(tenth, 20, 0.1), Wait(20), Many(tenth, 20, 0.1)),
        case("50 messages a second", Many(message("played", samples=1), 400, 0.02)),
        case("100 audio messages a second", Many(Audio(bytes(320)), 1000, 0.01)),
        case("375 audio messages a second, as a browser's worklet makes", Many(Audio(bytes(84)), 3000, 1 / 375)),
        case("a flood of control messages", Many(message("interrupt"), 2000), closes=1008),
        # 500 control messages in 5 s are allowed; one of them is the pong that answers the server's first ping.
        case("a flood of wrong messages", Many(message("news"), 2000), errors=("unknown_type",) * 499, closes=1008),
        case("a flood of text", Many(message("text", text="x"), 2000), closes=1008),
        case("a flood of keys", Many(message("dtmf", digits="1"), 2000), errors=("too_long",) * 435, closes=1008),
        case("a flood of empty messages", Many(Audio(b""), 20_000), closes=1008),
        case("a flood of single samples", Many(Audio(b"\0\0"), 20_000), closes=1008),
        case("a flood of pings", Many(Frame(PING, b"x"), 5000), closes=1008),
        case("a flood of pongs", Many(Frame(PONG, b"x"), 5000), closes=1008),
        case("a steady 150 messages a second", Many(message("unmute"), 900, 1 / 150), closes=1008),
        case("nothing at all for 5 s", Wait(8), closes=1008, pings=False, start=False),
        case("nothing at all, but pongs", Wait(8), start=False),
        case("a start, and no pongs", Wait(8), pings=False),
        case("a start, then nothing for a minute, no pongs", Wait(65), closes=1001, pings=False),
        case("nothing for two minutes, but pongs", Wait(120)),
    ]


def _unread() -> list[Case]:
    start = message("start", output_sample_rate=48_000)
    speak = message("text", text="speak")

    def case(name: str, *steps: Step) -> Case:
        return Case(f"unread: {name}", (start, *steps), (), 4408, start=False, alone=False, speaks=True)

    pings = Many(Frame(PING, bytes(125)), 6000, 1 / 60)
    return [
        case("the client stops reading", StopReading(), speak, Wait(60)),
        case("it still sends audio", StopReading(), speak, Many(Audio(bytes(3200)), 600, 0.1)),
        case("it only sends pings", StopReading(), pings),
    ]


CONNECTIONS: tuple[Case, ...] = (*_tokens(), *_frames(), *_floods(), *_unread())
