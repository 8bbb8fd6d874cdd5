"""Language models that a test moves by hand, and what the process has of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from link.inbox import Inbox
from link.tasks import Spawn, Task, Work
from llm.events import Command, Fact, Infer, InferenceFailed, Inferred, LinkDown, LinkUp
from llm.service import LanguageModel, Post


class Puppet:
    """A service: it notes what it is told, and posts what it is made to."""

    def __init__(self, *first: Fact) -> None:
        self._first = first
        self._broken = asyncio.Event()
        self.told: list[Command] = []
        self.running = False
        self.breaks = False
        """It does not even begin."""

    async def run(self, inbox: Inbox[Command], post: Post, spawn: Spawn) -> None:
        """Post the first facts, and note."""
        self._post, self._spawn = post, spawn
        self.running = True
        try:
            if self.breaks:
                raise RuntimeError("s3cret")
            spawn(self._note(inbox))
            for fact in self._first:
                post(fact)
            await self._broken.wait()
        finally:
            self.running = False

    async def _note(self, inbox: Inbox[Command]) -> None:
        while True:
            command = await inbox.get()
            self.told.append(command)
            self.on_command(command)

    def on_command(self, command: Command) -> None:
        """For those who answer by themselves."""

    def post(self, *facts: Fact) -> None:
        """It has something to say."""
        for fact in facts:
            self._post(fact)

    def end(self) -> None:
        """It ends without a word."""
        self._broken.set()

    def break_in_a_task(self) -> None:
        """A task that it has made fails."""

        async def fail() -> None:
            raise RuntimeError("s3cret")

        self._spawn(fail())


class Deaf:
    """A service that is up, and reads nothing."""

    async def run(self, inbox: Inbox[Command], post: Post, spawn: Spawn) -> None:
        """Wait for ever."""
        post(LinkUp())
        await asyncio.Event().wait()


class Mind(Puppet):
    """A puppet that infers, or does not."""

    def __init__(self, *first: Fact, answer: Inferred | InferenceFailed | None) -> None:
        super().__init__(*first)
        self._answer = answer

    def on_command(self, command: Command) -> None:
        """An inference has its answer at once."""
        if isinstance(command, Infer) and self._answer is not None:
            self.post(self._answer)


class Source:
    """An engine whose services are made by `make`; the last one is made again and again."""

    def __init__(self, *make: Callable[[], LanguageModel], free: int = 10) -> None:
        self.make = list(make) or [lambda: Puppet(LinkUp())]
        self.free = free
        self.opened: list[Any] = []
        self.started = 0
        self.closed = 0

    async def start(self) -> None:
        """Count."""
        self.started += 1

    def open(self) -> LanguageModel:
        """The next service. What `make` raises, it raises."""
        make = self.make.pop(0) if len(self.make) > 1 else self.make[0]
        self.opened.append(make())
        service: LanguageModel = self.opened[-1]
        return service

    async def close(self) -> None:
        """Count."""
        self.closed += 1


class Process:
    """The tasks of a process, while it is entered: what the engines spawn."""

    def __init__(self) -> None:
        self.tasks: set[Task] = set()

    def spawn(self, work: Work) -> Task:
        """Start a task."""
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task


def refused(reason: str = "HTTP 401") -> Puppet:
    """One whose provider refuses us."""
    return Puppet(LinkDown(reason, fatal=True))


def minds(answers: Iterable[Inferred | InferenceFailed | None]) -> list[Callable[[], LanguageModel]]:
    """Makers of services that infer so, one after the other."""
    return [lambda answer=answer: Mind(LinkUp(), answer=answer) for answer in answers]  # type: ignore[misc]
