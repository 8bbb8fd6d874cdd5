"""A stand for tools from MCP servers: they are started, called through a registry as a call does, and closed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Collection, Coroutine
from pathlib import Path
from random import Random
from typing import Any

from llm.mcp import MCPServer, MCPTools
from llm.registry import ToolRegistry
from llm.tools import FunctionCallParams, FunctionCallResultProperties, ToolError

ODD = Path(__file__).with_name("mcp_odd.py")


class Owner:
    """Owns the tasks, as the application does."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[None]] = set()
        self.failures: list[BaseException] = []

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a task."""
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self._over)
        return task

    def _over(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self.failures.append(error)


class Stand:
    """Some servers, and calls to their tools."""

    def __init__(self, *servers: MCPServer, taken: Collection[str] = ()) -> None:
        self.owner = Owner()
        self.changed = asyncio.Event()
        self.mcp = MCPTools(servers, self.owner.spawn, taken=taken, on_change=self.changed.set, random=Random(1))

    @property
    def names(self) -> list[str]:
        """What the model may call now."""
        return [tool.name for tool in self.mcp.tools()]

    async def call(self, called: str, /, **arguments: Any) -> str:
        """Call a tool as the toolbox of a call does; its one result."""
        return await self.call_of(ToolRegistry(self.mcp.tools()), called, **arguments)

    async def call_of(self, registry: ToolRegistry, called: str, /, **arguments: Any) -> str:
        """The same with a registry that may be older. An error is what the model is told of it."""
        results: list[str] = []

        async def take(result: Any, *, properties: FunctionCallResultProperties | None = None) -> None:
            results.append(result)

        tool = registry.get(called)
        assert tool is not None, f"there is no {called}"
        params = FunctionCallParams(called, "1", tool.check(json.dumps(arguments)), take, None)
        try:
            await tool.handler(params)
        except ToolError as error:
            assert results == []
            return str(error)
        (result,) = results
        return result

    async def until(self, name: str, *, offered: bool = True) -> None:
        """Wait until a tool is offered, or is so no more."""
        while (name in self.names) is not offered:
            self.changed.clear()
            await self.changed.wait()


@contextlib.asynccontextmanager
async def using(*servers: MCPServer, taken: Collection[str] = ()) -> AsyncIterator[Stand]:
    """A stand that is started, and closed in the end; nothing is left of it, and nothing failed."""
    stand = Stand(*servers, taken=taken)
    try:
        async with asyncio.timeout(20):
            await stand.mcp.start()
            yield stand
    finally:
        await stand.mcp.close()
    await asyncio.sleep(0)  # what hears that a task is over
    assert stand.owner.tasks == set()
    assert stand.owner.failures == []


def odd(*words: str, env: dict[str, str] | None = None, timeout_s: float = 10.0, connect_s: float = 5.0) -> MCPServer:
    """The odd server as a child."""
    args = ["-S", "-I", str(ODD), *words]
    return MCPServer(command=sys.executable, args=args, env=env or {}, timeout_s=timeout_s, connect_s=connect_s)


def lives(pid: int) -> bool:
    """Whether a process is there, be it as a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
