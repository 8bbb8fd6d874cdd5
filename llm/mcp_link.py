"""One MCP server: its connection, which comes back when it is lost, and its list of tools.

One task owns the connection: it opens it, watches it, closes it and opens the next, as the package's cancel scopes
want it. Calls (llm/mcp_calls.py) come from any task.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from enum import Enum, auto
from importlib import metadata
from random import Random
from typing import Any, Literal

import anyio
from loguru import logger
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CONNECTION_CLOSED,
    METHOD_NOT_FOUND,
    CallToolResult,
    Implementation,
    Tool,
    ToolListChangedNotification,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from link.backoff import delays
from link.errors import ConfigError
from link.tasks import Spawn
from llm.mcp_http import FAILED, NOT_DELIVERED, endpoint
from llm.mcp_offers import Catalogue, catalogue
from llm.mcp_options import MCPServer
from llm.mcp_sieve import Sieve
from llm.mcp_stdio import child

CAP_S = 10.0  # between two attempts to come back; a call waits as long by default
LISTEN_CAP_S = 60.0  # between two attempts to hear of changes
REREAD_S = 0.25  # a list that changes more often is not read more often
CLOSE_S = 4.0  # longer than a child is given to end
MAX_PAGES = 64


class End(Enum):
    """How a connection ended."""

    LOST = auto()
    """It had come up."""
    REFUSED = auto()
    """It had not."""
    HOPELESS = auto()
    """It had not, and cannot: there is no such program."""


class ServerLink:
    """A tool server. `begin`, then `until_up`; in the end `end` and `close`."""

    def __init__(self, server: MCPServer, spawn: Spawn, random: Random, on_list: Callable[[ServerLink], None]) -> None:
        """`on_list` hears of each list of tools that was read, also of an unchanged one."""
        self.server = server
        self.label = server.label
        self.catalogue = Catalogue()
        self._spawn = spawn
        self._random = random
        self._on_list = on_list
        self._task: asyncio.Task[None] | None = None
        self._asked: set[asyncio.Task[None]] = set()
        """The calls that run, or that were given up and of which the server is being told."""
        self._client: Client | None = None
        """Set while calls can be made."""
        self._up = asyncio.Event()
        self._first = asyncio.Event()
        """The first attempt is over, or came up; `_refusal` says how it failed."""
        self._refusal = "it was closed"
        """Empty once it was up, whatever comes later."""
        self._lost = asyncio.Event()
        self._stale = asyncio.Event()
        """The list of tools is to be read again."""
        self._trouble = ""
        self._sieve = Sieve()
        """Of this connection."""
        self._mode: Literal["auto", "legacy"] = "auto"
        """Whether to ask for the protocol of 2026 first."""
        self._proven = False
        """A call was answered on this connection."""

    # --- life ---------------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Start to connect."""
        self._task = self._spawn(self._keep())

    async def until_up(self) -> None:
        """Wait for the first attempt to come up. Raises ConfigError when it failed; there is no second one then.

        If the connection was lost since, it comes back as any other does.
        """
        await self._first.wait()
        if self._refusal:
            raise ConfigError(f"the tool server '{self.label}' cannot be used: {self._refusal}")

    def end(self) -> None:
        """Begin to close."""
        if self._task is not None:
            self._task.cancel()

    async def close(self) -> None:
        """After `end`: wait until the connection is closed and the child has ended, for at most twice CLOSE_S."""
        task, self._task = self._task, None
        tasks = {*self._asked, *([task] if task else ())}
        if await _are_over(tasks):
            return
        for each in tasks:
            each.cancel()  # the second time a child is killed at once
        if not await _are_over(tasks):
            logger.error("the connection to the tool server {} does not end; it is left behind", self.label)

    async def _keep(self) -> None:
        try:
            if await self._first_attempt():
                await self._come_back()
            else:
                self._refusal = self._trouble
        finally:
            self._first.set()

    async def _first_attempt(self) -> bool:
        """The first connection, to its end; whether it came up."""
        end = await self._run()
        if end is End.REFUSED and self.server.command:
            self._mode = "legacy"  # a program may leave at the first word of a protocol that it does not know
            end = await self._run()
        return end is End.LOST

    async def _come_back(self) -> None:
        """A connection was lost: for ever another one."""
        waits = delays(self._random, cap_s=CAP_S)
        end = End.LOST
        while True:
            if end is End.LOST:
                logger.warning("the tool server {} is lost: {}; connecting again", self.label, self._trouble)
            if self._proven:
                waits = delays(self._random, cap_s=CAP_S)
            await asyncio.sleep(next(waits))
            end = await self._run()

    async def _run(self) -> End:
        """One connection, from its beginning to its end, after which `_trouble` says why."""
        self._lost.clear()
        self._trouble, self._proven = "", False
        end = End.REFUSED
        try:
            async with asyncio.timeout(self.server.connect_s) as limit, self._open() as client:
                await self._read(client)
                limit.reschedule(None)
                if self._is_up(client):
                    end = End.LOST
                    await self._watch(client)
        except TimeoutError:
            self._lose(f"it did not answer as an MCP server within {self.server.connect_s:g} s")
        except ConfigError as error:
            self._lose(str(error))
            end = End.HOPELESS
        except Exception as error:  # what the package raises is nowhere listed
            self._lose(_in_words(error))
        finally:
            self._is_down()
        return end

    @contextlib.asynccontextmanager
    async def _open(self) -> AsyncIterator[Client]:
        self._sieve = sieve = Sieve()
        transport = sieve.over((child if self.server.command else endpoint)(self.server, self._lose))
        about = Implementation(name="voicewire", version=_version())
        async with Client(
            transport, mode=self._mode, client_info=about, message_handler=self._on_message, cache=None
        ) as client:
            sieve.version = client.protocol_version
            yield client

    def _is_up(self, client: Client) -> bool:
        if self._lost.is_set():
            return False
        if self._first.is_set():
            logger.info("the tool server {} is back", self.label)
        self._client = client
        self._refusal = ""
        self._up.set()
        self._first.set()
        return True

    def _is_down(self) -> None:
        self._client = None
        self._up.clear()

    def _lose(self, reason: str) -> None:
        """The connection is of no use any more; the first reason counts."""
        self._is_down()
        if not self._lost.is_set():
            self._trouble = self.server.hide(reason)
            self._lost.set()

    # --- the list of tools --------------------------------------------------------------------------------------------

    async def _watch(self, client: Client) -> None:
        """Until the connection is lost."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._follow, client)
            if client.protocol_version not in MODERN_PROTOCOL_VERSIONS:
                group.start_soon(self._read_once_more)
            elif _tells_of_changes(client):
                group.start_soon(self._listen, client)
            await self._lost.wait()
            group.cancel_scope.cancel()

    async def _on_message(self, message: object) -> None:
        if isinstance(message, ToolListChangedNotification):
            self._stale.set()

    async def _read_once_more(self) -> None:
        """Before 2026 the package opens the stream of changes, over HTTP, when we have the list already."""
        await asyncio.sleep(REREAD_S)
        self._stale.set()

    async def _listen(self, client: Client) -> None:
        """Hear of changes as the protocol of 2026 has it."""
        for delay_s in delays(self._random, cap_s=LISTEN_CAP_S):
            try:
                async with asyncio.timeout(self.server.connect_s) as limit:
                    async with client.listen(tools_list_changed=True) as changes:
                        limit.reschedule(None)
                        self._stale.set()  # what changed until now was not told
                        async for _ in changes:
                            self._stale.set()
            except (MCPError, RuntimeError, TimeoutError) as error:
                logger.debug("the tool server {} does not tell of changes: {}", self.label, type(error).__name__)
            await asyncio.sleep(delay_s)

    async def _follow(self, client: Client) -> None:
        """Read the list again when it may have changed; which shows as well whether the server is there."""
        failed = False
        while True:
            await self._stale.wait()
            self._stale.clear()
            try:
                async with asyncio.timeout(self.server.connect_s):
                    await self._read(client)
                failed = False
            except TimeoutError:
                self._lose("it does not answer any more")
            except Exception as error:
                if not failed:
                    what = self.server.hide(_in_words(error))
                    logger.warning("the tool server {} does not list its tools: {}", self.label, what)
                failed = True
                await asyncio.sleep(CAP_S)
                self._stale.set()
            await asyncio.sleep(REREAD_S)

    async def _read(self, client: Client) -> None:
        listed: list[Tool] = []
        self._sieve.faults.clear()
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            try:
                page = await client.list_tools(cursor=cursor)
            except MCPError as error:
                if error.code != METHOD_NOT_FOUND:
                    raise
                break
            listed += page.tools
            cursor = page.next_cursor
            if not cursor:
                break
        self.catalogue = catalogue(self.server, listed, self._sieve.faults)
        self._on_list(self)

    # --- for calls ----------------------------------------------------------------------------------------------------

    async def reachable(self, until: float) -> Client | None:
        """The connection, once there is one; None if there is none at `until`, a time of the loop."""
        try:
            async with asyncio.timeout_at(until):
                while self._client is None:
                    await self._up.wait()
        except TimeoutError:
            return None
        return self._client

    async def ask(self, client: Client, name: str, arguments: dict[str, Any]) -> CallToolResult:
        """Call a tool by the server's name for it. Raises whatever the package does.

        Who gives this up goes at once: to tell the server so, which may take the package 5 s, is left to a task.
        """
        outcome: list[CallToolResult | Exception] = []
        task = self._spawn(_ask(client, name, arguments, outcome))
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)
        try:
            await asyncio.wait([task])
        finally:
            task.cancel()
        result = outcome[0] if outcome else MCPError(CONNECTION_CLOSED, "the call was ended with its server")
        if isinstance(result, Exception):
            raise result
        return result

    def is_lost(self, client: Client) -> bool:
        """Whether a connection that calls could use cannot be used any more."""
        return client is not self._client

    def proved(self) -> None:
        """A call was answered: the next loss is a new one."""
        self._proven = True

    def doubt(self) -> None:
        """An answer did not come: see whether the server is there, by reading its list of tools."""
        self._stale.set()


async def _ask(client: Client, name: str, arguments: dict[str, Any], outcome: list[CallToolResult | Exception]) -> None:
    try:
        outcome.append(await client.call_tool(name, arguments))
    except Exception as error:  # what the package raises is nowhere listed
        outcome.append(error)


async def _are_over(tasks: set[asyncio.Task[None]]) -> bool:
    return not tasks or not (await asyncio.wait(tasks, timeout=CLOSE_S))[1]


def _in_words(error: BaseException) -> str:
    """Why a connection did not come about, or a list."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if not isinstance(error, MCPError):
        return f"{type(error).__name__}: {error}"
    ours = error.code in (NOT_DELIVERED, FAILED, CONNECTION_CLOSED)
    return error.message if ours else f"it does not speak MCP as we do: {error.message}"


def _tells_of_changes(client: Client) -> bool:
    tools = client.server_capabilities.tools
    return tools is not None and bool(tools.list_changed)


def _version() -> str:
    try:
        return metadata.version("voicewire")
    except metadata.PackageNotFoundError:  # it runs from its repository
        return "0"
