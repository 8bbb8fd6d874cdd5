"""Ears at a recogniser that wants speech whole: over HTTP, or in a worker's process. The rules are in `Utterances`.

One coroutine takes what the call says; each piece of speech is a task of its own, two at once at the most, and the call
gets the answers in the order of what was said.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Protocol

from loguru import logger

from audio.events import EarFact, Listens
from audio.services import Begin, Finish
from audio.stt.speeches import Piece
from audio.stt.utterances import Job, Utterances, Waits
from link.alarm import Alarm
from link.errors import ProviderError
from link.inbox import Inbox
from link.tasks import Spawn, Task

Post = Callable[[EarFact], None]
Hear = Callable[[str], None]


class Transcriber(Protocol):
    """Understands pieces of one call's speech."""

    rate_hz: int
    """The rate of the mono PCM16 that it takes."""

    async def transcribe(self, job: Job, hear: Hear) -> Piece:
        """What is said; `hear` takes all of the text that is known so far, once more of it is. Cancelled, it stops.

        Raises ProviderError.
        """

    def close(self) -> None:
        """Give back what it holds."""


class UtteranceEars:
    """A call's ears: a `SpeechToText`. What was not understood it says once, by SpeechLost, and in the log."""

    listens: Listens = "speech"

    def __init__(self, transcriber: Transcriber, waits: Waits, random: Random, look_s: float = math.inf) -> None:
        """While somebody speaks, what there is is looked at each `look_s`; inf: never."""
        self.rate_hz = transcriber.rate_hz
        self._transcriber = transcriber
        self._utterances = Utterances(transcriber.rate_hz, waits, random, look_s)
        self._alarm = Alarm(self._tick)
        self._running: dict[int, Task] = {}
        self._failing = False

    async def run(self, inbox: Inbox[bytes | Begin | Finish], post: Post, spawn: Spawn) -> None:
        """Listen for ever."""
        self._post, self._spawn = post, spawn
        try:
            while True:
                item = await inbox.get()
                match item:
                    case Begin():
                        self._utterances.begin(_now())
                    case Finish():
                        self._utterances.finish(_now())
                    case pcm:
                        self._utterances.audio(pcm, _now())
                self._advance()
        finally:
            self._alarm.cancel()

    def close(self) -> None:
        """Give back what the transcriber holds."""
        self._transcriber.close()

    def _tick(self, now: float) -> None:
        self._utterances.tick(now)
        self._advance()

    def _advance(self) -> None:
        """After each verb: tell the call, ask for what is to be asked, stop what nobody waits for."""
        for fact in self._utterances.facts():
            self._post(fact)
        for number, task in list(self._running.items()):
            if not self._utterances.wanted(number):
                del self._running[number]
                task.cancel()
        for job in self._utterances.jobs(_now()):
            self._running[job.number] = self._spawn(self._work(job))
        self._alarm.set(self._utterances.deadline())

    async def _work(self, job: Job) -> None:
        try:
            result = await self._transcriber.transcribe(job, partial(self._hear, job.number))
        except ProviderError as error:
            self._warn(error)
            again_s = None if error.fatal else error.retry_after_s or 0.0
            self._utterances.failed(job.number, str(error), _now(), again_s=again_s)
        else:
            self._failing = False
            self._utterances.answered(job.number, result)
        self._running.pop(job.number, None)
        self._advance()

    def _hear(self, number: int, text: str) -> None:
        self._utterances.heard(number, text)
        self._advance()

    def _warn(self, error: ProviderError) -> None:
        """What goes on failing is told once."""
        level = "DEBUG" if self._failing else "ERROR" if error.fatal else "WARNING"
        self._failing = True
        logger.log(level, "stt: {}", error)


def _now() -> float:
    return asyncio.get_running_loop().time()
