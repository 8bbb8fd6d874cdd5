"""An MCP server behind an address: streamable HTTP, by the package's transport over a client of ours.

A request that fails would end the package's transport and all calls on it. Here it becomes an error that answers this
one request and says whether the server can have seen it; only a server that cannot be reached ends the connection.
"""

from __future__ import annotations

import contextlib
import functools
import math
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any, cast
from urllib.parse import urlsplit

import httpx2
from mcp.client.streamable_http import MCP_SESSION_ID, streamable_http_client
from mcp.shared.inbound import MCP_METHOD_HEADER
from mcp_types import CONNECTION_CLOSED

from llm.mcp_options import MCPServer
from llm.mcp_terms import Term, Terms

NOT_DELIVERED = -32099
"""The code of a request that the server has not seen; this and the next from the range that JSON-RPC leaves to us."""
FAILED = -32098
"""The code of a request that was answered, but not by MCP."""
MAX_BODY_BYTES = 4 << 20
END_S = 1.0  # to end a session
SPARE_S = 5.0  # a connection is held for longer than its call, which gives up first
LISTEN = "subscriptions/listen"
LOOPBACK = ("127.0.0.1", "localhost", "::1")

OnLost = Callable[[str], None]


@contextlib.asynccontextmanager
async def endpoint(server: MCPServer, on_lost: OnLost) -> AsyncIterator[Any]:
    """The streams of a server; `on_lost(reason)` says that it is gone."""
    async with httpx2.AsyncClient(
        headers=dict(server.headers),
        limits=httpx2.Limits(max_connections=None),  # how many calls run at once is bounded elsewhere
        verify=_tls(),
        trust_env=urlsplit(server.url).hostname not in LOOPBACK,  # a proxy of the environment
    ) as client:
        requests = Requests(client, server, on_lost)
        async with streamable_http_client(
            server.url, http_client=cast(httpx2.AsyncClient, requests), max_sse_event_size=MAX_BODY_BYTES
        ) as streams:
            yield streams


@functools.cache
def _tls() -> ssl.SSLContext:
    """Made once: it takes 50 ms, in which every call of the process would stand still."""
    return httpx2.create_ssl_context()


class Requests:
    """What the package's transport uses of an `httpx2.AsyncClient`. `send` answers where that would raise."""

    def __init__(self, client: httpx2.AsyncClient, server: MCPServer, on_lost: OnLost) -> None:
        self._client = client
        self._server = server
        self._on_lost = on_lost
        self._terms = Terms(server.timeout_s + SPARE_S)
        self.build_request = client.build_request
        self.max_redirects = client.max_redirects

    async def send(self, request: httpx2.Request, *, stream: bool, follow_redirects: bool) -> httpx2.Response:
        """Send a request; all but streams of events is read whole, at most 4 MiB."""
        request.extensions["timeout"] = self._timeouts(request).as_dict()
        term = self._terms.of(_body(request))
        try:
            async with term.kept():
                return await self._answer(request, term, follow_redirects=follow_redirects)
        except TimeoutError:
            return _failure(request, 504, FAILED, "its time is over")  # for nobody: the call was given up before
        except httpx2.RequestError as error:
            return self._failed(request, error)

    async def _answer(self, request: httpx2.Request, term: Term, *, follow_redirects: bool) -> httpx2.Response:
        if request.method == "DELETE":  # the end of a session: whoever is gone has ended it
            await (await self._client.send(request, stream=True)).aclose()
            return httpx2.Response(204, request=request)
        response = await self._client.send(request, stream=True, follow_redirects=follow_redirects)
        if response.status_code < 400 and not _is_json(response):
            assert isinstance(response.stream, httpx2.AsyncByteStream)
            response.stream = Bounded(response.stream, term)
            return response  # a stream of events; the package bounds each
        return self._judged(request, await _whole(request, response))

    def _failed(self, request: httpx2.Request, error: httpx2.RequestError) -> httpx2.Response:
        """What it means that a request got no response."""
        if request.method == "DELETE":
            return httpx2.Response(204, request=request)
        what = str(error) or type(error).__name__
        if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout):
            return self._undelivered(request, 502, f"it cannot be reached: {what}")
        return _failure(request, 502, CONNECTION_CLOSED, f"the connection broke: {what}")

    def _undelivered(self, request: httpx2.Request, status: int, reason: str) -> httpx2.Response:
        self._on_lost(reason)
        return _failure(request, status, NOT_DELIVERED, reason)

    def _judged(self, request: httpx2.Request, response: httpx2.Response) -> httpx2.Response:
        """A response that came whole, or what it means."""
        status = response.status_code
        if status == 404 and MCP_SESSION_ID in request.headers:
            return self._undelivered(request, status, "it does not know the session any more")
        if len(response.content) > MAX_BODY_BYTES:
            return _failure(request, 502, FAILED, f"its answer is longer than {MAX_BODY_BYTES >> 20} MiB")
        if status >= 400 and b'"jsonrpc"' not in response.content:
            return _failure(request, status, FAILED, f"it answered with HTTP {status}")
        return response

    def _timeouts(self, request: httpx2.Request) -> httpx2.Timeout:
        """A call has a limit of its own: this one only frees what a server never answers. Listening has none."""
        if request.method == "DELETE":
            return httpx2.Timeout(END_S)
        listens = request.method == "GET" or request.headers.get(MCP_METHOD_HEADER) == LISTEN
        read_s = None if listens or self._server.timeout_s == math.inf else self._server.timeout_s + SPARE_S
        return httpx2.Timeout(self._server.connect_s, read=read_s)


class Bounded(httpx2.AsyncByteStream):
    """The body of an answer, as long as its term lasts."""

    def __init__(self, stream: httpx2.AsyncByteStream, term: Term) -> None:
        self._stream = stream
        self._term = term

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The body. Raises SSEError when the term is over: after any other error the package would ask for the rest."""
        chunks = aiter(self._stream)
        while True:
            try:
                async with self._term.kept():
                    chunk = await anext(chunks, None)
            except TimeoutError:
                raise httpx2.SSEError("its time is over") from None
            if chunk is None:
                return
            yield chunk

    async def aclose(self) -> None:
        """Read no more."""
        await self._stream.aclose()


def _body(request: httpx2.Request) -> bytes:
    """What a request carries; nothing where it was redirected."""
    try:
        return request.content
    except httpx2.RequestNotRead:
        return b""


def _is_json(response: httpx2.Response) -> bool:
    return response.headers.get("content-type", "").lower().startswith("application/json")


async def _whole(request: httpx2.Request, response: httpx2.Response) -> httpx2.Response:
    """A response with its body; where that is too long, with so much of it that this shows."""
    content = bytearray()
    async with contextlib.aclosing(response):
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > MAX_BODY_BYTES:
                break
    kept = {name: value for name in ("content-type", MCP_SESSION_ID) if (value := response.headers.get(name))}
    return httpx2.Response(response.status_code, headers=kept, content=bytes(content), request=request)


def _failure(request: httpx2.Request, status: int, code: int, message: str) -> httpx2.Response:
    """An error as a server would answer it; the package gives it to whoever waits for this request."""
    body = {"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": message}}
    return httpx2.Response(status, json=body, request=request)
