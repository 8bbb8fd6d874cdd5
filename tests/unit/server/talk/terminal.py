"""As much of a terminal as the live screen uses."""

from __future__ import annotations

import io
import re


class Terminal(io.StringIO):
    """Rows of text; understands carriage return, newline, "erase the row", "up one row" and colours."""

    def __init__(self, width: int = 60) -> None:
        super().__init__()
        self.width = width
        self._rows = [""]
        self._row = 0
        self._column = 0
        self.colours = 0

    def write(self, text: str) -> int:
        """Show it."""
        for part in re.findall(r"\x1b\[[0-9;]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", text):
            self._show(part)
        return len(text)

    def _show(self, part: str) -> None:
        if part == "\r":
            self._column = 0
        elif part == "\n":
            self._row, self._column = self._row + 1, 0
            self._rows += [""] * (self._row + 1 - len(self._rows))
        elif part == "\x1b[2K":
            self._rows[self._row] = ""
        elif part == "\x1b[1A":
            self._row -= 1
        elif part.startswith("\x1b") and part.endswith("m"):
            self.colours += 1
        else:
            assert not part.startswith("\x1b"), f"unknown: {part!r}"
            row = self._rows[self._row].ljust(self._column)
            self._rows[self._row] = row[: self._column] + part + row[self._column + len(part) :]
            self._column += len(part)
            assert self._column < self.width, f"a row is too long: {self._rows[self._row]!r}"

    @property
    def rows(self) -> list[str]:
        """What a person sees, without the seconds and empty rows at the end."""
        return [row[9:].rstrip() for row in "\n".join(self._rows).rstrip().split("\n")]
