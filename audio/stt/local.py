"""Ears whose model runs in worker processes and wants speech whole: the parent's side of `audio.stt.recogniser`."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
from msgspec import Struct

from audio.services import SpeechToText
from audio.stt.recogniser import RATE_HZ, Question, Reply
from audio.stt.speeches import Piece
from audio.stt.utterance_ears import UtteranceEars
from audio.stt.utterances import Job, Waits
from link.errors import ConfigError, ProviderError
from link.tasks import Spawn
from link.worker import JobFailed, Slot, WorkerDied, WorkerPool

STALLED_S = 30.0
"""A worker that has answered nothing for so long is stuck."""
AGAIN_S = 0.5
"""A worker that starts again is asked again after so long."""
MOST = {"workers": 64, "slots": 64}


class LocalOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """What each local model has. Raises ConfigError."""

    workers: int = 1
    """Processes, 1 to 64; each has the whole model in memory."""
    slots: int = 4
    """Calls per process, 1 to 64; they wait for each other's speech."""
    cpu_threads: int = 0
    """Threads of a process; 0: the machine's cores, divided by the workers."""
    final_s: float = 4.0
    """The final transcript, after the end of speech."""
    partial_s: float = 0.0
    """While somebody speaks, what there is is understood each so many seconds, at the price of a final; 0: never."""

    def __post_init__(self) -> None:
        for name, most in MOST.items():
            if not 1 <= getattr(self, name) <= most:
                raise ConfigError(f"{name} must be from 1 to {most}, not {getattr(self, name)}")
        if self.cpu_threads < 0:
            raise ConfigError(f"cpu_threads must be 0 or more, not {self.cpu_threads}")
        if not 0 < self.final_s < math.inf:
            raise ConfigError(f"final_s must be above zero, not {self.final_s}")
        if not 0 <= self.partial_s < math.inf:
            raise ConfigError(f"partial_s must be 0 or more, not {self.partial_s}")

    @property
    def threads(self) -> int:
        """Of one process."""
        return self.cpu_threads or max(1, (os.cpu_count() or 1) // self.workers)


class LocalEngine:
    """The processes that listen for all calls."""

    def __init__(
        self,
        place: str,
        target: str,
        made_of: dict[str, Any],
        *,
        options: LocalOptions,
        spawn: Spawn,
        check: Callable[[], None],
    ) -> None:
        """`target` makes the Job of a process from `made_of`; `check` raises ConfigError for what is missing."""
        self._place = place
        self._options = options
        self._check = check
        self._random = Random()
        workers, slots = options.workers, options.slots
        self._pool = WorkerPool(target, workers=workers, slots=slots, spawn=spawn, options=made_of)

    async def start(self) -> None:
        """Load the model. Raises ConfigError for what is missing, ProviderError when a process does not start."""
        self._check()
        try:
            await self._pool.start()
        except ConfigError as error:
            raise ConfigError(f"{self._place}: {error}") from error

    @property
    def free(self) -> int:
        """Calls that can still be opened."""
        return self._pool.free

    def pids(self) -> list[int]:
        """The processes, for a benchmark."""
        return self._pool.pids()

    def open(self) -> SpeechToText:
        """Ears for one call. Raises Overloaded when every slot is taken."""
        waits = Waits(self._options.final_s, attempt_s=math.inf)  # a model that is slow is not faster the second time
        look_s = self._options.partial_s or math.inf
        return UtteranceEars(WorkerTranscriber(self._pool.open()), waits, self._random, look_s)

    async def close(self) -> None:
        """End the processes."""
        await self._pool.close()


class _Failed(Struct, frozen=True):
    """The model cannot understand the piece of this number."""

    number: int
    reason: str


class WorkerTranscriber:
    """One call's place in a worker; a `Transcriber`. Its pieces are understood one after the other."""

    rate_hz = RATE_HZ

    def __init__(self, slot: Slot) -> None:
        self._slot = slot
        self._turn = asyncio.Lock()
        self._owed: dict[int, float] = {}  # numbers that the worker has not answered, and since when

    async def transcribe(self, job: Job, hear: Callable[[str], None]) -> Piece:
        """Ask, and wait. Raises ProviderError; after the end of a worker the same may be asked again."""
        async with self._turn:
            await self._tidy()
            if not self._slot.up:
                raise ProviderError("the speech-to-text starts again", retry_after_s=AGAIN_S)
            self._owed[job.number] = asyncio.get_running_loop().time()
            self._slot.send(Question(job.number, job.pcm, job.look))
            try:
                return await self._answer(job.number)
            except asyncio.CancelledError:
                self._slot.urgent(job.number)
                raise

    def close(self) -> None:
        """Give the slot back."""
        self._slot.close()

    async def _answer(self, number: int) -> Piece:
        """Raises ProviderError: fatal if the model cannot understand this piece."""
        while True:
            reply = await self._next()
            if reply.number == number and isinstance(reply, _Failed):
                raise ProviderError(reply.reason, fatal=True)
            if reply.number == number and isinstance(reply, Reply):
                return reply.piece or Piece("")

    async def _next(self) -> Reply | _Failed:
        """The next answer, of whatever number. Raises WorkerDied."""
        try:
            reply: Reply | _Failed = msgspec.convert(await self._slot.receive(), Reply)
        except JobFailed as error:  # of the oldest, for the worker answers in order
            reply = _Failed(min(self._owed, default=0), str(error))
        except WorkerDied:
            self._owed.clear()
            raise
        self._owed.pop(reply.number, None)
        return reply

    async def _tidy(self) -> None:
        """Read the answers that nobody waited for; what owes one for too long is stuck."""
        while not self._slot.unread.empty():
            try:
                await self._next()
            except ProviderError:
                continue
        since = min(self._owed.values(), default=math.inf)
        if asyncio.get_running_loop().time() - since > STALLED_S:
            self._slot.restart(f"it answered nothing for {STALLED_S:.0f} s")
            self._owed.clear()
