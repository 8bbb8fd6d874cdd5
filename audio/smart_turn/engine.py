"""The acoustic model of all calls: a few processes, and a line before them.

A judgement is worth something for a moment only. So each process gets one question at a time, and those that wait
leave the line once their time is over: a hundred calls that pause at once cost no call more than its judgement.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
from loguru import logger

from audio.smart_turn.job import Judge, Judged
from audio.smart_turn.questions import Question, Questions
from link.errors import ConfigError
from link.tasks import Spawn, Task
from link.worker import JobFailed, Slot, WorkerDied, WorkerPool

STALLED_S = 5.0  # a process that has not judged for so long is stuck
MAX_WORKERS = 64  # more than any machine has use for


class SmartTurnEngine:
    """The processes that judge for all calls; `open` gives a call its judge."""

    free = 1 << 30  # a call that is not judged goes on without

    def __init__(self, *, path: str = "", spawn: Spawn, workers: int = 1) -> None:
        """`path`: the ONNX file. Raises ConfigError for a number out of range, or without a path."""
        if not path:
            raise ConfigError(
                'turn_model: path must name the ONNX file: turn_model = {name = "smart-turn", path = "…"}'
            )
        if not 1 <= workers <= MAX_WORKERS:
            raise ConfigError(f"turn_model: workers must be from 1 to {MAX_WORKERS}, not {workers}")
        self._workers = workers
        self._spawn = spawn
        target = "audio.smart_turn.job:SmartTurnJob"
        self._pool = WorkerPool(target, workers=workers, slots=1, spawn=spawn, options={"path": path})
        self._questions = Questions()
        self._desks: list[_Desk] = []
        self._readers: list[Task] = []

    async def start(self) -> None:
        """Load the model. Raises ConfigError with what is wrong with it and what to do."""
        await self._pool.start()
        self._desks = [_Desk(self._pool.open(), self._go_on) for _ in range(self._workers)]
        self._readers = [self._spawn(desk.read()) for desk in self._desks]

    def pids(self) -> list[int]:
        """The processes, for a benchmark that tells them from the server."""
        return self._pool.pids()

    def open(self) -> SmartTurn:
        """A judge for one call."""
        return SmartTurn(self)

    async def close(self) -> None:
        """End the processes."""
        for reader in self._readers:
            reader.cancel()
        await self._pool.close()

    def ask(self, question: Question) -> None:
        """For judges: judge this when its turn comes."""
        self._questions.add(question, _now())
        for desk in self._desks:
            desk.watch()
        self._go_on()

    def drop(self, question: Question) -> None:
        """For judges: nobody waits for this any more."""
        self._questions.drop(question)

    def _go_on(self) -> None:
        """Give the next questions to the processes that have none."""
        up = [desk for desk in self._desks if desk.up]
        if not up:
            self._questions.refuse(_now())
        for desk in up:
            if desk.idle and (question := self._questions.take(_now())):
                desk.ask(question)


class SmartTurn:
    """A call's judge: a `TurnJudge`."""

    def __init__(self, engine: SmartTurnEngine) -> None:
        self._engine = engine
        self._question: Question | None = None

    def judge(self, pcm: bytes, rate_hz: int, within_s: float, answer: Callable[[float | None], None]) -> None:
        """Judge a pause; see `audio.services.TurnJudge`."""
        self.forget()
        self._question = Question(pcm, rate_hz, _now() + within_s, answer)
        self._engine.ask(self._question)

    def forget(self) -> None:
        """The pause is over."""
        if self._question:
            self._engine.drop(self._question)
            self._question.forget(_now())
            self._question = None

    def close(self) -> None:
        """The call is over."""
        self.forget()


class _Desk:
    """One process, and the question that it has."""

    def __init__(self, slot: Slot, on_idle: Callable[[], None]) -> None:
        self._slot = slot
        self._on_idle = on_idle
        self._serial = 0
        self._question: Question | None = None
        self._since = 0.0

    @property
    def up(self) -> bool:
        return self._slot.up

    @property
    def idle(self) -> bool:
        return self._question is None

    def ask(self, question: Question) -> None:
        self._serial += 1
        self._question, self._since = question, _now()
        self._slot.send(Judge(self._serial, question.rate_hz, question.pcm))

    def watch(self) -> None:
        """A process that does not answer any more is started again, which its reader hears."""
        if self._question and _now() > self._since + STALLED_S:
            self._slot.restart(f"it has not judged for {STALLED_S:.0f} s")

    async def read(self) -> None:
        """Pass on the judgements, for ever."""
        while True:
            try:
                judged = msgspec.convert(await self._slot.receive(), Judged)
            except WorkerDied as error:
                if isinstance(error, JobFailed):
                    logger.warning("turn_model: {}", error)
                self._settle(None)
            else:
                if judged.serial == self._serial:
                    self._settle(judged.complete)

    def _settle(self, complete: float | None) -> None:
        question, self._question = self._question, None
        if question:
            question.settle(complete, _now())
        self._on_idle()


def _now() -> float:
    return asyncio.get_running_loop().time()
