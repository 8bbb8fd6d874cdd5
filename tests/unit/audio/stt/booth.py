"""Runs ears as a call does, with a caller who says numbered words; notes what is posted and when.

A word is 200 ms of samples that all have its number as value, so that a provider of a test can understand it.
"""

from __future__ import annotations

import asyncio
import itertools
from types import TracebackType

import numpy as np

from audio.events import EarFact, SpeechLost, Transcript, TurnHint
from audio.services import Begin, Finish, SpeechToText
from link.inbox import Inbox
from link.tasks import Task, Work

WORD_S = 0.2
CHUNK_S = 0.04
PAUSE_S = 0.2
"""The silence after which voice activity detection says that speech is over."""


def spoken(*numbers: int, rate_hz: int = 16000) -> bytes:
    """These words; 0 is as much silence."""
    samples = round(WORD_S * rate_hz)
    return b"".join(np.full(samples, number, "<i2").tobytes() for number in numbers)


def understood(pcm: bytes, rate_hz: int = 16000) -> list[tuple[str, int, int]]:
    """The words in audio, each with its first sample and the one after its last; `frag` for a part of a word."""
    samples = np.frombuffer(pcm, "<i2")
    edges = [0, *(np.flatnonzero(np.diff(samples)) + 1).tolist(), len(samples)]
    found: list[tuple[str, int, int]] = []
    for begin, end in itertools.pairwise(edges):
        if end > begin and samples[begin]:
            whole = end - begin == round(WORD_S * rate_hz)
            found.append((f"{'w' if whole else 'frag'}{samples[begin]}", begin, end))
    return found


class Booth:
    """One call's side of its ears, while it is entered."""

    def __init__(self, ears: SpeechToText) -> None:
        self.ears = ears
        self._always = ears.listens == "always"
        self._inbox: Inbox[bytes | Begin | Finish] = Inbox(
            15 * ears.rate_hz * 2, "drop_oldest", lambda item: len(item) if isinstance(item, bytes) else 0
        )
        self._posted = asyncio.Event()
        self.facts: list[EarFact] = []
        self.times: list[float] = []
        self.finishes: list[float] = []

    async def __aenter__(self) -> Booth:
        """Start the ears."""
        self._group = asyncio.TaskGroup()
        await self._group.__aenter__()
        self._tasks = [self._group.create_task(self.ears.run(self._inbox, self._post, self._spawn))]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all that they started, as the end of a call does."""
        for task in self._tasks:
            task.cancel()
        await self._group.__aexit__(None, None, None)
        self.ears.close()

    # --- the caller -------------------------------------------------------------------------------------------------

    async def hear(self, pcm: bytes) -> None:
        """Audio comes in as fast as it is spoken."""
        size = round(CHUNK_S * self.ears.rate_hz) * 2
        for place in range(0, len(pcm), size):
            self._inbox.put(pcm[place : place + size])
            await asyncio.sleep(CHUNK_S)

    async def say(self, *numbers: int) -> None:
        """Speech with these words, and the silence that ends it."""
        self.begin()
        await self.hear(spoken(*numbers, 0, rate_hz=self.ears.rate_hz))
        self.finish()

    def hear_at_once(self, *numbers: int) -> None:
        """These words, in no time."""
        self._inbox.put(spoken(*numbers, rate_hz=self.ears.rate_hz))

    def say_at_once(self, *numbers: int) -> None:
        """A whole speech, in no time."""
        self.begin()
        self.hear_at_once(*numbers)
        self.finish()

    async def be_silent(self, seconds: float) -> None:
        """Nobody speaks: ears that always listen hear the room."""
        if self._always:
            await self.hear(bytes(round(seconds * self.ears.rate_hz) * 2))
        else:
            await asyncio.sleep(seconds)

    def begin(self) -> None:
        """Voice activity detection hears somebody."""
        self._inbox.put(Begin())

    def finish(self) -> None:
        """It hears nobody any more."""
        self.finishes.append(asyncio.get_running_loop().time())
        self._inbox.put(Finish())

    # --- what was posted --------------------------------------------------------------------------------------------

    @property
    def finals(self) -> list[str]:
        """The texts of the final transcripts."""
        return [fact.text for fact in self.facts if isinstance(fact, Transcript) and fact.final]

    @property
    def partials(self) -> list[str]:
        """The texts of the others."""
        return [fact.text for fact in self.facts if isinstance(fact, Transcript) and not fact.final]

    @property
    def words(self) -> list[str]:
        """All words that are final."""
        return " ".join(self.finals).split()

    @property
    def hints(self) -> list[str]:
        """The kinds of the hints."""
        return [fact.kind for fact in self.facts if isinstance(fact, TurnHint)]

    @property
    def lost(self) -> list[str]:
        """Why speech was lost, each time."""
        return [fact.reason for fact in self.facts if isinstance(fact, SpeechLost)]

    async def until(self, count: int) -> None:
        """Wait for so many finals in all."""
        while len(self.finals) < count:
            self._posted.clear()
            await self._posted.wait()

    async def until_posted(self, count: int) -> None:
        """Wait for so many facts in all."""
        while len(self.facts) < count:
            self._posted.clear()
            await self._posted.wait()

    def answered_after(self, number: int) -> float:
        """How long after a `Finish` its final came, counted from 0."""
        times = [time for fact, time in zip(self.facts, self.times, strict=True) if _final(fact)]
        return times[number] - self.finishes[number]

    def _spawn(self, work: Work) -> Task:
        self._tasks.append(self._group.create_task(work))
        return self._tasks[-1]

    def _post(self, fact: EarFact) -> None:
        self.facts.append(fact)
        self.times.append(asyncio.get_running_loop().time())
        self._posted.set()


def _final(fact: EarFact) -> bool:
    return isinstance(fact, Transcript) and fact.final
