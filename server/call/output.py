"""What a reply of the model brings: its words go to the voice in pieces, its calls to the tools. Pure."""

from __future__ import annotations

from llm import events as model
from server.call import events as e
from server.call.answering import Answering, Reply
from server.call.calling import Calling
from server.call.outbox import Outbox
from server.call.policy import Policy
from server.call.speaking import Speaking


class Output:
    """From the reply that comes to the voice and the tools."""

    def __init__(self, answering: Answering, speaking: Speaking, calling: Calling, out: Outbox) -> None:
        self._answering = answering
        self._speaking = speaking
        self._calling = calling
        self._out = out

    def record(self, reply: Reply, fact: model.Output, policy: Policy, now: float) -> None:
        """More of the reply, its end, or that it failed."""
        match fact:
            case model.Delta(_, text):
                reply.output(now)
                self._on_words(reply, text, policy, now)
            case model.FunctionCall():
                reply.output(now)
                self._say_remainder(reply, policy)
                self._calling.call(reply.entry, reply.number, fact)
            case model.Progress() | model.Thought():
                pass  # a sign of life, no more
            case model.ReplyDone(_, usage):
                self._on_done(reply, policy, now)
                self._out.tell(e.ReplyUsage(reply.number, usage))
            case model.ReplyFailed(_, reason, kind, retry_after_s):
                self._answering.fail(retry_after_s, policy, now)
                self._answering.refused |= kind == "fatal"
                self._out.tell(e.Problem("reply_failed", reason, kind == "fatal"))

    def _on_words(self, reply: Reply, text: str, policy: Policy, now: float) -> None:
        reply.bytes += len(text.encode())
        for piece in reply.pieces.feed(text):
            self._speaking.piece(reply.entry, piece, policy)
        if reply.bytes > policy.max_answer_bytes:
            self._out.tell(e.Problem("answer_too_long", "the answer was cut off at its limit"))
            self._out.emit(model.Cancel(reply.number))
            self._on_done(reply, policy, now)

    def _on_done(self, reply: Reply, policy: Policy, now: float) -> None:
        self._say_remainder(reply, policy)
        if reply.entry.empty and not reply.may_be_empty:
            self._answering.fail(0.0, policy, now)
            self._out.tell(e.Problem("reply_empty", "the model answered nothing"))
        else:
            self._answering.done()

    def _say_remainder(self, reply: Reply, policy: Policy) -> None:
        for piece in reply.pieces.flush():
            self._speaking.piece(reply.entry, piece, policy)
