"""A voice behind a reconnecting websocket: a thin shell around one codec per provider (`audio.tts.wire.Codec`).

It keeps the connection and reads it. When that is lost all that was not given is asked again (`audio.tts.speech`).
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from random import Random

from loguru import logger

from audio.services import Sink, Utterance
from audio.tts.delivery import Delivery, Patience, now
from audio.tts.queue import SpeechQueue
from audio.tts.speech import Speech
from audio.tts.wire import Ask, Cancel, Codec, Event, Order, Over, Refused, Sound
from link.errors import ProviderError
from link.inbox import Inbox
from link.tasks import Spawn
from link.text import UNREADABLE
from link.websocket import Endpoint, Link, Links, Opener, open_websocket

LIVED_S = 30.0
"""A connection that lasted so long was a good one, even if nothing was said on it."""


class WebsocketVoice:
    """One call's voice: a `TextToSpeech`."""

    def __init__(
        self,
        endpoint: Endpoint,
        codec: Codec,
        *,
        random: Random,
        gate: asyncio.Semaphore,
        patience: Patience | None = None,
        opener: Opener = open_websocket,
    ) -> None:
        """`gate` bounds the handshakes of the process; `opener` is replaced where time is virtual."""
        self.rate_hz = codec.rate_hz
        self._endpoint = endpoint
        self._codec = codec
        self._links = Links(endpoint, random=random, gate=gate, opener=opener, on_failure=self._on_failure)
        self._link: Link | None = None
        self._wire = codec.open()  # of the newest connection
        self._queue = SpeechQueue(codec.rate_hz, codec.terms)
        self._delivery = Delivery(self._queue, patience or Patience(), self._on_late)
        self._delivery.why = "there is no connection as yet"

    async def run(self, inbox: Inbox[Utterance], sink: Sink, spawn: Spawn) -> None:
        """Speak one utterance after the other, for ever."""
        spawn(self._delivery.take(inbox))
        spawn(self._connect())
        spawn(self._delivery.order(sink, self._send))
        await self._delivery.give(sink)

    def close(self) -> None:
        """Nothing is held: the connection ends with its task."""

    # --- the connection ---------------------------------------------------------------------------------------------

    async def _connect(self) -> None:
        """Keep the connection; ends when the provider refuses for good."""
        try:
            async with aclosing(self._links.links()) as links:
                async for link in links:
                    since = now()
                    self._link, self._delivery.why = link, ""
                    self._wire = self._codec.open()
                    self._queue.open()
                    self._delivery.news()
                    await self._listen(link)
                    if now() - since > LIVED_S:
                        link.proved()
                    if self._delivery.refused:
                        return
        except ProviderError as error:
            self._refuse(str(error))

    async def _listen(self, link: Link) -> None:
        """Read a connection until its end."""
        try:
            while self._link is link:
                for event in self._wire.read(await link.receive()):
                    await self._on_event(event, link)
                if self._queue.worn:
                    self._abandon("it has said enough, and is replaced")
        except ProviderError as error:
            if error.fatal and self._codec.is_final(str(error)):
                self._refuse(str(error))
            if self._link is link:
                self._abandon(str(error))
        except UNREADABLE as error:
            self._abandon(f"{self._endpoint.name} sent what is no message: {error}")

    async def _on_event(self, event: Event, link: Link) -> None:
        match event:
            case Sound():
                link.proved()
                await self._delivery.on_sound(event, lambda: self._link is link)
            case Over(context):
                self._queue.on_over(context)
                self._delivery.news()
            case Refused():
                self._on_refused(event)

    def _on_refused(self, event: Refused) -> None:
        reason = self._endpoint.without_secrets(f"{self._codec.name} refuses: {event.reason}")
        speech = self._queue.speech_of(event.context)
        if event.fatal:
            self._refuse(reason)
        elif not event.context:
            self._abandon(reason)
        elif speech is not None:
            logger.warning("tts: {}", reason)
            speech.not_before = now() + self._delivery.patience.ask_again_s * speech.asks
            self._queue.lose(speech, reason)
        self._queue.forget(event.context)
        self._delivery.news()

    def _abandon(self, reason: str) -> None:
        """The connection is lost, or not to be trusted: what is on its way is asked again on the next one."""
        link, self._link = self._link, None
        if link is None:
            return
        logger.info("tts link lost: {}", reason)
        self._delivery.why = reason
        self._queue.close(reason)
        link.abort()
        self._delivery.news()

    def _refuse(self, reason: str) -> None:
        if not self._delivery.refused:
            logger.error("tts: {}", reason)
            self._delivery.refused = reason
        self._abandon(reason)
        self._delivery.news()

    def _on_failure(self, error: ProviderError) -> None:
        logger.warning("tts: {}", error)
        self._delivery.why = str(error)

    def _on_late(self, speech: Speech, reason: str) -> None:
        self._abandon(reason)

    # --- asking -----------------------------------------------------------------------------------------------------

    async def _send(self, orders: list[Order]) -> None:
        link = self._link
        if link is None:
            return
        try:
            for order in orders:
                for message in self._messages(order):
                    await link.send(message)
        except ProviderError as error:
            if self._link is link:
                self._abandon(str(error))
        if self._queue.is_stuck(now() - self._delivery.patience.cancelled_s):
            self._abandon("a cancelled utterance did not end")

    def _messages(self, order: Order) -> list[str]:
        match order:
            case Ask(context, text):
                return self._wire.ask(context, text)
            case Cancel(context):
                return self._wire.cancel(context)
