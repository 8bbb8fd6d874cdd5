"""The brain behind a real websocket that speaks OpenAI's Responses protocol at `/v1/responses`.

    brain = LocalBrain()
    url = await brain.start()     # ws://127.0.0.1:<port>/v1/responses
    ...
    await brain.close()

What answers is a function (`respond`), so tests and load tests put a script in its place. It can be told to
misbehave: see `faults.py`.
"""

from __future__ import annotations

import hmac
import logging
import secrets
from collections.abc import Callable
from datetime import datetime
from functools import partial
from http import HTTPStatus
from random import Random
from urllib.parse import parse_qs, urlsplit

from loguru import logger
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request as HttpRequest
from websockets.http11 import Response as HttpResponse

from link.errors import ConfigError
from llm.local import brain
from llm.local.connection import Service, serve_connection
from llm.local.faults import Faults, wished
from llm.local.request import Respond

PATH = "/v1/responses"
MAX_MESSAGE_BYTES = 1 << 20
MAX_CONNECTIONS = 1024
HANDSHAKE_TIMEOUT_S = 5.0
PING_S = 20.0
CLOSE_TIMEOUT_S = 2.0
PACE = Faults(token_ms=5.0)  # some 180 times as fast as speech; a caller waits for the first sentence of it

# The library logs every client that goes away in its handshake, with a traceback; what matters is logged here.
_QUIET = logging.getLogger("voicewire.brain.websockets")
_QUIET.addHandler(logging.NullHandler())
_QUIET.propagate = False


class LocalBrain:
    """A server for one process: make it, `start` it, give its `url` to the language model service, `close` it."""

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
        """`faults` is its pace and its misbehaviour; it may be set at any time, for what begins then.

        With `allow_fault_requests` a client chooses its own by `?faults=name:value,…`. `token` is asked for as
        `Authorization: Bearer`. `server_id` begins the ids of responses and calls, so that no two servers give the
        same one; give one to get the same ids again.
        """
        self.faults = faults
        self.url = ""
        self._respond = respond
        self._now = now
        self._token = token
        self._allow_fault_requests = allow_fault_requests
        self._max_connections = max_connections
        self._id = server_id or secrets.token_hex(4)
        self._dice = Random(faults.seed)
        self._server: Server | None = None
        self._accepted = 0
        self._open = 0

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listen, and return the url. Port 0 is a free one. Raises ConfigError where the address is taken."""
        try:
            self._server = await serve(
                self._serve,
                host,
                port,
                process_request=self._admit,
                origins=[None],  # no web page has business here
                compression=None,
                open_timeout=HANDSHAKE_TIMEOUT_S,
                ping_interval=PING_S,
                ping_timeout=PING_S,
                close_timeout=CLOSE_TIMEOUT_S,
                max_size=MAX_MESSAGE_BYTES,
                logger=_QUIET,
            )
        except OSError as error:
            raise ConfigError(f"the brain cannot listen on {host}:{port}: {error.strerror or error}") from error
        sockets = self._server.sockets
        bound = sockets[0].getsockname()[1] if sockets else port
        self.url = f"ws://{f'[{host}]' if ':' in host else host}:{bound}{PATH}"
        logger.info("brain: listening at {}", self.url)
        return self.url

    async def close(self) -> None:
        """End every connection with 1001, and stop listening."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return self._open

    def drop_links(self) -> int:
        """Cut every connection at once, without a close frame; returns how many."""
        connections = self._server.connections if self._server else set()
        for connection in connections:
            connection.transport.abort()
        return len(connections)

    async def _serve(self, websocket: ServerConnection) -> None:
        if self._open >= self._max_connections:  # several were in their handshake when the last place was taken
            await websocket.close(1013, "too many connections")
            return
        self._open += 1
        self._accepted += 1
        path = websocket.request.path if websocket.request else PATH
        prefix = f"{self._id}{self._accepted:04x}"
        service = Service(self._respond, self._now, partial(self._faults_of, path), self._dice, prefix)
        try:
            await serve_connection(websocket, service)
        except Exception:
            logger.exception("brain: a connection failed")
            raise  # the library closes it with 1011
        finally:
            self._open -= 1

    def _admit(self, websocket: ServerConnection, request: HttpRequest) -> HttpResponse | None:
        """Refuse before the upgrade, or let in (None)."""
        if urlsplit(request.path).path != PATH:
            return websocket.respond(HTTPStatus.NOT_FOUND, f"There is nothing here; the path is {PATH}.\n")
        if self._token is not None and not bears(request.headers.get("Authorization", ""), self._token):
            return websocket.respond(HTTPStatus.UNAUTHORIZED, "Authorization: Bearer <token> is missing or wrong.\n")
        if self._open >= self._max_connections:
            return websocket.respond(HTTPStatus.SERVICE_UNAVAILABLE, "Too many connections.\n")
        try:
            faults = self._faults_of(request.path)
        except ConfigError as error:
            return websocket.respond(HTTPStatus.BAD_REQUEST, f"{error}\n")
        if faults.reject_status is None or not faults.strikes(self._dice):
            return None
        refusal = websocket.respond(faults.reject_status, "Refused, as this server was told to.\n")
        if faults.retry_after_s is not None:
            refusal.headers["Retry-After"] = f"{faults.retry_after_s:g}"
        return refusal

    def _faults_of(self, path: str) -> Faults:
        """The faults of one connection: the server's, or what the client wished for."""
        wish = parse_qs(urlsplit(path).query).get("faults")
        return wished(wish[0] if wish else None, self.faults, allowed=self._allow_fault_requests)


def bears(authorization: str, token: str) -> bool:
    """Whether the header `Authorization` shows the token."""
    return hmac.compare_digest(authorization.encode(errors="surrogateescape"), f"Bearer {token}".encode())
