"""Sees from time to time whether a provider that is out is back: one small request, over a link of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum, auto

from loguru import logger

from link.breaker import Breaker, State
from link.tasks import Spawn, Task, Work, spawn_guarded

Found = Callable[[bool], None]
Probe = Callable[[Spawn, Found], None]
"""Begins a small request, in tasks made by `spawn`, and says by `found` whether it was answered."""


class Stage(Enum):
    """Whether somebody looks after the provider."""

    IDLE = auto()
    WATCHING = auto()
    ENDING = auto()  # the last call is over
    AGAIN = auto()  # and another has begun meanwhile


class Prober:
    """The probes of one provider in this process: one at a time, and none while nobody calls."""

    def __init__(
        self,
        name: str,
        breaker: Breaker,
        probe: Probe,
        *,
        limit_s: float,
        spawn: Spawn,
        on_back: Callable[[], None],
    ) -> None:
        """`name` is for the log. A probe takes at most `limit_s`; `on_back` hears that it works, whoever found out."""
        self._name = name
        self._breaker = breaker
        self._probe = probe
        self._limit_s = limit_s
        self._spawn = spawn
        self._on_back = on_back
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stage = Stage.IDLE

    def wake(self) -> None:
        """There are calls: look after the provider, if it is out."""
        match self._stage:
            case Stage.IDLE if self._breaker.state is not State.CLOSED:
                self._stage = Stage.WATCHING
                self._task = self._spawn(self._watch())
                self._task.add_done_callback(self._ended)
            case Stage.WATCHING:
                self._woken.set()
            case Stage.ENDING:
                self._stage = Stage.AGAIN

    def stop(self) -> None:
        """There are no calls any more."""
        if self._stage is Stage.WATCHING and self._task is not None:
            self._task.cancel()
        if self._stage is not Stage.IDLE:
            self._stage = Stage.ENDING

    def _ended(self, _: asyncio.Task[None]) -> None:
        again, self._stage = self._stage is Stage.AGAIN, Stage.IDLE
        if again:
            self.wake()

    async def _watch(self) -> None:
        """Until it is back."""
        clock = asyncio.get_running_loop().time
        while self._breaker.state is not State.CLOSED:
            self._woken.clear()
            try:
                async with asyncio.timeout_at(self._breaker.probe_at):
                    await self._woken.wait()
            except TimeoutError:
                pass
            if self._breaker.take_probe(clock()):
                await self._try()
        self._on_back()

    async def _try(self) -> None:
        try:
            worked = await self._answered()
        except asyncio.CancelledError:
            self._breaker.give_back(asyncio.get_running_loop().time())
            raise
        self._breaker.probed(asyncio.get_running_loop().time(), worked=worked)
        if worked:
            logger.info("{} is back", self._name)

    async def _answered(self) -> bool:
        """Whether it answers, by a service of its own that ends with the probe."""
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        tasks: list[Task] = []

        def found(worked: bool) -> None:
            if not answer.done():
                answer.set_result(worked)

        def spawn(work: Work) -> Task:
            tasks.append(spawn_guarded(self._spawn, lambda work: self._guarded(work, found), work))
            return tasks[-1]

        try:
            self._probe(spawn, found)
            async with asyncio.timeout(self._limit_s):
                return await answer
        except Exception as error:  # late, or a service that cannot be made
            logger.debug("{} is not back: {!r}", self._name, error)
            return False
        finally:
            for task in tasks:
                task.cancel()

    async def _guarded(self, work: Work, found: Found) -> None:
        """The work of a service; when it fails nothing is to be expected of it."""
        try:
            await work
        except Exception as error:
            logger.debug("{}: a probe broke: {!r}", self._name, error)
            found(False)


class Probers:
    """Those of several services that stand in for each other; they look while there are calls."""

    def __init__(self, probers: Sequence[Prober]) -> None:
        self._probers = probers
        self._calls = 0

    def wake(self, number: int) -> None:
        """This service is out: see whether it is back."""
        self._probers[number].wake()

    @contextmanager
    def attend(self) -> Iterator[None]:
        """A call goes on meanwhile: who is out is looked after."""
        self._calls += 1
        for prober in self._probers:
            prober.wake()
        try:
            yield
        finally:
            self._calls -= 1
            if not self._calls:
                self.stop()

    def stop(self) -> None:
        """There are no calls any more."""
        for prober in self._probers:
            prober.stop()
