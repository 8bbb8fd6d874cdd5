"""A language model behind a reconnecting websocket: an answer is one exchange, one request and events until its end.

There is no replay and no commit point. When the link is lost the core is told, and asks again from the log. An answer
that is abandoned is left on its lane where the provider has lanes; else it is drained, for at most DRAIN_S, and then
the connection is replaced.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from random import Random

from loguru import logger

from link.errors import ProviderError
from link.inbox import Inbox
from link.websocket import Endpoint, Link, Links, Opener, open_websocket
from llm.events import Ask, Cancel, Command, LinkDown, LinkUp, Progress, ReplyDone, ReplyFailed
from llm.responses import ResponsesCodec
from llm.service import Post, Spawn

DRAIN_S = 1.0


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
        self._link: Link | None = None
        self._current: int | None = None  # the exchange whose events are wanted
        self._draining: asyncio.Event | None = None  # an abandoned exchange stands in the way; set at its end
        self._drain_limit: asyncio.TimerHandle | None = None
        self._post: Post = lambda _: None
        self._was_up = True
        self.discarded = 0
        """Events of abandoned answers."""

    async def run(self, inbox: Inbox[Command], post: Post, spawn: Spawn) -> None:
        """Keep the link up and answer, for ever; ends after a fatal LinkDown."""
        self._post = post
        spawn(self._obey(inbox))
        try:
            async with aclosing(self._links.links()) as links:
                async for link in links:
                    self._link, self._was_up = link, True
                    post(LinkUp())
                    reason = await self._receive(link)
                    self._link = self._current = None
                    self._drained()
                    logger.info("llm link lost: {}", reason)
                    if reason.fatal:
                        raise reason
                    self._was_up = False
                    post(LinkDown(str(reason)))
        except ProviderError as error:
            logger.error("llm: {}", error)
            post(LinkDown(str(error), fatal=True))
        finally:
            self._drained()
            if self.discarded:
                logger.debug("llm: {} events of abandoned answers were discarded", self.discarded)

    def _on_failure(self, error: ProviderError) -> None:
        logger.warning("llm: {}", error)
        if self._was_up:
            self._was_up = False
            self._post(LinkDown(str(error)))

    async def _receive(self, link: Link) -> ProviderError:
        """Post what comes until the link is lost; returns why."""
        try:
            while True:
                self._on_message(link, await link.receive())
        except ProviderError as error:
            link.abort()
            return error

    def _on_message(self, link: Link, message: str | bytes) -> None:
        for fact in self._codec.events(message, self._current):
            if isinstance(fact, ReplyDone | ReplyFailed):
                self._drained()
            if fact.reply != self._current:
                self.discarded += not isinstance(fact, Progress)
                continue
            if not isinstance(fact, ReplyFailed):
                link.proved()
            if isinstance(fact, ReplyDone | ReplyFailed):
                self._current = None
            self._post(fact)

    async def _obey(self, inbox: Inbox[Command]) -> None:
        while True:
            command = await inbox.get()
            match command:
                case Cancel():
                    self._abandon(command)
                case Ask():
                    await self._ask(command)

    def _abandon(self, command: Cancel) -> None:
        if command.reply != self._current:
            return
        self._current = None
        if command.stalled and self._link is not None:
            self._link.abort()
        elif not self._codec.lanes and self._link is not None:
            self._draining = asyncio.Event()
            self._drain_limit = asyncio.get_running_loop().call_later(DRAIN_S, self._link.abort)

    async def _ask(self, command: Ask) -> None:
        """Send a request; if the link is down or goes down meanwhile, the core knows and asks again."""
        link = self._link
        if link is None:
            return
        if self._draining is not None:
            await self._draining.wait()  # DRAIN_S at most: then the link is given up, and `_receive` sees it
            if self._link is not link:
                return
        self._current = command.reply
        try:
            await link.send(self._codec.request(command.reply, command.request))
        except ProviderError as error:
            logger.info("llm: {}", error)  # `receive` fails as well, and tells the core

    def _drained(self) -> None:
        if self._drain_limit is not None:
            self._drain_limit.cancel()
            self._drain_limit = None
        if self._draining is not None:
            self._draining.set()
            self._draining = None
