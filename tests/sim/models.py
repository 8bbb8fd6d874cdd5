"""The models of a simulated call: one provider, or two behind the rules of a fallback, each with faults of its own."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from link.breaker import Breaker, BreakerOptions
from llm.events import Ask, Cancel, Command, Fact, Infer, Prepare, Request
from llm.fallback import Fallback, FallbackOptions
from llm.rules import Action, Open, Post, Probe, Send
from tests.sim.provider import Provider, Script, results, turn_of

if TYPE_CHECKING:
    from tests.sim.world import World

# Shorter than the defaults, as the core's own patience is here.
OPTIONS = FallbackOptions(first_output_s=0.6, progress_s=1.2, thinking_s=4.0, avoid_s=3.0)
BREAKER = BreakerOptions(failures=2, window_s=10.0, open_s=1.0, most_open_s=4.0, refused_s=8.0)
NAMES = ("first", "second")


class Models:
    """What the core's commands to the model reach, and who posts what comes of them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._breakers = [Breaker(BREAKER) for _ in NAMES]
        several = world.swarm_has("fallback")
        self._rules = Fallback(self._breakers, NAMES, OPTIONS) if several else None
        self._wake_at = -1.0
        self._actions: deque[Action] = deque()
        self._busy = False
        self.providers = [Provider(world, partial(self.heard, child)) for child in range(1 + several)]
        self.switched = 0

    def begin(self) -> None:
        """The call begins."""
        if self._rules is None:
            self._connect(0)
        else:
            self._do(self._rules.start(self._world.now))

    def obey(self, command: Command) -> None:
        """The core commands."""
        if self._rules is None:
            self._command(0, command)
        else:
            self._do(self._rules.obey(command, self._world.now))

    def heard(self, child: int, fact: Fact) -> None:
        """A provider posts."""
        if self._rules is None:
            self._world.post(fact)
        else:
            self._do(self._rules.heard(child, fact, self._world.now))

    def _connect(self, child: int) -> None:
        self._world.at(self._world.random.choice((0.0, 0.05, 0.5)), self.providers[child].connect)

    def _command(self, child: int, command: Command) -> None:
        provider = self.providers[child]
        match command:
            case Ask():
                provider.ask(command)
            case Cancel():
                provider.cancel(command)
            case Prepare():
                provider.prepare()
            case Infer():
                provider.infer(command)

    # --- the rules of the fallback ------------------------------------------------------------------------------------

    def _do(self, actions: list[Action]) -> None:
        """In order, also when a fact that is posted makes the core command something at once."""
        self._actions += actions
        if self._busy:
            return
        self._busy = True
        while self._actions:
            self._act(self._actions.popleft())
        self._busy = False
        self._arm()

    def _act(self, action: Action) -> None:
        match action:
            case Open(child):
                self._connect(child)
            case Send(child, command):
                self.switched += isinstance(command, Ask) and child > 0
                self._command(child, command)
            case Post(fact):
                self._world.post(fact)
            case Probe(child):
                self._world.at(1.0, self._probe, child)

    def _probe(self, child: int) -> None:
        """Whether a provider is back, as the process would find out."""
        assert self._rules is not None
        breaker = self._breakers[child]
        if breaker.take_probe(self._world.now):
            breaker.probed(self._world.now, worked=self.providers[child].up)
        if breaker.probe_at < float("inf"):
            self._world.at(max(0.1, breaker.probe_at - self._world.now), self._probe, child)
        self._do(self._rules.tick(self._world.now))

    def _arm(self) -> None:
        assert self._rules is not None
        deadline = self._rules.deadline()
        if deadline is not None and deadline != self._wake_at:
            self._wake_at = deadline
            self._world.at(deadline - self._world.now, self._wake, deadline)

    def _wake(self, deadline: float) -> None:
        if deadline == self._wake_at and self._rules is not None:
            self._wake_at = -1.0
            self._do(self._rules.tick(self._world.now))

    # --- to look at ---------------------------------------------------------------------------------------------------

    @property
    def up(self) -> bool:
        """All of them are there."""
        return all(provider.up for provider in self.providers)

    @property
    def answering(self) -> bool:
        """Something of an answer is to come."""
        return any(provider.answering for provider in self.providers)

    @property
    def rude(self) -> bool:
        """One of them was silent once, or for so long that it seemed to be."""
        return any(provider.rude for provider in self.providers)

    def count(self, what: str) -> int:
        """The sum of a counter over all of them."""
        return sum(int(getattr(provider, what)) for provider in self.providers)

    def turn(self, request: Request) -> tuple[int, Script | None]:
        """The newest turn of the caller, and what is to be said to it."""
        return turn_of(self._world, request)

    def results(self, request: Request) -> list[tuple[str, int]]:
        """The results of async calls and what was not understood, each with so many words."""
        return results(request)
