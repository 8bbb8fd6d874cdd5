"""The carriers' webhooks: who a call is for, where its audio is to go, and what becomes of a call that goes on.

| carrier | a call comes in | what becomes of it | where a transfer goes to |
|---|---|---|---|
| twilio | POST /twilio/voice | POST /twilio/status | - |
| telnyx | POST /telnyx/voice (TeXML, or events of Call Control) | POST /telnyx/status | - |
| plivo | POST /plivo/answer | POST /plivo/status | POST /plivo/transfer |
| exotel | GET, POST /exotel/answer | GET, POST /exotel/status | GET /exotel/transfer |
| vonage | GET, POST /vonage/answer | GET, POST /vonage/event | - |
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import msgspec
from aiohttp import web
from loguru import logger

from server.call import events as e
from server.call.line_events import AnsweredBy
from server.door.door import Carrier, Door
from server.door.request import Refused, Request
from server.door.tickets import Facts
from server.phones.control.rest import ControlError
from server.phones.markup import exotel, plivo, telnyx, twilio, vonage
from server.phones.markup.stream import Stream
from server.phones.notices import Notice, read, read_call_control
from server.phones.seen import seen

MAX_BODY = 64 << 10
BODY_S = 5.0
"""A body that takes longer to come is not a carrier's."""
JSON = "application/json"
CONNECT = {
    "twilio": twilio.connect,
    "telnyx": telnyx.connect,
    "plivo": plivo.connect,
    "exotel": exotel.connect,
    "vonage": vonage.connect,
}
REJECT = {"twilio": twilio.reject, "telnyx": telnyx.reject, "plivo": plivo.reject, "vonage": vonage.reject}
CONTENT_TYPE = {
    "twilio": twilio.CONTENT_TYPE,
    "telnyx": telnyx.CONTENT_TYPE,
    "plivo": plivo.CONTENT_TYPE,
    "exotel": exotel.CONTENT_TYPE,
    "vonage": vonage.CONTENT_TYPE,
}
STATUS = {"vonage": "event"}
"""What the path is called that hears what becomes of a call, where it is not `status`."""

Act = Callable[[Request, Notice], Awaitable[web.Response]]


class Office(Protocol):
    """What the webhooks need of the running calls."""

    def refusal(self, number: str) -> str | None:
        """Why no call to this number of ours can be taken; None when it can."""

    def tell(self, call_id: str, fact: AnsweredBy | e.Gone) -> None:
        """Something is known of a call, by its carrier's name for it; it may still be to come."""

    def bound_for(self, call_id: str) -> str:
        """The number that a call is being transferred to; empty: none."""

    def expects(self, call_id: str) -> bool:
        """Whether it is a call that we make."""

    async def answer(self, call_id: str, stream: Stream, *, outbound: bool) -> None:
        """Have Telnyx' Call Control take a call, or stream one of ours. Raises VoicewireError."""


class Webhooks:
    """The routes of all carriers."""

    def __init__(self, door: Door, office: Office, public_url: str) -> None:
        self._door = door
        self._office = office
        self._public_url = public_url.removesuffix("/")

    def routes(self) -> list[web.RouteDef]:
        """All of them; a carrier whose secrets are missing is refused when it comes."""
        return [
            web.post("/twilio/voice", self._route("twilio", self._connect("twilio"))),
            web.post("/twilio/status", self._route("twilio", self._hear)),
            web.post("/telnyx/voice", self._route("telnyx", self._telnyx)),
            web.post("/telnyx/status", self._route("telnyx", self._hear)),
            web.post("/plivo/answer", self._route("plivo", self._connect("plivo"))),
            web.post("/plivo/status", self._route("plivo", self._hear)),
            web.post("/plivo/transfer", self._route("plivo", self._forward_plivo)),
            *_both("/exotel/answer", self._route("exotel", self._connect("exotel"))),
            *_both("/exotel/status", self._route("exotel", self._hear)),
            web.get("/exotel/transfer", self._route("exotel", self._forward_exotel)),
            *_both("/vonage/answer", self._route("vonage", self._connect("vonage"))),
            *_both("/vonage/event", self._route("vonage", self._hear)),
        ]

    def _route(self, carrier: Carrier, act: Act) -> Callable[[web.Request], Awaitable[web.Response]]:
        """Read the request, check it, understand it, act."""

        async def handle(request: web.Request) -> web.Response:
            try:
                heard = seen(request, self._public_url, await _body(request))
                self._door.check_webhook(carrier, heard)
                notice = _notice(carrier, heard)
            except Refused as refused:
                logger.warning("a webhook at {} was refused: {}", request.path, refused)
                return web.Response(status=403, text="Refused.\n")
            except msgspec.DecodeError:
                logger.warning("a webhook at {} was no {} of {}", request.path, request.content_type, carrier)
                return web.Response(status=400, text="This cannot be read.\n")
            return await act(heard, notice)

        return handle

    def _connect(self, carrier: Carrier) -> Act:
        async def connect(_: Request, notice: Notice) -> web.Response:
            reason = self._closed(carrier, notice)
            if reason is None:
                return _answer(carrier, CONNECT[carrier](self._stream(carrier, notice)))
            logger.warning("no call from {} is taken: {}", carrier, reason)
            if carrier not in REJECT:
                return web.Response(status=503, text=f"No call: {reason}.\n")
            return _answer(carrier, REJECT[carrier]())

        return connect

    def _closed(self, carrier: Carrier, notice: Notice) -> str | None:
        if not self._public_url:
            return "public_url is not set, so the carrier cannot be told where to connect to"
        return self._office.refusal(notice.ours)

    def _stream(self, carrier: Carrier, notice: Notice) -> Stream:
        """Where its audio is to go; what we know of the call goes with it, in the names that the wires read."""
        facts = Facts(notice.ours, notice.call_id, notice.caller, notice.called)
        vonages = (("uuid", notice.call_id), ("from", notice.caller), ("to", notice.called))
        known = vonages if carrier == "vonage" else (("caller", notice.caller), ("called", notice.called))
        parameters = tuple((name, value) for name, value in (*known, ("agent", notice.ours)) if value)
        status_url = f"{self._public_url}/{carrier}/{STATUS.get(carrier, 'status')}"
        return Stream(self._door.address(carrier, facts), parameters, status_url)

    async def _hear(self, heard: Request, notice: Notice) -> web.Response:
        """A status: who answered, or that the call is over."""
        if notice.answered_by is not None:
            self._office.tell(notice.call_id, notice.answered_by)
        if notice.ended:
            self._office.tell(notice.call_id, e.Gone(f"the carrier ended the call ({notice.status})"))
        return web.Response(status=204)

    async def _telnyx(self, heard: Request, notice: Notice) -> web.Response:
        """TeXML wants an answer; Call Control says what happens, and is told what to do through the REST interface."""
        if heard.form is not None:
            return await self._connect("telnyx")(heard, notice)
        made = notice.status == "call.answered" and self._office.expects(notice.call_id)
        comes = notice.status == "call.initiated" and not notice.outbound
        notice = msgspec.structs.replace(notice, outbound=notice.outbound or made)
        if not (made or comes):
            return await self._hear(heard, notice)
        try:
            if reason := self._closed("telnyx", notice):
                raise ControlError(reason)
            await self._office.answer(notice.call_id, self._stream("telnyx", notice), outbound=made)
        except ControlError as error:
            logger.error("a call of Telnyx is not taken: {}", error)
        return web.Response(status=204)

    async def _forward_plivo(self, heard: Request, notice: Notice) -> web.Response:
        to = self._office.bound_for(notice.call_id)
        return _answer("plivo", plivo.dial(to, notice.ours) if to else plivo.hang_up())

    async def _forward_exotel(self, heard: Request, notice: Notice) -> web.Response:
        to = self._office.bound_for(notice.call_id)
        return _answer("exotel", exotel.dial(to)) if to else web.Response(status=404, text="Nobody is wanted.\n")


def _both(path: str, handler: Callable[[web.Request], Awaitable[web.Response]]) -> list[web.RouteDef]:
    return [web.get(path, handler), web.post(path, handler)]


def _answer(carrier: Carrier, text: str) -> web.Response:
    return web.Response(text=text, content_type=CONTENT_TYPE[carrier], charset="utf-8")


async def _body(request: web.Request) -> bytes:
    """The whole body. Raises Refused."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            while len(body) <= MAX_BODY and (more := await request.content.read(MAX_BODY + 1 - len(body))):
                body += more
    except TimeoutError:
        raise Refused(f"its body did not come within {BODY_S:g} s") from None
    if len(body) > MAX_BODY:
        raise Refused(f"it has more than {MAX_BODY} bytes")
    return bytes(body)


def _notice(carrier: Carrier, heard: Request) -> Notice:
    """What it says: its query, and over that its form or JSON. Raises Refused, msgspec.DecodeError."""
    fields: dict[str, Any] = dict(heard.query)
    form = heard.form
    if form is not None:
        fields |= dict(form)
    elif heard.body and carrier == "telnyx":
        return read_call_control(heard.body)
    elif heard.body:
        with contextlib.suppress(UnicodeDecodeError):
            found: Mapping[str, Any] = msgspec.json.decode(heard.body, type=dict[str, Any])
            fields |= found
    return read(carrier, fields)
