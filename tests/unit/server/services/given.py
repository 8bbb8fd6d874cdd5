"""What a factory is given, in tests."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from link.tasks import Spawn
from server.agent import Agent
from server.config import Settings
from server.services.remote import Given


def no_spawn(_: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Nothing is started."""
    raise AssertionError


def given(place: str, agent: Agent | None = None, spawn: Spawn = no_spawn) -> Given:
    """For a table at this place."""
    return Given(place, Settings(), agent or Agent(), (), spawn)
