"""The code of this repository, as its rules are read from it: files, modules and what they import."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCTION = ("link", "llm", "audio", "server")
PACKAGES = (*PRODUCTION, "tests", "bench", "tools", "examples")


def files(*packages: str) -> list[str]:
    """All Python files of these packages, from the root."""
    return sorted(str(file.relative_to(ROOT)) for each in packages for file in (ROOT / each).rglob("*.py"))


CODE = files(*PRODUCTION)


@cache
def tree_of(file: str) -> ast.Module:
    """A file, parsed."""
    return ast.parse((ROOT / file).read_text("utf-8"))


def module_of(file: str) -> str:
    """Its name: `llm.local` for llm/local/__init__.py."""
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


MODULES = frozenset(map(module_of, files(*PACKAGES)))


def imports(tree: ast.Module) -> Iterator[str]:
    """All that is imported anywhere in it: modules, and `module.name` for what comes from one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module or ''}.{name.name}" for name in node.names)


def source_of(name: str) -> str:
    """The module that an imported name comes from, as far as it is ours: `llm.events` for llm.events.Delta."""
    return name if name in MODULES else name.rpartition(".")[0]
