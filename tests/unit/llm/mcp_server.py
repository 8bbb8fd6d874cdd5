"""A small real MCP server, made with the official package: `python -m tests.unit.llm.mcp_server [old] [noisy]`.

`old` speaks the protocol before 2026 only; `noisy` writes to stdout and stderr what it should not. `serving` runs the
same server over streamable HTTP on loopback.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator
from typing import Any

import anyio
import uvicorn
from mcp.server.lowlevel.server import NotificationOptions
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.runner import serve_loop
from mcp.server.stdio import stdio_server
from mcp_types import AudioContent, CallToolResult, EmbeddedResource, ImageContent, TextContent, TextResourceContents
from starlette.types import ASGIApp, Receive, Scope, Send

PIXEL = "iVBORw0KGgo="


def make() -> MCPServer:
    """The server and its tools."""
    server = MCPServer("tests", log_level="ERROR")
    begun: list[str] = []
    cancelled: list[str] = []

    @server.tool(structured_output=False)
    def echo(text: str) -> str:
        """Say it again."""
        return text

    @server.tool()
    def add(a: int, b: int) -> int:
        """The sum of two numbers."""
        return a + b

    @server.tool(name="time.now", structured_output=False)
    def time_now() -> str:
        """A name that no model takes."""
        return "noon"

    @server.tool(structured_output=False)
    async def slow(name: str, seconds: float = 60.0) -> str:
        """Takes its time, and notes when it is cancelled."""
        begun.append(name)
        try:
            await anyio.sleep(seconds)
        except anyio.get_cancelled_exc_class():
            cancelled.append(name)
            raise
        return f"{name} is done"

    @server.tool(structured_output=False)
    def notes() -> str:
        """Which slow calls have begun, and which were cancelled."""
        return f"begun {','.join(begun)}; cancelled {','.join(cancelled)}"

    @server.tool()
    def fails() -> str:
        """Always."""
        raise ToolError(f"the disk is full, says {os.environ.get('TEST_TOKEN', 'nobody')}")

    @server.tool()
    def mixed() -> CallToolResult:
        """All kinds of content."""
        return CallToolResult(
            content=[
                TextContent(type="text", text="two words"),
                ImageContent(type="image", data=PIXEL, mime_type="image/png"),
                AudioContent(type="audio", data=PIXEL, mime_type="audio/wav"),
                EmbeddedResource(
                    type="resource", resource=TextResourceContents(uri="file:///notes.txt", text="the third")
                ),
            ]
        )

    @server.tool(structured_output=False)
    def large(letters: int) -> str:
        """So many letters."""
        return "x" * letters

    @server.tool(structured_output=False)
    def environment() -> str:
        """The variables that the process sees."""
        return " ".join(sorted(os.environ))

    @server.tool(structured_output=False)
    def pid() -> str:
        """The process."""
        return str(os.getpid())

    @server.tool(structured_output=False)
    async def change(context: Context[Any, Any], add_tool: str = "", remove_tool: str = "") -> str:
        """Add a tool, or take one away, and say so."""
        if add_tool:
            server.add_tool(lambda: f"I am {add_tool}", name=add_tool, description="new", structured_output=False)
        if remove_tool:
            server.remove_tool(remove_tool)
        await context.notify_tools_changed()  # as of 2026
        if context.request_context.protocol_version < "2026":
            await context.request_context.session.send_tool_list_changed()
        return "changed"

    @server.tool(structured_output=False)
    def dies(code: int) -> str:
        """At once."""
        os._exit(code)

    @server.tool(structured_output=False)
    def freezes() -> str:
        """Nothing more is ever heard of it."""
        os.kill(os.getpid(), 19)
        return "never"

    return server


async def run_old(server: MCPServer) -> None:
    """Serve the protocol before 2026 on stdin and stdout; told anything else first, it leaves, as some servers do."""
    lowlevel = server._lowlevel_server
    options = lowlevel.create_initialization_options(NotificationOptions(tools_changed=True))
    async with stdio_server() as (read, write), lowlevel.lifespan(lowlevel) as state:
        await serve_loop(lowlevel, read, write, lifespan_state=state, init_options=options)


# --- over HTTP --------------------------------------------------------------------------------------------------------


class Site:
    """The server over streamable HTTP on loopback, in this process. It can be stopped and started again."""

    def __init__(self, *, old: bool = False, as_json: bool = False, token: str = "") -> None:
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}/mcp"
        self.requests: list[str] = []
        """The methods of HTTP, in order."""
        self.status = 0
        """What each request is answered with, if it is not 0."""
        self._old = old
        self._as_json = as_json
        self._token = token
        self._server: uvicorn.Server | None = None

    async def start(self) -> None:
        """Serve."""
        app = make().streamable_http_app(json_response=self._as_json)
        config = uvicorn.Config(
            self._watched(app), port=self.port, log_config=None, log_level="critical", timeout_graceful_shutdown=0
        )
        config.load()
        self._server = uvicorn.Server(config)
        self._server.lifespan = config.lifespan_class(config)
        await self._server.startup()

    async def stop(self) -> None:
        """Cut all connections and listen no more."""
        if self._server is not None:
            for connection in list(self._server.server_state.connections):
                connection.transport.abort()
            self._server.force_exit = True
            await self._server.shutdown()
        self._server = None

    def _watched(self, app: ASGIApp) -> ASGIApp:
        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                headers = dict(scope["headers"])
                self.requests.append(scope["method"])
                refused = 400 if self._old and headers.get(b"mcp-method") == b"server/discover" else self.status
                if self._token and headers.get(b"authorization") != f"Bearer {self._token}".encode():
                    refused = 401
                if refused:
                    await send({"type": "http.response.start", "status": refused, "headers": []})
                    await send({"type": "http.response.body", "body": b"no"})
                    return
            await app(scope, receive, send)

        return watched


@contextlib.asynccontextmanager
async def serving(*, old: bool = False, as_json: bool = False, token: str = "") -> AsyncIterator[Site]:
    """A site for as long as it is needed."""
    site = Site(old=old, as_json=as_json, token=token)
    await site.start()
    try:
        yield site
    finally:
        await site.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def main() -> None:
    """Serve on stdin and stdout."""
    words = sys.argv[1:]
    if "noisy" in words:
        print("a banner, which is no message", flush=True)  # noqa: T201
        print(f"[1, 2]\nnull\n{'[' * 500}\n", flush=True)  # noqa: T201
        print(f"listening with the token {os.environ.get('TEST_TOKEN')}", file=sys.stderr, flush=True)  # noqa: T201
    server = make()
    if "old" in words:
        asyncio.run(run_old(server))
    else:
        server.run()


if __name__ == "__main__":
    main()
