"""Pools of workers of a size that cannot be stop the start, with the key's name."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import msgspec
import pytest

from audio.stt.pocketsphinx import PocketSphinxEngine, default_workers
from link.errors import ConfigError
from server.agent import Agent
from server.config import Settings
from server.engines import make_engines
from tests.unit.server.call.session_stand import virtual

MOST = {"pocketsphinx": {"workers": 64, "slots": 64}, "espeak": {"workers": 64, "slots": 1024}}
KINDS = {"pocketsphinx": "stt", "espeak": "tts"}
SIZES = [(name, key, most) for name, keys in MOST.items() for key, most in keys.items()]


async def make(name: str, key: str, size: int) -> None:
    """Make the engines, one of them with a pool of this size."""
    services = {**dict.fromkeys(("stt", "llm", "tts"), "scripted"), KINDS[name]: {"name": name, key: size}}
    engines = make_engines(msgspec.convert(services, Settings), Agent(), no_spawn)
    await engines.close()


def no_spawn(_: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Nothing is started."""
    raise AssertionError


@pytest.mark.parametrize(("name", "key", "most"), SIZES)
@virtual
async def test_a_pool_of_an_impossible_size_is_refused(name: str, key: str, most: int) -> None:
    for size in (0, -1, most + 1):
        with pytest.raises(ConfigError, match=f"^{KINDS[name]}: {key} must be from 1 to {most}, not {size}$"):
            await make(name, key, size)


@pytest.mark.parametrize(("name", "key", "most"), SIZES)
@virtual
async def test_a_pool_of_a_possible_size_is_taken(name: str, key: str, most: int) -> None:
    await make(name, key, 1)
    await make(name, key, most)


@pytest.mark.parametrize("cores", [None, 1, 2, 1000])
def test_the_default_size_is_possible_on_every_machine(monkeypatch: pytest.MonkeyPatch, cores: int | None) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    PocketSphinxEngine([], spawn=no_spawn)
    assert default_workers() == {None: 1, 1: 1, 2: 1, 1000: 64}[cores]
