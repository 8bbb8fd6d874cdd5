"""What a person sees of a call."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from server.talk import events as e
from server.talk.screen import JsonScreen, LiveScreen, PlainScreen
from server.talk.wording import columns, line_of, printable, tail
from tests.unit.server.talk.terminal import Terminal

END = e.Summary(
    seconds=12.34,
    turns=2,
    median_ms=412.3,
    worst_ms=600.0,
    interruptions=1,
    unanswered=0,
    unsaid=0,
    dropouts=0,
    close_code=1000,
    reason="goodbye",
)


def said(role: str, text: str, *, final: bool = False) -> dict[str, Any]:
    """A transcript."""
    return {"type": "transcript", "role": role, "text": text, "final": final}


def show(screen: PlainScreen | LiveScreen | JsonScreen, *events: e.Event | dict[str, Any]) -> None:
    """One event after the other, a second each."""
    for at, event in enumerate(events):
        screen.show(float(at), event)


CONVERSATION: list[tuple[e.Event | dict[str, Any], str]] = [
    (e.Connected("ws://host/ws", "c1", 16000), "call  c1 at ws://host/ws, 16000 Hz"),
    (e.Saying("hello.wav", 1.25), "play  hello.wav (1.2 s)"),
    (said("user", "hello", final=True), "you   hello"),
    (
        e.Response(412.3, {"transcript_ms": 210.0, "end_of_turn_ms": 300.4, "first_token_ms": None}),
        "turn  answered in 0.41 s; in the server, ms: transcript 210, end of turn 300",
    ),
    (e.Response(None, {}), "turn  answered"),
    (said("assistant", "Hi.", final=True), "bot   Hi."),
    ({"type": "tool_call", "id": "1", "name": "add", "arguments": {"a": 1}}, 'tool  add {"a": 1}'),
    (
        {"type": "tool_result", "id": "1", "name": "add", "status": "completed", "result": "2"},
        "tool  add completed: 2",
    ),
    ({"type": "clear"}, "clear the bot was interrupted"),
    ({"type": "filler", "text": "One moment."}, "bot   One moment."),
    ({"type": "link", "state": "reconnecting"}, "link  the language model is reconnecting"),
    ({"type": "error", "code": "no_answer", "message": "Sorry.", "fatal": False}, "error Sorry. (no_answer)"),
    (e.Typing("what"), "type  what"),
    (e.Unanswered("what", 15.0), "wait  no answer to what within 15 s"),
    (e.Trouble("odd"), "error odd"),
    ({"type": "ended", "reason": "goodbye"}, "end   goodbye"),
]


def test_a_conversation_line_by_line() -> None:
    out = io.StringIO()
    show(PlainScreen(out), *(event for event, _ in CONVERSATION))
    lines = out.getvalue().splitlines()
    assert [line[9:] for line in lines] == [line for _, line in CONVERSATION]
    assert lines[2].startswith("   2.00  ")


@pytest.mark.parametrize(
    "message",
    [
        said("user", "hel"),
        said("user", "", final=True),
        {"type": "bot_started"},
        {"type": "turn", "first_token_ms": 3},
        {"type": "something", "else": 1},
        {"type": "error"},
        {},
    ],
)
def test_what_a_person_need_not_see(message: dict[str, Any]) -> None:
    assert line_of(message) is None


def test_the_summary() -> None:
    out = io.StringIO()
    show(PlainScreen(out), END)
    assert [line[9:] for line in out.getvalue().splitlines()] == [
        "sum   2 turns in 12.3 s, the bot was interrupted once",
        "sum   answered in 0.41 s (median), 0.60 s (worst)",
        "sum   closed with 1000: goodbye",
    ]


def test_the_summary_of_a_bad_call() -> None:
    out = io.StringIO()
    bad = e.Summary(1.0, 1, None, None, 2, 3, 4, 5, 1006, "")
    show(PlainScreen(out), said("assistant", "Once upon"), bad)
    assert [line[9:] for line in out.getvalue().splitlines()] == [
        "bot   Once upon …",
        "sum   1 turn in 1.0 s, the bot was interrupted 2 times",
        "sum   3 without an answer",
        "sum   the call was over before 4 more could be said",
        "sum   sound was lost 5 times: this machine was too slow",
        "sum   the connection was lost",
    ]


def test_words_change_in_place() -> None:
    out = Terminal()
    screen = LiveScreen(out, lambda: 60, colours=False)
    show(screen, said("assistant", "Once"), said("assistant", "Once upon"))
    assert out.rows == ["bot   Once upon"]
    show(screen, said("user", "st"), e.Saying("stop.wav", 1.0), said("user", "stop"))
    assert out.rows == ["play  stop.wav (1.0 s)", "bot   Once upon", "you   stop"]
    show(screen, said("assistant", "Once upon a", final=True))
    assert out.rows == ["play  stop.wav (1.0 s)", "bot   Once upon a", "you   stop"]
    show(screen, said("user", "", final=True), {"type": "clear"})
    assert out.rows == ["play  stop.wav (1.0 s)", "bot   Once upon a", "clear the bot was interrupted"]


def test_the_end_leaves_nothing_open() -> None:
    out = Terminal(80)
    screen = LiveScreen(out, lambda: 80, colours=False)
    show(screen, said("assistant", "Once"), said("user", "st"), END)
    assert out.rows[:3] == ["bot   Once …", "you   st …", "sum   2 turns in 12.3 s, the bot was interrupted once"]


def test_what_did_not_change_is_not_written_again() -> None:
    out = Terminal()
    screen = LiveScreen(out, lambda: 60, colours=True)
    show(screen, said("assistant", "Once"))
    colours = out.colours
    show(screen, said("assistant", "Once"), {"type": "bot_started"})
    assert out.colours == colours


def test_long_words_are_wrapped_when_done_and_cut_while_open() -> None:
    out = Terminal(50)
    screen = LiveScreen(out, lambda: 50, colours=False)
    text = "the quick brown fox jumps over the lazy dog and goes home"
    show(screen, said("assistant", text))
    assert out.rows == ["bot   …s over the lazy dog and goes home"]
    show(screen, said("assistant", text, final=True))
    assert out.rows == ["bot   the quick brown fox jumps over the", "      lazy dog and goes home"]


def test_colours_are_for_those_who_want_them() -> None:
    plain, painted = Terminal(), Terminal()
    for out, colours in ((plain, False), (painted, True)):
        show(LiveScreen(out, lambda: 60, colours=colours), said("user", "hi", final=True))
    assert plain.colours == 0
    assert painted.colours == 2
    assert plain.rows == painted.rows == ["you   hi"]


@pytest.mark.parametrize("width", [0, 1, 10, 31, 200])
def test_any_width_will_do(width: int) -> None:
    out = Terminal(300)
    screen = LiveScreen(out, lambda: width, colours=False)
    text = "word " * 40
    show(screen, said("user", text), said("user", text, final=True))
    assert " ".join(" ".join(row[6:] for row in out.rows).split()) == text.strip()


def test_a_server_cannot_move_the_cursor() -> None:
    out = io.StringIO()
    show(PlainScreen(out), said("assistant", "a\x1b[2Jb\x07\r\nc\u202ed\x9b1A", final=True))
    assert out.getvalue()[9:] == "bot   a\ufffd[2Jb\ufffd c\ufffdd\ufffd1A\n"
    assert printable("naïve 日本 🙂") == "naïve 日本 🙂"


def test_the_width_of_letters() -> None:
    assert [columns(text) for text in ("abc", "日本", "e\u0301", "")] == [3, 4, 1, 0]
    assert tail("abcdef", 6) == "abcdef"
    assert tail("abcdef", 4) == "…def"
    assert tail("日本語", 4) == "…語"


def test_json_has_everything() -> None:
    out = io.StringIO()
    show(JsonScreen(out), said("user", "hé"), e.Saying("a.wav", 1.5), END, {"type": "x", "from": "elsewhere"})
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert lines[0] == {"at_s": 0.0, "from": "server", **said("user", "hé")}
    assert lines[1] == {"at_s": 1.0, "from": "client", "type": "saying", "name": "a.wav", "seconds": 1.5}
    assert lines[2]["type"] == "summary"
    assert lines[2]["close_code"] == 1000
    assert lines[3]["from"] == "server"
