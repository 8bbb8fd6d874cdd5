"""Calls of an MCP server's tools. What is lost in mid-call is not asked again, since it may have had an effect.

What the server has not seen is asked again, once it is back.
"""

from __future__ import annotations

import asyncio
import math
import re
from typing import Any

from mcp.shared.exceptions import MCPError
from mcp_types import CONNECTION_CLOSED, CallToolResult

from llm.mcp_http import FAILED, MAX_BODY_BYTES, NOT_DELIVERED
from llm.mcp_link import ServerLink
from llm.mcp_offers import error_text, result_text
from llm.tools import ToolError

MAX_AT_ONCE = 64  # calls of one server; more wait, as part of their time
SILENT_S = 5.0  # a server that owed an answer for so long is asked whether it is there
MAX_ERROR = 2000  # letters of an error that the model is told
_TOO_LONG = re.compile(r"SSE stream failed: .* exceeded the \d+ byte limit")
"""What the package says of an event over the limit that it is given."""


class Calls:
    """The calls of one server, from any task."""

    def __init__(self, link: ServerLink) -> None:
        self._link = link
        self._server = link.server
        self._room = asyncio.Semaphore(MAX_AT_ONCE)

    async def call(self, name: str, arguments: dict[str, Any]) -> str:
        """Call a tool by the name that the model uses; returns what the model reads. Raises ToolError.

        It ends within `timeout_s`. When the time is over, or it is cancelled, the call is cancelled at the server.
        """
        limit_s = None if self._server.timeout_s == math.inf else self._server.timeout_s
        now = asyncio.get_running_loop().time
        began, answered = now(), False
        try:
            async with asyncio.timeout(limit_s), self._room:
                result = await self._request(name, arguments)
                answered = True
        except TimeoutError:
            raise ToolError(f"Error: '{name}' did not answer within {limit_s:g} s.") from None
        finally:
            if not answered and now() - began >= min(SILENT_S, self._server.timeout_s):
                self._link.doubt()
        if result.is_error:
            text = error_text(result.content, result.structured_content)
            raise self._failed(text or "the tool failed and does not say why")
        return result_text(result.content, result.structured_content)

    async def _request(self, name: str, arguments: dict[str, Any]) -> CallToolResult:
        """Ask until the server has the request, for at most `connect_s`."""
        until = asyncio.get_running_loop().time() + self._server.connect_s
        while True:
            client = await self._link.reachable(until)
            if client is None:
                raise ToolError(f"Error: the tool server '{self._link.label}' cannot be reached.")
            offer = self._link.catalogue.offers.get(name)
            if offer is None:
                raise ToolError(f"Error: function '{name}' is not registered.")
            try:
                result = await self._link.ask(client, offer.name, arguments)
            except MCPError as error:
                if error.code != NOT_DELIVERED or not self._link.is_lost(client):
                    raise self._refused(name, error) from None
            except Exception as error:  # a result that does not fit the protocol, or its own schema
                raise self._failed(f"'{name}' gave a result that cannot be used: {error}") from None
            else:
                self._link.proved()
                return result

    def _refused(self, name: str, error: MCPError) -> ToolError:
        """An error that is none of the tool's."""
        label = self._link.label
        if _TOO_LONG.match(error.message):
            return self._failed(f"the tool server '{label}': its answer is longer than {MAX_BODY_BYTES >> 20} MiB")
        if error.code == CONNECTION_CLOSED:
            self._link.doubt()  # if the whole server is gone, it is seen now
            what = f"the connection to the tool server '{label}' was lost while '{name}' ran"
            return ToolError(f"Error: {what}; whether it was done is not known.")
        return self._failed(f"the tool server '{label}': {error.message}" if error.code == FAILED else error.message)

    def _failed(self, text: str) -> ToolError:
        return ToolError(f"Error: {self._server.hide(text)[:MAX_ERROR]}")
