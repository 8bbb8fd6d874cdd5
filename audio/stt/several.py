"""Several ears as one: the services that the rules of `audio.stt.fallback` want.

A child is opened when it is to listen, so a second one costs nothing while all is well; one listens at a time. Audio is
kept at the rate of the first, and brought to that of another once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial

from loguru import logger

from audio.events import EarFact, Listens, SpeechLost, Transcript
from audio.pcm import MicResampler
from audio.services import Begin, Finish, SpeechToText
from audio.stt.fallback import Action, Fallback, FallbackOptions, Give, Note, Open, Out, Post
from audio.stt.kept_audio import BYTES_PER_SAMPLE, KEPT_S
from link.alarm import Alarm
from link.errors import Overloaded, VoicewireError
from link.inbox import Inbox
from link.preference import Preference, open_first
from link.probing import Found, Probe
from link.tasks import Spawn, Task, Work, spawn_guarded

PROBE_S = 1.9
"""Less than the 2 s after which the ears of a provider that is silent answer by themselves, with nothing."""
PROBE_SOUND_S = 0.4
SLICE_S = 0.1
"""Of audio is brought to another rate at once: 0.2 ms; 15 s would take up to 0.3 s, and 180 MB."""

MARKS: dict[str, Begin | Finish] = {"begin": Begin(), "finish": Finish()}
Item = bytes | Begin | Finish
Tell = Callable[[EarFact], None]


class _Child:
    """Ears that listen, or have listened, for a call.

    What is heard again may be 15 s at once, which would hold up the loop if it were brought to another rate in one go.
    """

    def __init__(self, service: SpeechToText, rate_hz: int) -> None:
        """`rate_hz` is that of the audio which it is given."""
        self.service = service
        limit = 2 * round(KEPT_S * service.rate_hz) * BYTES_PER_SAMPLE  # what is heard again, and what comes meanwhile
        self.inbox: Inbox[Item] = Inbox(limit, "drop_oldest", _bytes)
        self._given: Inbox[Item] = Inbox(2 * round(KEPT_S * rate_hz) * BYTES_PER_SAMPLE, "drop_oldest", _bytes)
        self._slice_bytes = round(SLICE_S * rate_hz) * BYTES_PER_SAMPLE
        self._resampler = MicResampler(rate_hz, service.rate_hz)
        self.at_own_rate = rate_hz != service.rate_hz
        self.tasks: list[Task] = []

    def give(self, item: Item) -> None:
        """Audio, or a mark in it."""
        (self._given if self.at_own_rate else self.inbox).put(item)

    async def convert(self) -> None:
        """Bring what is given to the rate of these ears, slice by slice, for ever."""
        while True:
            item = await self._given.get()
            if not isinstance(item, bytes):
                self.inbox.put(item)
                continue
            for start in range(0, len(item), self._slice_bytes):
                self.inbox.put(self._resampler.feed(item[start : start + self._slice_bytes]))
                await asyncio.sleep(0)

    def end(self) -> None:
        """It listens no more."""
        if not self.tasks:
            self.service.close()
        for task in self.tasks:
            task.cancel()


class SeveralEars:
    """One call's ears of several: a `SpeechToText`."""

    def __init__(
        self,
        opens: Mapping[str, Callable[[], SpeechToText]],
        preference: Preference,
        options: FallbackOptions,
        *,
        on_out: Callable[[int], None],
        attend: Callable[[], AbstractContextManager[None]],
    ) -> None:
        """`opens` by the names that the log shows; the best is opened. Raises what the last of them does.

        `on_out` hears who fails again and again; what `attend` gives is entered while the call runs.
        """
        self._opens = list(opens.values())
        self._on_out = on_out
        self._attend = attend
        number, service = open_first(preference, self._opens, _now())
        self.rate_hz = service.rate_hz
        self.listens: Listens = service.listens
        self._rules = Fallback(list(opens), preference, self.rate_hz, self.listens, options)
        self._rules.start(number, self.listens)
        self._child: _Child | None = _Child(service, self.rate_hz)
        self._actions: deque[Action] = deque()
        self._busy = False
        self._alarm = Alarm(lambda now: self._carry_out(self._rules.tick(now)))

    async def run(self, inbox: Inbox[Item], post: Tell, spawn: Spawn) -> None:
        """Listen for ever."""
        self._post, self._spawn = post, spawn
        assert self._child is not None
        with self._attend():
            try:
                self._start(self._child)
                while True:
                    match await inbox.get():
                        case Begin():
                            self._carry_out(self._rules.begin(_now()))
                        case Finish():
                            self._carry_out(self._rules.finish(_now()))
                        case pcm:
                            self._carry_out(self._rules.audio(pcm, _now()))
            finally:
                self._alarm.cancel()
                self.close()

    def close(self) -> None:
        """End the child that listens."""
        child, self._child = self._child, None
        if child is not None:
            child.end()

    # --- actions ----------------------------------------------------------------------------------------------------

    def _carry_out(self, actions: Sequence[Action]) -> None:
        """Do what the rules want, in order; what comes of it meanwhile is done after it."""
        self._actions += actions
        if self._busy:
            return
        self._busy = True
        try:
            while self._actions:
                self._do(self._actions.popleft())
        finally:
            self._busy = False
        self._alarm.set(max(self._rules.deadline(), _now()))

    def _do(self, action: Action) -> None:
        match action:
            case Post(fact):
                self._post(fact)
            case Give(item):
                if self._child is not None:
                    self._child.give(item if isinstance(item, bytes) else MARKS[item])
            case Open(number):
                self._open(number)
            case Out(number):
                self._on_out(number)
            case Note(level, text):
                logger.log(level, "stt: {}", text)

    def _open(self, number: int) -> None:
        self.close()
        try:
            service = self._opens[number]()
        except Overloaded:
            self._carry_out(self._rules.full(_now()))
            return
        except VoicewireError as error:
            self._carry_out(self._rules.gone(f"it cannot be opened: {error}", _now()))
            return
        self._child = _Child(service, self.rate_hz)
        self._rules.opened(service.listens)
        self._start(self._child)

    # --- the child --------------------------------------------------------------------------------------------------

    def _start(self, child: _Child) -> None:
        if child.at_own_rate:
            self._spawn_for(child, child.convert())
        self._spawn_for(child, self._serve(child)).add_done_callback(lambda _: child.service.close())

    async def _serve(self, child: _Child) -> None:
        """One whose service ends is of no more use than one that breaks."""
        await child.service.run(child.inbox, partial(self._heard, child), partial(self._spawn_for, child))
        self._lose(child, "its service ended")

    def _spawn_for(self, child: _Child, work: Work) -> Task:
        child.tasks = [task for task in child.tasks if not task.done()]
        child.tasks.append(spawn_guarded(self._spawn, partial(self._guarded, child), work))
        return child.tasks[-1]

    async def _guarded(self, child: _Child, work: Work) -> None:
        """A child that breaks does not take the call down."""
        try:
            await work
        except Exception as error:
            logger.opt(exception=error).error("stt: ears of several are broken; the call does without them")
            self._lose(child, f"it is broken: {type(error).__name__}")

    def _lose(self, child: _Child, reason: str) -> None:
        if child is self._child:
            self._carry_out(self._rules.gone(reason, _now()))

    def _heard(self, child: _Child, fact: EarFact) -> None:
        if child is self._child:
            self._carry_out(self._rules.heard(fact, _now()))


def _bytes(item: Item) -> int:
    return len(item) if isinstance(item, bytes) else 0


def listening(open_ears: Callable[[], SpeechToText]) -> Probe:
    """A probe that lets new ears hear a short silence: they work if they answer."""

    def probe(spawn: Spawn, found: Found) -> None:
        service = open_ears()
        inbox: Inbox[Item] = Inbox(round(KEPT_S * service.rate_hz) * BYTES_PER_SAMPLE, cost=lambda _: 0)
        for item in (Begin(), bytes(round(PROBE_SOUND_S * service.rate_hz) * BYTES_PER_SAMPLE), Finish()):
            inbox.put(item)

        def hear(fact: EarFact) -> None:
            match fact:
                case SpeechLost():
                    found(False)
                case Transcript(final=True):
                    asyncio.get_running_loop().call_soon(found, True)  # unless SpeechLost follows at once

        spawn(service.run(inbox, hear, spawn)).add_done_callback(lambda _: service.close())

    return probe


def _now() -> float:
    return asyncio.get_running_loop().time()
