"""The aiohttp application: routes, who may connect, health, metrics, the start and the end of the process."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import secrets
import ssl
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler
from loguru import logger
from prometheus_client import generate_latest

from audio.playout import PlayoutOptions
from link.errors import ConfigError
from server import __version__
from server.admission import CLOSE_TIMEOUT_S, check_exposure, foreign_page, no_room, upgrade
from server.agent import Agent
from server.call.hub import Journal
from server.call.journal import Header, JournalFile
from server.call.pacer import Pacer
from server.call.policy import CallSettings
from server.call.shared import Shared
from server.call.tasks import Tasks
from server.calls import Calls
from server.config import Settings
from server.desk import Desk, Process
from server.door.door import Door
from server.door.request import same
from server.door.tickets import KEY_BYTES, Facts, SpentHere, Tickets
from server.engines import ProcessEngines
from server.observers.metrics import Metrics
from server.phones.control.carriers import Carriers
from server.phones.dialling import Dialling
from server.phones.sockets import PhoneSockets
from server.phones.webhooks import Webhooks
from server.protocols.native import NativeWire
from server.reception import Office, Reception
from server.socket import AiohttpSocket

STATIC = Path(__file__).resolve().parents[1] / "static"
TOOL_THREADS = 32  # plain functions of all calls that may run at once; more wait
LEAVE_S = 5.0  # what the engines' tasks may take to end once they are cancelled
HANDSHAKE_S = 5.0  # a connection without a whole request is closed after so long, also between two requests
PRIVATE = partial(os.open, mode=0o600)  # a journal holds what was said
HTTP_LOG = logging.getLogger("voicewire.http")
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' ws: wss:;"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class Server:
    """One process: engines, calls, routes. `start`, then `stop`."""

    def __init__(self, settings: Settings, agent: Agent, numbers: Mapping[str, Agent] | None = None) -> None:
        """`numbers`: who answers calls to these telephone numbers, where it is not `agent`.

        Raises ConfigError when the settings are not safe to start with.
        """
        check_exposure(settings)
        self._settings = settings
        self._tasks = Tasks(_log_failure, set())
        self._threads = ThreadPoolExecutor(TOOL_THREADS, "tool")
        self._metrics = Metrics()
        self._runner: web.AppRunner | None = None
        self._ready = False
        self.pacer = Pacer(asyncio.get_running_loop())
        self._carriers = Carriers(settings.phones, settings.public_url, Random(), time.time)
        process = Process(
            settings, self._tasks.spawn, self._run_sync, self.pacer, self._metrics, self._journal, self._carriers
        )
        self._desk = Desk(agent, process)
        self._desks = {id(agent): self._desk}
        for each in (numbers or {}).values():
            if id(each) not in self._desks:
                self._desks[id(each)] = Desk(each, process)
        shared = {number: self._desks[id(each)].shared for number, each in (numbers or {}).items()}
        now = asyncio.get_running_loop().time
        self._reception = Reception(shared, self._desk.shared, now)
        self.calls = Calls(settings, self._desk.shared, self._metrics, self._reception.welcome)
        self.door = Door(
            settings.phones,
            settings.public_url,
            Tickets(secrets.token_bytes(KEY_BYTES)),
            SpentHere(),
            insecure=settings.insecure,
            now=time.time,
            entropy=secrets.token_bytes,
        )
        self._phones = PhoneSockets(settings, self.door, self.calls, self._metrics, self._shared_of)
        office = Office(self.calls, self._reception, self._carriers, now)
        self._webhooks = Webhooks(self.door, office, settings.public_url)
        self._dialling = Dialling(settings, self._carriers, self._reception.expected, now)

    @property
    def engines(self) -> ProcessEngines:
        """Those of the first agent."""
        return self._desk.engines

    def _shared_of(self, facts: Facts) -> Shared:
        """Of the agent that takes a call of which this is known."""
        return self._reception.who(facts.agent or facts.called)

    async def start(self) -> str:
        """Load everything, then listen; returns the address. Raises ConfigError, ProviderError."""
        settings = self._settings
        tls = _tls(settings)
        site = web.TCPSite(await self.open(), settings.host, settings.port, ssl_context=tls)
        try:
            await site.start()
        except OSError as error:
            where = f"{settings.host}:{settings.port}"
            other = "--port" if error.errno in (errno.EADDRINUSE, errno.EACCES) else "--host"
            raise ConfigError(f"cannot listen on {where}: {error.strerror or error}; choose another {other}") from error
        return self._address()

    async def open(self) -> web.AppRunner:
        """Load everything; what is returned serves the routes and listens nowhere yet. Raises as `start` does."""
        if not STATIC.is_dir():
            raise ConfigError(f"the browser page is missing: {STATIC}; run voicewire from its repository")
        for desk in self._desks.values():
            await desk.start()
        self.door.load()
        self._phones.tell()
        app = web.Application(middlewares=[_find])
        app.on_response_prepare.append(_add_headers)
        app.add_routes(
            [
                web.get("/", self._page),
                web.get("/ws", self._websocket),
                web.get("/health", self._health),
                web.get("/ready", self._readiness),
                web.get("/metrics", self._prometheus),
                web.post("/calls", self._dialling.handle),
                *self._webhooks.routes(),  # before the sockets, whose paths may end in any ticket
                web.static("/static", STATIC),
                *self._phones.routes(),
            ]
        )
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=CLOSE_TIMEOUT_S,
            keepalive_timeout=HANDSHAKE_S,
            logger=HTTP_LOG,
        )
        await self._runner.setup()
        self._ready = True
        return self._runner

    async def stop(self) -> None:
        """Drain, then release everything."""
        self._ready = False
        await self.calls.drain(self._settings.drain_s)
        if self._runner:
            await self._runner.cleanup()
        for desk in self._desks.values():
            await desk.close()
        await self._carriers.close()
        await self._tasks.stop(LEAVE_S)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _address(self) -> str:
        assert self._runner
        host, port = self._runner.addresses[0][:2]
        scheme = "https" if self._settings.tls_cert else "http"
        return self._settings.public_url or f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"

    async def _run_sync(self, function: Callable[..., Any], /, **arguments: Any) -> Any:
        def work() -> Any:
            try:
                return function(**arguments)
            except StopIteration as error:  # no future can hold one: whoever waits would wait for ever
                raise RuntimeError("StopIteration") from error

        return await asyncio.get_running_loop().run_in_executor(self._threads, copy_context().run, work)

    def _journal(self, call_id: str, settings: CallSettings, playout: PlayoutOptions) -> Journal | None:
        if not self._settings.journal:
            return None
        try:
            file = open(Path(self._settings.journal) / f"{call_id}.journal", "xb", opener=PRIVATE)  # noqa: SIM115
        except OSError as error:
            logger.error("a call has no journal: {}", error)
            return None
        return JournalFile(file, Header(__version__, call_id, settings, playout))

    # --- routes -------------------------------------------------------------------------------------------------------

    async def _page(self, _: web.Request) -> web.FileResponse:
        return web.FileResponse(STATIC / "index.html")

    async def _health(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "version": __version__, "calls": self.calls.count})

    async def _readiness(self, _: web.Request) -> web.Response:
        why = self.calls.refusal() if self._ready else "the server is starting or going away"
        return web.json_response({"ready": why is None, "why": why}, status=503 if why else 200)

    async def _prometheus(self, _: web.Request) -> web.Response:
        self._metrics.lateness.set(self.pacer.latest_s)
        self.pacer.latest_s = 0.0
        body = generate_latest(self._metrics.registry)
        return web.Response(body=body, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        trusted = self._shows_token(request)
        page = foreign_page(request, self._settings, self._metrics)
        if refused := page or no_room(self.calls, self._metrics, trusted=trusted):
            return refused
        websocket = await upgrade(request, self._metrics, self._settings.limits.message_bytes)
        await self.calls.hold(AiohttpSocket(websocket, request), NativeWire(), trusted=trusted)
        return websocket

    def _shows_token(self, request: web.Request) -> bool:
        scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
        return bool(self._settings.token) and scheme.lower() == "bearer" and same(shown, self._settings.token)


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if not settings.tls_cert:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
    except (OSError, ssl.SSLError) as error:
        files = f"tls_cert {settings.tls_cert} and tls_key {settings.tls_key}"
        raise ConfigError(f"{files} cannot be loaded: {error}") from error
    return context


def _log_failure(error: Exception) -> None:
    logger.opt(exception=error).error("a task of a service failed")


@web.middleware
async def _find(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A name that is too long for any file is not found; the library fails over it."""
    try:
        return await handler(request)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        raise web.HTTPNotFound from error


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    if response.status != 101:
        response.headers.update(HEADERS)


def _client_fault(record: logging.LogRecord) -> bool:
    """A request that is no HTTP is the client's fault: a line without a traceback."""
    if record.exc_info and isinstance(record.exc_info[1], HttpProcessingError):
        record.levelno, record.levelname, record.exc_info = logging.INFO, "INFO", None
    return True


HTTP_LOG.addFilter(_client_fault)
