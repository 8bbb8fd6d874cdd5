"""What one call's voice has to say: utterances in order, and the contexts of a connection that speak them. Pure.

The head is given to the sink; those behind it are asked ahead, as far as the provider's terms and memory allow.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from audio.tts.speech import Speech, State
from audio.tts.wire import Ask, Cancel, Order, Sound, Terms

MAX_FRAMES = 64
"""As many as an inbox holds; the core gives eight."""
MAX_KEPT_S = 20.0
"""Of audio that came and was not given."""


class SpeechQueue:
    """Utterances by the number of their frames; what is asked, what is cancelled, what came."""

    def __init__(self, rate_hz: int, terms: Terms) -> None:
        self._rate_hz = rate_hz
        self._terms = terms
        self._open = False  # there is a connection
        self._frames: list[Speech] = []
        self._contexts: dict[str, Speech | None] = {}  # on this connection; None: cancelled, and not over
        self._to_cancel: list[str] = []
        self._cancelled_at: dict[str, float] = {}
        self._serial = 0
        self._asked = 0  # contexts of this connection, in all
        self._timed: Speech | None = None
        self._since = 0.0  # when `_timed` came to the head, or gave something
        self._max_kept = int(MAX_KEPT_S * rate_hz) * 2

    # --- what is to be said -----------------------------------------------------------------------------------------

    @property
    def head(self) -> Speech | None:
        """What is spoken now."""
        return self._frames[0] if self._frames else None

    @property
    def full(self) -> bool:
        """No more should be put."""
        return len(self._frames) >= MAX_FRAMES

    @property
    def busy(self) -> bool:
        """Something is going on that time has a part in."""
        return bool(self._frames or self._contexts)

    def put(self, frame: int, text: str) -> None:
        """Another utterance: in its place by number, but not before one of which something was given."""
        speech = Speech(frame, text, self._rate_hz, self._terms.times_from)
        place = len(self._frames)
        while place and self._frames[place - 1].frame > frame and not self._frames[place - 1].begun:
            place -= 1
        self._frames.insert(place, speech)

    def remove(self, speech: Speech) -> None:
        """It is over, or not wanted: what is still being made of it is cancelled."""
        if speech in self._frames:
            self._frames.remove(speech)
        if speech.context in self._contexts:
            self._cancel(speech)

    def unwanted(self, wanted: Callable[[int], bool]) -> list[Speech]:
        """Those that are not wanted any more."""
        return [speech for speech in self._frames if not wanted(speech.frame)]

    # --- time -------------------------------------------------------------------------------------------------------

    def head_since(self, now: float) -> float:
        """Since when the head has given nothing, though it could."""
        if self._timed is not self.head:
            self._timed, self._since = self.head, now
        return self._since

    def gave(self, now: float) -> None:
        """The head has given something."""
        self._timed, self._since = self.head, now

    def is_stuck(self, before: float) -> bool:
        """Something waits for the place of what was cancelled before then, and is not over."""
        waits = any(speech.state is State.WAITING for speech in self._frames)
        held = len(self._contexts) >= self._terms.contexts
        return waits and held and any(at <= before for at in self._cancelled_at.values())

    # --- the connection ---------------------------------------------------------------------------------------------

    def open(self) -> None:
        """There is a new connection."""
        self._open = True
        self._asked = 0

    def close(self, reason: str) -> None:
        """It is lost, and all that was asked on it."""
        self._open = False
        asked = [speech for speech in self._contexts.values() if speech is not None]
        self._contexts.clear()
        self._cancelled_at.clear()
        self._to_cancel.clear()
        for speech in asked:
            speech.lose(reason)

    @property
    def worn(self) -> bool:
        """The connection takes no more questions, and has answered all."""
        return self._asked >= self._terms.per_link and not self._contexts

    def orders(self, now: float) -> list[Order]:
        """What the provider is to be told now: cancels, then questions."""
        if not self._open:
            return []
        orders: list[Order] = []
        for context in self._to_cancel:
            orders.append(Cancel(context))
            if self._terms.cancelled_is == "over":
                self.forget(context)
            else:
                self._cancelled_at[context] = now
        self._to_cancel.clear()
        while speech := self._next(now):
            self._serial += 1
            self._asked += 1
            context = f"{speech.frame}-{self._serial}"
            self._contexts[context] = speech
            speech.heard_at = now
            orders.append(Ask(context, speech.ask(context)))
        return orders

    def _next(self, now: float) -> Speech | None:
        """The next that can be asked; the head whatever is kept of others."""
        ahead = sum(speech is not None for speech in self._contexts.values())
        no_place = ahead >= self._terms.ahead or len(self._contexts) >= self._terms.contexts
        if no_place or self._asked >= self._terms.per_link:
            return None
        full = sum(speech.kept for speech in self._frames) > self._max_kept
        for place, speech in enumerate(self._frames[:1] if full else self._frames):
            in_time = now >= speech.not_before or (place == 0 and speech.not_before == math.inf)
            if speech.state is State.WAITING and in_time:
                return speech
        return None

    # --- what comes -------------------------------------------------------------------------------------------------

    def speech_of(self, context: str) -> Speech | None:
        """What is spoken in a context; None for one that was cancelled, or is not known."""
        return self._contexts.get(context)

    def on_sound(self, sound: Sound, now: float) -> Speech | None:
        """Audio came; returns whose. What comes far too early is forgotten, and asked again at its turn."""
        speech = self._contexts.get(sound.context)
        if speech is None:
            return None
        speech.heard_at = now
        speech.add(sound.pcm, sound.spoken)
        if speech is not self.head and speech.kept > self._max_kept:
            self._cancel(speech)
            speech.lose("it came too early")
            speech.not_before = math.inf
        return speech

    def on_over(self, context: str) -> None:
        """A context has ended."""
        if speech := self.forget(context):
            speech.end()

    def lose(self, speech: Speech, reason: str) -> None:
        """A context failed; it is asked again if that can help."""
        self.forget(speech.context)
        speech.lose(reason)

    def forget(self, context: str) -> Speech | None:
        """A context is over; returns what was spoken in it."""
        self._cancelled_at.pop(context, None)
        return self._contexts.pop(context, None)

    def overflows(self, speech: Speech | None) -> bool:
        """The head is given more slowly than it comes: nothing more should be read."""
        return speech is not None and speech is self.head and speech.kept > self._max_kept

    def _cancel(self, speech: Speech) -> None:
        self._contexts[speech.context] = None
        self._to_cancel.append(speech.context)
