"""An endpoint that speaks Chat Completions over HTTP, whose answers a test writes.

Its chunks are the `openai` package's own models. A request is answered by an act, a coroutine that is given it: the
first request by the first act, and so on; the last act goes on for ever.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from aiohttp import web
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletionChunk
from openai.types.chat.chat_completion_chunk import (
    Choice,
    ChoiceDelta,
    ChoiceDeltaToolCall,
    ChoiceDeltaToolCallFunction,
)
from openai.types.completion_usage import CompletionTokensDetails, PromptTokensDetails

MODEL = "m-2026-05-01"
"""The model that answers, whichever was asked."""
USAGE = CompletionUsage(
    prompt_tokens=30,
    completion_tokens=20,
    total_tokens=50,
    prompt_tokens_details=PromptTokensDetails(cached_tokens=16),
    completion_tokens_details=CompletionTokensDetails(reasoning_tokens=4),
)


def chunk_of(*choices: Choice, usage: CompletionUsage | None = None) -> ChatCompletionChunk:
    """A chunk; without choices it is the last one, with the usage."""
    return ChatCompletionChunk(
        id="chatcmpl-1", choices=list(choices), created=1, model=MODEL, object="chat.completion.chunk", usage=usage
    )


def delta(content: str | None = None, **more: Any) -> ChatCompletionChunk:
    """A piece of the answer; `more` are further fields of its delta, known to the package or not."""
    return chunk_of(Choice(index=0, delta=ChoiceDelta.model_validate({"content": content, **more})))


def ended(reason: Any = "stop") -> ChatCompletionChunk:
    """The end of the answer; `reason` may be one that the package does not know."""
    return chunk_of(Choice.model_construct(index=0, delta=ChoiceDelta(), finish_reason=reason))


def piece(index: int, arguments: str | None = None, name: str | None = None, id: str | None = None) -> Any:
    """A piece of a call."""
    function = ChoiceDeltaToolCallFunction(name=name, arguments=arguments)
    return ChoiceDeltaToolCall(index=index, id=id, function=function, type="function" if id else None)


def calls(*pieces: Any) -> ChatCompletionChunk:
    """A chunk with pieces of calls."""
    return chunk_of(Choice(index=0, delta=ChoiceDelta(tool_calls=list(pieces))))


class Asked:
    """One request, and a way to answer it."""

    def __init__(self, request: web.Request, body: Any) -> None:
        self.path = request.path
        self.query = dict(request.query)
        self.headers = request.headers
        self.body = body
        self.gone = asyncio.Event()
        """The client hung up before the answer was complete."""
        self._request = request
        self._response: web.StreamResponse | None = None

    async def refuse(self, status: int, body: Any = None, headers: Mapping[str, str] | None = None) -> None:
        """No answer, but a status and what is said of it: a JSON body, or text as it is."""
        self._response = (
            web.Response(status=status, text=body, headers=headers)
            if isinstance(body, str)
            else web.json_response(body, status=status, headers=headers)
        )

    async def chunk(self, *chunks: ChatCompletionChunk) -> None:
        """Chunks of the answer."""
        for each in chunks:
            await self.raw(f"data: {each.model_dump_json()}\n\n")

    async def say(self, *texts: str) -> None:
        """Pieces of text, each in a chunk."""
        await self.chunk(*map(delta, texts))

    async def end(self, reason: Any = "stop") -> None:
        """The end of the answer, of its usage if that was asked for, and of the stream."""
        await self.chunk(ended(reason))
        if (self.body.get("stream_options") or {}).get("include_usage"):
            await self.chunk(chunk_of(usage=USAGE))
        await self.raw("data: [DONE]\n\n")

    async def raw(self, text: str | bytes) -> None:
        """Whatever it is."""
        response = await self.begin()
        await response.write(text.encode() if isinstance(text, str) else text)

    async def begin(self) -> web.StreamResponse:
        """The headers of the answer."""
        if self._response is None:
            self._response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await self._response.prepare(self._request)
        return self._response

    def cut(self) -> None:
        """The connection is lost."""
        assert self._request.transport is not None
        self._request.transport.abort()

    async def finish(self) -> web.StreamResponse:
        """What aiohttp wants of it in the end."""
        return await self.begin()


Act = Callable[[Asked], Awaitable[None]]


async def hello(asked: Asked) -> None:
    """An act: two words."""
    await asked.say("Hello", " there.")
    await asked.end()


async def silence(asked: Asked) -> None:
    """An act: no answer, not even its headers."""
    await asyncio.Event().wait()


async def stall(asked: Asked) -> None:
    """An act: a word, and nothing more."""
    await asked.say("Well")
    await asyncio.Event().wait()


async def cut_off(asked: Asked) -> None:
    """An act: a word, and the connection is lost."""
    await asked.say("Well")
    asked.cut()


def refusal(status: int, code: str | None = None, message: str = "as told", **headers: str) -> Act:
    """An act: an error, in OpenAI's form. Headers have `_` for `-`."""

    async def act(asked: Asked) -> None:
        error = {"message": message, "type": "a_type", "param": None, "code": code}
        await asked.refuse(status, {"error": error}, {name.replace("_", "-"): text for name, text in headers.items()})

    return act


class ChatServer:
    """Serves while it is entered: on loopback, or on the unix socket `path`."""

    def __init__(self, *acts: Act, path: Path | None = None, tls: ssl.SSLContext | None = None) -> None:
        self._acts = acts or (hello,)
        self._path = path
        self._tls = tls
        self._came = asyncio.Condition()
        self._seen: set[asyncio.Transport] = set()
        self.asked: list[Asked] = []
        self.others: list[str] = []
        """Requests for anything else: method and path."""

    async def __aenter__(self) -> ChatServer:
        """Listen."""
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._serve)
        app.router.add_route("*", "/{path:.*}", self._other)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        if self._path is not None:
            await web.UnixSite(self._runner, str(self._path)).start()
            self.url = "http://localhost/v1"
        else:
            await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls).start()
            port = self._runner.addresses[0][1]
            self.url = f"{'https' if self._tls else 'http'}://127.0.0.1:{port}/v1"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cut what is left."""
        await self._runner.cleanup()

    @property
    def connections(self) -> int:
        """How many it has seen; one that is kept counts once."""
        return len(self._seen)

    async def request(self, number: int = 1) -> Asked:
        """The n-th request, counted from 1; waits for it."""
        async with self._came:
            await self._came.wait_for(lambda: len(self.asked) >= number)
        return self.asked[number - 1]

    async def other(self) -> None:
        """Waits for a request for anything else."""
        async with self._came:
            await self._came.wait_for(lambda: self.others)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self._note(request)
        asked = Asked(request, await request.json())
        async with self._came:
            self.asked.append(asked)
            self._came.notify_all()
        act = self._acts[min(len(self.asked), len(self._acts)) - 1]
        try:
            await act(asked)
            return await asked.finish()
        except (ConnectionError, asyncio.CancelledError):
            asked.gone.set()
            raise

    async def _other(self, request: web.Request) -> web.Response:
        self._note(request)
        async with self._came:
            self.others.append(f"{request.method} {request.path}")
            self._came.notify_all()
        return web.json_response({"object": "list", "data": []})

    def _note(self, request: web.Request) -> None:
        if request.transport is not None:
            self._seen.add(request.transport)
