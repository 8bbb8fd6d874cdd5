"""The conversation on a terminal, as it happens: live with lines that change, plain, or as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Protocol, TextIO

import msgspec

from server.talk import events as e
from server.talk.wording import Line, Style, line_of, printable, summary, tail

COLOURS: dict[Style, str] = {"user": "36", "bot": "32", "tool": "35", "quiet": "2", "time": "33", "bad": "31"}
ROLES = {"user": Line("you", "", "user"), "assistant": Line("bot", "", "bot")}
NARROWEST = 30  # columns; a narrower terminal wraps by itself


class Screen(Protocol):
    """Shows a call. `at_s` is seconds since it began."""

    def show(self, at_s: float, event: e.Event | e.Message) -> None:
        """Something happened."""


class JsonScreen:
    """One JSON object a line: the server's messages as they came, the client's own events beside them."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def show(self, at_s: float, event: e.Event | e.Message) -> None:
        """Write it."""
        origin = "server" if isinstance(event, dict) else "client"
        content = event if isinstance(event, dict) else msgspec.to_builtins(event)
        head = {"at_s": round(at_s, 3), "from": origin}  # first in the line, and not the server's to change
        self._out.write(msgspec.json.encode({**head, **content, **head}).decode() + "\n")
        self._out.flush()


class Captions:
    """What is being said and not over yet, by role."""

    def __init__(self) -> None:
        self.open: dict[str, str] = {}

    def follow(self, event: e.Event | e.Message) -> bool:
        """Keep it up to date; True when it changed."""
        match event:
            case {"type": "transcript", "role": "user" | "assistant" as role, "text": str(text), "final": final}:
                before = self.open.pop(role, "")
                after = "" if final else printable(text)
                if after:
                    self.open[role] = after
                return before != after
            case _:
                return False

    def broken_off(self) -> list[Line]:
        """The call is over: what was not finished."""
        lines = [Line(ROLES[role].label, f"{text} …", ROLES[role].style) for role, text in self.open.items()]
        self.open.clear()
        return lines


def _lines(event: e.Event | e.Message, captions: Captions) -> list[Line]:
    if isinstance(event, e.Summary):
        return captions.broken_off() + summary(event)
    line = line_of(event)
    return [line] if line else []


class PlainScreen:
    """A line for each event that is complete."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._captions = Captions()

    def show(self, at_s: float, event: e.Event | e.Message) -> None:
        """Write its line, if it has one."""
        self._captions.follow(event)
        for line in _lines(event, self._captions):
            self._out.write(_head(at_s, line) + line.text + "\n")
        self._out.flush()


class LiveScreen:
    """A terminal: what is being said stands in one row for each side at the bottom, and changes in place."""

    def __init__(self, out: TextIO, width: Callable[[], int], *, colours: bool) -> None:
        """`width` gives the columns of the terminal, which may change."""
        self._out = out
        self._width = width
        self._colours = colours
        self._captions = Captions()
        self._rows = 0  # of the changing part, as it stands on the terminal

    def show(self, at_s: float, event: e.Event | e.Message) -> None:
        """Write its lines above the changing part, or change that."""
        changed = self._captions.follow(event)
        written = [row for line in _lines(event, self._captions) for row in self._wrapped(at_s, line)]
        if written or changed:
            self._out.write(self._erase() + "".join(row + "\n" for row in written) + self._draw(at_s))
            self._out.flush()

    def _wrapped(self, at_s: float, line: Line) -> list[str]:
        head = _head(at_s, line)
        rows = textwrap.wrap(line.text, max(self._columns - len(head), NARROWEST)) or [""]
        return [(" " * len(head) if n else head) + self._painted(row, line.style) for n, row in enumerate(rows)]

    def _draw(self, at_s: float) -> str:
        rows = []
        for role, text in self._captions.open.items():
            head = _head(at_s, ROLES[role])
            rows.append(head + self._painted(tail(text, self._columns - len(head)), ROLES[role].style))
        self._rows = len(rows)
        return "\n".join(rows)

    def _erase(self) -> str:
        up = "\x1b[1A\x1b[2K" * (self._rows - 1)
        return f"\r\x1b[2K{up}" if self._rows else ""

    @property
    def _columns(self) -> int:
        return max(self._width() - 1, NARROWEST)  # the last column makes some terminals wrap

    def _painted(self, text: str, style: Style) -> str:
        colour = COLOURS.get(style)
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colours and colour else text


def _head(at_s: float, line: Line) -> str:
    return f"{at_s:7.2f}  {line.label:<5} "
