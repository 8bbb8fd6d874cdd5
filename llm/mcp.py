"""Tools from MCP servers, which the model calls like any other.

    mcp = MCPTools([MCPServer(command="uvx", args=["mcp-server-time"])], spawn)
    await mcp.start()
    registry = ToolRegistry([*own_tools, *mcp.tools()])

One connection for the process and server, shared by all calls. It needs the package `mcp`: `voicewire[mcp]`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from random import Random
from typing import TYPE_CHECKING

from loguru import logger

from link.errors import ConfigError, install
from link.tasks import Spawn
from llm import cancel_tool
from llm.mcp_offers import Offer
from llm.mcp_options import MCPServer
from llm.tool_schema import schema_arguments
from llm.tools import FunctionCallParams, Style, Tool, make_spec

if TYPE_CHECKING:
    from llm.mcp_calls import Calls
    from llm.mcp_link import ServerLink

__all__ = ["MCPServer", "MCPTools"]

OURS = "the agent"


class MCPTools:
    """The tools of some MCP servers. `start`, then `tools`; `close` in the end."""

    def __init__(
        self,
        servers: Sequence[MCPServer],
        spawn: Spawn,
        *,
        taken: Collection[str] = (),
        on_change: Callable[[], None] = lambda: None,
        random: Random | None = None,
    ) -> None:
        """`taken`: the names of the agent's own tools. `on_change` hears that `tools` gives others than before.

        `spawn` starts a task and owns it.
        """
        self._servers = tuple(servers)
        self._spawn = spawn
        self._taken = frozenset({*taken, cancel_tool.NAME})
        self._on_change = on_change
        self._random = random or Random()
        self._links: list[ServerLink] = []
        self._calls: dict[ServerLink, Calls] = {}
        self._tools: dict[ServerLink, dict[str, Tool]] = {}
        self._faults: dict[ServerLink, list[str]] = {}
        """What was left out of each list, and said to be."""

    async def start(self) -> None:
        """Connect to all servers and list their tools. Raises ConfigError in one sentence, and then holds nothing."""
        if not self._servers:
            return
        try:
            from llm.mcp_calls import Calls
            from llm.mcp_link import ServerLink
        except ImportError as error:
            what = f"tools from MCP servers need the package `mcp`; install it: {install('mcp')}"
            raise ConfigError(f"{what} ({error})") from error
        try:
            for server in self._servers:
                link = ServerLink(server, self._spawn, self._random, self._listed)
                self._links.append(link)
                self._calls[link] = Calls(link)
                link.begin()
            for link in self._links:
                await link.until_up()
            self._check_names()
        except BaseException:
            await self.close()
            raise

    def tools(self) -> tuple[Tool, ...]:
        """The tools as they are now: servers may add some and take some away. A name is given once."""
        named: dict[str, Tool] = {}
        for link in self._links:
            for name, tool in self._tools.get(link, {}).items():
                if name not in self._taken:
                    named.setdefault(name, tool)
        return tuple(named.values())

    async def close(self) -> None:
        """Close all connections and end the children. Closing twice is closing once."""
        for link in self._links:
            link.end()
        for link in self._links:
            await link.close()

    def _listed(self, link: ServerLink) -> None:
        """A server's list was read; what is the same as before stays the same."""
        before = self._tools.get(link, {})
        found: dict[str, Tool] = {}
        faults = [*link.catalogue.clashes, *link.catalogue.faults]
        for name, offer in link.catalogue.offers.items():
            old = before.get(name)
            if old is not None and old.spec.schema == offer.schema:
                found[name] = old
                continue
            try:
                found[name] = _tool(link.server, self._calls[link], offer)
            except ConfigError as error:
                faults.append(str(error))
        if not found:
            faults.append("everything: it has no tools, or the filters let none through")
        self._tools[link] = found
        for fault in faults:
            if fault not in self._faults.get(link, ()):
                logger.warning("the tool server {}: left out: {}", link.label, link.server.hide(fault))
        self._faults[link] = faults
        if found.keys() != before.keys():
            logger.debug("the tool server {} has {} tools: {}", link.label, len(found), ", ".join(found))
        if found != before:
            self._on_change()

    def _check_names(self) -> None:
        """Raises ConfigError where two tools would have one name."""
        help_ = "give a server a `name`, which goes in front of its tools' names, or leave one out with `exclude`"
        owners = dict.fromkeys(self._taken, OURS)
        for link in self._links:
            label = f"the tool server '{link.label}'"
            if link.catalogue.clashes:
                raise ConfigError(f"two tools of {label} have one name: {link.catalogue.clashes[0]}; {help_}")
            for name in self._tools[link]:
                if name in owners:
                    raise ConfigError(f"{owners[name]} and {label} both have a tool '{name}'; {help_}")
                owners[name] = label


def _tool(server: MCPServer, calls: Calls, offer: Offer) -> Tool:
    """A tool of a server as one of ours. Raises ConfigError for a schema that is none."""
    name = offer.schema.name

    async def call(params: FunctionCallParams) -> None:
        await params.result_callback(await calls.call(name, params.arguments))

    interrupted = server.cancel_on_interruption
    spec = make_spec(offer.schema, cancel_on_interruption=interrupted, timeout_secs=server.timeout_s, when="now")
    return Tool(spec, call, schema_arguments(name, offer.rules), Style.HANDLER)
