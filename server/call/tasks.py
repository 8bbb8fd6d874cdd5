"""The tasks of a call, or of the process, and their end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from loguru import logger

from link.tasks import Task, Work


class Tasks:
    """Owns tasks. One that fails is told to `on_failure`; the others go on."""

    def __init__(self, on_failure: Callable[[Exception], None], left_behind: set[Task]) -> None:
        """`left_behind` takes the tasks that do not end when they are cancelled."""
        self._on_failure = on_failure
        self._left_behind = left_behind
        self._tasks: set[Task] = set()

    def spawn(self, work: Work) -> Task:
        """Start a task."""
        name = getattr(work, "__qualname__", "a task")
        task = asyncio.get_running_loop().create_task(self._guarded(work), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: work.close())  # cancelled before it began, it would be missed
        return task

    async def stop(self, limit_s: float) -> None:
        """Cancel what still runs. Code that refuses to end keeps nobody."""
        for task in self._tasks:
            task.cancel()
        if not self._tasks:
            return
        _, left = await asyncio.wait(self._tasks, timeout=limit_s)
        for task in left:
            logger.error("{} does not end when it is cancelled; it is left behind", task.get_name())
            self._left_behind.add(task)
            task.add_done_callback(self._left_behind.discard)

    async def _guarded(self, work: Work) -> None:
        try:
            await work
        except Exception as error:
            self._on_failure(error)
