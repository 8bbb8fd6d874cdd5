"""A language model behind a reconnecting websocket: an answer is one exchange, one request and events until its end.

There is no replay and no commit point. When the link is lost the core is told, and asks again from the log. What
nobody has to hear of is done in silence: a connection is replaced before it is too old, a request goes out as the
whole log where the provider has forgotten the response before.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from functools import partial
from random import Random

from loguru import logger
from msgspec import Struct, structs

from link.errors import ProviderError
from link.inbox import Inbox
from link.tasks import Spawn
from link.websocket import Endpoint, Link, Links, Opener, open_websocket
from llm.events import (
    Ask,
    Cancel,
    Command,
    Infer,
    LinkDown,
    LinkUp,
    Prepare,
    ReplyDone,
    ReplyFailed,
    Request,
)
from llm.inference import Inferences
from llm.line import Age, Counts, Exchange, Line
from llm.responses import UNSENDABLE, ResponsesCodec, fact_of, reason_of
from llm.responses_events import Ended, Failed, Sign
from llm.service import Post

RENEW_AGAIN_S = 60.0
"""When to try again after a connection could not be renewed."""


class _Reply(Struct):
    number: int
    line: Line
    exchange: Exchange


class _Outage(Struct):
    """The link is away. Each attempt to connect that fails is logged, the first one for the operator."""

    since: float
    attempts: int = 0


class WebsocketLLMService:
    """One call's link to its model."""

    def __init__(
        self,
        endpoint: Endpoint,
        codec: ResponsesCodec,
        *,
        random: Random,
        gate: asyncio.Semaphore,
        opener: Opener = open_websocket,
    ) -> None:
        """`gate` bounds the handshakes of the process; `opener` is replaced where time is virtual."""
        self._endpoint = endpoint
        self._codec = codec
        self._links = Links(endpoint, random=random, gate=gate, opener=opener, on_failure=self._on_failure)
        self._line: Line | None = None
        self._lost: asyncio.Future[ProviderError] | None = None  # why `_line` is
        self._lines: set[Line] = set()  # `_line`, and those that were replaced and finish an answer
        self._waiting: Ask | None = None  # for the end of what stands in its way
        self._reply: _Reply | None = None  # the one whose events are wanted
        self._inferences = Inferences(
            lambda infer: codec.model(infer.request), lambda: self._line, None if codec.lanes else self._open
        )
        self._warm_up = codec.settings.warm_up
        self._renewal: asyncio.TimerHandle | None = None
        self._renewing = False
        self._outage: _Outage | None = None
        self._refused: ProviderError | None = None  # for good
        self.counts = Counts()

    @property
    def discarded(self) -> int:
        """Events of abandoned answers."""
        return self.counts.discarded

    async def run(self, inbox: Inbox[Command], post: Post, spawn: Spawn) -> None:
        """Keep the link up and answer, for ever; ends after a fatal LinkDown. Then only inferences are refused."""
        self._post, self._spawn = post, spawn
        spawn(self._obey(inbox))
        try:
            async with aclosing(self._links.links()) as links:
                async for link in links:
                    self._end_outage()
                    lost = self._lost = asyncio.get_running_loop().create_future()
                    self._use(link)
                    post(LinkUp())
                    reason = await lost
                    if reason.fatal:
                        raise reason
                    logger.info("llm link lost: {}", reason)
                    self._outage = _Outage(_now())
                    post(LinkDown(str(reason)))
        except ProviderError as error:  # the call logs it
            self._give_up(error)
            post(LinkDown(str(error), fatal=True))
        finally:
            await self._end()

    # --- the link ---------------------------------------------------------------------------------------------------

    def _use(self, link: Link) -> None:
        """From now on requests go out on this connection."""
        self._line = self._make(link)
        self._lines.add(self._line)
        self._renew_in(self._codec.settings.renew_s)
        self._spawn(self._listen(self._line))

    def _make(self, link: Link) -> Line:
        return Line(link, self._endpoint, self._codec, self.counts)

    async def _open(self) -> Line:
        if self._refused is not None:
            raise self._refused
        return self._make(await self._links.open())

    async def _listen(self, line: Line) -> None:
        """Owns a connection until its end."""
        try:
            if reason := await line.receive():
                self._on_lost(line, reason)
        finally:
            self._lines.discard(line)
            line.close()
            await line.link.close()

    def _on_lost(self, line: Line, reason: ProviderError) -> None:
        answering = self._reply is not None and self._reply.line is line
        retired = line is not self._line
        line.end_warm_ups("the connection was lost before an answer came")
        line.close()
        if answering:
            self._reply = None
        self._inferences.fail(line, str(reason))
        if not retired:
            self._line = None
            if self._lost is not None and not self._lost.done():
                self._lost.set_result(reason)
        elif answering and self._line is not None:
            logger.info("llm link lost: {}", reason)
            self._post(LinkDown(str(reason)))
            self._post(LinkUp())  # its successor is there

    def _on_failure(self, error: ProviderError) -> None:
        outage = self._outage or _Outage(_now())
        logger.log("DEBUG" if outage.attempts else "WARNING", "llm: {}", error)
        outage.attempts += 1
        if self._outage is None:  # the first link of all
            self._outage = outage
            self._post(LinkDown(str(error)))

    def _end_outage(self) -> None:
        if self._outage is not None:
            logger.info("llm: the link is back after {:.1f} s", _now() - self._outage.since)
            self._outage = None

    def _give_up(self, error: ProviderError) -> None:
        """Nothing more comes of any connection, not even of one that finishes an answer."""
        self._refused = error
        self._waiting = self._reply = None
        self._inferences.fail(None, str(error))
        for line in self._lines:
            line.close()
            line.link.abort()

    async def _end(self) -> None:
        if self._renewal is not None:
            self._renewal.cancel()
        if self._line is not None:
            await self._line.link.close()
        if any(structs.astuple(self.counts)):
            logger.debug("llm: {}", self.counts)

    # --- its renewal ------------------------------------------------------------------------------------------------

    def _renew_in(self, seconds: float) -> None:
        if self._renewal is not None:
            self._renewal.cancel()
        self._renewal = asyncio.get_running_loop().call_later(seconds, self._grow_old)

    def _grow_old(self) -> None:
        if self._line is not None:
            self._line.age = Age.OLD
            self._renew_if_idle()

    def _renew_if_idle(self) -> None:
        line = self._line
        if line is not None and line.age is Age.OLD and line.idle and not self._renewing:
            self._renewing = True
            self._spawn(self._renew(line))

    async def _renew(self, old: Line) -> None:
        """Open another connection beside the old one, and go over to it; nobody hears of it."""
        try:
            link = await self._links.open()
        except ProviderError as error:
            logger.warning("llm: the link could not be renewed: {}", error)
            if self._line is old:
                old.age = Age.YOUNG
                self._renew_in(RENEW_AGAIN_S)
            return
        finally:
            self._renewing = False
        if self._line is not old:  # it was lost meanwhile, and the next one is on its way
            await link.close()
            return
        old.link.proved()
        old.age = Age.RETIRED
        old.end_warm_ups("no answer came")
        self.counts.renewed += 1
        self._use(link)
        if old.done:  # else it ends with its answer
            await old.link.close()

    # --- commands ---------------------------------------------------------------------------------------------------

    async def _obey(self, inbox: Inbox[Command]) -> None:
        while True:
            match await inbox.get():
                case Cancel(reply, stalled):
                    self._cancel(reply, stalled)
                case Ask() as ask:
                    await self._ask(ask)
                case Prepare(request):
                    await self._prepare(request)
                case Infer() as infer:
                    self._inferences.start(infer, self._post, self._spawn)

    def _cancel(self, reply: int, stalled: bool) -> None:
        if self._waiting is not None and self._waiting.reply == reply:
            self._waiting = None
        if self._reply is None or self._reply.number != reply:
            return
        line, exchange, self._reply = self._reply.line, self._reply.exchange, None
        line.abandon(exchange, stalled=stalled)
        self._renew_if_idle()

    async def _ask(self, ask: Ask) -> None:
        """Send a request. While something stands in its way it waits, and the commands after it do not."""
        if self._reply is not None:
            self._cancel(self._reply.number, False)
        self._waiting = ask
        if self._line is None or self._line.free:
            await self._ask_when_free(ask)
        else:
            self._spawn(self._ask_when_free(ask))

    async def _ask_when_free(self, ask: Ask) -> None:
        """If the link is down or goes down meanwhile, the core knows and asks again."""
        while self._waiting is ask:
            line = self._line  # none where it was lost meanwhile, another where it was replaced
            if line is not None and not line.free:
                await line.wait_until_free()
                continue
            self._waiting = None
            if line is not None:
                plan = line.memory.ask(ask.request, self._codec.model(ask.request))
                exchange = Exchange("r", plan, partial(self._on_sign, ask.reply, line))
                self._reply = _Reply(ask.reply, line, exchange)
                await self._send(line, exchange)

    def _on_sign(self, reply: int, line: Line, exchange: Exchange, sign: Sign) -> None:
        """More of the reply that is wanted."""
        blocked = isinstance(sign, Ended) and sign.incomplete == "content_filter"
        if blocked and not exchange.parts and not exchange.calls:
            sign = Failed("content_filter", "the provider's filter held the whole answer back")
        fact = fact_of(sign, reply, line.source(exchange.plan))
        if not isinstance(fact, ReplyFailed):
            line.link.proved()
        if isinstance(fact, ReplyDone | ReplyFailed):
            self._reply = None
        self._post(fact)
        if isinstance(fact, ReplyDone | ReplyFailed):
            self._renew_if_idle()

    async def _prepare(self, request: Request) -> None:
        """Warm up, if nothing more important is going on. It tells nobody."""
        line = self._line
        busy = self._reply is not None or self._waiting is not None
        if line is None or not self._warm_up or busy or not line.free:
            return
        plan = line.memory.warm(request, self._codec.model(request))
        if plan is not None:
            await self._send(line, Exchange("w", plan, self._on_warm_up, generate=False))

    def _on_warm_up(self, _: Exchange, sign: Sign) -> None:
        if not isinstance(sign, Failed) or sign.code == UNSENDABLE:
            return
        self.counts.warm_ups_failed += 1
        if self._warm_up:
            self._warm_up = False
            logger.warning("llm: the provider takes no warm-up: {}", reason_of(sign))

    async def _send(self, line: Line, exchange: Exchange) -> None:
        try:
            await line.send(exchange)
        except ProviderError:
            pass  # `receive` fails as well; that is logged, and told


def _now() -> float:
    return asyncio.get_running_loop().time()
