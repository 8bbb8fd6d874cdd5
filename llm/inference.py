"""Inferences beside the conversation: each on a lane of the link, or on a link of its own; each ends in one fact."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from link.errors import ProviderError
from link.tasks import Spawn
from llm.continuation import Plan
from llm.events import Infer, InferenceFailed, Inferred
from llm.line import Exchange, Line
from llm.responses import reason_of
from llm.responses_events import Ended, Failed, Sign, Text
from llm.service import Post

MAX_AT_ONCE = 4
MAX_CHARACTERS = 1 << 18
"""A longer text is not waited for: nothing that is inferred may be as large as the log."""


class _Inference:
    """One of them, until it is over."""

    def __init__(self, command: Infer, post: Post) -> None:
        self.command = command
        self.line: Line | None = None
        """Where it was asked."""
        self.over = asyncio.Event()
        self._post = post
        self._parts: list[str] = []
        self._characters = 0

    def hear(self, _: Exchange, sign: Sign) -> None:
        """More of it, its end, or that it failed."""
        match sign:
            case Text(text):
                self._parts.append(text)
                self._characters += len(text)
                if self._characters > MAX_CHARACTERS:
                    self.fail(f"the answer is longer than {MAX_CHARACTERS} characters")
            case Ended(_, _, usage, incomplete):
                text = "".join(self._parts)
                if incomplete == "content_filter" and not text:
                    self.fail("the provider's filter held the whole answer back")
                else:
                    self._finish(Inferred(self.command.job, text, usage))
            case Failed():
                self.fail(reason_of(sign))
            case _:
                pass

    def fail(self, reason: str) -> None:
        """Nothing comes of it."""
        self._finish(InferenceFailed(self.command.job, reason))

    def _finish(self, fact: Inferred | InferenceFailed) -> None:
        if not self.over.is_set():
            self.over.set()
            self._post(fact)


class Inferences:
    """Those of one service, MAX_AT_ONCE at the most."""

    def __init__(
        self,
        model: Callable[[Infer], str],
        shared: Callable[[], Line | None],
        own: Callable[[], Awaitable[Line]] | None,
    ) -> None:
        """`model` is whom one is for, `shared` the link in use, `own` opens another; None where there are lanes."""
        self._model = model
        self._shared = shared
        self._own = own
        self._under_way: set[_Inference] = set()

    def start(self, infer: Infer, post: Post, spawn: Spawn) -> None:
        """Work on one, if there is room."""
        if sum(not each.over.is_set() for each in self._under_way) >= MAX_AT_ONCE:  # others close their link
            post(InferenceFailed(infer.job, f"{MAX_AT_ONCE} inferences are under way already"))
            return
        inference = _Inference(infer, post)
        self._under_way.add(inference)
        spawn(self._work_on(inference))

    def fail(self, line: Line | None, reason: str) -> None:
        """Those on a link came to nothing; None: all of them."""
        for inference in [*self._under_way]:
            if line is None or inference.line is line:
                inference.fail(reason)
                if line is None and inference.line is not None:
                    inference.line.link.abort()

    async def _work_on(self, inference: _Inference) -> None:
        """Ends in one fact; when the call ends, in none."""
        limit_s = inference.command.limit_s
        try:
            async with asyncio.timeout(limit_s):
                await (self._use_a_lane(inference) if self._own is None else self._use_a_link(inference, self._own))
        except ProviderError as error:
            inference.fail(str(error))
        except TimeoutError:
            inference.fail(f"there was no answer within {limit_s:g} s")
        finally:
            self._under_way.discard(inference)

    async def _use_a_lane(self, inference: _Inference) -> None:
        line = inference.line = self._shared()
        if line is None:
            raise ProviderError("there is no link to the provider")
        exchange = self._exchange(inference)
        try:
            await line.send(exchange)
            await inference.over.wait()
        finally:
            line.abandon(exchange)

    async def _use_a_link(self, inference: _Inference, own: Callable[[], Awaitable[Line]]) -> None:
        """Without lanes it would stand in the way of the next answer."""
        line = inference.line = await own()
        try:
            if not inference.over.is_set():
                await line.send(self._exchange(inference))
            while not inference.over.is_set():
                await line.step()
        finally:
            line.close()
            await line.link.close()

    def _exchange(self, inference: _Inference) -> Exchange:
        infer = inference.command
        return Exchange("j", Plan(infer.request, self._model(infer)), inference.hear)
