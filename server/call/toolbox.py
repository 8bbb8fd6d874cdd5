"""Runs tools: checks their arguments, calls the handler, and posts exactly one result for each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from loguru import logger

from llm.events import ToolDone, ToolUpdate
from llm.tools import FunctionCallParams, FunctionCallResultProperties, Tool, ToolArgumentError, result_text
from server.call.events import RunTool
from server.call.handle import CallHandle
from server.call.handlers import is_cancelled

Post = Callable[[ToolDone | ToolUpdate], None]
Spawn = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]
RunSync = Callable[..., Coroutine[Any, Any, Any]]


class Toolbox:
    """The tools of one call that run. A cancelled one has its result already; a bad one never takes the call down."""

    def __init__(self, handle: CallHandle, app_resources: Any, post: Post, spawn: Spawn, run_sync: RunSync) -> None:
        """`run_sync(function, **arguments)` runs a plain function off the loop."""
        self._handle = handle
        self._app_resources = app_resources
        self._post = post
        self._spawn = spawn
        self._run_sync = run_sync
        self._running: dict[str, asyncio.Task[None]] = {}

    def run(self, command: RunTool) -> None:
        """Start a tool."""
        task = self._spawn(self._run(command))
        task.set_name(f"the tool {command.name}")
        self._running[command.call_id] = task
        task.add_done_callback(lambda _: self._running.pop(command.call_id, None))

    def cancel(self, call_id: str) -> None:
        """Cancel a tool that runs."""
        if task := self._running.get(call_id):
            task.cancel()

    async def _run(self, command: RunTool) -> None:
        tool = self._handle.tools.get(command.name)  # again: it may have gone while the call waited
        if tool is None:
            self._fail(command, f"Error: function '{command.name}' is not registered.")
            return
        try:
            arguments = tool.check(command.arguments)
        except ToolArgumentError as error:
            logger.warning("tool {}: the model's arguments do not fit", tool.name)
            self._fail(command, str(error))
            return
        except Exception as error:  # a type of the application's that does not take them
            logger.exception("tool {}: its arguments could not be made; the model is told", tool.name)
            self._fail(command, f"Error: {type(error).__name__}: {error}")
            return
        await self._call(command, tool, arguments)

    async def _call(self, command: RunTool, tool: Tool, arguments: dict[str, Any]) -> None:
        answered = False

        async def give(result: Any, *, properties: FunctionCallResultProperties | None = None) -> None:
            nonlocal answered
            options = properties or FunctionCallResultProperties()
            if options.is_final:
                answered = True
                self._post(ToolDone(command.call_id, "completed", result_text(result), options.run_llm))
            elif tool.spec.cancel_on_interruption:
                logger.warning("tool {}: only an async tool can give updates; this one is refused", tool.name)
            else:
                self._post(ToolUpdate(command.call_id, result_text(result)))

        if tool.params_name:
            params = FunctionCallParams(
                tool.name, command.call_id, dict(arguments), give, self._handle, self._app_resources
            )
            arguments[tool.params_name] = params
        try:
            call = tool.handler(**arguments) if tool.is_async else self._run_sync(tool.handler, **arguments)
            result = await call
            if not answered:
                await give(result)
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and is_cancelled():
                raise
            logger.exception("tool {} failed; the model is told", tool.name)
            self._fail(command, f"Error: {type(error).__name__}: {error}")

    def _fail(self, command: RunTool, text: str) -> None:
        self._post(ToolDone(command.call_id, "failed", result_text(text)))
