"""The connections of a process to one Chat Completions endpoint, by the `openai` package; no other module knows it.

The package does not retry (`max_retries=0`): the core asks again from the log, by its own budget. Chunks are decoded
here (llm/chat_answer.py): the package's models of them cost as much as all the rest, 35 of 70 ms of CPU for 200 chunks.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Any

from loguru import logger
from msgspec import Struct

from link.errors import ConfigError, ProviderError, install
from link.retry_after import retry_after_s
from link.wishes import wish_s
from llm.chat_answer import Answer
from llm.chat_codec import body_of, source_of
from llm.chat_failures import Refusal, refusal_of, what_it_calls_for, without
from llm.chat_options import ChatOptions
from llm.events import Failure, Output, Progress, ReplyDone, ReplyFailed, Request

if TYPE_CHECKING:
    from openai import AsyncOpenAI, AsyncStream, RequestOptions

MAX_CONNECTIONS = 1000
KEPT_CONNECTIONS = 100
KEPT_S = 60.0
"""How long an idle connection is kept: longer than most turns of a conversation."""
SEND_S = 5.0
READ_S = 600.0
"""The last resort; the core gives an answer up much earlier."""
TAIL_S = 0.5
"""After the model's last word the usage and the end of the stream are awaited for so long.

A connection whose stream was read to its end serves the next request, often the one with the results of the calls.
"""
CLOSE_S = 1.0

_END = object()


class _Failed(Struct, frozen=True):
    """What an exception comes to."""

    reason: str
    kind: Failure = "passing"
    retry_after_s: float = 0.0


class ChatClient:
    """One AsyncOpenAI with a bounded pool of kept connections, shared by all calls."""

    def __init__(self, options: ChatOptions, transport: Any = None) -> None:
        """`transport` (of the HTTP library) is replaced where time is virtual. Raises ConfigError."""
        key = options.key(os.environ.get("OPENAI_API_KEY", ""))
        self._options = options
        self._secrets = options.secrets(key)
        try:
            self._client = _make(options, transport)
            self._request: RequestOptions = {"headers": _headers(options, key)}
        except ConfigError:
            raise
        except Exception as error:  # a proxy or certificates of the environment that the HTTP library cannot use
            reason = without(self._secrets, f"{type(error).__name__}: {error}")
            raise ConfigError(f"chat completions: no client for {options.name}: {reason}") from None
        self._outage: Failure | None = None  # that was logged, and is not over

    async def answer(self, reply: int, request: Request, post: Callable[[Output], None]) -> None:
        """Ask and post what comes; the last fact is ReplyDone or ReplyFailed. Cancelled, it closes the stream."""
        options = self._options
        answer = Answer(reply, reasoning_field=options.reasoning_field, source=source_of(options))
        async with contextlib.aclosing(self._facts(answer, request)) as batches:
            async for facts in batches:
                for fact in facts:
                    self._log(fact)
                    post(fact)

    async def warm(self) -> None:
        """Open a connection, for the first answer to find it. Whatever comes of it, nothing is lost."""
        with contextlib.suppress(Exception):
            async with asyncio.timeout(self._options.connect_s):
                await self._client.get("/models", cast_to=object, options=self._request)

    async def close(self) -> None:
        """Close all connections."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self._client.close()

    def _log(self, fact: Output) -> None:
        """A failure is worth a warning; in an outage only the first, whichever call or probe it comes from."""
        match fact:
            case ReplyDone():
                self._outage = None
            case ReplyFailed(_, reason, "passing" | "fatal" as kind) if kind == self._outage:
                logger.debug("llm: {}", reason)
            case ReplyFailed(_, reason, kind):
                self._outage = kind if kind in ("passing", "fatal") else self._outage
                logger.log("ERROR" if kind == "fatal" else "WARNING", "llm: {}", reason)

    async def _facts(self, answer: Answer, request: Request) -> AsyncGenerator[list[Output], None]:
        """The facts of each chunk, and what the answer ends with. It raises nothing: that too is a fact."""
        try:
            async with asyncio.timeout(None) as tail:
                body = body_of(self._options, request)
                begun = await self._begin(body) if self._options.retry_on_timeout else await self._first(body)
                if begun is None:
                    yield [Progress(answer.reply)]  # the call's patience begins anew
                    begun = await self._first(body)
                stream, chunk = begun
                try:
                    while chunk is not _END:
                        yield answer.take(chunk)
                        if answer.finished and tail.when() is None:
                            tail.reschedule(asyncio.get_running_loop().time() + TAIL_S)
                        await asyncio.sleep(0)  # one read may bring many chunks; a Cancel need not wait for the last
                        chunk = await anext(stream, _END)
                finally:
                    await _end(stream)
            last = answer.end()
        except Exception as error:  # the border: whatever the package and all below it may raise
            failed = self._explained(error)
            last = answer.broken(without(self._secrets, failed.reason), failed.kind, failed.retry_after_s)
        yield last

    async def _begin(self, body: dict[str, Any]) -> tuple[AsyncStream[object], object] | None:
        """The stream of an answer and its first chunk; None when that is late."""
        limit_s = self._options.retry_timeout_secs
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                return await self._first(body)
        logger.info("llm: {} gave no output within {} s; it is asked once more", self._options.name, limit_s)
        return None

    async def _first(self, body: dict[str, Any]) -> tuple[AsyncStream[object], object]:
        from openai import AsyncStream

        stream = await self._client.post(
            "/chat/completions",
            cast_to=object,
            body=body,
            options=self._request,
            stream=True,
            stream_cls=AsyncStream[object],
        )
        return stream, await anext(stream, _END)

    def _explained(self, error: Exception) -> _Failed:
        """Whose fault it is and what it calls for. The reason may still hold a secret."""
        import openai

        name = self._options.name
        match error:
            case openai.APIStatusError():
                refusal = refusal_of(error.body)
                text = f"{name} answered HTTP {error.status_code}: {refusal}".removesuffix(": ")
                return _Failed(text, what_it_calls_for(refusal, error.status_code), _wish_s(error, refusal))
            case openai.APITimeoutError():
                return _Failed(f"{name} did not answer in time")
            case openai.APIConnectionError():
                return _lost(error, name)
            case openai.APIError():
                refusal = refusal_of(error.body)
                text = f"{name} broke the answer off: {refusal}".removesuffix(": ")
                return _Failed(text, what_it_calls_for(refusal, None), wish_s(refusal.message))
            case ProviderError() | ValueError() | RecursionError():
                return _Failed(f"{name} sent what cannot be read: {error}")
            case _:
                return _Failed(f"the connection to {name} failed: {type(error).__name__}: {error}")


def _make(options: ChatOptions, transport: Any) -> AsyncOpenAI:
    """The client. It has no key: that goes into the headers of each request."""
    try:
        import openai
    except ImportError as error:
        raise ConfigError(f"chat completions: the package `openai` is missing; {install('openai')}") from error
    timeout = openai.Timeout(READ_S, connect=options.connect_s, pool=options.connect_s, write=SEND_S)
    limits = type(openai.DEFAULT_CONNECTION_LIMITS)(
        max_connections=MAX_CONNECTIONS, max_keepalive_connections=KEPT_CONNECTIONS, keepalive_expiry=KEPT_S
    )
    http_client = openai.DefaultAsyncHttpxClient(
        transport=transport,
        timeout=timeout,
        limits=limits,
        follow_redirects=False,  # headers may be secret, and would be shown to wherever it leads
        trust_env=not options.loopback,  # no proxy stands between us and this machine
    )
    return openai.AsyncOpenAI(
        api_key="none",
        base_url=options.url,
        timeout=timeout,
        max_retries=0,
        default_query=options.query,
        http_client=http_client,
    )


def _headers(options: ChatOptions, key: str) -> dict[str, Any]:
    """All that could be secret in a request; what the environment has for OpenAI is shown to nobody else."""
    from openai import Omit

    custom = [line.partition(":")[0].strip() for line in os.environ.get("OPENAI_CUSTOM_HEADERS", "").splitlines()]
    withheld = [] if options.of_openai else ["OpenAI-Organization", "OpenAI-Project", *filter(None, custom)]
    given = map(str.lower, options.headers)
    authorization = {} if "authorization" in given else {"Authorization": f"Bearer {key}" if key else Omit()}
    return {**dict.fromkeys(withheld, Omit()), **authorization, **options.headers}


async def _end(stream: AsyncStream[object]) -> None:
    """Close a stream, and with it its connection unless it was read to its end.

    Its generators end here and not in the garbage collector.
    """
    with contextlib.suppress(Exception):
        async with asyncio.timeout(CLOSE_S):
            await stream.close()
            while await anext(stream, _END) is not _END:
                pass


def _wish_s(error: Any, refusal: Refusal) -> float:
    """When to ask again: by a header, else by what the refusal says."""
    headers = error.response.headers
    for value in (f"{headers.get('retry-after-ms', '')}e-3", headers.get("retry-after")):
        if wish := retry_after_s(value):
            return wish
    return wish_s(refusal.message)


def _lost(error: Exception, name: str) -> _Failed:
    """A connection that could not be made, or broke. A certificate that is not valid will not be so the next time."""
    causes = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) and isinstance(cause, Exception):
        causes.append(cause)
    for each in causes:
        if isinstance(each, ssl.SSLCertVerificationError):
            return _Failed(f"the certificate of {name} is not valid: {each.verify_message}", "fatal")
    root = next((each for each in reversed(causes) if str(each)), error)
    return _Failed(f"the connection to {name} failed: {type(root).__name__}: {root}")
