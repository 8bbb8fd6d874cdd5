"""Engines for tests of how the server starts."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any, NoReturn


class Stuck:
    """Ears whose start is told to stop, and would never be over; `closed` counts."""

    free = 1
    closed = 0

    async def start(self) -> None:
        """Be sent SIGTERM, and wait for ever."""
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()

    def open(self) -> NoReturn:
        """There is never a call."""
        raise AssertionError

    async def close(self) -> None:
        """Count it."""
        Stuck.closed += 1


class Late(Stuck):
    """Ears whose start fails with a TimeoutError of its own."""

    async def start(self) -> None:
        """Fail."""
        raise TimeoutError("the ears are late")


def engine(kind: str) -> Any:
    """`stt = {name = "tests.unit.server.shell_parts:engine", kind = "stuck"}`."""
    return {"stuck": Stuck, "late": Late}[kind]()
