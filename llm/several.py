"""Several models as one: the services that hold others and do what the rules want, and what the process has of them.

A call's service connects to all its models when the call begins. For a switch too: an idle link costs a websocket and a
ping now and then, a change of model would cost a handshake (0.2 to 0.5 s of silence) otherwise.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Protocol
from weakref import finalize

from loguru import logger

from link.breaker import Breaker, BreakerOptions
from link.inbox import Inbox, InboxFull
from link.probing import Prober, Probers
from link.tasks import Spawn, Task, Work
from llm.events import Command, Fact, LinkDown
from llm.fallback import Fallback, FallbackOptions
from llm.probing import PROBE_S, asking
from llm.rules import Action, Note, Open, Post, Probe, Rules, Send
from llm.service import LanguageModel
from llm.service import Post as PostFact
from llm.switch import WAIT_S, Switch

COMMANDS = 64
"""So many commands wait for a slow model; one more and this call does without it."""


class Source(Protocol):
    """What the process has of one model; any engine is one."""

    async def start(self) -> None:
        """Load, connect, warm up."""

    def open(self) -> LanguageModel:
        """A service for one call. Raises Overloaded."""

    @property
    def free(self) -> int:
        """How many more calls can be served."""

    async def close(self) -> None:
        """Release everything."""


Attend = Callable[["SeveralModels"], AbstractContextManager[None]]


class SeveralModels:
    """One call's service of several models; the rules say who does what."""

    def __init__(
        self,
        rules: Rules,
        opens: Sequence[Callable[[], LanguageModel]],
        probe: Callable[[int], None] = lambda _: None,
        attend: Attend = lambda _: nullcontext(),
    ) -> None:
        """`opens` make the children's services; `probe` hears who is out; what `attend` gives is entered meanwhile."""
        self._rules = rules
        self._opens = opens
        self._probe = probe
        self._attend = attend
        self._inboxes: dict[int, Inbox[Command]] = {}
        self._actions: deque[Action] = deque()
        self._due_at: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._over = asyncio.Event()

    async def run(self, inbox: Inbox[Command], post: PostFact, spawn: Spawn) -> None:
        """Serve, for ever; ends after a fatal LinkDown."""
        self._loop = asyncio.get_running_loop()
        self._post, self._spawn = post, spawn
        with self._attend(self):
            try:
                self._carry_out(self._rules.start(self._loop.time()))
                spawn(self._obey(inbox))
                await self._over.wait()
            finally:
                self._over.set()
                self._set_timer(None)

    def tick(self) -> None:
        """A provider is back, or a time that the rules wait for has come."""
        if not self._over.is_set():
            self._carry_out(self._rules.tick(self._loop.time()))

    async def _obey(self, inbox: Inbox[Command]) -> None:
        while True:
            self._carry_out(self._rules.obey(await inbox.get(), self._loop.time()))

    # --- children ---------------------------------------------------------------------------------------------------

    def _open(self, child: int) -> None:
        """Give a child a service. What an earlier one still posts is its own: its inbox is not the child's any more."""
        inbox: Inbox[Command] = Inbox(COMMANDS)
        self._inboxes[child] = inbox
        spawn = partial(self._spawn_for, child, inbox)
        try:
            service = self._opens[child]()
        except Exception as error:
            self._gone(child, inbox, f"it cannot be opened: {error}")
            return
        spawn(self._serve(child, inbox, service, spawn))

    def _spawn_for(self, child: int, inbox: Inbox[Command], work: Work) -> Task:
        guarded = self._guarded(child, inbox, work)
        finalize(guarded, work.close).atexit = False  # cancelled before it began, it would be missed
        return self._spawn(guarded)

    async def _serve(self, child: int, inbox: Inbox[Command], service: LanguageModel, spawn: Spawn) -> None:
        """A child's service; one that ends has said why, or nothing is to be expected of it."""
        await service.run(inbox, partial(self._heard, child, inbox), spawn)
        self._gone(child, inbox, "its service ended")

    async def _guarded(self, child: int, inbox: Inbox[Command], work: Work) -> None:
        """A child that breaks does not take the call down."""
        try:
            await work
        except Exception as error:
            logger.opt(exception=error).error("a language model of several is broken; the call does without it")
            self._gone(child, inbox, f"it is broken: {type(error).__name__}")

    def _heard(self, child: int, inbox: Inbox[Command], fact: Fact) -> None:
        if self._inboxes.get(child) is inbox and not self._over.is_set():
            self._carry_out(self._rules.heard(child, fact, self._loop.time()))

    def _gone(self, child: int, inbox: Inbox[Command], reason: str) -> None:
        if self._inboxes.get(child) is inbox and not self._over.is_set():
            self._carry_out(self._rules.gone(child, reason, self._loop.time()))

    # --- actions ----------------------------------------------------------------------------------------------------

    def _carry_out(self, actions: Sequence[Action]) -> None:
        """Do what the rules want, in order; what comes of it meanwhile is done after it."""
        self._actions += actions
        while self._actions:
            self._do(self._actions.popleft())
        self._set_timer(None if self._over.is_set() else self._rules.deadline())

    def _do(self, action: Action) -> None:
        match action:
            case Post(fact):
                if isinstance(fact, LinkDown) and fact.fatal:
                    self._over.set()
                self._post(fact)
            case Send(child, command):
                try:
                    self._inboxes[child].put(command)
                except InboxFull as error:
                    self._gone(child, self._inboxes[child], str(error))
            case Open(child):
                self._open(child)
            case Probe(child):
                self._probe(child)
            case Note(level, text):
                logger.log(level, "llm: {}", text)

    def _set_timer(self, at: float | None) -> None:
        """One timer; most facts do not move it."""
        if at == self._due_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._due_at = at
        self._timer = None if at is None else self._loop.call_at(at, self._due)

    def _due(self) -> None:
        self._due_at = self._timer = None
        self.tick()


def services_of(source: object) -> tuple[str, ...]:
    """The names that `settings.service` may have with this engine, for `llm.switch.known`; none without a switch."""
    return source.services if isinstance(source, FallbackEngine | SwitchEngine) else ()


class FallbackEngine:
    """What the process has of several models of which one stands in for the other: breakers, and their probes."""

    def __init__(
        self,
        sources: Mapping[str, Source],
        spawn: Spawn,
        options: FallbackOptions | None = None,
        breaker: BreakerOptions | None = None,
    ) -> None:
        """`sources` by the names that the log shows, the preferred one first. `spawn` makes tasks of the process."""
        self.sources = dict(sources)
        self.breakers = [Breaker(breaker) for _ in sources]
        self.options = options or FallbackOptions()
        self._running: set[SeveralModels] = set()
        pairs = zip(sources.items(), self.breakers, strict=True)
        self._probers = Probers([self._prober(name, each, source, spawn) for (name, source), each in pairs])

    async def start(self) -> None:
        """Start all models."""
        for source in self.sources.values():
            await source.start()

    def open(self) -> LanguageModel:
        """A service for one call."""
        rules = Fallback(self.breakers, list(self.sources), self.options)
        opens = [source.open for source in self.sources.values()]
        return SeveralModels(rules, opens, self._probers.wake, self._attend)

    @property
    def services(self) -> tuple[str, ...]:
        """The names that `settings.service` may have: those of a switch among the models."""
        return tuple(name for source in self.sources.values() for name in services_of(source))

    @property
    def free(self) -> int:
        """As many as the roomiest model has: a call does without one that is full."""
        return max(source.free for source in self.sources.values())

    async def close(self) -> None:
        """Stop all models, and the probes."""
        self._probers.stop()
        for source in self.sources.values():
            await source.close()

    def _prober(self, name: str, breaker: Breaker, source: Source, spawn: Spawn) -> Prober:
        probe = asking(source.open)
        return Prober(f"llm: {name}", breaker, probe, limit_s=PROBE_S, spawn=spawn, on_back=self._on_back)

    @contextmanager
    def _attend(self, service: SeveralModels) -> Iterator[None]:
        """While there are calls, who is out is looked after."""
        self._running.add(service)
        try:
            with self._probers.attend():
                yield
        finally:
            self._running.discard(service)

    def _on_back(self) -> None:
        for service in tuple(self._running):
            service.tick()


class SwitchEngine:
    """What the process has of several models of which a call chooses one."""

    def __init__(self, sources: Mapping[str, Source], wait_s: float = WAIT_S) -> None:
        """`sources` by the names that `settings.service` chooses by; the first is the default."""
        self.sources = dict(sources)
        self.wait_s = wait_s

    async def start(self) -> None:
        """Start all models."""
        for source in self.sources.values():
            await source.start()

    def open(self) -> LanguageModel:
        """A service for one call."""
        rules = Switch(list(self.sources), self.wait_s)
        return SeveralModels(rules, [source.open for source in self.sources.values()])

    @property
    def services(self) -> tuple[str, ...]:
        """The names that `settings.service` may have."""
        return tuple(self.sources)

    @property
    def free(self) -> int:
        """As many as the fullest model has: a call may want any of them."""
        return min(source.free for source in self.sources.values())

    async def close(self) -> None:
        """Stop all models."""
        for source in self.sources.values():
            await source.close()
