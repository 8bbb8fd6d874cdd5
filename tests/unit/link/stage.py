"""Scenes in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from tests.virtual.loop import run

LONGEST_S = 1000.0


def play(scene: Coroutine[Any, Any, None]) -> None:
    """Run a scene; one that never ends (for a link comes back for ever) fails after so many virtual seconds."""

    async def bounded() -> None:
        async with asyncio.timeout(LONGEST_S):
            await scene

    run(bounded())
