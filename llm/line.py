"""One connection to a provider: the exchanges on it, each on its lane, and what the provider remembers.

An exchange is one request, and events until its end. One that is given up stays on its lane where the provider has
lanes; else it stands in the way of the next, for at most DRAIN_S, and then the connection is given up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum, auto
from itertools import count

from msgspec import Struct, structs

from link.errors import ProviderError
from link.websocket import Endpoint, Link
from llm.continuation import Continuation, Made, Plan
from llm.responses import UNSENDABLE, ResponsesCodec, UnsendableRequest
from llm.responses_events import NOT_FOUND, Ended, Failed, Sign, Text, Working
from llm.responses_events import Made as CallMade

DRAIN_S = 1.0
UNANSWERED = "unanswered"
"""The code of a warm-up's failure that no provider has told."""
MAX_LANES = 32
"""Exchanges at once; beyond it the oldest one that nobody waits for is forgotten."""


class Counts(Struct):
    """What happened behind the scenes of one call."""

    discarded: int = 0
    """Signs of answers that were given up, or of none that is known."""
    asked_again: int = 0
    """Requests that went out again as the whole log: the provider had forgotten the response before."""
    forgotten: int = 0
    """Answers that were given up, and warm-ups, that never ended."""
    warm_ups_failed: int = 0
    renewed: int = 0
    """Connections that were replaced before they were too old."""


class Exchange:
    """One request, who wants to hear of it, and what came of it so far. `kind` begins the name of its lane."""

    __slots__ = ("calls", "deliver", "generate", "heard", "kind", "lane", "parts", "plan", "wanted")

    def __init__(
        self, kind: str, plan: Plan, deliver: Callable[[Exchange, Sign], None], *, generate: bool = True
    ) -> None:
        self.kind = kind
        self.plan = plan
        self.deliver = deliver
        self.generate = generate
        self.lane = ""
        self.wanted = True
        self.heard = False
        self.parts: list[str] = []
        self.calls: list[Made] = []

    @property
    def awaited(self) -> bool:
        """Somebody waits for the answer; nobody does for a warm-up."""
        return self.wanted and self.generate

    def note(self, sign: Sign) -> None:
        """Words and calls are what the provider will remember."""
        if isinstance(sign, Text):
            self.parts.append(sign.text)
        elif isinstance(sign, CallMade):
            self.calls.append((sign.call_id, sign.name, sign.arguments))


class Age(Enum):
    """How far a connection has come."""

    YOUNG = auto()
    OLD = auto()  # it is to be replaced
    RETIRED = auto()  # it was replaced, and may finish its answer


class Line:
    """A connection. Its owner keeps `receive` running; that ends when the connection does."""

    def __init__(self, link: Link, endpoint: Endpoint, codec: ResponsesCodec, counts: Counts) -> None:
        self.link = link
        self.age = Age.YOUNG
        self.memory = Continuation(incremental=codec.settings.incremental)
        self._endpoint = endpoint
        self._codec = codec
        self._counts = counts
        self._numbers = count(1)
        self._exchanges: dict[str, Exchange] = {}  # not over yet, by lane; without lanes there is one at a time
        self._free = asyncio.Event()
        self._free.set()
        self._limit: asyncio.TimerHandle | None = None

    @property
    def free(self) -> bool:
        """The next request is answered at once."""
        return self._codec.lanes or not self._exchanges

    @property
    def idle(self) -> bool:
        """Nobody waits for an answer."""
        return not any(exchange.awaited for exchange in self._exchanges.values())

    @property
    def done(self) -> bool:
        """It was replaced, and has given its last answer."""
        return self.age is Age.RETIRED and self.idle

    async def send(self, exchange: Exchange) -> None:
        """Ask; what cannot be sent fails. Raises ProviderError where the connection is lost; so does `receive` then."""
        if self._codec.lanes and not exchange.lane:
            exchange.lane = f"{exchange.kind}{next(self._numbers)}"
        exchange.heard = False
        plan, source = exchange.plan, self.source(exchange.plan)
        try:
            message = self._codec.request(plan, lane=exchange.lane, source=source, generate=exchange.generate)
        except UnsendableRequest as error:
            self._take(exchange, Failed(UNSENDABLE, str(error)))
            return
        self._exchanges[exchange.lane] = exchange
        self._free.clear()
        if len(self._exchanges) > MAX_LANES:
            self._forget_one()
        await self.link.send(message)

    def source(self, plan: Plan) -> str:
        """Whose thoughts come of it: another provider, or another model, could not read them."""
        return f"{self._endpoint.name} {plan.model}"

    async def wait_until_free(self) -> None:
        """Wait for the end of what stands in the way, for at most DRAIN_S: then the connection is given up."""
        self._hurry()
        await self._free.wait()

    def abandon(self, exchange: Exchange, *, stalled: bool = False) -> None:
        """Nobody wants to hear of an exchange any more. `stalled`: the connection is not to be trusted either."""
        if not exchange.wanted or self._exchanges.get(exchange.lane) is not exchange:
            return
        exchange.wanted = False
        if stalled or self.done:
            self.link.abort()
        elif not self._codec.lanes:
            self._hurry()

    async def receive(self) -> ProviderError | None:
        """Deliver what comes until the connection is lost; returns why, None for one that was replaced and is done."""
        try:
            while not self.done:
                await self.step()
        except ProviderError as error:
            self.link.abort()
            return error
        return None

    async def step(self) -> None:
        """Receive a message and deliver what it says. Raises ProviderError."""
        lane, sign = self._codec.read(await self.link.receive())
        if lane in self._exchanges:
            self._exchanges[lane].heard = True
        if sign is None:
            return
        if isinstance(sign, Failed):
            sign = structs.replace(sign, message=self._endpoint.without_secrets(sign.message))
        exchange = self._whose(lane, sign)
        if exchange is None:
            self._discard(sign)
        elif isinstance(sign, Failed) and sign.code == NOT_FOUND and exchange.plan.previous and exchange.wanted:
            await self._ask_again(exchange)
        else:
            self._take(exchange, sign)

    def end_warm_ups(self, reason: str) -> None:
        """A warm-up that was not answered until now has failed."""
        for exchange in [*self._exchanges.values()]:
            if exchange.wanted and not exchange.generate:
                self._take(exchange, Failed(UNANSWERED, reason))

    def close(self) -> None:
        """The connection is lost, or about to be closed: nothing more comes of it."""
        self._exchanges.clear()
        self._clear()

    def _take(self, exchange: Exchange, sign: Sign) -> None:
        if isinstance(sign, Ended | Failed):
            self._end(exchange)
        if not exchange.wanted:
            self._discard(sign)
            return
        exchange.note(sign)
        if isinstance(sign, Ended) and not sign.incomplete:
            self.memory.answered(exchange.plan, sign.response_id, "".join(exchange.parts), exchange.calls)
        elif isinstance(sign, Ended | Failed):  # an incomplete response may hold half a call, which has no result
            self.memory.failed(exchange.plan)
        exchange.deliver(exchange, sign)

    async def _ask_again(self, exchange: Exchange) -> None:
        """The provider has forgotten the response before: the whole log, on the same lane, and nobody hears of it."""
        self._counts.asked_again += 1
        exchange.plan = self.memory.whole(exchange.plan)
        await self.send(exchange)

    def _whose(self, lane: str | None, sign: Sign) -> Exchange | None:
        """The exchange of a sign. With lanes, words that name none are nobody's; an error is that of who waits."""
        if not self._codec.lanes:
            return next(iter(self._exchanges.values()), None)
        if lane is None and isinstance(sign, Failed):
            return self._who_waits()
        return self._exchanges.get(lane or "")

    def _who_waits(self) -> Exchange | None:
        """The last request that is wanted; but a warm-up before it goes first, as long as nothing came of either."""
        wanted = [exchange for exchange in self._exchanges.values() if exchange.wanted]
        if not wanted or wanted[-1].heard:
            return wanted[-1] if wanted else None
        return next((each for each in wanted if not each.generate and not each.heard), wanted[-1])

    def _end(self, exchange: Exchange) -> None:
        self._exchanges.pop(exchange.lane, None)
        if not self._exchanges:
            self._clear()

    def _forget_one(self) -> None:
        for lane, exchange in self._exchanges.items():
            if not exchange.awaited:
                del self._exchanges[lane]
                self._counts.forgotten += 1
                if exchange.wanted:
                    self._take(exchange, Failed(UNANSWERED, "no answer came"))
                return

    def _hurry(self) -> None:
        if self._exchanges and self._limit is None:
            self._limit = asyncio.get_running_loop().call_later(DRAIN_S, self.link.abort)

    def _clear(self) -> None:
        """Nothing stands in the way any more."""
        self._free.set()
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None

    def _discard(self, sign: Sign) -> None:
        self._counts.discarded += not isinstance(sign, Working)
