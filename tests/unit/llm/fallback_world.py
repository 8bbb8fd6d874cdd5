"""A rude world around the rules of a fallback: children that are late, double, deaf or gone, and a call that asks on.

It watches every action. A violation is an AssertionError with the seed.
"""

from __future__ import annotations

import math
from random import Random

from link.breaker import Breaker, BreakerOptions, State
from llm.events import (
    Ask,
    Cancel,
    Delta,
    Fact,
    FunctionCall,
    Infer,
    InferenceFailed,
    Inferred,
    LinkDown,
    LinkUp,
    Output,
    Prepare,
    Progress,
    ReplyDone,
    ReplyFailed,
    Thought,
)
from llm.fallback import Fallback, FallbackOptions
from llm.items import Reasoning
from llm.rules import Action, Open, Post, Probe, Send
from tests.unit.llm.several_stand import a_request


class Child:
    """What is true of a child, as the world knows it."""

    def __init__(self) -> None:
        self.serving = False
        self.up = False
        self.broken = False
        self.opened = False
        self.asked: int | None = None
        """The reply that is still wanted of it."""
        self.ever: list[int] = []
        self.jobs: list[int] = []


class World:
    """One call. `run` drives it; `rest` sees whether a polite end comes of it."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.seed = seed
        self.now = 100.0
        count = self.random.choice((1, 2, 2, 2, 3))
        self.breakers = [Breaker(BreakerOptions(failures=2, open_s=3.0, refused_s=20.0)) for _ in range(count)]
        self.rules = Fallback(self.breakers, options=FallbackOptions(avoid_s=self.random.choice((1.0, 15.0))))
        self.children = [Child() for _ in range(count)]
        self.link_up = False
        self.over = False
        self.number = 0
        self.reply: int | None = None
        self.speaker: int | None = None
        self.jobs: dict[int, float] = {}
        self.speaking = -1
        self.seen: set[str] = set()

    def run(self, steps: int = 60) -> World:
        """Faults of every kind."""
        for breaker in self.breakers:
            if self.random.random() < 0.15:
                breaker.refuse(self.now)  # in another call
        self._do(self.rules.start(self.now))
        for _ in range(steps):
            self._pass_time(self.random.choice((0.0, 0.01, 0.1, 0.5, 1.0, 3.0)))
            if not self.over:
                self.random.choice((self._call_acts, self._child_acts, self._child_acts, self._others_act))()
        return self

    def rest(self) -> None:
        """All children are polite from now on: what was asked is answered, once, and what was to be inferred ends."""
        for _ in range(200):
            if self.over or (self.reply is None and not self.jobs):
                break
            for number, child in enumerate(self.children):
                if child.serving and not child.up:
                    self._connect(number)
                if child.up and child.asked is not None:
                    self._hear(number, Delta(child.asked, "so "), ReplyDone(child.asked))
            self._pass_time(1.0)
        self._check(self.over or self.reply is None, "a reply without an end")
        self._check(self.over or not self.jobs, "an inference without an end")

    # --- what happens -----------------------------------------------------------------------------------------------

    def _pass_time(self, seconds: float) -> None:
        until = self.now + seconds
        while (at := self.rules.deadline()) is not None and at <= until:
            self._check(at > self.now, "a deadline that has passed")
            self.now = at
            self._do(self.rules.tick(at))
        self.now = until

    def _call_acts(self) -> None:
        roll = self.random.random()
        if roll < 0.1:
            self._do(self.rules.obey(Prepare(a_request()), self.now))
        elif roll < 0.25:
            job = len(self.seen) * 1000 + self.number * 10 + len(self.jobs)
            if job not in self.jobs:
                self.jobs[job] = self.now + 8.0
                self._do(self.rules.obey(Infer(job, a_request(), 8.0), self.now))
        elif self.reply is not None and roll < 0.5:
            number, self.reply = self.reply, None
            self._do(self.rules.obey(Cancel(number, stalled=roll < 0.35), self.now))
        elif self.link_up and (self.reply is None or roll > 0.95):
            self.number += 1
            self.reply, self.speaker = self.number, None
            self._do(self.rules.obey(Ask(self.number, a_request()), self.now))

    def _child_acts(self) -> None:
        number = self.random.randrange(len(self.children))
        child = self.children[number]
        if not child.serving:
            self._hear(number, self._some_output(child))  # a service that ended, and does not know it
        elif not child.up:
            roll = self.random.random()
            if roll < 0.7:
                self._connect(number)
            else:
                self._drop(number, fatal=roll > 0.95)
        elif self.random.random() < 0.12:
            self._drop(number, fatal=self.random.random() < 0.1)
        elif self.random.random() < 0.03:
            self._break(number)
        elif child.jobs and self.random.random() < 0.5:
            job = self.random.choice(child.jobs)
            self._hear(number, Inferred(job, "text") if self.random.random() < 0.5 else InferenceFailed(job, "no"))
        else:
            facts = [self._some_output(child)]
            self._hear(number, *facts * self.random.choice((1, 1, 2)))

    def _some_output(self, child: Child) -> Output:
        """Of the reply that is wanted, or of any that ever was, or of one that was never asked of it."""
        wanted = child.asked if child.asked is not None and self.random.random() < 0.8 else None
        reply = wanted or self.random.choice((*child.ever, self.number, self.number + 1))
        kind = self.random.choice(("passing", "passing", "too_long", "blocked", "fatal"))
        return self.random.choice(
            (
                Delta(reply, "word "),
                Delta(reply, "word "),
                Delta(reply, ""),
                FunctionCall(reply, "c", "f", "{}"),
                Progress(reply),
                Thought(reply, Reasoning("s", "{}")),
                ReplyDone(reply),
                ReplyDone(reply, incomplete="content_filter"),
                ReplyFailed(reply, "no", kind, self.random.choice((0.0, 2.0))),  # type: ignore[arg-type]
            )
        )

    def _others_act(self) -> None:
        """Other calls, and probes, change what the process knows of a provider."""
        breaker = self.random.choice(self.breakers)
        roll = self.random.random()
        if roll < 0.3:
            breaker.failed(self.now)
        elif roll < 0.36:
            breaker.refuse(self.now)
        elif roll < 0.5:
            breaker.worked()
        elif breaker.take_probe(self.now):
            breaker.probed(self.now, worked=roll < 0.8)
        if breaker.state is State.CLOSED:
            self._do(self.rules.tick(self.now))

    # --- children ---------------------------------------------------------------------------------------------------

    def _connect(self, number: int) -> None:
        self.children[number].up = True
        self._hear(number, LinkUp())

    def _drop(self, number: int, *, fatal: bool) -> None:
        self._forget(number)
        self.children[number].serving = not fatal
        self._hear(number, LinkDown("dropped", fatal))

    def _break(self, number: int) -> None:
        self._forget(number)
        self.children[number].serving = False
        self.children[number].broken = True
        self._do(self.rules.gone(number, "broken", self.now))

    def _forget(self, number: int) -> None:
        child = self.children[number]
        child.up, child.asked = False, None
        child.jobs.clear()

    def _hear(self, number: int, *facts: Fact) -> None:
        for fact in facts:
            child = self.children[number]
            ended = isinstance(fact, ReplyDone | ReplyFailed) and fact.reply == child.asked
            self.speaking = number if child.up and getattr(fact, "reply", None) == child.asked else -1
            if ended:
                child.asked = None
            self._do(self.rules.heard(number, fact, self.now))
            self.speaking = -1

    # --- what the rules want ----------------------------------------------------------------------------------------

    def _do(self, actions: list[Action]) -> None:
        for action in actions:
            self._check(not self.over, "something after a fatal LinkDown")
            match action:
                case Post(fact):
                    self._posted(fact)
                case Send(number, command):
                    self._sent(number, command)
                case Open(number):
                    child = self.children[number]
                    self._check(not child.serving and not child.broken, "a service that was there is opened")
                    child.serving = child.opened = True
                case Probe(number):
                    self._check(self.breakers[number].probe_at < math.inf, "a probe of who is not out")
        self._check(sum(child.asked is not None for child in self.children) <= 1, "two children answer")
        if not self.over and self.reply is None:
            self._check(self.link_up or not self._somebody, "somebody could be asked, and the call does not know")

    @property
    def _somebody(self) -> bool:
        return any(
            child.up and not breaker.refused for child, breaker in zip(self.children, self.breakers, strict=True)
        )

    def _sent(self, number: int, command: object) -> None:
        child = self.children[number]
        self._check(child.up, "a command for a child that is not up")
        match command:
            case Ask(reply):
                self._check(reply == self.reply and self.speaker is None, "an Ask that nobody wants")
                self._check(reply not in child.ever, "asked twice")
                child.asked = reply
                child.ever.append(reply)
                self.seen.add(f"asked as number {sum(reply in each.ever for each in self.children)}")
            case Cancel(reply):
                if child.asked == reply:
                    child.asked = None
                    self.seen.add("replaced while late" if reply == self.reply else "cancelled")
            case Infer(job, _, limit_s):
                self._check(0 < limit_s <= self.jobs[job] - self.now + 1e-9, "more time than there is")
                child.jobs.append(job)

    def _posted(self, fact: Fact) -> None:
        match fact:
            case LinkUp():
                self._check(not self.link_up, "up twice")
                self.link_up = True
            case LinkDown(_, fatal):
                self._check(not fatal or all(each.opened for each in self.children), "one that was not tried")
                self._check(self.link_up or fatal or self.reply is None, "down twice")
                self.link_up, self.reply, self.over = False, None, fatal
                self.seen.add("link down, fatal" if fatal else "link down")
            case Inferred(job) | InferenceFailed(job):
                self._check(
                    job in self.jobs and self.now <= self.jobs[job] + 1e-9, "an inference too much, or too late"
                )
                del self.jobs[job]
                self.seen.add(type(fact).__name__)
            case _:
                self._output(fact)

    def _output(self, fact: Output) -> None:
        self._check(fact.reply == self.reply, f"{fact} of a reply that nobody waits for")
        self.seen.add(type(fact).__name__)
        if isinstance(fact, Delta | FunctionCall | Thought | ReplyDone):
            self._check(self.speaking >= 0, f"{fact} of a child that was not to answer")
            self._check(self.speaker in (None, self.speaking), "two children in one reply")
            self.speaker = self.speaking
        if isinstance(fact, ReplyDone | ReplyFailed):
            self.reply = None
        if isinstance(fact, ReplyFailed) and fact.kind == "fatal":
            self._check(all(each.opened for each in self.children), "fatal, and one was not tried")

    def _check(self, holds: bool, what: str) -> None:
        assert holds, f"seed {self.seed}: {what}"
