"""A voice behind requests over HTTP: one for each piece of text, whose answer is streamed samples.

The next piece is asked while the one before is spoken. A request that nobody wants any more is hung up on at once. One
that fails before any of its audio was given is made again; after that there is no telling what was said.
"""

from __future__ import annotations

import math
from contextlib import aclosing
from typing import Protocol

from loguru import logger

from audio.services import Sink, Utterance
from audio.tts.delivery import Delivery, Patience, now
from audio.tts.queue import SpeechQueue
from audio.tts.speech import Speech
from audio.tts.wire import Ask, Cancel, Order, Sound, Terms
from link.errors import ProviderError
from link.http import HttpClient, Json
from link.inbox import Inbox
from link.tasks import Spawn, Task


class HttpSpeech(Protocol):
    """A provider, as a voice is configured there."""

    name: str
    """As the log shows it."""
    rate_hz: int

    def request(self, text: str) -> bytes:
        """The body that asks for a text, as JSON."""

    def is_audio(self, content_type: str) -> bool:
        """Whether an answer of this type is samples."""


class HttpVoice:
    """One call's voice: a `TextToSpeech`."""

    def __init__(self, client: HttpClient, speech: HttpSpeech, ahead: int, patience: Patience | None = None) -> None:
        """`ahead`: pieces that are asked for at once."""
        self.rate_hz = speech.rate_hz
        self._client = client
        self._speech = speech
        self._queue = SpeechQueue(speech.rate_hz, Terms(ahead, ahead, "context", "over"))
        self._queue.open()  # there is no connection to wait for
        self._delivery = Delivery(self._queue, patience or Patience(), self._on_late)
        self._requests: dict[str, Task] = {}

    async def run(self, inbox: Inbox[Utterance], sink: Sink, spawn: Spawn) -> None:
        """Speak one utterance after the other, for ever."""
        self._spawn = spawn
        spawn(self._delivery.take(inbox))
        spawn(self._delivery.order(sink, self._carry_out))
        await self._delivery.give(sink)

    def close(self) -> None:
        """Nothing is held: the requests end with their tasks."""

    async def _carry_out(self, orders: list[Order]) -> None:
        for order in orders:
            match order:
                case Ask(context, text):
                    self._requests[context] = self._spawn(self._ask(context, text))
                case Cancel(context):
                    self._hang_up(context)

    async def _ask(self, context: str, text: str) -> None:
        """One request, and all that comes of it."""
        try:
            async with self._client.post(Json(self._speech.request(text))) as answer:
                if not self._speech.is_audio(answer.content_type):
                    what = f"answered with {answer.content_type}, which is no audio"
                    raise ProviderError(f"{self._client.endpoint.name} {what}", fatal=True)
                async with aclosing(answer.chunks()) as chunks:
                    async for pcm in chunks:
                        await self._delivery.on_sound(Sound(context, pcm), lambda: context in self._requests)
            self._queue.on_over(context)
        except ProviderError as error:
            self._on_failure(context, error)
        self._requests.pop(context, None)
        self._delivery.news()

    def _on_failure(self, context: str, error: ProviderError) -> None:
        speech = self._queue.speech_of(context)
        if speech is None:  # it was cancelled
            return
        logger.warning("tts: {}: {}", self._speech.name, error)
        times = self._delivery.patience
        wait_s = math.inf if error.fatal else max(error.retry_after_s or 0.0, times.ask_again_s * (speech.asks - 1))
        speech.not_before = now() + wait_s
        self._queue.lose(speech, str(error))
        if wait_s > times.give_up_s:
            speech.give_up(str(error))

    def _on_late(self, speech: Speech, reason: str) -> None:
        """The audio of the head does not come: perhaps it does on another connection."""
        context = speech.context
        self._hang_up(context)
        self._queue.lose(speech, reason)

    def _hang_up(self, context: str) -> None:
        if request := self._requests.pop(context, None):
            request.cancel()
