"""Runs the examples of a page: loads their agents and configurations, and holds their talks."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from server.agent import Agent, load_agent
from server.config import Settings, load
from tests.unit.docs.pages import Example, Talk

IMPLIED = """
from llm.tools import Tool as _Tool
agent = Agent(tools=[each for each in list(globals().values()) if isinstance(each, _Tool)])
"""
"""The end of an example that has no agent of its own: one with its tools."""
HELD = ("calls", "policy", "pronunciations", "sentences", "summary", "turn_completion")
"""The parts of a configuration that a call in memory has."""


def agent_of(example: Example, folder: Path) -> Agent:
    """The agent of an example, loaded as the server does it."""
    ends = "" if "\nagent = " in example.code else IMPLIED
    file = folder / "agent.py"
    file.write_text(example.code + ends)
    with importing(folder, "voicewire_agent"):
        return load_agent(file)


def settings_of(toml: str, folder: Path) -> Settings:
    """A configuration, loaded as the server does it."""
    file = folder / "voicewire.toml"
    file.write_text(toml)
    return load(file, {}, {})


def held_under(talk: Talk, folder: Path) -> dict[str, Any]:
    """The configuration of a talk as a call in memory takes it."""
    settings = settings_of(talk.toml, folder)
    return {name: getattr(settings, name) for name in HELD}


@contextmanager
def importing(folder: Path, *modules: str) -> Iterator[None]:
    """Modules of the folder can be imported; afterwards it is as it was."""
    before = list(sys.path)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path[:] = before
        for name in modules:
            sys.modules.pop(name, None)


def no_spawn(_: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Nothing is started."""
    raise AssertionError
