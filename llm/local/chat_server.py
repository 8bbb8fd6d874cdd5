"""The brain behind HTTP that speaks OpenAI's Chat Completions protocol at `/v1/chat/completions`.

    chat = LocalChat()
    url = await chat.start()     # http://127.0.0.1:<port>/v1
    ...
    await chat.close()

It is to `server.py` what one protocol is to the other: the same brain, the same faults, the same care for who asks.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from datetime import datetime
from random import Random

from aiohttp import web
from loguru import logger

from link.errors import ConfigError
from link.text import utf8_text
from llm.local import brain
from llm.local.chat_outlet import HttpOutlet, give_stream, give_whole
from llm.local.chat_protocol import ChatWriter, Completion, conversation, error_body, permitted, read
from llm.local.connection import as_told
from llm.local.faults import Faults, wished
from llm.local.protocol import RequestError
from llm.local.request import Output, Request, Respond
from llm.local.server import CLOSE_TIMEOUT_S, MAX_CONNECTIONS, MAX_MESSAGE_BYTES, PACE, bears

BASE = "/v1"
PATH = f"{BASE}/chat/completions"
BODY_TIMEOUT_S = 10.0
KEPT_S = 75.0
"""An idle connection, or one without a whole request, is closed after so long: clients keep theirs for a minute."""
_STREAM = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache"}

# The library logs whatever clients do wrong with a traceback; what matters is logged here.
_QUIET = logging.getLogger("voicewire.brain.http")
_QUIET.addHandler(logging.NullHandler())
_QUIET.propagate = False


class LocalChat:
    """A server for one process: make it, `start` it, give its url to a client as `base_url`, `close` it."""

    def __init__(
        self,
        respond: Respond = brain.respond,
        *,
        now: Callable[[], datetime] = datetime.now,
        faults: Faults = PACE,
        token: str | None = None,
        allow_fault_requests: bool = False,
        max_connections: int = MAX_CONNECTIONS,
        server_id: str = "",
    ) -> None:
        """All is as with LocalBrain; `max_connections` are those that wait for an answer, or hear one."""
        self.faults = faults
        self.url = ""
        self._respond = respond
        self._now = now
        self._token = token
        self._allow_fault_requests = allow_fault_requests
        self._max_connections = max_connections
        self._id = server_id or secrets.token_hex(4)
        self._dice = Random(faults.seed)
        self._runner: web.ServerRunner | None = None
        self._busy: set[asyncio.Transport] = set()
        self._answers = 0

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listen, and return the url. Port 0 is a free one. Raises ConfigError where the address is taken."""
        server = web.Server(
            self._serve,
            handler_cancellation=True,  # a client that goes away ends the work
            access_log=None,
            logger=_QUIET,
            auto_decompress=False,
            keepalive_timeout=KEPT_S,
            lingering_time=CLOSE_TIMEOUT_S,
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=CLOSE_TIMEOUT_S / 2)  # it waits twice
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as error:
            await self.close()
            raise ConfigError(f"the brain cannot listen on {host}:{port}: {error.strerror or error}") from error
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self._runner.addresses[0][1]}{BASE}"
        logger.info("brain: Chat Completions at {}", self.url)
        return self.url

    async def close(self) -> None:
        """Cut every answer that is on its way, and stop listening."""
        if self._runner is not None:
            runner, self._runner = self._runner, None
            for site in runner.sites:
                await site.stop()
            self.drop_links()
            await runner.cleanup()

    @property
    def connections(self) -> int:
        """How many clients are being served."""
        return len(self._busy)

    def drop_links(self) -> int:
        """Cut every connection that is being served at once; returns how many."""
        for transport in self._busy:
            transport.abort()
        return len(self._busy)

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request, whatever it is. What goes wrong is told in the provider's form."""
        transport = request.transport
        if transport is None:
            return web.Response()  # nobody hears it
        outlet = HttpOutlet(transport.abort)
        full = len(self._busy) >= self._max_connections
        self._busy.add(transport)
        try:
            response = await self._response(request, outlet, full=full)
            await outlet.within(response.prepare(request))
            await outlet.within(response.write_eof())
            return response
        except ConnectionError as error:
            logger.debug("brain: {}", error)
            return web.Response()  # nobody hears it
        except Exception:
            logger.exception("brain: a request failed")
            raise  # the library answers with 500
        finally:
            self._busy.discard(transport)

    async def _response(self, request: web.BaseRequest, outlet: HttpOutlet, *, full: bool) -> web.StreamResponse:
        """The answer or a refusal, still to be ended."""
        try:
            self._admit(request, full=full)
            return await self._answer(request, outlet)
        except RequestError as error:
            logger.debug("brain: {}", error)
            return _refusal(error)

    def _admit(self, request: web.BaseRequest, *, full: bool) -> None:
        """Raises RequestError for whom nothing is read."""
        if "Origin" in request.headers:
            raise RequestError("No web page has business here.", code="forbidden", status=403)
        if request.path != PATH:
            wrong = f"There is nothing at {request.method} {request.path}; the path is {PATH}."
            raise RequestError(utf8_text(wrong), code="unknown_url", status=404)
        if request.method != "POST":
            raise RequestError(f"Use POST at {PATH}.", code="method_not_allowed", status=405)
        if self._token is not None and not bears(request.headers.get("Authorization", ""), self._token):
            words = "Authorization: Bearer <token> is missing or wrong."
            raise RequestError(words, code="invalid_api_key", status=401)
        if full:
            raise RequestError("Too many connections.", code="overloaded", status=503)

    async def _answer(self, request: web.BaseRequest, outlet: HttpOutlet) -> web.StreamResponse:
        """Read what is asked, and answer it. Raises RequestError."""
        faults = self._faults_of(request).thrown(self._dice)
        if faults.reject_status is not None:
            return _rejection(faults.reject_status, faults.retry_after_s)
        asked = read(await _body(request))
        question = conversation(asked)
        if faults.error_event is not None:
            raise as_told(faults.error_event)
        now = self._now()
        self._answers += 1
        writer = ChatWriter(asked, question, f"chatcmpl-{self._id}{self._answers:06x}", now.timestamp())
        outputs = self._outputs(asked, question, now)
        if not asked.stream:
            body = await give_whole(outputs, writer, outlet, faults, asked.most)
            return web.Response(body=body, content_type="application/json")
        response = web.StreamResponse(headers=_STREAM)
        await outlet.within(response.prepare(request))
        outlet.stream_to(response.write)
        await give_stream(outputs, writer, outlet, faults, asked.most)
        return response

    def _outputs(self, asked: Completion, question: Request, now: datetime) -> list[Output]:
        """What is answered. Raises RequestError."""
        try:
            return permitted(self._respond(question, now), asked)
        except Exception as error:
            logger.exception("brain: no answer")
            words = "A fault in this server; its log says more."
            raise RequestError(words, code="server_error", status=500) from error

    def _faults_of(self, request: web.BaseRequest) -> Faults:
        """The server's faults, or what the client wished for. Raises RequestError."""
        try:
            return wished(request.query.get("faults"), self.faults, allowed=self._allow_fault_requests)
        except ConfigError as error:
            raise RequestError(utf8_text(str(error)), param="faults") from error


async def _body(request: web.BaseRequest) -> bytes:
    """The body of a request. Raises RequestError where it is too large, too slow, or breaks off."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for piece in request.content.iter_any():
                body += piece
                if len(body) > MAX_MESSAGE_BYTES:
                    words = f"The body is larger than {MAX_MESSAGE_BYTES} bytes."
                    raise RequestError(words, code="request_too_large", status=413)
    except TimeoutError as error:
        raise RequestError("The body took too long.", code="request_timeout", status=408) from error
    except web.RequestPayloadError as error:
        raise RequestError("The body cannot be read.", code="invalid_body") from error
    return bytes(body)


def _refusal(error: RequestError) -> web.Response:
    response = web.Response(status=error.status, body=error_body(error), content_type="application/json")
    if error.status == 405:
        response.headers["Allow"] = "POST"
    if error.status in (408, 413, 503):
        response.force_close()
    return response


def _rejection(status: int, retry_after_s: float | None) -> web.Response:
    response = _refusal(RequestError("Refused, as this server was told to.", code="refused", status=status))
    if retry_after_s is not None:
        response.headers["Retry-After"] = f"{retry_after_s:g}"
    return response
