"""The Responses protocol as a client, over a websocket: plans to messages, messages to signs, signs to facts. Pure.

plan ─ request ─► message          (llm/responses_request.py)
message ─ read ─► lane, sign       (llm/responses_events.py)
sign ─ fact ─► fact of a reply
"""

from __future__ import annotations

from link.wishes import wish_s
from llm.continuation import Plan
from llm.events import Delta, FunctionCall, Output, Progress, ReplyDone, ReplyFailed, Request, Thought
from llm.failures import kind_of
from llm.items import Reasoning
from llm.responses_events import Ended, Failed, Made, Sign, Text, Thinking, Working, read
from llm.responses_request import ResponsesSettings, UnsendableRequest, encode, model_of

__all__ = ["ResponsesCodec", "ResponsesSettings", "UnsendableRequest", "fact_of", "reason_of"]

MAX_REASON = 300  # characters of a provider's words
UNSENDABLE = "unsendable"
"""The code of a failure that is no provider's: the request could not be written down."""


class ResponsesCodec:
    """Requests and events of one provider."""

    def __init__(self, settings: ResponsesSettings) -> None:
        self.settings = settings

    @property
    def lanes(self) -> bool:
        """An abandoned answer is left on its lane; else it has to be drained."""
        return self.settings.lanes

    def model(self, request: Request) -> str:
        """The model that a request is for."""
        return model_of(self.settings, request)

    def request(self, plan: Plan, *, lane: str, source: str, generate: bool = True) -> str:
        """The message that asks for an answer, on a lane where the provider has them. Raises UnsendableRequest."""
        return encode(self.settings, plan, lane=lane if self.lanes else "", source=source, generate=generate)

    def read(self, message: str | bytes) -> tuple[str | None, Sign | None]:
        """The lane that a message names, and what it says. Raises ProviderError; see `llm.responses_events.read`."""
        return read(message)


def fact_of(sign: Sign, reply: int, source: str) -> Output:
    """What a sign means for a reply; `source` is whose thoughts they are."""
    match sign:
        case Text(text):
            return Delta(reply, text)
        case Made(call_id, name, arguments):
            return FunctionCall(reply, call_id, name, arguments)
        case Thinking(item):
            return Thought(reply, Reasoning(source, item))
        case Working():
            return Progress(reply)
        case Ended(_, model, usage, incomplete):
            return ReplyDone(reply, usage, model, incomplete)
        case Failed():
            kind = "blocked" if sign.code == UNSENDABLE else kind_of(sign.code, sign.status)
            return ReplyFailed(reply, reason_of(sign), kind, retry_after_s=wish_s(sign.message))


def reason_of(failed: Failed) -> str:
    """A failure in the provider's words."""
    return f"{failed.code or 'error'}: {failed.message}"[:MAX_REASON]
