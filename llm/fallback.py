"""Several models for one call, in order of preference: who is late or fails is replaced, nothing is said twice. Pure.

    reply   ─ Ask ─► WAITING at the best child ─ words or a call ─► ANSWERING ─ ReplyDone, ReplyFailed ─► (none)
    WAITING ─ late, failed, link lost ─► WAITING at the next child; after the last: ReplyFailed, the mildest of all

Words and calls make an answer that child's own: what happens to it afterwards is told to the call, which asks again
from its log. Until then the child's thoughts are held back, for another could not read them. A child that has failed
comes after the others for a while; one that fails again and again, in whichever call, has its breaker opened.

A provider that refuses us (wrong key, unknown model) is out until a probe says otherwise, or until all others are too:
then this call tries it for itself. The link is down for good only when each child has refused this call, or is broken.
`model` and `extra` of a request's settings are meant for the first child; the others keep what they are configured for.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

import msgspec
from msgspec import Struct

from link.breaker import Breaker
from llm.candidates import Candidates
from llm.events import (
    Ask,
    Cancel,
    Command,
    Delta,
    Fact,
    Failure,
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
    Request,
    Thought,
)
from llm.fallback_inference import Inferences
from llm.rules import Action, Link, Post, Send, Told, after_the_end

MAX_THOUGHTS = 64
"""So many are held back for a reply."""
MILDNESS: tuple[Failure, ...] = ("passing", "too_long", "blocked", "fatal")


class FallbackOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """How long a model is waited for while another could be asked; the last one has as long as the call has patience.

    The call's own patience (`policy.first_output_s`, 6 s) begins anew with each model, and should be longer.
    """

    first_output_s: float = 2.5
    """A model that has shown nothing for so long after it was asked is late."""
    progress_s: float = 5.0
    """So is one that has shown progress (it reasons), and then nothing for so long."""
    thinking_s: float = 15.0
    """So is one that has shown nothing but progress for so long."""
    avoid_s: float = 15.0
    """A model that was late or failed comes after the others for so long, in that call."""


class Stage(Enum):
    """How far a reply has come."""

    WAITING = auto()
    ANSWERING = auto()


class _Reply:
    """What the call has asked for."""

    __slots__ = ("ask", "asked_at", "child", "failures", "seen_at", "stage", "thoughts", "tried")

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.stage = Stage.WAITING
        self.child = -1
        self.asked_at = 0.0
        self.seen_at: float | None = None  # the last sign of life
        self.tried: set[int] = set()
        self.failures: list[tuple[int, ReplyFailed]] = []
        self.thoughts: list[Thought] = []

    def begin(self, child: int, now: float) -> None:
        """A child is asked."""
        self.child = child
        self.asked_at = now
        self.seen_at = None
        self.tried.add(child)
        self.thoughts.clear()

    def late_at(self, options: FallbackOptions) -> float:
        """When the first output is late."""
        if self.seen_at is None:
            return self.asked_at + options.first_output_s
        return min(self.seen_at + options.progress_s, self.asked_at + options.thinking_s)


class Fallback:
    """The rules for one call; meets `llm.rules.Rules`."""

    def __init__(
        self, breakers: Sequence[Breaker], names: Sequence[str] = (), options: FallbackOptions | None = None
    ) -> None:
        """A breaker and a name for each child, the preferred one first; the calls of a process share the breakers."""
        self._options = options or FallbackOptions()
        self._out: list[Action] = []
        names = names or [f"model {number}" for number in range(1, len(breakers) + 1)]
        self._candidates = Candidates(names, breakers, self._options.avoid_s, self._emit)
        self._inferences = Inferences(self._candidates.best, self._send, self._post)
        self._reply: _Reply | None = None
        self._prepare: Prepare | None = None  # for a better child that comes later; the first Ask ends it
        self._told = Told.NOTHING
        self._reason = "no language model can be asked"
        self._now = 0.0
        self.refused = 0
        """Output of children that were not, or not any more, to answer."""

    # --- verbs ------------------------------------------------------------------------------------------------------

    def start(self, now: float) -> list[Action]:
        """The call begins: connect all but those who refuse us, unless all do."""
        self._now = now
        return self._settled(now)

    def obey(self, command: Command, now: float) -> list[Action]:
        """The call commands. Without a link nothing is asked: the call knows, and asks again when there is one."""
        self._now = now
        if self._told is Told.OVER:
            return after_the_end(command, self._reason)
        match command:
            case Ask():
                self._ask(command, now)
            case Cancel():
                self._cancel(command, now)
            case Prepare():
                self._prepare = command
                if (child := self._candidates.best(now)) is not None:
                    self._send(child, command)
            case Infer():
                self._inferences.begin(command, now)
        return self._settled(now)

    def heard(self, child: int, fact: Fact, now: float) -> list[Action]:
        """A child posted a fact."""
        self._now = now
        if self._candidates[child].ended:
            return []
        match fact:
            case LinkUp():
                self._candidates[child].link = Link.UP
                if self._prepare is not None and self._candidates.best(now) == child:
                    self._send(child, self._prepare)
            case LinkDown(reason, fatal):
                self._on_link_down(child, reason, now, fatal=fatal)
            case Inferred() | InferenceFailed():
                self.refused += not self._inferences.heard(child, fact, now)
            case _:
                self._on_output(child, fact, now)
        return self._settled(now)

    def gone(self, child: int, reason: str, now: float) -> list[Action]:
        """A child's service broke: this call does without it."""
        self._now = now
        if self._candidates[child].ended:
            return []
        self._candidates[child].link = Link.LOST
        self._candidates.failed(child, reason, now)
        self._lose(child, ReplyFailed(0, reason), now)
        return self._settled(now)

    def tick(self, now: float) -> list[Action]:
        """Time has passed, or a provider is back."""
        self._now = now
        return self._settled(now)

    def deadline(self) -> float | None:
        """When somebody is late; None for never."""
        waits = [self._inferences.deadline()]
        if self._reply is not None and self._reply.stage is Stage.WAITING:
            waits.append(self._reply.late_at(self._options))
        return min((at for at in waits if at is not None and at > self._now), default=None)

    # --- asking -----------------------------------------------------------------------------------------------------

    def _ask(self, ask: Ask, now: float) -> None:
        self._prepare = None
        if self._reply is not None:
            self._send(self._reply.child, Cancel(self._reply.ask.reply))
            self._reply = None
        if self._told is Told.UP:
            self._reply = _Reply(ask)
            self._ask_next(self._reply, now)

    def _ask_next(self, reply: _Reply, now: float) -> None:
        """Ask the best child that was not asked yet, or say that all have failed."""
        child = self._candidates.best(now, reply.tried)
        if child is None:
            self._reply = None
            if reply.failures and self._candidates.usable:  # else the lost link says it
                self._post(self._mildest(reply))
            return
        if reply.failures:
            failed, why = reply.failures[-1]
            self._candidates.replaced(failed, why.reason, child)
            self._post(Progress(reply.ask.reply))  # the call's patience begins anew
        reply.begin(child, now)
        self._send(child, reply.ask)

    def _mildest(self, reply: _Reply) -> ReplyFailed:
        """All failures of a reply as one: what can be hoped of any of the children."""
        failures = [failure for _, failure in reply.failures]
        best = min(failures, key=lambda each: (MILDNESS.index(each.kind), each.retry_after_s))
        reason = "; ".join(f"{self._candidates[child].name}: {failure.reason}" for child, failure in reply.failures)
        return ReplyFailed(reply.ask.reply, reason[:300], self._told_as(best.kind), best.retry_after_s)

    def _cancel(self, cancel: Cancel, now: float) -> None:
        reply = self._reply
        if reply is None or reply.ask.reply != cancel.reply:
            return
        self._reply = None
        self._send(reply.child, cancel)
        if cancel.stalled:
            self._candidates.failed(reply.child, "it went silent", now)

    # --- what comes of it -------------------------------------------------------------------------------------------

    def _on_output(self, child: int, fact: Output, now: float) -> None:
        reply = self._reply
        if reply is None or reply.child != child or reply.ask.reply != fact.reply:
            self.refused += not isinstance(fact, Progress)
            return
        reply.seen_at = now
        match fact:
            case Delta(text=""):
                self._post(Progress(fact.reply))
            case Delta() | FunctionCall():
                reply.stage = Stage.ANSWERING
                self._post_thoughts(reply)
                self._post(fact)
            case Thought() if reply.stage is Stage.WAITING:
                if len(reply.thoughts) < MAX_THOUGHTS:
                    reply.thoughts.append(fact)
                self._post(Progress(fact.reply))
            case ReplyDone():
                self._on_done(reply, fact, now)
            case ReplyFailed():
                self._on_failed(reply, fact, now)
            case _:
                self._post(fact)

    def _post_thoughts(self, reply: _Reply) -> None:
        for thought in reply.thoughts:
            self._post(thought)
        reply.thoughts.clear()

    def _on_done(self, reply: _Reply, done: ReplyDone, now: float) -> None:
        if reply.stage is Stage.ANSWERING:
            self._candidates.answered(reply.child, now)
        elif done.incomplete and self._candidates.best(now, reply.tried) is not None:
            self._candidates.avoid(reply.child, now)  # filtered, or at its limit before the first word
            self._fail(reply, ReplyFailed(done.reply, f"an empty answer: {done.incomplete}"), now)
            return
        self._reply = None
        self._post_thoughts(reply)
        self._post(done)

    def _on_failed(self, reply: _Reply, failed: ReplyFailed, now: float) -> None:
        settings = reply.ask.request.settings
        ours = reply.child == 0 and (settings.model or settings.extra)  # may be this call's fault, not the provider's
        if failed.kind == "passing":
            self._candidates.failed(reply.child, failed.reason, now, failed.retry_after_s)
        elif failed.kind == "fatal" and not ours:
            self._candidates.refused(reply.child, failed.reason, now)
        else:
            self._candidates.avoid(reply.child, now)
        self._fail(reply, failed, now)

    def _fail(self, reply: _Reply, failed: ReplyFailed, now: float) -> None:
        """The child gives no more of a reply: before its first word another is asked, after it the call is told."""
        reply.failures.append((reply.child, failed))
        if reply.stage is Stage.WAITING:
            self._ask_next(reply, now)
            return
        self._reply = None
        if self._candidates.usable:  # else the lost link says it
            kind = self._told_as(failed.kind)
            self._post(ReplyFailed(reply.ask.reply, failed.reason, kind, failed.retry_after_s))

    def _told_as(self, kind: Failure) -> Failure:
        """To the call a failure is fatal only where all were tried in vain."""
        return "passing" if kind == "fatal" and not self._candidates.exhausted else kind

    def _on_link_down(self, child: int, reason: str, now: float, *, fatal: bool) -> None:
        candidate = self._candidates[child]
        before, candidate.link = candidate.link, Link.NONE if fatal else Link.DOWN
        if fatal:
            self._candidates.refused(child, reason, now)
        elif self._reply is not None and self._reply.child == child:
            self._candidates.failed(child, reason, now)
        elif before is Link.CONNECTING:  # an idle link that is lost proves nothing: some providers drop them
            self._candidates.unreachable(child, reason, now)
        self._lose(child, ReplyFailed(0, reason, "fatal" if fatal else "passing"), now)

    def _lose(self, child: int, why: ReplyFailed, now: float) -> None:
        """A child cannot be asked any more, and answers nothing."""
        self._reason = f"{self._candidates[child].name}: {why.reason}"
        self._inferences.lost(child, why.reason, now)
        if self._reply is not None and self._reply.child == child:
            self._fail(self._reply, why, now)

    # --- the whole state --------------------------------------------------------------------------------------------

    def _settled(self, now: float) -> list[Action]:
        """All that is to be done, with what is missing after this fact."""
        if self._told is Told.OVER:
            self._out.clear()
            return []
        self._inferences.tick(now)
        self._watch_first_output(now)
        self._candidates.open_missing()
        self._tell_link()
        out = self._out.copy()
        self._out.clear()
        return out

    def _watch_first_output(self, now: float) -> None:
        """Who is late is replaced, if there is somebody of whom more can be hoped."""
        reply = self._reply
        if reply is None or reply.stage is not Stage.WAITING or now < reply.late_at(self._options):
            return
        other = self._candidates.best(now, reply.tried)
        if other is None or not self._candidates[other].breaker.lets(now):
            return
        failed = ReplyFailed(reply.ask.reply, f"no output in {now - reply.asked_at:.1f} s")
        self._send(reply.child, Cancel(reply.ask.reply, stalled=reply.seen_at is None))
        self._candidates.failed(reply.child, failed.reason, now)
        self._fail(reply, failed, now)

    def _tell_link(self) -> None:
        """The link of the call is up while anybody can be asked, or answers."""
        candidates = self._candidates
        if self._reply is not None or candidates.usable:
            if self._told is not Told.UP:
                self._told = Told.UP
                self._post(LinkUp())
        elif candidates.ended:
            self._told = Told.OVER
            self._post(LinkDown(self._reason, fatal=True))
        elif self._told is Told.UP or (self._told is Told.NOTHING and not candidates.connecting):
            self._told = Told.DOWN
            self._post(LinkDown(self._reason))

    def _emit(self, action: Action) -> None:
        self._out.append(action)

    def _post(self, fact: Fact) -> None:
        self._out.append(Post(fact))

    def _send(self, child: int, command: Command) -> None:
        if child and isinstance(command, Ask | Prepare | Infer):
            command = msgspec.structs.replace(command, request=_plain(command.request))
        self._out.append(Send(child, command))


def _plain(request: Request) -> Request:
    """The request without what only the first child understands."""
    settings = request.settings
    if not settings.model and not settings.extra:
        return request
    return msgspec.structs.replace(request, settings=msgspec.structs.replace(settings, model="", extra={}))
