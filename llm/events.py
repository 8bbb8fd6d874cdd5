"""What passes between the core and a language model service: facts up, commands down."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from llm.items import Item, Reasoning


class ToolSchema(Struct, frozen=True):
    """A tool as the model sees it; `parameters` is a JSON schema of an object."""

    name: str
    description: str
    parameters: dict[str, Any]


class ModelSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What an agent wants of the model, from the next request on; what is empty or None is left to the service."""

    service: str = ""
    """Which model of a `Switch`."""
    model: str = ""
    """Another model of the same provider."""
    temperature: float | None = None
    """How freely the model chooses its words."""
    max_output_tokens: int | None = None
    """The longest answer; one that reaches it is cut off there."""
    tool_choice: str = ""
    """`auto`, `none`, `required`, or the name of a tool."""
    extra: dict[str, Any] = {}
    """Goes into each request as it is: reasoning, service_tier, …"""


class Request(Struct, frozen=True):
    """What a model needs for one answer: `items` is the log as it stands, `note` is said to the model last, once."""

    instructions: str
    items: tuple[Item, ...]
    tools: tuple[ToolSchema, ...] = ()
    note: str = ""
    settings: ModelSettings = ModelSettings()


class Usage(Struct, frozen=True):
    """Tokens of one answer, as the provider counted them; the cached and reasoning ones are part of the others."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0


# --- commands to the service ---


class Ask(Struct, frozen=True, tag=True):
    """Answer this request. `reply` numbers it; all that comes back carries the number."""

    reply: int
    request: Request


class Cancel(Struct, frozen=True, tag=True):
    """Abandon a reply. `stalled`: the provider went silent in it, so its connection is not to be trusted."""

    reply: int
    stalled: bool = False


class Prepare(Struct, frozen=True, tag=True):
    """Nothing is asked yet, but the next request will begin like this one: warm up. Nothing comes of it."""

    request: Request


class Infer(Struct, frozen=True, tag=True):
    """Answer a request beside the conversation, as one text; one Inferred or InferenceFailed comes of it."""

    job: int
    request: Request
    limit_s: float = 120.0


Command = Ask | Cancel | Prepare | Infer

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


class Thought(Struct, frozen=True, tag=True):
    """What the model thought in a reply, to be shown to it again with the results of the reply's calls."""

    reply: int
    reasoning: Reasoning


class ReplyDone(Struct, frozen=True, tag=True):
    """The reply is complete. `model` is the one that really answered; `incomplete` says why the reply is cut short."""

    reply: int
    usage: Usage = Usage()
    model: str = ""
    incomplete: str = ""


Failure = Literal["passing", "too_long", "blocked", "fatal"]
"""What a failed reply calls for: ask again; ask again with a shorter log; do not ask this again; ask nothing again."""


class ReplyFailed(Struct, frozen=True, tag=True):
    """The provider refused or broke off a reply, the link being up. `retry_after_s`: when to ask again."""

    reply: int
    reason: str
    kind: Failure = "passing"
    retry_after_s: float = 0.0


Output = Delta | FunctionCall | Progress | Thought | ReplyDone | ReplyFailed
"""What comes of a reply."""


class Inferred(Struct, frozen=True, tag=True):
    """The text of an inference beside the conversation."""

    job: int
    text: str
    usage: Usage = Usage()


class InferenceFailed(Struct, frozen=True, tag=True):
    """An inference beside the conversation came to nothing."""

    job: int
    reason: str


Fact = LinkUp | LinkDown | Output | Inferred | InferenceFailed
"""All that a service posts."""

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
