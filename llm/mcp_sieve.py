"""Tools that a server lists and that are none, by the protocol: they are sifted out, and the others stay.

The package takes a list as a whole or not at all, so they are taken out of the answer before the package sees it.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any

from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCResponse
from mcp_types.methods import parse_server_result
from pydantic import ValidationError

MAX_REASON = 200  # letters


class Sieve:
    """What is wrong with tools that a server listed. `version` is the protocol's, once it is known."""

    def __init__(self) -> None:
        self.version = ""
        self.faults: list[tuple[str, str]] = []
        """The name of each tool that was taken out, if it has one, and what is wrong with it."""

    @contextlib.asynccontextmanager
    async def over(self, transport: AbstractAsyncContextManager[Any]) -> AsyncIterator[Any]:
        """The streams of a transport, whose lists of tools are sifted."""
        async with transport as (received, sent):
            yield Sifted(received, self), sent

    def sift(self, item: SessionMessage | Exception) -> None:
        """Take out of a list of tools what is no tool."""
        if not self.version or isinstance(item, Exception) or not isinstance(item.message, JSONRPCResponse):
            return
        result = item.message.result
        if isinstance(tools := result.get("tools"), list):
            result["tools"] = [tool for tool in tools if self._is_tool(tool, result)]

    def _is_tool(self, tool: Any, result: dict[str, Any]) -> bool:
        try:
            parse_server_result("tools/list", self.version, {**result, "tools": [tool]})
        except ValidationError as error:
            found = [each for each in error.errors() if each["loc"][:1] == ("tools",)]
            if not found:
                return True  # the list itself is wrong, which the package will say
            name = tool.get("name") if isinstance(tool, dict) else None
            where = ".".join(["it", *map(str, found[0]["loc"][2:])])
            self.faults.append((name if isinstance(name, str) else "", f"{where}: {found[0]['msg']}"[:MAX_REASON]))
            return False
        return True


class Sifted:
    """A stream of messages that pass through a sieve."""

    def __init__(self, stream: Any, sieve: Sieve) -> None:
        self._stream = stream
        self._sieve = sieve

    @property
    def last_context(self) -> Any:
        """The context of whoever sent the last message, which the package asks for."""
        return getattr(self._stream, "last_context", None)

    async def receive(self) -> SessionMessage | Exception:
        """The next message."""
        item: SessionMessage | Exception = await self._stream.receive()
        self._sieve.sift(item)
        return item

    async def aclose(self) -> None:
        """Receive no more."""
        await self._stream.aclose()

    def __aiter__(self) -> Sifted:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        item: SessionMessage | Exception = await anext(self._stream)
        self._sieve.sift(item)
        return item

    async def __aenter__(self) -> Sifted:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
