"""Ears behind a reconnecting websocket. What is said and understood is decided in a pure `Hearing`; this is its shell.

Three coroutines and one timer: what the call says goes in, what the provider says goes in, and what is to be sent goes
out. There is no queue between them: a connection that takes nothing holds nobody up, for the audio stays where it is
kept, which has a bound.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import aclosing
from random import Random

from loguru import logger

from audio.events import EarFact
from audio.services import Begin, Finish
from audio.stt.hearing import Hearing
from link.alarm import Alarm
from link.errors import ProviderError
from link.inbox import Inbox
from link.tasks import Spawn
from link.websocket import CLOSE_S, Endpoint, Link, Links, Opener, open_websocket

Post = Callable[[EarFact], None]


class WebsocketEars:
    """A call's ears: a `SpeechToText`. What it cannot be sure of it says once, by SpeechLost, and in the log."""

    def __init__(
        self,
        endpoint: Endpoint,
        hearing: Hearing,
        *,
        random: Random,
        gate: asyncio.Semaphore,
        opener: Opener = open_websocket,
    ) -> None:
        """`gate` bounds the handshakes of the process; `opener` is replaced where time is virtual."""
        self.rate_hz = hearing.rate_hz
        self.listens = hearing.listens
        self._endpoint = endpoint
        self._hearing = hearing
        self._links = Links(endpoint, random=random, gate=gate, opener=opener, on_failure=self._on_failure)
        self._link: Link | None = None
        self._more = asyncio.Event()  # there may be something to send
        self._alarm = Alarm(self._tick)
        self._failures = 0  # since the last connection
        self._warned: set[str] = set()

    async def run(self, inbox: Inbox[bytes | Begin | Finish], post: Post, spawn: Spawn) -> None:
        """Keep the link up and listen, for ever. Refused for good, it goes on to answer each `Finish`, with nothing."""
        self._post = post
        spawn(self._obey(inbox))
        spawn(self._talk())
        try:
            async with aclosing(self._links.links()) as links:
                async for link in links:
                    await self._listen(link)
        except ProviderError as error:
            logger.error("stt: {}", error)
            self._hearing.refused(str(error))
            self._advance()
            await asyncio.Event().wait()
        finally:
            self._alarm.cancel()

    def close(self) -> None:
        """Nothing to give back: the connection ends with `run`."""

    # --- the link ---------------------------------------------------------------------------------------------------

    async def _listen(self, link: Link) -> None:
        """Use a connection until its end. Raises a fatal ProviderError."""
        if self._failures:
            logger.info("stt: the link is back")
        self._failures = 0
        self._link = link
        self._hearing.connected(_now())
        self._advance()
        try:
            while True:
                self._take(link, await link.receive())
        except ProviderError as error:
            if error.fatal:
                raise ProviderError(self._endpoint.without_secrets(str(error)), fatal=True) from error
            logger.info("stt: the link is lost: {}", self._endpoint.without_secrets(str(error)))
        except asyncio.CancelledError:
            await self._say_goodbye(link)
            raise
        finally:
            self._link = None
            link.abort()  # whoever sends garbage is not waited for; after a goodbye it is closed
        self._hearing.disconnected(_now())
        self._advance()

    def _take(self, link: Link, message: str | bytes) -> None:
        received = self._hearing.receive(message, _now())
        if received.useful:
            link.proved()
        if received.warning and received.warning not in self._warned:
            self._warned = {received.warning}  # the same again says nothing new
            logger.warning("stt: {}", self._endpoint.without_secrets(received.warning))
        self._advance()

    async def _say_goodbye(self, link: Link) -> None:
        """The call is over: end the stream in order, if the provider still reads."""
        with contextlib.suppress(ProviderError, TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                if self._hearing.farewell:
                    await link.send(self._hearing.farewell)
                await link.close()

    def _on_failure(self, error: ProviderError) -> None:
        logger.log("DEBUG" if self._failures else "WARNING", "stt: {}", error)
        self._failures += 1

    # --- in and out -------------------------------------------------------------------------------------------------

    async def _obey(self, inbox: Inbox[bytes | Begin | Finish]) -> None:
        while True:
            item = await inbox.get()
            match item:
                case Begin():
                    self._hearing.begin(_now())
                case Finish():
                    self._hearing.finish(_now())
                case pcm:
                    self._hearing.audio(pcm, _now())
            self._advance()

    async def _talk(self) -> None:
        """Send what there is to send. A message that is lost with its connection goes out on the next one."""
        while True:
            await self._more.wait()
            self._more.clear()
            while (link := self._link) is not None and (message := self._hearing.message(_now())) is not None:
                with contextlib.suppress(ProviderError):  # `receive` fails as well, and tells
                    await (link.send(message) if isinstance(message, str) else link.send_bytes(message))
            self._alarm.set(self._hearing.deadline())

    # --- what came of it --------------------------------------------------------------------------------------------

    def _advance(self) -> None:
        """After each verb: tell the call, send, and set the timer."""
        for fact in self._hearing.facts():
            self._post(fact)
        self._more.set()
        self._alarm.set(self._hearing.deadline())

    def _tick(self, now: float) -> None:
        doubt = self._hearing.tick(now)
        if doubt and self._link is not None:
            logger.info("stt: the link is given up: {}", doubt)
            self._link.abort()
        self._advance()


def _now() -> float:
    return asyncio.get_running_loop().time()
