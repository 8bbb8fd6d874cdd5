"""Who gets as far as a call: pages of other sites, other machines, one caller too many; and the upgrade itself."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from aiohttp import web
from loguru import logger

from link.errors import ConfigError
from server.call.shared import Shared
from server.calls import Calls
from server.config import Settings
from server.observers.metrics import Metrics

CLOSE_TIMEOUT_S = 1.0


def foreign_page(request: web.Request, settings: Settings, metrics: Metrics) -> web.Response | None:
    """The refusal of a page that may not connect."""
    origin = request.headers.get("Origin")
    if not origin or origin_allowed(origin, request.host, settings):
        return None
    metrics.refused.labels("origin").inc()
    logger.warning("a page of {} was refused; allow it with origins = [{!r}]", origin[:100], origin[:100])
    return web.Response(status=403, text="This page may not connect here.\n")


def no_room(calls: Calls, metrics: Metrics, *, trusted: bool, shared: Shared | None = None) -> web.Response | None:
    """The refusal of a call that there is no room for; arguments as in `Calls.hold`."""
    why = calls.refusal(trusted=trusted, shared=shared)
    if why is None:
        return None
    metrics.refused.labels("503").inc()
    return web.Response(status=503, text=f"No call: {why}.\n", headers={"Retry-After": "5"})


async def upgrade(
    request: web.Request, metrics: Metrics, message_bytes: int, protocols: tuple[str, ...] = ()
) -> web.WebSocketResponse:
    """The websocket, once hands are shaken; messages have at most so many bytes. Raises HTTPBadRequest."""
    websocket = web.WebSocketResponse(
        autoping=False,
        compress=False,
        timeout=CLOSE_TIMEOUT_S,
        max_msg_size=message_bytes + 1,  # the library refuses what is not below it
        protocols=protocols,
    )
    try:
        await websocket.prepare(request)
    except ConnectionError as error:
        metrics.refused.labels("left").inc()
        logger.info("no call: the client left during the handshake")
        raise web.HTTPBadRequest from error  # nobody hears it
    return websocket


def origin_allowed(origin: str, host: str, settings: Settings) -> bool:
    """Whether a page may connect: our own, one at the public url, or one that is listed.

    On loopback our own page has a loopback address: a name that somebody made to point here (DNS rebinding) is refused.
    """
    if _site(origin) in {_site(each) for each in (*settings.origins, settings.public_url) if each}:
        return True
    _, name, _ = _site(origin)
    ours = _is_loopback(name) or not _is_loopback(settings.host)
    return not settings.public_url and ours and origin.partition("://")[2] == host


def _site(origin: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of an origin; browsers leave the usual port out."""
    try:
        parts = urlsplit(origin)
        return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return "", "", None


def check_exposure(settings: Settings) -> None:
    """Beyond loopback a token is needed. Raises ConfigError that says what to do."""
    if settings.insecure:
        logger.warning("--insecure: whoever reaches {}:{} can talk to the agent", settings.host, settings.port)
    elif not settings.token and not _is_loopback(settings.host):
        raise ConfigError(
            f"host {settings.host} can be reached from other machines: set a token (VOICEWIRE_TOKEN=…),"
            " or say --insecure"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
