"""What passes between the core and a language model service: facts up, commands down."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from llm.context import Item


class ToolSchema(Struct, frozen=True):
    """A tool as the model sees it; `parameters` is a JSON schema of an object."""

    name: str
    description: str
    parameters: dict[str, Any]


class Request(Struct, frozen=True):
    """What a model needs for one answer: `items` is the log as it stands, `note` is said to the model last, once."""

    instructions: str
    items: tuple[Item, ...]
    tools: tuple[ToolSchema, ...] = ()
    note: str = ""


class Usage(Struct, frozen=True):
    """Tokens of one answer, as the provider counted them."""

    input_tokens: int = 0
    output_tokens: int = 0


# --- commands to the service ---


class Ask(Struct, frozen=True, tag=True):
    """Answer this request. `reply` numbers it; all that comes back carries the number."""

    reply: int
    request: Request


class Cancel(Struct, frozen=True, tag=True):
    """Abandon a reply. `stalled`: the provider went silent in it, so its connection is not to be trusted."""

    reply: int
    stalled: bool = False


# --- facts from the service ---


class LinkUp(Struct, frozen=True, tag=True):
    """The provider can be asked."""


class LinkDown(Struct, frozen=True, tag=True):
    """The provider cannot be asked. `fatal`: trying again cannot help (wrong key, unknown model)."""

    reason: str
    fatal: bool = False


class Delta(Struct, frozen=True, tag=True):
    """More text of a reply."""

    reply: int
    text: str


class FunctionCall(Struct, frozen=True, tag=True):
    """A complete function call of a reply. `arguments` is the model's JSON, unchecked."""

    reply: int
    call_id: str
    name: str
    arguments: str


class Progress(Struct, frozen=True, tag=True):
    """The model works on a reply and has nothing to show for it yet: it reasons, or writes the arguments of a call."""

    reply: int


class ReplyDone(Struct, frozen=True, tag=True):
    """The reply is complete."""

    reply: int
    usage: Usage = Usage()


class ReplyFailed(Struct, frozen=True, tag=True):
    """The provider refused or broke off a reply, the link being up. `retry_after_s`: when to ask again."""

    reply: int
    reason: str
    fatal: bool = False
    retry_after_s: float = 0.0


Output = Delta | FunctionCall | Progress | ReplyDone | ReplyFailed
"""What comes of a reply."""

# --- facts from the tools ---

Outcome = Literal["completed", "failed", "timed_out", "cancelled"]


class ToolUpdate(Struct, frozen=True, tag=True):
    """An intermediate result of an async call."""

    call_id: str
    result: str


class ToolDone(Struct, frozen=True, tag=True):
    """A handler ended. `result` is text or JSON for the model; `run_llm` overrides whether the model is asked."""

    call_id: str
    outcome: Outcome
    result: str
    run_llm: bool | None = None
