"""A voice behind a reconnecting websocket: a thin shell around one codec per provider (`audio.tts.wire.Codec`).

Four tasks: one takes what is to be said, one keeps the connection and reads it, one asks and cancels, and `run` gives
the sink what came, frame by frame in order. What is behind the head is asked ahead and kept. When the connection is
lost all that was not given is asked again (`audio.tts.speech`); the core hears only of what cannot be saved.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from random import Random

import msgspec
from loguru import logger
from msgspec import Struct

from audio.services import Sink, Utterance
from audio.tts.queue import SpeechQueue
from audio.tts.speech import Speech, State
from audio.tts.wire import Codec, Event, Over, Refused, Sound
from link.errors import ProviderError
from link.inbox import Inbox
from link.tasks import Spawn
from link.text import utf8_text
from link.websocket import Endpoint, Link, Links, Opener, open_websocket

LIVED_S = 30.0
"""A connection that lasted so long was a good one, even if nothing was said on it."""


class Patience(Struct, frozen=True):
    """How long a provider may take. The core gives a frame up after 3 s without its first audio, 2 s without more."""

    first_audio_s: float = 1.4
    """From the question to its first audio; then the connection is replaced, and the question asked again."""
    next_audio_s: float = 1.0
    """Between two pieces of audio, likewise."""
    give_up_s: float = 2.8
    """A frame whose turn it is fails after so long without its first audio, whatever the reason."""
    give_up_next_s: float = 1.8
    """The same in its middle."""
    cancelled_s: float = 1.0
    """A context that was cancelled may hold its place for so long while others wait for it."""
    check_s: float = 0.05
    """How often it is seen whether what is being made is still wanted."""
    ask_again_s: float = 0.3
    """After a refusal that may pass; then twice as much."""


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
        self._patience = patience or Patience()
        self._links = Links(endpoint, random=random, gate=gate, opener=opener, on_failure=self._on_failure)
        self._link: Link | None = None
        self._queue = SpeechQueue(codec)
        self._why = "there is no connection as yet"  # where there is none
        self._refused = ""  # for good, and why
        self._to_do = asyncio.Event()  # something may be asked or cancelled
        self._news = asyncio.Event()  # something may be given
        self._room = asyncio.Event()  # something was given

    async def run(self, inbox: Inbox[Utterance], sink: Sink, spawn: Spawn) -> None:
        """Speak one utterance after the other, for ever."""
        spawn(self._take(inbox))
        spawn(self._connect())
        spawn(self._ask(sink))
        await self._give(sink)

    def close(self) -> None:
        """Nothing is held: the connection ends with its task."""

    # --- what is to be said -----------------------------------------------------------------------------------------

    async def _take(self, inbox: Inbox[Utterance]) -> None:
        while True:
            utterance = await inbox.get()
            while self._queue.full:
                self._room.clear()
                await self._room.wait()
            self._queue.put(utterance.frame, utf8_text(utterance.text))
            self._to_do.set()
            self._news.set()

    # --- what is given ----------------------------------------------------------------------------------------------

    async def _give(self, sink: Sink) -> None:
        while True:
            head = self._queue.head
            if head is None:
                await self._wait_for_news(None)
            elif not sink.wanted(head.frame):
                self._drop(head)
            else:
                await self._speak(head, sink)

    async def _speak(self, head: Speech, sink: Sink) -> None:
        """Give the next piece of the head of the queue, or its end, or wait for it."""
        if piece := head.take():
            self._room.set()
            await sink.audio(head.frame, *piece)
            self._queue.gave(_now())
            return
        if head.state is State.COMPLETE:
            self._drop(head)
            sink.done(head.frame)
        elif head.state is State.FAILED or self._refused:
            self._drop(head)
            sink.failed(head.frame, head.reason or self._refused)
            await asyncio.sleep(0)  # the core may say it once more: it comes before what is behind it
        else:
            await self._wait_for(head)

    async def _wait_for(self, head: Speech) -> None:
        """Wait for more of the head, as long as there is patience."""
        times = self._patience
        since = self._queue.head_since(_now())
        end = since + (times.give_up_next_s if head.begun else times.give_up_s)
        late = end
        if head.state is State.ASKED:
            late = max(since, head.heard_at) + (times.next_audio_s if head.begun else times.first_audio_s)
        if await self._wait_for_news(min(late, end)) or self._queue.head is not head:
            return
        reason = self._why or "the voice gave no audio in time"
        if self._link is not None and head.state is State.ASKED:
            self._abandon(reason)
        if late >= end:
            head.give_up(reason)

    async def _wait_for_news(self, until: float | None) -> bool:
        """True when there may be some."""
        self._news.clear()
        try:
            async with asyncio.timeout_at(until):
                await self._news.wait()
        except TimeoutError:
            return False
        return True

    def _drop(self, speech: Speech) -> None:
        """Nobody wants it any more."""
        self._queue.remove(speech)
        self._room.set()
        self._to_do.set()

    # --- the connection ---------------------------------------------------------------------------------------------

    async def _connect(self) -> None:
        """Keep the connection; ends when the provider refuses for good."""
        try:
            async with aclosing(self._links.links()) as links:
                async for link in links:
                    since = _now()
                    self._link, self._why = link, ""
                    self._queue.open()
                    self._to_do.set()
                    await self._listen(link)
                    if _now() - since > LIVED_S:
                        link.proved()
                    if self._refused:
                        return
        except ProviderError as error:
            self._refuse(str(error))

    async def _listen(self, link: Link) -> None:
        """Read a connection until its end."""
        try:
            while self._link is link:
                for event in self._queue.read(await link.receive()):
                    await self._on_event(event, link)
                if self._queue.worn:
                    self._abandon("it has said enough, and is replaced")
        except ProviderError as error:
            if error.fatal and self._codec.is_final(str(error)):
                self._refuse(str(error))
            if self._link is link:
                self._abandon(str(error))
        except msgspec.DecodeError as error:
            self._abandon(f"{self._endpoint.name} sent what is no message: {error}")

    async def _on_event(self, event: Event, link: Link) -> None:
        match event:
            case Sound():
                link.proved()
                speech = self._queue.on_sound(event, _now())
                self._news.set()
                while self._link is link and self._queue.overflows(speech):
                    self._room.clear()
                    await self._room.wait()
            case Over(context):
                self._queue.on_over(context)
                self._news.set()
            case Refused():
                self._on_refused(event)
        self._to_do.set()

    def _on_refused(self, event: Refused) -> None:
        reason = self._endpoint.without_secrets(f"{self._codec.name} refuses: {event.reason}")
        speech = self._queue.speech_of(event.context)
        if event.fatal:
            self._refuse(reason)
        elif not event.context:
            self._abandon(reason)
        elif speech is not None:
            logger.warning("tts: {}", reason)
            speech.not_before = _now() + self._patience.ask_again_s * speech.asks
            self._queue.lose(speech, reason)
        self._queue.forget(event.context)
        self._news.set()

    def _abandon(self, reason: str) -> None:
        """The connection is lost, or not to be trusted: what is on its way is asked again on the next one."""
        link, self._link = self._link, None
        if link is None:
            return
        logger.info("tts link lost: {}", reason)
        self._why = reason
        self._queue.close(reason)
        link.abort()
        self._news.set()
        self._room.set()

    def _refuse(self, reason: str) -> None:
        if not self._refused:
            logger.error("tts: {}", reason)
            self._refused = reason
        self._abandon(reason)
        self._news.set()

    def _on_failure(self, error: ProviderError) -> None:
        logger.warning("tts: {}", error)
        self._why = str(error)

    # --- asking -----------------------------------------------------------------------------------------------------

    async def _ask(self, sink: Sink) -> None:
        """Ask for what can be asked, cancel what is not wanted; a sink does not tell that by itself."""
        while True:
            busy = self._queue.busy
            try:
                async with asyncio.timeout(self._patience.check_s if busy else None):
                    await self._to_do.wait()
            except TimeoutError:
                pass
            self._to_do.clear()
            for speech in self._queue.unwanted(sink.wanted):
                self._drop(speech)
                self._news.set()
            await self._send()
            if self._queue.is_stuck(_now() - self._patience.cancelled_s):
                self._abandon("a cancelled utterance did not end")

    async def _send(self) -> None:
        link = self._link
        if link is None:
            return
        try:
            for message in self._queue.messages(_now()):
                self._news.set()  # what is asked has another deadline
                await link.send(message)
        except ProviderError as error:
            if self._link is link:
                self._abandon(str(error))


def _now() -> float:
    return asyncio.get_running_loop().time()
