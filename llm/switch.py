"""Several models by name, of which a request's settings choose one (`settings.service`), also in mid-call. Pure.

    link    of the call is that of the chosen model, or of the one that answers
    reply   ─ Ask ─► ASKED ─ ReplyDone, ReplyFailed, link lost ─► (none)
            ─ Ask, the link is not up yet ─► WAITING ─ LinkUp ─► ASKED;  ─ `wait_s` ─► ReplyFailed, passing

No name is the first model. A name that nobody has, or of a model that refuses us, leaves the choice as it was; whoever
changes the settings should ask `known` before. A Prepare chooses as an Ask does: while the chosen model's link is down
nothing is asked, and so it is the way to another. An Infer is answered by the model that it names, and chooses nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import Enum, auto

import msgspec

from link.errors import ConfigError
from llm.events import (
    Ask,
    Cancel,
    Command,
    Fact,
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
)
from llm.rules import Action, Link, Note, Open, Post, Send, Told, after_the_end

WAIT_S = 3.0
"""A choice of ours: shorter than the patience of a call with a silent model (6 s)."""
MAX_JOBS = 16
"""So many inferences may be under way at once; more fail."""


def known(service: str, services: Collection[str]) -> str:
    """The name of a model as it may stand in `settings.service`. Raises ConfigError for one that there is not."""
    if service and service not in services:
        there_are = f"there are {', '.join(services)}" if services else 'the llm is no "switch"'
        raise ConfigError(f"there is no language model {service!r} to switch to; {there_are}")
    return service


class Stage(Enum):
    """How far a reply has come."""

    WAITING = auto()
    ASKED = auto()


class _Reply:
    """What the call has asked for, and of whom."""

    __slots__ = ("ask", "child", "stage", "until")

    def __init__(self, ask: Ask, child: int, until: float) -> None:
        self.ask = ask
        self.child = child
        self.until = until
        self.stage = Stage.WAITING


class Switch:
    """The rules for one call; meets `llm.rules.Rules`."""

    def __init__(self, names: Sequence[str], wait_s: float = WAIT_S) -> None:
        """`names` are those of the children, in their order. An Ask waits `wait_s` for the link of its model."""
        self._names = names
        self._wait_s = wait_s
        self._links = [Link.NONE] * len(names)
        self._chosen = 0
        self._reply: _Reply | None = None
        self._jobs: dict[int, int] = {}
        self._told = Told.NOTHING
        self._reason = "no language model can be asked"
        self._noted: set[str] = set()
        self._now = 0.0
        self._out: list[Action] = []
        self.refused = 0
        """Output of children that were not, or not any more, to answer."""

    # --- verbs ------------------------------------------------------------------------------------------------------

    def start(self, now: float) -> list[Action]:
        """The call begins: all are connected from the start, so that a change costs no handshake."""
        self._now = now
        self._links = [Link.CONNECTING] * len(self._names)
        self._out += [Open(child) for child in range(len(self._names))]
        return self._settled()

    def obey(self, command: Command, now: float) -> list[Action]:
        """The call commands. Without a link nothing is asked: the call knows, and asks again when there is one."""
        self._now = now
        if self._told is Told.OVER:
            return after_the_end(command, self._reason)
        match command:
            case Ask():
                self._ask(command)
            case Cancel(number):
                if self._reply is not None and self._reply.ask.reply == number:
                    self._abandon(command)
            case Prepare():
                self._chosen = self._named(command.request.settings.service)
                if self._links[self._chosen] is Link.UP:
                    self._out.append(Send(self._chosen, command))
            case Infer():
                self._infer(command)
        return self._settled()

    def heard(self, child: int, fact: Fact, now: float) -> list[Action]:
        """A child posted a fact."""
        self._now = now
        if self._ended(child):
            return []
        match fact:
            case LinkUp():
                self._links[child] = Link.UP
            case LinkDown(reason, fatal):
                self._lose(child, reason, Link.NONE if fatal else Link.DOWN)
            case Inferred() | InferenceFailed():
                self._on_inferred(child, fact)
            case _:
                self._on_output(child, fact)
        return self._settled()

    def gone(self, child: int, reason: str, now: float) -> list[Action]:
        """A child's service broke: this call does without it."""
        self._now = now
        if self._ended(child):
            return []
        self._lose(child, reason, Link.LOST)
        return self._settled()

    def tick(self, now: float) -> list[Action]:
        """Time has passed."""
        self._now = now
        return self._settled()

    def deadline(self) -> float | None:
        """When a model has been waited for long enough; None for never."""
        if self._reply is None or self._reply.stage is not Stage.WAITING or self._reply.until <= self._now:
            return None
        return self._reply.until

    # --- choosing ---------------------------------------------------------------------------------------------------

    def _ended(self, child: int) -> bool:
        return self._links[child] in (Link.NONE, Link.LOST)

    def _named(self, service: str) -> int:
        """The child of this name; the chosen one where there is none that could answer."""
        if service and service not in self._names:
            self._note_once(f"there is no language model {service!r}; there are {', '.join(self._names)}")
            return self._chosen
        child = self._names.index(service) if service else 0
        if not self._ended(child):
            return child
        self._note_once(f"the language model {self._names[child]} is out; another answers in its place")
        return self._chosen if not self._ended(self._chosen) else self._first_left()

    def _first_left(self) -> int:
        left = [child for child in range(len(self._names)) if not self._ended(child)]
        return left[0] if left else self._chosen

    def _note_once(self, text: str) -> None:
        if text not in self._noted and len(self._noted) < MAX_JOBS:
            self._noted.add(text)
            self._out.append(Note("WARNING", text))

    # --- a reply ----------------------------------------------------------------------------------------------------

    def _ask(self, ask: Ask) -> None:
        if self._reply is not None:
            self._abandon(Cancel(self._reply.ask.reply))
        self._chosen = self._named(ask.request.settings.service)
        if self._told is Told.UP:
            self._reply = _Reply(ask, self._chosen, self._now + self._wait_s)

    def _abandon(self, cancel: Cancel) -> None:
        reply, self._reply = self._reply, None
        if reply is not None and reply.stage is Stage.ASKED:
            self._out.append(Send(reply.child, cancel))

    def _on_output(self, child: int, fact: Output) -> None:
        reply = self._reply
        if reply is None or reply.child != child or reply.stage is Stage.WAITING or reply.ask.reply != fact.reply:
            self.refused += not isinstance(fact, Progress)
            return
        if isinstance(fact, ReplyFailed) and fact.kind == "fatal" and self._others(child):
            self._on_refusal(reply, fact)
            return
        if isinstance(fact, ReplyDone | ReplyFailed):
            self._reply = None
        self._out.append(Post(fact))

    def _on_refusal(self, reply: _Reply, failed: ReplyFailed) -> None:
        """While there are others, none is fatal for the call; one asked for a model of the call's own is not out."""
        if reply.ask.request.settings.model:
            self._reply = None
            self._out.append(Post(msgspec.structs.replace(failed, kind="passing")))
            return
        self._out.append(Note("ERROR", f"the language model {self._names[reply.child]} refuses us: {failed.reason}"))
        self._lose(reply.child, failed.reason, Link.NONE)

    def _others(self, child: int) -> bool:
        return any(not self._ended(other) for other in range(len(self._names)) if other != child)

    def _lose(self, child: int, reason: str, link: Link) -> None:
        """A child cannot be asked: for now, or (without a service) in this call any more."""
        self._links[child] = link
        self._reason = f"{self._names[child]}: {reason}"
        for job in [job for job, at in self._jobs.items() if at == child and self._ended(child)]:
            del self._jobs[job]
            self._out.append(Post(InferenceFailed(job, self._reason)))
        if self._ended(self._chosen):
            self._chosen = self._first_left()
        reply = self._reply
        if reply is None or reply.child != child or (reply.stage is Stage.WAITING and link is Link.DOWN):
            return
        self._reply = None
        if self._links[self._chosen] is Link.UP:  # else the lost link says it
            self._out.append(Post(ReplyFailed(reply.ask.reply, self._reason)))

    # --- inferences -------------------------------------------------------------------------------------------------

    def _infer(self, infer: Infer) -> None:
        child = self._named(infer.request.settings.service)
        if len(self._jobs) >= MAX_JOBS or self._ended(child):
            self._out.append(Post(InferenceFailed(infer.job, "no language model can be asked")))
            return
        self._jobs[infer.job] = child
        self._out.append(Send(child, infer))

    def _on_inferred(self, child: int, fact: Inferred | InferenceFailed) -> None:
        if self._jobs.get(fact.job) != child:
            self.refused += 1
            return
        del self._jobs[fact.job]
        self._out.append(Post(fact))

    # --- the whole state --------------------------------------------------------------------------------------------

    def _settled(self) -> list[Action]:
        """All that is to be done, with what is missing after this fact."""
        if self._told is Told.OVER:
            self._out.clear()
            return []
        self._watch_waiting()
        self._tell_link()
        out, self._out = self._out, []
        return out

    def _watch_waiting(self) -> None:
        reply = self._reply
        if reply is None or reply.stage is not Stage.WAITING:
            return
        if self._links[reply.child] is Link.UP:
            reply.stage = Stage.ASKED
            self._out.append(Send(reply.child, reply.ask))
        elif self._now >= reply.until:
            self._reply = None
            name = self._names[reply.child]
            self._out.append(Post(ReplyFailed(reply.ask.reply, f"the link to {name} was not up in {self._wait_s:g} s")))

    def _tell_link(self) -> None:
        if self._reply is not None:  # it is answered, or its model is waited for
            return
        link = self._links[self._chosen]
        if link is Link.UP:
            if self._told is not Told.UP:
                self._told = Told.UP
                self._out.append(Post(LinkUp()))
        elif link in (Link.NONE, Link.LOST):  # then all are
            self._told = Told.OVER
            self._out.append(Post(LinkDown(self._reason, fatal=True)))
        elif self._told is Told.UP or (self._told is Told.NOTHING and link is Link.DOWN):
            self._told = Told.DOWN
            self._out.append(Post(LinkDown(self._reason)))
