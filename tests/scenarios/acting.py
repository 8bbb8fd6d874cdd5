"""A model for real sessions that answers several requests at a time, and may not care that one was cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from link.inbox import Inbox
from llm.events import (
    Ask,
    Cancel,
    Command,
    Delta,
    FunctionCall,
    Infer,
    InferenceFailed,
    Inferred,
    LinkUp,
    ReplyDone,
    ReplyFailed,
    Request,
)
from llm.items import Item
from llm.service import Post
from tests.scenarios.bench import Breaks
from tests.unit.server.parts import Call

Act = Sequence[str | Call | Breaks | float]
"""What it does for one request: says text, calls tools, waits so many seconds, breaks off."""


class ActedModel:
    """A `LanguageModel` that gives the next act to each request, in a task of its own, and "Well." when it has no more.

    Or its acts are a function of the request. `rude`: it goes on with answers that were cancelled. `infers` is what it
    does for a request beside the conversation: its text, or why there is none. Calls are c1, c2 and so on.
    """

    def __init__(
        self, acts: Sequence[Act] | Callable[[Request], Act], *, rude: bool = False, infers: Act = ("A summary.",)
    ) -> None:
        self._act = acts if callable(acts) else self._next
        self._acts = [] if callable(acts) else list(acts)
        self._rude = rude
        self._infers = infers
        self._calls = 0
        self.asked: list[Request] = []
        self.asked_at: list[float] = []
        self.inferred: list[Request] = []
        self.cancelled: set[int] = set()
        self.post: Post = lambda _: None

    async def run(
        self, inbox: Inbox[Command], post: Post, spawn: Callable[[Coroutine[Any, Any, None]], object]
    ) -> None:
        """Answer for ever."""
        self.post = post
        post(LinkUp())
        while True:
            match await inbox.get():
                case Ask(reply, request):
                    self.asked.append(request)
                    self.asked_at.append(asyncio.get_running_loop().time())
                    spawn(self._answer(reply, self._act(request)))
                case Cancel(reply):
                    self.cancelled.add(reply)
                case Infer(job, request):
                    self.inferred.append(request)
                    spawn(self._infer(job))

    def _next(self, _: Request) -> Act:
        return self._acts.pop(0) if self._acts else ["Well."]

    async def _answer(self, reply: int, act: Act) -> None:
        for step in act:
            if reply in self.cancelled and not self._rude:
                return
            match step:
                case str():
                    self.post(Delta(reply, step))
                case Call(name, arguments):
                    self._calls += 1
                    self.post(FunctionCall(reply, f"c{self._calls}", name, arguments))
                case Breaks(reason, wish_s):
                    self.post(ReplyFailed(reply, reason, retry_after_s=wish_s))
                    return
                case _:
                    await asyncio.sleep(step)
        self.post(ReplyDone(reply))

    async def _infer(self, job: int) -> None:
        for step in self._infers:
            match step:
                case str():
                    self.post(Inferred(job, step))
                case Breaks(reason):
                    self.post(InferenceFailed(job, reason))
                case float():
                    await asyncio.sleep(step)


def asked(model: ActedModel) -> list[tuple[Item, ...]]:
    """The log as each request showed it."""
    return [request.items for request in model.asked]
