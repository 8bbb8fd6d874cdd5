"""Writes docs/configuration.md from the settings themselves: names, defaults, and the words below each field.

.venv/bin/python tools/list_settings.py
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
import typing
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from server.config import Settings  # noqa: E402

PAGE = ROOT / "docs" / "configuration.md"
HEAD = """# Configuration

Written by `tools/list_settings.py` from the code; a test holds this page to it. A TOML file (`voicewire serve --config
voicewire.toml`) is overruled by the environment, and that by the command line. `turn.min_delay_ms` is `min_delay_ms` in
the table `[turn]`, or `VOICEWIRE_TURN__MIN_DELAY_MS`. An unknown key or a value out of its range stops the start.
"""


def field_docs(kind: type) -> dict[str, str]:
    """The string below each field of a class."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(body, ast.ClassDef)
    docs: dict[str, str] = {}
    for statement, after in zip(body.body, body.body[1:], strict=False):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            text = after.value.value if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) else ""
            docs[statement.target.id] = " ".join(str(text).split())
    return docs


def table(kind: type[msgspec.Struct], title: str) -> list[str]:
    """One table; nested structs get tables of their own."""
    docs, hints = field_docs(kind), typing.get_type_hints(kind)
    summary = (kind.__doc__ or "").split("\n")[0]
    lines = ["", f"## {title}", "", summary, "", "| key | default | |", "|---|---|---|"]
    nested: list[str] = []
    for field in msgspec.structs.fields(kind):
        hint = hints[field.name]
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            nested += table(hint, f"[{field.name}]")
            continue
        lines.append(f"| `{field.name}` | {_shown(field)} | {docs.get(field.name, '')} |")
    return lines + nested


def _shown(field: Any) -> str:
    default = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return "" if default in ("", None, ()) else f"`{default}`" if not isinstance(default, str) else default


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD.rstrip(), *table(Settings, "The server")]) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
