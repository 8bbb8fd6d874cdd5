"""The calls of this process: who is admitted, how a call is opened, and how all of them end when the server goes."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

from loguru import logger
from msgspec.structs import replace

from link.errors import ClientError, Overloaded
from server.call import events as e
from server.call.session import FAULT, Session
from server.call.shared import Greeting, Shared, Socket
from server.config import Limits, Settings
from server.door.request import same
from server.door.tickets import Facts
from server.observers.metrics import Metrics
from server.protocols.wire import Answer, Incoming, Opened, Ping, Pong, Wire

GOING = "the server is going away"
FULL = "the server has as many calls as it may"
CROWDED = "too many connections have not shown the token yet"
UNKNOWN = Facts()
MAX_STRANGERS = 256
"""Connections that have not shown the token. They take no place from those that have, so they have their own bound."""

Welcome = Callable[[Greeting, str], tuple[Greeting, Shared]]
"""What is known of a call by telephone, and who takes it; the number is ours, where a ticket said it."""


class Calls:
    """Admission, the running calls, drain."""

    def __init__(self, settings: Settings, shared: Shared, metrics: Metrics, welcome: Welcome | None = None) -> None:
        """`shared` is that of the agent that takes a call where nobody says which does; `welcome` says it of phones."""
        self._welcome = welcome
        self._settings = settings
        self._shared = shared
        self._metrics = metrics
        self._running: set[Session] = set()
        self._opening: dict[str, Shared] = {}  # by id: clients that may have a call, and are still greeted
        self._strangers: set[str] = set()  # those that have not shown the token yet
        self._ending = False
        self._empty = asyncio.Event()
        self._empty.set()
        self.draining = False

    @property
    def count(self) -> int:
        """Calls that go on or are about to begin."""
        return len(self._running) + len(self._opening)

    def refusal(self, *, trusted: bool = True, shared: Shared | None = None) -> str | None:
        """Why no further call can be taken; None when one can. `trusted` and `shared` as in `hold`."""
        if self.draining:
            return GOING
        if not self._knows(trusted) and len(self._strangers) >= MAX_STRANGERS:
            return CROWDED
        return self._shortage(shared or self._shared)

    def _shortage(self, shared: Shared) -> str | None:
        if self.count >= self._settings.max_calls:
            return FULL
        if shared.engines.free <= sum(each is shared for each in self._opening.values()):
            return "the server has no free speech recogniser or voice"
        return None

    def _excess(self, call_id: str) -> str | None:
        """Several were in their upgrade when the last place was taken: why this one has none."""
        if call_id in self._strangers:
            return CROWDED if len(self._strangers) > MAX_STRANGERS else None
        return FULL if self.count > self._settings.max_calls else None

    def _knows(self, trusted: bool) -> bool:
        return trusted or not self._settings.token

    async def hold(
        self, socket: Socket, wire: Wire, *, trusted: bool, shared: Shared | None = None, known: Facts = UNKNOWN
    ) -> e.End:
        """Open a call on a socket and hold it; `trusted`: the token was shown with the upgrade already.

        `shared` is that of the agent that takes it, if it is not the first; `known` is what a ticket said of the call.
        """
        call_id = secrets.token_hex(6)
        shared = shared or self._shared
        with logger.contextualize(call=call_id):
            if self._knows(trusted):
                self._opening[call_id] = shared
            else:
                self._strangers.add(call_id)
            self._empty.clear()
            try:
                end = await self._open(call_id, socket, wire, shared, known)
            finally:
                self._opening.pop(call_id, None)
                self._strangers.discard(call_id)
                if not (self._running or self._opening or self._strangers):
                    self._empty.set()
            self._metrics.ended.labels(str(end.code)).inc()
            return end

    async def _open(self, call_id: str, socket: Socket, wire: Wire, shared: Shared, known: Facts) -> e.End:
        try:
            if excess := self._excess(call_id):
                raise Overloaded(excess)
            greeting = await greet(socket, wire, shared.limits)
            if call_id in self._strangers:
                self._meet(call_id, greeting.opened.token, shared)
            if self._ending:
                raise ClientError(1012, GOING)
            greeting = _completed(greeting, known)
            if greeting.opened.phone is not None and self._welcome is not None:
                greeting, shared = self._welcome(greeting, known.agent)
            session = Session(call_id, socket, wire, greeting, shared)
        except Exception as error:
            return await self._no_call(socket, error)
        self._running.add(session)
        del self._opening[call_id]
        try:
            return await session.run()
        finally:
            self._running.remove(session)

    def _meet(self, call_id: str, token: str, shared: Shared) -> None:
        """A stranger that shows the token gets a place, if there is one. Raises ClientError, Overloaded."""
        if not same(token, self._settings.token):
            raise ClientError(1008, "the token is missing or wrong")
        if shortage := self._shortage(shared):
            raise Overloaded(shortage)
        self._strangers.remove(call_id)
        self._opening[call_id] = shared

    async def _no_call(self, socket: Socket, error: Exception) -> e.End:
        match error:
            case ClientError():
                end = e.End(str(error), error.code)
            case Overloaded():
                end = e.End(str(error), 1013)
            case EOFError():
                end = e.End("the client left", 1006)
            case _:
                logger.opt(exception=error).error("a call could not begin by a fault of ours")
                end = e.End(FAULT, 1011)
        logger.info("no call: {}", end.reason)
        self._metrics.refused.labels(str(end.code)).inc()
        await socket.close(end.code, end.reason)
        return end

    def tell(self, call_id: str, fact: e.Fact) -> bool:
        """Hand a fact to the call that its carrier knows by this name; False when there is none."""
        for session in self._running:
            phone = session.handle.phone
            if phone is not None and phone.call_id == call_id:
                session.post(fact)
                return True
        return False

    async def drain(self, limit_s: float) -> None:
        """Take no new calls; let the running ones go on for at most `limit_s`, then end them with 1012."""
        self.draining = True
        try:
            async with asyncio.timeout(limit_s):
                await self._empty.wait()
        except TimeoutError:
            logger.warning("{} calls are ended after {:g} s of draining", len(self._running), limit_s)
            self.end_all()
            await self._empty.wait()

    def end_all(self) -> None:
        """End every call now, those too that are just being opened."""
        self._ending = True
        for session in list(self._running):
            session.drain()


async def greet(socket: Socket, wire: Wire, limits: Limits) -> Greeting:
    """The opening of a call, or the defaults after `ready_s`. Raises ClientError, EOFError.

    A wire that has no defaults is waited for: `first_message_s` in all.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    opening = _Opening(socket, wire, began)
    try:
        async with asyncio.timeout_at(began + limits.ready_s):
            await opening.run()
    except TimeoutError:
        opening.incoming = wire.begin()
    if not opening.incoming:
        try:
            async with asyncio.timeout_at(began + limits.first_message_s):
                await opening.run()
        except TimeoutError:
            raise ClientError(1008, f"nothing opened the call for {limits.first_message_s:g} s") from None
    opened, *rest = opening.incoming
    assert isinstance(opened, Opened)
    return Greeting(opened, rest, opening.silent_since)


def _completed(greeting: Greeting, known: Facts) -> Greeting:
    """What the carrier's first messages did not say of a call is taken from what was known before."""
    phone = greeting.opened.phone
    if phone is None or known == UNKNOWN:
        return greeting
    own = {"call_id": phone.call_id, "caller": phone.caller, "called": phone.called}
    phone = replace(phone, **{name: said or getattr(known, name) for name, said in own.items()})
    return replace(greeting, opened=replace(greeting.opened, phone=phone))


class _Opening:
    """What comes before a call is opened is answered where the wire wants it so, and otherwise is nobody's."""

    def __init__(self, socket: Socket, wire: Wire, now: float) -> None:
        self._socket = socket
        self._wire = wire
        self.incoming: list[Incoming] = []
        """From `Opened` on."""
        self.silent_since: float | None = now

    async def run(self) -> None:
        """Until the call is opened. Raises ClientError, EOFError."""
        while not self.incoming:
            message = await self._socket.receive()
            self.silent_since = None
            if isinstance(message, Ping):
                await self._socket.send(Pong(message.data))
            elif not isinstance(message, Pong):
                await self._take(self._wire.receive(message))

    async def _take(self, incoming: list[Incoming]) -> None:
        for number, each in enumerate(incoming):
            match each:
                case Opened():
                    self.incoming = incoming[number:]
                    return
                case Answer(message):
                    await self._socket.send(message)
                case e.Gone(reason, code):
                    raise ClientError(code, reason)
