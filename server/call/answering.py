"""The model's side of the core: is an answer owed, is it asked for, is it coming, is the link up. Pure.

    NONE ─ owe ─► OWED ─ ask ─► ASKED ─ first output ─► STREAMING ─ done ─► NONE
    ASKED, STREAMING ─ link lost, refused, stalled, cut off ─► OWED

OWED is `owed`, ASKED and STREAMING are `reply`. What is owed has reasons; the strongest is asked for, and covers the
weaker ones. It stays owed until it is given, superseded by a newer turn of the caller (`drop`), or apologised for.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

from audio.pieces import Pieces
from audio.turn import Turn
from llm.context import Log
from llm.entry import Entry
from llm.events import Ask, Cancel, Output, ReplyDone, ReplyFailed
from llm.turn_completion import Marks
from server.call.early import Ahead, Early, marks_of
from server.call.model_events import CompletionTimeout, ReplyMetrics, ReplyOutcome
from server.call.outbox import Outbox
from server.call.policy import CallSettings, Policy, Sentences
from server.call.request import request

NOTHING = ReplyDone(0)


class Owed(IntEnum):
    """Why the model is to be asked; a higher reason covers the lower ones."""

    NONE = 0
    ASYNC = 1  # an async call has a result: once the answer being spoken is over
    RESUME = 2  # an answer was cut off by a lost link
    RESULT = 3  # the last result of a group of calls is there
    PART = 4  # a result is there that does not wait for the rest of its group
    TURN = 5  # the caller's turn is over


class Reply:
    """An answer that the model was asked for."""

    __slots__ = (
        "asked_at",
        "begun",
        "bytes",
        "entry",
        "first_at",
        "marks",
        "may_be_empty",
        "number",
        "output_at",
        "owed_since",
        "pieces",
        "reason",
        "silent",
        "since",
        "streaming",
    )

    def __init__(
        self,
        number: int,
        reason: Owed,
        entry: Entry,
        owed_since: float,
        now: float,
        *,
        may_be_empty: bool,
        silent: bool,
        marks: Marks | None,
    ) -> None:
        self.number = number
        self.marks = marks  # by which the model says whether the caller was done
        self.may_be_empty = may_be_empty
        self.silent = silent  # to be read, not heard
        self.asked_at = now
        self.first_at: float | None = None
        self.reason = reason
        self.entry = entry
        self.begun = len(entry.segments) + len(entry.calls)  # by the answer that it goes on with
        self.owed_since = owed_since
        self.since = now  # asked, or the last sign of life
        self.output_at = now  # asked, or the last output
        self.streaming = False
        self.pieces = Pieces()
        self.bytes = 0

    def output(self, now: float) -> None:
        """Words or a call came."""
        if self.first_at is None:
            self.first_at = now
        self.streaming = True
        self.output_at = now

    def deadline(self, policy: Policy) -> float:
        """When the next output must be there: a provider that goes silent keeps its connection and answers pings."""
        silent = self.since + (policy.next_output_s if self.streaming else policy.first_output_s)
        return min(silent, self.output_at + policy.give_up_s)


class Answering:
    """One answer at a time."""

    def __init__(self, log: Log, out: Outbox) -> None:
        self.reply: Reply | None = None
        self.early = Early(log, out)
        self.owed_since = 0.0
        self.retry_at = 0.0
        """The provider's wish. It holds for the next turn too: who is over their limit is refused again."""
        self.unfinished: Entry | None = None
        """The answer that RESUME goes on with."""
        self.calls_cut_short = False
        """An answer broke off after a call, and none has come to its end since: it may have wanted to call more."""
        self.attempts = 0
        """Replies that failed or stalled since the last good one."""
        self.rounds = 0
        """Replies to results of tools since the caller's turn."""
        self.link_up = False
        self.refused = False
        """Asking again cannot help."""
        self.stale = 0
        """Output of replies that were abandoned, refused at the door."""
        self.log = log
        self._out = out
        self._number = 0
        self._reasons: set[Owed] = set()

    @property
    def owed(self) -> Owed:
        """The strongest reason."""
        return max(self._reasons, default=Owed.NONE)

    def owe(self, reason: Owed, now: float) -> None:
        """A reply is owed."""
        self.owed_since = min(self.owed_since, now) if self._reasons else now
        self._reasons.add(reason)

    def drop(self) -> None:
        """What was owed is superseded, or was apologised for."""
        self._reasons.clear()
        self.unfinished = None
        self.calls_cut_short = False
        self.attempts = 0
        self.rounds = 0

    def postpone(self, now: float) -> None:
        """Something of ours stands against asking: the provider's time does not run."""
        self.owed_since = now

    def current(self, number: int, now: float) -> Reply | None:
        """The reply that this sign of life belongs to; None (and counted) if it is not wanted any more."""
        if self.reply is None or self.reply.number != number:
            self.stale += 1
            return None
        self.reply.since = now
        return self.reply

    def ask(self, settings: CallSettings, now: float, *, silent: bool = False) -> tuple[Entry, tuple[Output, ...]]:
        """Ask for what is owed; returns the message that the answer will be, and what came of it already.

        `silent`: it is to be read only.
        """
        resume = self.unfinished if self.owed is Owed.RESUME else None
        note = self._note(resume, settings.sentences)
        wanted = request(settings, self.log.items(), note)
        ahead = self.early.take(wanted)
        if ahead is None:
            ahead = Ahead(self._next_number(), now, ())
            self._out.emit(Ask(ahead.number, wanted))
        entry = self.log.assistant(resume)
        # Who is asked for a turn, or has to begin again, must say or do something: the caller would wait for ever.
        goes_on = self.owed is Owed.RESUME and bool(note)
        may_be_empty = goes_on or self.owed in (Owed.RESULT, Owed.PART, Owed.ASYNC)
        self.reply = Reply(
            ahead.number,
            self.owed,
            entry,
            self.owed_since,
            ahead.asked_at,
            may_be_empty=may_be_empty,
            silent=silent,
            marks=marks_of(settings, self.log),
        )
        self.rounds += self.owed in (Owed.RESULT, Owed.PART)
        self._reasons.clear()
        self.unfinished = None
        return entry, ahead.held

    def think_ahead(self, turn: Turn, settings: CallSettings, now: float) -> None:
        """Ask for the answer to a turn that may be over, unless that would stand in the way of something."""
        free = self.reply is None and not self.owed and self.early.worth(turn.text)
        if free and self.link_up and not self.refused and now >= self.retry_at and turn.pausing:
            self.early.begin(self._next_number(), turn.text, settings, now)

    def hold_early(self, fact: Output, policy: Policy, now: float) -> bool:
        """Keep what comes of an early answer; False for another's. The provider's wish holds all the same."""
        if not self.early.hold(fact, policy.max_answer_bytes):
            return False
        if isinstance(fact, ReplyFailed):
            self.retry_at = max(self.retry_at, now + fact.retry_after_s)
        return True

    def _next_number(self) -> int:
        self._number += 1
        return self._number

    def _note(self, resume: Entry | None, sentences: Sentences) -> str:
        """What the model must be told because the log does not show it."""
        notes = (self._place(resume, sentences), sentences.more_calls if self.calls_cut_short else "")
        return " ".join(filter(None, notes))

    def _place(self, resume: Entry | None, sentences: Sentences) -> str:
        """Where the conversation stands, when the log ends in the model's own words."""
        goes_on = resume is not None and resume.placed and resume.text
        if not goes_on and not self.log.ends_in_words:
            return ""
        match self.owed:
            case Owed.RESUME:
                return f"{sentences.go_on} {sentences.and_then}" if Owed.ASYNC in self._reasons else sentences.go_on
            case Owed.TURN:
                return sentences.unanswered
            case _:
                return sentences.new_result

    def done(self, ended: ReplyDone, now: float) -> None:
        """The answer is complete."""
        self._measure("done", now, ended)
        self.reply = None
        self.calls_cut_short = False
        self.attempts = 0

    def abandon(self, now: float, *, stalled: bool = False) -> None:
        """Tell the provider that the answer is not wanted; what still comes of it is refused, and it is owed again."""
        if self.reply is not None:
            self._out.emit(Cancel(self.reply.number, stalled))
            self.break_off("stalled" if stalled else "cancelled", now)

    def break_off(self, outcome: ReplyOutcome, now: float) -> None:
        """The answer does not come any further: it is owed again, from where it stopped.

        Without a word said or a call made, it is owed for the reason and since the time that it was.
        """
        self._measure(outcome, now, NOTHING)
        reply, self.reply = self.reply, None
        if reply is None:
            return
        if reply.streaming and (reply.entry.segments or reply.entry.calls):
            self.unfinished = reply.entry
            self.calls_cut_short |= bool(reply.entry.calls)
            more = len(reply.entry.segments) + len(reply.entry.calls) > reply.begun
            self.owe(Owed.RESUME, now if more else reply.owed_since)
        else:
            self.unfinished = reply.entry if reply.entry.segments else None
            if reply.entry.wordless:
                self.log.mark(reply.entry, "")
            self.owe(reply.reason, reply.owed_since)

    def fail(self, retry_after_s: float, policy: Policy, now: float) -> None:
        """The provider refused the answer, or broke it off: it is asked again, each time later."""
        self.break_off("failed", now)
        pause_s = policy.retry_pause_s * 2**self.attempts
        self.attempts += 1
        self.retry_at = now + max(retry_after_s, pause_s if self.attempts < policy.max_attempts else 0.0)

    def give_up(self, policy: Policy) -> None:
        """Asking for this again cannot help."""
        self.attempts = policy.max_attempts

    def stalled(self, policy: Policy, now: float) -> bool:
        """The provider has been silent for too long; it is told, and the answer is owed again."""
        if self.reply is None or now < self.reply.deadline(policy):
            return False
        self._out.tell(CompletionTimeout(self.reply.number))
        self.abandon(now, stalled=True)
        self.attempts += 1
        return True

    def _measure(self, outcome: ReplyOutcome, now: float, ended: ReplyDone) -> None:
        """Tell what the answer took."""
        reply = self.reply
        if reply is None:
            return
        first_s = None if reply.first_at is None else reply.first_at - reply.asked_at
        spoken_s = 0.0 if reply.first_at is None else now - reply.first_at
        tokens = ended.usage.output_tokens
        metrics = ReplyMetrics(
            reply.number,
            outcome,
            first_s,
            now - reply.asked_at,
            ended.usage,
            tokens / spoken_s if tokens and spoken_s else None,
            self.attempts,
            ended.model,
            ended.incomplete,
        )
        self._out.tell(metrics)

    def deadlines(self, policy: Policy) -> Iterator[float]:
        """The instants that a rule of this file waits for."""
        if self.reply is not None:
            yield self.reply.deadline(policy)
        if self.owed:
            yield self.retry_at
            yield self.owed_since + policy.give_up_s

    def hopeless(self, policy: Policy, now: float) -> bool:
        """What is owed has been owed for too long, or was tried too often, or leads from one tool to the next."""
        if self.owed is Owed.NONE or self.reply is not None:
            return False
        tired = self.attempts >= policy.max_attempts or self.rounds >= policy.max_rounds
        return tired or now >= self.owed_since + policy.give_up_s

    @property
    def coming(self) -> Entry | None:
        """The message of which more is expected."""
        if self.reply is not None:
            return self.reply.entry
        return self.unfinished if self.owed is Owed.RESUME else None
