"""The websockets of the carriers, `/twilio` and the others: a proof before the upgrade, then a call."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from aiohttp import web
from loguru import logger
from msgspec import Struct

from server.admission import foreign_page, no_room, upgrade
from server.call.shared import Shared
from server.calls import Calls
from server.config import Settings
from server.door.door import NEEDS, Door, Path, are
from server.door.request import Refused
from server.door.tickets import Facts
from server.observers.metrics import Metrics
from server.phones.options import Phones
from server.phones.seen import seen
from server.protocols.any_carrier import AnyCarrierWire
from server.protocols.asterisk import AsteriskWire
from server.protocols.exotel import ExotelWire
from server.protocols.genesys import GenesysWire
from server.protocols.plivo import PlivoWire
from server.protocols.telnyx import TelnyxWire
from server.protocols.twilio import TwilioWire
from server.protocols.vonage import VonageWire
from server.protocols.wire import Wire
from server.socket import AiohttpSocket


class Line(Struct, frozen=True):
    """Where a carrier's calls come in."""

    path: Path
    wire: Callable[[], Wire]
    """The codec of one call."""
    protocols: tuple[str, ...] = ()
    """The subprotocols that the carrier may ask for."""
    message_bytes: int = 0
    """The largest message, where that is more than `limits.message_bytes`."""


LINES = (
    Line("twilio", TwilioWire),
    Line("telnyx", TelnyxWire),
    Line("plivo", PlivoWire),
    Line("exotel", ExotelWire, message_bytes=ExotelWire.max_message_bytes),
    Line("vonage", VonageWire),
    Line("genesys", GenesysWire),
    Line("asterisk", AsteriskWire, AsteriskWire.subprotocols),
    Line("carrier", AnyCarrierWire, AnyCarrierWire.subprotocols, AnyCarrierWire.max_message_bytes),
)
NONE = Phones()


class PhoneSockets:
    """The routes of all lines."""

    def __init__(
        self, settings: Settings, door: Door, calls: Calls, metrics: Metrics, desk: Callable[[Facts], Shared]
    ) -> None:
        """`desk` says by whom a call is taken."""
        self._settings = settings
        self._door = door
        self._calls = calls
        self._metrics = metrics
        self._desk = desk

    def routes(self, lines: Iterable[Line] = LINES) -> list[web.RouteDef]:
        """`/{path}` and `/{path}/{ticket}` of each line."""
        return [
            web.get(f"/{line.path}{rest}", partial(self._call, line)) for line in lines for rest in ("", "/{ticket}")
        ]

    def tell(self) -> None:
        """Say what is open to everybody, and what is closed although something of it is configured."""
        if opened := self._door.open_to_all():
            logger.warning("--insecure: nobody is checked at {}", ", ".join(f"/{carrier}" for carrier in opened))
        for carrier in NEEDS:
            lacking = self._door.lacks(carrier)
            if lacking and carrier not in opened and getattr(self._settings.phones, carrier) != getattr(NONE, carrier):
                logger.warning("/{} is closed until {} set", carrier, are(lacking))

    async def _call(self, line: Line, request: web.Request) -> web.StreamResponse:
        ticket = request.match_info.get("ticket") or request.query.get("ticket", "")
        try:
            proof = self._door.admit(line.path, seen(request, self._settings.public_url), ticket)
            desk = self._desk(proof.facts)
            page = None if proof.shown else foreign_page(request, self._settings, self._metrics)
            if refused := page or no_room(self._calls, self._metrics, trusted=True, shared=desk):
                return refused
            self._door.spend(proof)  # last: whoever was told to come again may show it again
        except Refused as error:
            self._metrics.refused.labels("door").inc()
            logger.warning("a connection to /{} was refused: {}", line.path, error)
            return web.Response(status=403, text="Forbidden.\n")
        most = max(line.message_bytes, self._settings.limits.message_bytes)
        websocket = await upgrade(request, self._metrics, most, line.protocols)
        socket = AiohttpSocket(websocket, request)
        await self._calls.hold(socket, line.wire(), trusted=True, shared=desk, known=proof.facts)
        return websocket
