"""Events as lines for a person: a label, the words, and how they are to look. Pure."""

from __future__ import annotations

import json
import unicodedata
from typing import Literal

from msgspec import Struct

from server.talk import events as e

Style = Literal["plain", "user", "bot", "tool", "quiet", "time", "bad"]
LOST = 1006
MAX_RESULT = 200  # characters of a tool's arguments or result


class Line(Struct, frozen=True):
    """One line. `text` holds no control characters."""

    label: str
    text: str
    style: Style = "plain"


def line_of(event: e.Event | e.Message) -> Line | None:
    """The line of an event; None for what a person need not see."""
    line = _of_server(event) if isinstance(event, dict) else _of_client(event)
    return line and Line(line.label, printable(line.text), line.style)


def _of_client(event: e.Event) -> Line | None:
    match event:
        case e.Connected(url, call_id, rate):
            return Line("call", f"{call_id} at {url}, {rate} Hz", "quiet")
        case e.Saying(name, seconds):
            return Line("play", f"{name} ({seconds:.1f} s)", "quiet")
        case e.Typing(text):
            return Line("type", text, "quiet")
        case e.Unanswered(name, waited_s):
            return Line("wait", f"no answer to {name} within {waited_s:g} s", "bad")
        case e.Response(ms, server):
            return Line("turn", _turn(ms, server), "time")
        case e.Trouble(message):
            return Line("error", message, "bad")
        case _:
            return None


def _of_server(message: e.Message) -> Line | None:
    match message:
        case {"type": "transcript", "final": True, "text": str(text), "role": "user" | "assistant" as role} if text:
            return Line("you", text, "user") if role == "user" else Line("bot", text, "bot")
        case {"type": "tool_call", "name": str(name), "arguments": arguments}:
            return Line("tool", f"{name} {_short(arguments)}", "tool")
        case {"type": "tool_result", "name": str(name), "status": str(status), "result": result}:
            return Line("tool", f"{name} {status}: {_short(result)}", "bad" if status == "failed" else "tool")
        case {"type": "filler", "text": str(text)}:
            return Line("bot", text, "quiet")
        case {"type": "clear"}:
            return Line("clear", "the bot was interrupted", "quiet")
        case {"type": "link", "state": str(state)}:
            return Line("link", f"the language model is {state}", "quiet" if state == "up" else "bad")
        case {"type": "error", "code": str(code), "message": str(text)}:
            return Line("error", f"{text} ({code})", "bad")
        case {"type": "ended", "reason": str(reason)}:
            return Line("end", reason, "quiet")
        case _:
            return None


def _turn(ms: float | None, server: dict[str, float | None]) -> str:
    stages = [
        f"{name.removesuffix('_ms').replace('_', ' ')} {value:.0f}"
        for name, value in sorted(server.items(), key=lambda stage: stage[1] or 0.0)
        if value is not None
    ]
    mine = "answered" if ms is None else f"answered in {ms / 1000:.2f} s"
    return f"{mine}; in the server, ms: {', '.join(stages)}" if stages else mine


def summary(end: e.Summary) -> list[Line]:
    """The last lines."""
    turns = f"{end.turns} turn{'' if end.turns == 1 else 's'} in {end.seconds:.1f} s"
    if end.interruptions:
        turns += f", the bot was interrupted {'once' if end.interruptions == 1 else f'{end.interruptions} times'}"
    lines = [Line("sum", turns)]
    if end.median_ms is not None and end.worst_ms is not None:
        times = f"answered in {end.median_ms / 1000:.2f} s (median), {end.worst_ms / 1000:.2f} s (worst)"
        lines.append(Line("sum", times))
    if end.unanswered:
        lines.append(Line("sum", f"{end.unanswered} without an answer", "bad"))
    if end.unsaid:
        lines.append(Line("sum", f"the call was over before {end.unsaid} more could be said", "bad"))
    if end.dropouts:
        lines.append(Line("sum", f"sound was lost {end.dropouts} times: this machine was too slow", "bad"))
    closed = "the connection was lost" if end.close_code == LOST else f"closed with {end.close_code}"
    closed += f": {end.reason}" if end.reason else ""
    lines.append(Line("sum", closed, "plain" if end.in_order else "bad"))
    return [Line(line.label, printable(line.text), line.style) for line in lines]


def printable(text: str) -> str:
    """Without what would move a terminal's cursor or change its colours: the server's words are not to be trusted."""
    spaced = " ".join(text.split())
    return "".join("\ufffd" if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co") else c for c in spaced)


def columns(text: str) -> int:
    """How wide a text is on a terminal."""
    return sum(_width(character) for character in text)


def tail(text: str, width: int) -> str:
    """The end of a text that fits into so many columns, with a mark where it was cut."""
    if columns(text) <= width:
        return text
    left, start = width - 1, len(text)
    while start > 0 and _width(text[start - 1]) <= left:
        start -= 1
        left -= _width(text[start])
    return "…" + text[start:]


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_RESULT else text[: MAX_RESULT - 1] + "…"
