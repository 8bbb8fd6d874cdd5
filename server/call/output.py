"""What a reply of the model brings: its words go to the voice in pieces, its calls to the tools. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from llm import events as model
from llm.turn_completion import Mark
from server.call import events as e
from server.call.answering import Answering, Reply
from server.call.calling import Calling
from server.call.outbox import Outbox
from server.call.policy import Policy
from server.call.pondering import Pondering
from server.call.sizes import size_bytes
from server.call.speaking import Speaking


class Output:
    """From the reply that comes to the voice and the tools."""

    def __init__(
        self, answering: Answering, speaking: Speaking, calling: Calling, pondering: Pondering, out: Outbox
    ) -> None:
        self._log = answering.log
        self._pondering = pondering
        self._answering = answering
        self._speaking = speaking
        self._calling = calling
        self._out = out

    def record(self, reply: Reply, fact: model.Output, policy: Policy, now: float) -> None:
        """More of the reply, its end, or that it failed."""
        match fact:
            case model.Delta(_, text):
                reply.output(now)
                self._on_words(reply, text, policy)
                self._count(reply, fact, policy, now)
            case model.FunctionCall():
                reply.output(now)
                self._say_remainder(reply, policy)
                self._calling.call(reply.entry, reply.number, fact)
                self._count(reply, fact, policy, now)
            case model.Thought(_, reasoning):
                self._log.think(reply.entry, reasoning)
                self._count(reply, fact, policy, now)
            case model.Progress():
                pass  # a sign of life, no more
            case model.ReplyDone():
                self._on_done(reply, fact, policy, now)
            case model.ReplyFailed():
                self._on_failed(fact, policy, now)

    def _on_words(self, reply: Reply, text: str, policy: Policy) -> None:
        spoken = text
        if reply.marks is not None:
            mark, spoken = reply.marks.feed(text)
            self._mark(reply, mark)
        self._say(reply, reply.pieces.feed(spoken), policy)

    def _count(self, reply: Reply, fact: model.Output, policy: Policy, now: float) -> None:
        """An answer has an end, whatever it is made of."""
        reply.bytes += size_bytes(fact)
        if reply.bytes > policy.max_answer_bytes:
            self._out.tell(e.Problem("answer_too_long", "the answer was cut off at its limit"))
            self._out.emit(model.Cancel(reply.number))
            self._on_done(reply, model.ReplyDone(reply.number, incomplete="max_answer_bytes"), policy, now)

    def _on_failed(self, failed: model.ReplyFailed, policy: Policy, now: float) -> None:
        """It is asked again, unless that is in vain.

        Of a log that is too long the oldest half goes first; of one that is refused, what may be a bad picture in it.
        """
        answering = self._answering
        answering.fail(failed.retry_after_s, policy, now)
        match failed.kind:
            case "fatal":
                answering.refused = True
                self._out.tell(e.Problem("llm_refused", failed.reason, True))
                return
            case "blocked":
                self._out.tell(e.Problem("reply_blocked", failed.reason))
                if not self._log.drop_media():
                    answering.give_up(policy)
                return
            case "too_long" if not self._log.halve():
                answering.give_up(policy)
        self._out.tell(e.Problem("reply_failed", failed.reason))

    def _on_done(self, reply: Reply, ended: model.ReplyDone, policy: Policy, now: float) -> None:
        self._say_remainder(reply, policy)
        if reply.entry.empty and not reply.may_be_empty:
            self._answering.fail(0.0, policy, now)
            self._out.tell(e.Problem("reply_empty", "the model answered nothing"))
        else:
            self._wait_for_caller(reply)
            self._answering.done(ended, now)

    def _mark(self, reply: Reply, mark: Mark | None) -> None:
        """The model's mark stands in the log, before its words."""
        if reply.marks is not None and mark is not None and not reply.entry.mark:
            self._log.mark(reply.entry, reply.marks.options.sign(mark), tells=mark != "complete")

    def _wait_for_caller(self, reply: Reply) -> None:
        """The model says that the caller was not done."""
        if reply.marks is None or reply.marks.mark is None or reply.entry.calls:
            return
        silence_s = reply.marks.options.silence_s(reply.marks.mark)
        if silence_s is not None:
            self._pondering.begin(reply.marks.options.prompt(reply.marks.mark), silence_s)

    def _say_remainder(self, reply: Reply, policy: Policy) -> None:
        if reply.marks is not None:
            mark, rest = reply.marks.end()
            self._mark(reply, mark if rest or reply.entry.segments or mark != "complete" else None)
            self._say(reply, reply.pieces.feed(rest), policy)
        self._say(reply, reply.pieces.flush(), policy)

    def _say(self, reply: Reply, pieces: Iterable[str], policy: Policy) -> None:
        for piece in pieces:
            if reply.silent:
                self._speaking.show(reply.entry, piece)
            else:
                self._speaking.piece(reply.entry, piece, policy, reply=reply.number)
