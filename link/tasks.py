"""Who starts tasks: a service starts none itself, it is given `spawn` by the call or the process that owns them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

Work = Coroutine[Any, Any, None]
Task = asyncio.Task[None]
Spawn = Callable[[Work], Task]
Guard = Callable[[Work], Work]
"""Work around other work, such as one that catches what that raises."""
RunSync = Callable[..., Coroutine[Any, Any, Any]]
"""Runs a plain function, with its arguments, in a thread of the process."""


def spawn_guarded(spawn: Spawn, guard: Guard, work: Work) -> Task:
    """A task of the guarded work. Cancelled before it began, a task would never have awaited, nor closed, the work."""
    task = spawn(guard(work))
    task.add_done_callback(lambda _: work.close())
    return task
