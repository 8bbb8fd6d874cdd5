"""The examples of a page: its Python blocks, and the configurations and talks that belong to each.

A page is read from top to bottom. The first Python block, if it follows the comment PRELUDE, begins every other one. A
Python block is an example; the TOML and text blocks up to the next Python block are held with it: a text block is a
talk, under the configuration that stands before it. A Python block whose first line is `# name.py` is a module.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

ROOT = Path(__file__).parents[3]
PRELUDE = "<!-- every example begins with this -->"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MODULE = re.compile(r"# (\w+)\.py\n")


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation as the page shows it, and the configuration under which it is held."""

    line: int
    text: str
    toml: str = ""


@dataclass(slots=True)
class Example:
    """A Python block."""

    line: int
    code: str
    module: str = ""
    """The name of the module that it is; empty for an agent."""
    talks: list[Talk] = field(default_factory=list)

    def __str__(self) -> str:
        return f"line {self.line}"


@dataclass(slots=True)
class Page:
    """A document."""

    text: str
    words: str
    """The text without its blocks, with one space between two words."""
    examples: list[Example] = field(default_factory=list)
    configurations: list[str] = field(default_factory=list)

    def table(self, *titles: str) -> list[list[str]]:
        """The rows of the table with these titles, cell by cell."""
        lines = self.text.splitlines()
        (head,) = [number for number, line in enumerate(lines) if _cells(line) == list(titles)]
        return [_cells(line) for line in takewhile(lambda line: line.startswith("|"), lines[head + 2 :])]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("|")[1:-1]]


def read(name: str) -> Page:
    """The page docs/`name`."""
    text = (ROOT / "docs" / name).read_text("utf-8")
    page = Page(text, " ".join(FENCE.sub("", text).split()))
    prelude, toml = "", ""
    for block in FENCE.finditer(text):
        kind, code = block.groups()
        line = text.count("\n", 0, block.start()) + 1
        if kind == "python" and text[: block.start()].rstrip().endswith(PRELUDE):
            prelude = code
        elif kind == "python":
            module = MODULE.match(code)
            page.examples.append(Example(line, code if module else prelude + code, module[1] if module else ""))
            toml = ""
        elif kind == "toml":
            toml = code
            page.configurations.append(code)
        elif kind == "text":
            page.examples[-1].talks.append(Talk(line, code, toml))
        else:
            assert kind == "sh", f"line {line}: a block of {kind} is not looked at"
    return page


def names(cell: str) -> list[str]:
    """What stands in a cell between backticks."""
    return re.findall(r"`([^`]+)`", cell)
