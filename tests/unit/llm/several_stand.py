"""Rules for several models under test, without their shell: what they are told, and what they want done."""

from __future__ import annotations

from llm.events import Ask, Cancel, Command, Fact, Infer, LinkUp, ModelSettings, Prepare, Request
from llm.items import UserMessage
from llm.rules import Action, Note, Open, Post, Probe, Rules, Send


def a_request(text: str = "hello", **settings: str) -> Request:
    """A request; `settings` are those of the model."""
    return Request("", (UserMessage(text),), settings=ModelSettings(**settings))  # type: ignore[arg-type]


class Told:
    """What came of one thing that the rules were told."""

    def __init__(self, actions: list[Action]) -> None:
        self.actions = actions
        self.posted: list[Fact] = [each.fact for each in actions if isinstance(each, Post)]
        self.sent: list[tuple[int, Command]] = [
            (each.child, each.command) for each in actions if isinstance(each, Send)
        ]
        self.asked = [child for child, command in self.sent if isinstance(command, Ask)]
        self.cancelled = [(child, command) for child, command in self.sent if isinstance(command, Cancel)]
        self.opened = [each.child for each in actions if isinstance(each, Open)]
        self.probed = [each.child for each in actions if isinstance(each, Probe)]
        self.notes = [each.text for each in actions if isinstance(each, Note)]


class Stand:
    """Rules and a clock; each verb returns what came of it. Time passes by `after` only."""

    def __init__(self, rules: Rules, now: float = 1000.0) -> None:
        self.rules = rules
        self.now = now

    def start(self, *up: int) -> Told:
        """The call begins, and these children come up."""
        told = Told(self.rules.start(self.now))
        for child in up:
            told = Told([*told.actions, *self.heard(child, LinkUp()).actions])
        return told

    def ask(self, reply: int, **settings: str) -> Told:
        """The call asks."""
        return self.obey(Ask(reply, a_request(**settings)))

    def prepare(self, **settings: str) -> Told:
        """The call says what the next request will be like."""
        return self.obey(Prepare(a_request(**settings)))

    def infer(self, job: int, limit_s: float = 120.0, **settings: str) -> Told:
        """The call wants a text beside the conversation."""
        return self.obey(Infer(job, a_request(**settings), limit_s))

    def cancel(self, reply: int, *, stalled: bool = False) -> Told:
        """The call abandons a reply."""
        return self.obey(Cancel(reply, stalled))

    def obey(self, command: Command) -> Told:
        """The call commands."""
        return Told(self.rules.obey(command, self.now))

    def heard(self, child: int, *facts: Fact) -> Told:
        """A child posts."""
        return Told([action for fact in facts for action in self.rules.heard(child, fact, self.now)])

    def gone(self, child: int, reason: str = "broken") -> Told:
        """A child's service breaks."""
        return Told(self.rules.gone(child, reason, self.now))

    def after(self, seconds: float) -> Told:
        """Time passes; the rules hear of it when they wanted to, as from the shell."""
        until = self.now + seconds
        actions: list[Action] = []
        while (at := self.rules.deadline()) is not None and at <= until:
            assert at > self.now, "a deadline that has passed"
            self.now = at
            actions += self.rules.tick(at)
        self.now = until
        return Told(actions)
