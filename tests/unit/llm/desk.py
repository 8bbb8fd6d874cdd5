"""Runs a language model service as a call does, and notes what it posts and when."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import TypeVar

from link.inbox import Inbox
from link.tasks import Task, Work
from llm.events import Ask, Cancel, Command, Fact, Infer, ModelSettings, Prepare, Progress, Request
from llm.items import Item, UserMessage
from llm.service import LanguageModel

F = TypeVar("F")


class Desk:
    """One call's side of a service, while it is entered."""

    def __init__(self, service: LanguageModel) -> None:
        self._service = service
        self._inbox: Inbox[Command] = Inbox(64)
        self._posted = asyncio.Event()
        self._read = 0
        self.facts: list[Fact] = []
        self.times: list[float] = []
        self.ended = False
        self.signs_of_life = 0

    async def __aenter__(self) -> Desk:
        """Start the service."""
        self._group = asyncio.TaskGroup()
        await self._group.__aenter__()
        self._tasks = [self._group.create_task(self._run())]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cancel all that it started, as the end of a call does."""
        for task in self._tasks:
            task.cancel()
        await self._group.__aexit__(None, None, None)

    def ask(self, reply: int, *items: Item) -> None:
        """Ask for an answer."""
        self._inbox.put(Ask(reply, Request("", items or (UserMessage(f"question {reply}"),))))

    def ask_for(self, reply: int, request: Request) -> None:
        """Ask for an answer to all of this."""
        self._inbox.put(Ask(reply, request))

    def prepare(self, *items: Item, settings: ModelSettings | None = None) -> None:
        """The next request will begin like this."""
        self._inbox.put(Prepare(Request("", items, settings=settings or ModelSettings())))

    def infer(self, job: int, *items: Item, limit_s: float = 120.0) -> None:
        """Ask for a text beside the conversation."""
        self._inbox.put(Infer(job, Request("", items or (UserMessage(f"job {job}"),)), limit_s))

    def cancel(self, reply: int, *, stalled: bool = False) -> None:
        """Abandon it."""
        self._inbox.put(Cancel(reply, stalled))

    def tell(self, command: Command) -> None:
        """Give any command."""
        self._inbox.put(command)

    async def until(self, kind: type[F]) -> F:
        """The next fact of this kind among those that nobody waited for yet."""
        while True:
            while self._read < len(self.facts):
                fact = self.facts[self._read]
                self._read += 1
                if isinstance(fact, kind):
                    return fact
            self._posted.clear()
            await self._posted.wait()

    def posted_at(self, kind: type[Fact]) -> list[float]:
        """When facts of a kind were posted."""
        return [time for fact, time in zip(self.facts, self.times, strict=True) if isinstance(fact, kind)]

    async def _run(self) -> None:
        await self._service.run(self._inbox, self._post, self._spawn)
        self.ended = True

    def _spawn(self, work: Work) -> Task:
        self._tasks.append(self._group.create_task(work))
        return self._tasks[-1]

    def _post(self, fact: Fact) -> None:
        if isinstance(fact, Progress):
            self.signs_of_life += 1
            return
        self.facts.append(fact)
        self.times.append(asyncio.get_running_loop().time())
        self._posted.set()
