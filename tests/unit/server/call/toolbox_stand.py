"""A toolbox with a registry and no call around it: what it posts, what it logs, and whether the call would stand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from llm.events import ToolDone, ToolUpdate
from llm.registry import ToolRegistry
from llm.tools import FunctionCallParams, ResultCallback
from server.call.events import RunTool
from server.call.tasks import Tasks
from server.call.toolbox import Toolbox
from tests.unit.server.call.session_stand import at_once
from tests.unit.server.logbook import Logbook

LATER_S = 1000.0
LATE = "a result came after the call was over; it is ignored"


class Later:
    """A handler that returns at once; the test gives the result."""

    def __init__(self) -> None:
        self.give: ResultCallback

    async def __call__(self, params: FunctionCallParams) -> None:
        """Keep the callback."""
        self.give = params.result_callback


class Updated:
    """Counts how often it is told."""

    def __init__(self) -> None:
        self.times = 0

    async def __call__(self) -> None:
        """Count."""
        await asyncio.sleep(0)
        self.times += 1


class FakeHandle:
    """Meets `server.call.toolbox.Handle`."""

    def __init__(self) -> None:
        self.tools = ToolRegistry()
        self.llm = object()
        self.context = object()


class ToolboxStand:
    """Enter it to begin; at the end all that runs is cancelled, and nothing may have taken the call down."""

    def __init__(self, app_resources: Any = None, run_sync: Callable[..., Any] = at_once) -> None:
        self.handle = FakeHandle()
        self.tools = self.handle.tools
        self.posted: list[ToolDone | ToolUpdate] = []
        self.log = Logbook()
        self.faults: list[Exception] = []
        self._tasks = Tasks(self.faults.append, set())
        self.toolbox = Toolbox(self.handle, app_resources, self.posted.append, self._tasks.spawn, run_sync)
        self._calls = 0

    async def __aenter__(self) -> Self:
        self.log.__enter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        try:
            await self._tasks.stop(5.0)
        finally:
            self.log.__exit__(kind, error, at)
        assert self.faults == []

    def start(self, name: str, arguments: str = "{}") -> str:
        """Call a tool. The name of the call."""
        self._calls += 1
        call_id = f"c{self._calls}"
        self.toolbox.run(RunTool(call_id, name, arguments))
        return call_id

    async def run(self, name: str, arguments: str = "{}") -> list[ToolDone | ToolUpdate]:
        """Call a tool, and see all that comes of it for a long time."""
        before = len(self.posted)
        self.start(name, arguments)
        await asyncio.sleep(LATER_S)
        return self.posted[before:]

    def say(self, *parts: str) -> list[str]:
        """The lines of the log that hold all of these parts."""
        return [entry.message for entry in self.log.entries if all(part in entry.message for part in parts)]
