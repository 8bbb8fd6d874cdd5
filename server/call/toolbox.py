"""Runs tools: checks their arguments, calls the handler, and posts exactly one result for each.

A call is open from its start until its one final result, or until the core cancels it: it was cancelled or timed out,
and has its result already. A handler may return without a result and give it later. What comes for a call that is not
open is late: logged, and posted only to be counted.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from loguru import logger

from link.tasks import RunSync, Spawn
from llm.events import Outcome, ToolDone, ToolUpdate
from llm.registry import ToolRegistry
from llm.tool_schema import ToolArgumentError
from llm.tools import FunctionCallParams, FunctionCallResultProperties, Style, Tool, ToolError, error_text, result_text
from server.call.events import RunTool
from server.call.handlers import is_cancelled

Post = Callable[[ToolDone | ToolUpdate], None]


class Handle(Protocol):
    """A call, as its tools see it (server/call/handle.py); what they need of it here."""

    @property
    def tools(self) -> ToolRegistry:
        """The tools of the call as they are now."""

    @property
    def llm(self) -> Any:
        """For `FunctionCallParams.llm`."""

    @property
    def context(self) -> Any:
        """For `FunctionCallParams.context`."""


class Toolbox:
    """The tools of one call that run. A bad one never takes the call down."""

    def __init__(self, handle: Handle, app_resources: Any, post: Post, spawn: Spawn, run_sync: RunSync) -> None:
        """After `post` the log has the result. `run_sync(function, **arguments)` runs a function off the loop."""
        self._handle = handle
        self._app_resources = app_resources
        self._post = post
        self._spawn = spawn
        self._run_sync = run_sync
        self._loop = asyncio.get_running_loop()
        self._open: dict[str, asyncio.Task[None]] = {}

    def run(self, command: RunTool) -> None:
        """Start a tool."""
        task = self._spawn(self._run(command))
        task.set_name(f"the tool {command.name}")
        self._open[command.call_id] = task

    def cancel(self, call_id: str) -> None:
        """Cancel a tool; it has its result."""
        if task := self._open.pop(call_id, None):
            task.cancel()

    # --- a call -------------------------------------------------------------------------------------------------------

    async def _run(self, command: RunTool) -> None:
        try:
            await _guarded(self._attempt(command), lambda error: self._failed(command, error))
        except asyncio.CancelledError as error:
            if command.call_id in self._open:  # it was not `cancel` that ended the task
                logger.warning("tool {} was cancelled from outside; the model is told", command.name)
                self._end(command, "failed", error_text(error))
            raise

    async def _attempt(self, command: RunTool) -> None:
        tool = self._handle.tools.get(command.name)  # again: it may have gone while the call waited
        if tool is None:
            self._end(command, "failed", f"Error: function '{command.name}' is not registered.")
            return
        try:
            arguments = tool.check(command.arguments)
        except ToolArgumentError as error:
            logger.warning("tool {}: the model's arguments do not fit", command.name)
            self._end(command, "failed", result_text(str(error)))
            return
        result = await self._call(tool, self._params(command, tool, arguments), arguments)
        if inspect.isawaitable(result):  # `return params.result_callback(…)`, or a function that hands on another's
            result = await result
        if tool.returns and (command.call_id in self._open or result is not None):
            self._end(command, "completed", result_text(result))

    def _call(self, tool: Tool, params: FunctionCallParams, arguments: dict[str, Any]) -> Awaitable[Any]:
        if tool.params_name:
            arguments = {**arguments, tool.params_name: params}
        called: Awaitable[Any]
        match tool.style:
            case Style.SYNC:
                called = self._run_sync(tool.handler, **arguments)
            case Style.ASYNC:
                called = tool.handler(**arguments)
            case Style.HANDLER:
                called = tool.handler(params)
            case Style.DIRECT:
                called = tool.handler(params, **arguments)
        return called

    def _params(self, command: RunTool, tool: Tool, arguments: dict[str, Any]) -> FunctionCallParams:
        async def give(result: Any, *, properties: FunctionCallResultProperties | None = None) -> None:
            await self._give(command, tool, result, properties or FunctionCallResultProperties())

        return FunctionCallParams(
            function_name=command.name,
            tool_call_id=command.call_id,
            arguments=arguments,
            result_callback=give,
            call=self._handle,
            app_resources=self._app_resources,
            llm=self._handle.llm,
            context=self._handle.context,
        )

    # --- its results --------------------------------------------------------------------------------------------------

    async def _give(self, command: RunTool, tool: Tool, result: Any, properties: FunctionCallResultProperties) -> None:
        """A handler has a result."""
        if asyncio.get_running_loop() is not self._loop:
            raise RuntimeError("result_callback was called in another thread's loop; a sync tool returns its result")
        if properties.is_final:
            taken = self._end(command, "completed", result_text(result), properties.run_llm)
        else:
            taken = self._update(command, tool, result)
        if taken and properties.on_context_updated is not None:
            await self._tell(command, properties.on_context_updated)

    def _end(self, command: RunTool, outcome: Outcome, text: str, run_llm: bool | None = None) -> bool:
        """Post a final result. False if the call is over already."""
        taken = self._open.pop(command.call_id, None) is not None
        if not taken:
            logger.warning("tool {}: a result came after the call was over; it is ignored", command.name)
        self._post(ToolDone(command.call_id, outcome, text, run_llm))
        return taken

    def _update(self, command: RunTool, tool: Tool, result: Any) -> bool:
        """Post an intermediate result. False if it is refused."""
        if tool.spec.cancel_on_interruption:
            logger.warning("tool {}: only an async tool can give updates; this one is refused", command.name)
            return False
        if command.call_id not in self._open:
            logger.warning("tool {}: an update came after the call was over; it is ignored", command.name)
            return False
        self._post(ToolUpdate(command.call_id, result_text(result)))
        return True

    def _failed(self, command: RunTool, error: BaseException) -> None:
        is_open = command.call_id in self._open
        what = "failed; the model is told" if is_open else "failed after the call was over"
        if isinstance(error, ToolError):
            logger.warning("tool {} {}", command.name, what)
        else:
            logger.opt(exception=error).error("tool {} {}", command.name, what)
        if is_open:
            text = result_text(str(error)) if isinstance(error, ToolError) else error_text(error)
            self._end(command, "failed", text)

    async def _tell(self, command: RunTool, on_context_updated: Callable[[], Awaitable[None]]) -> None:
        """The log has a result."""

        async def tell() -> None:
            await on_context_updated()

        def failed(error: BaseException) -> None:
            logger.opt(exception=error).error("tool {}: its on_context_updated failed", command.name)

        await _guarded(tell(), failed)


async def _guarded(work: Awaitable[None], failed: Callable[[BaseException], None]) -> None:
    """Await code of the application. What it raises is told to `failed`, SystemExit too; only our own end is not."""
    try:
        await work
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        if isinstance(error, asyncio.CancelledError) and is_cancelled():
            raise
        failed(error)
