"""One call's utterances on their way from a provider to the sink, whatever the provider's wire.

Three coroutines: `take` reads what is to be said, `order` asks and cancels, and `give` hands over what came, frame by
frame in order. What is behind the head is asked ahead and kept. Whoever owns the wire carries out the orders, and tells
what comes (`news`); the core hears only of what cannot be saved.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from msgspec import Struct

from audio.services import Sink, Utterance
from audio.tts.queue import SpeechQueue
from audio.tts.speech import Speech, State
from audio.tts.wire import Order, Sound
from link.inbox import Inbox
from link.text import utf8_text


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


class Delivery:
    """The queue of one call's voice and the waits around it."""

    def __init__(self, queue: SpeechQueue, patience: Patience, on_late: Callable[[Speech, str], None]) -> None:
        """`on_late` hears that what was asked for the head does not come, and why as far as that is known."""
        self.queue = queue
        self.patience = patience
        self._on_late = on_late
        self.why = ""
        """Why nothing comes."""
        self.refused = ""
        """For good, and why."""
        self._to_do = asyncio.Event()  # something may be asked or cancelled
        self._news = asyncio.Event()  # something may be given
        self._room = asyncio.Event()  # something was given

    def news(self) -> None:
        """Something came, or is known: there may be something to give, to ask or to cancel."""
        self._news.set()
        self._room.set()
        self._to_do.set()

    # --- what is to be said -----------------------------------------------------------------------------------------

    async def take(self, inbox: Inbox[Utterance]) -> None:
        """Read what is to be said, for ever."""
        while True:
            utterance = await inbox.get()
            while self.queue.full:
                self._room.clear()
                await self._room.wait()
            self.queue.put(utterance.frame, utf8_text(utterance.text))
            self._to_do.set()
            self._news.set()

    async def order(self, sink: Sink, carry_out: Callable[[list[Order]], Awaitable[None]]) -> None:
        """Ask for what can be asked, cancel what is not wanted, for ever; a sink does not tell that by itself."""
        while True:
            try:
                async with asyncio.timeout(self.patience.check_s if self.queue.busy else None):
                    await self._to_do.wait()
            except TimeoutError:
                pass
            self._to_do.clear()
            for speech in self.queue.unwanted(sink.wanted):
                self._drop(speech)
                self._news.set()
            orders = self.queue.orders(now())
            if orders:
                self._news.set()  # what is asked has another deadline
            await carry_out(orders)

    # --- what comes -------------------------------------------------------------------------------------------------

    async def on_sound(self, sound: Sound, going_on: Callable[[], bool]) -> None:
        """Audio came. Waits while too much of it is kept, and it is `going_on`: nothing more should be read."""
        speech = self.queue.on_sound(sound, now())
        self._news.set()
        while going_on() and self.queue.overflows(speech):
            self._room.clear()
            await self._room.wait()
        self._to_do.set()

    # --- what is given ----------------------------------------------------------------------------------------------

    async def give(self, sink: Sink) -> None:
        """Hand over what came, for ever."""
        while True:
            head = self.queue.head
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
            self.queue.gave(now())
            return
        if head.state is State.COMPLETE:
            self._drop(head)
            sink.done(head.frame)
        elif head.state is State.FAILED or self.refused:
            self._drop(head)
            sink.failed(head.frame, head.reason or self.refused)
            await asyncio.sleep(0)  # the core may say it once more: it comes before what is behind it
        else:
            await self._wait_for(head)

    async def _wait_for(self, head: Speech) -> None:
        """Wait for more of the head, as long as there is patience."""
        times = self.patience
        since = self.queue.head_since(now())
        end = since + (times.give_up_next_s if head.begun else times.give_up_s)
        late = end
        if head.state is State.ASKED:
            late = max(since, head.heard_at) + (times.next_audio_s if head.begun else times.first_audio_s)
        if await self._wait_for_news(min(late, end)) or self.queue.head is not head:
            return
        reason = self.why or "the voice gave no audio in time"
        if head.state is State.ASKED:
            self._on_late(head, reason)
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
        self.queue.remove(speech)
        self._room.set()
        self._to_do.set()


def now() -> float:
    """The loop's clock."""
    return asyncio.get_running_loop().time()
