"""Tools: functions that the model may call, how they are called, and what they give back.

    @tool
    async def opening_hours(day: str) -> str:
        "When the shop is open. Args: day: a weekday"

A function that is registered by name or directly is a tool as well: see llm/registry.py.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto
from types import MethodType
from typing import Any, Protocol, overload

import msgspec
from msgspec import structs

from link.errors import ConfigError
from link.text import utf8_text
from llm import cancel_tool
from llm.events import ToolSchema
from llm.function_calls import COMPLETED, NEVER_S, ToolSpec, When
from llm.tool_schema import Arguments, described, parameters_of, resolved

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}\Z")


@dataclass(frozen=True, slots=True)
class FunctionCallResultProperties:
    """How a result is taken: `is_final=False` is an update of an async call; `run_llm` overrides whether to answer.

    `on_context_updated()` is awaited once the log has the result; not where the result came too late.
    """

    is_final: bool = True
    run_llm: bool | None = None
    on_context_updated: Callable[[], Awaitable[None]] | None = None


class ResultCallback(Protocol):
    """Gives a call its result. Call it in the loop of the call, not from another thread."""

    async def __call__(self, result: Any, *, properties: FunctionCallResultProperties | None = None) -> None:
        """Record the result. The first final one counts; what comes later is logged."""


@dataclass(frozen=True, slots=True)
class FunctionCallParams:
    """What a handler can know and do. `call` is the handle of the conversation (server/call/handle.py)."""

    function_name: str
    tool_call_id: str
    arguments: dict[str, Any]
    result_callback: ResultCallback
    call: Any
    app_resources: Any = None
    """What the agent was given for its calls; not a copy."""
    llm: Any = None
    """The model's side of the conversation: functions are registered there in the middle of a call."""
    context: Any = None
    """The conversation's log."""


class Style(Enum):
    """How a tool is called, and where its result comes from."""

    SYNC = auto()
    """`handler(**arguments)` in a thread; its return value is the result."""
    ASYNC = auto()
    """`await handler(**arguments)`; its return value is the result."""
    HANDLER = auto()
    """`await handler(params)`; the result comes by `params.result_callback`, the return value is nothing."""
    DIRECT = auto()
    """`await handler(params, **arguments)`; as above."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that can be offered and run."""

    spec: ToolSpec
    handler: Callable[..., Any]
    arguments: Arguments
    style: Style
    params_name: str | None = None
    """The parameter of a SYNC or ASYNC handler that takes the FunctionCallParams."""

    @property
    def name(self) -> str:
        """The name that the model uses."""
        return self.spec.schema.name

    @property
    def is_async(self) -> bool:
        """The handler runs in the loop; else in a thread."""
        return self.style is not Style.SYNC

    @property
    def returns(self) -> bool:
        """Its return value is the result."""
        return self.style in (Style.SYNC, Style.ASYNC)

    def check(self, text: str) -> dict[str, Any]:
        """The model's JSON as keyword arguments. Raises ToolArgumentError."""
        return self.arguments.read(self.name, text)


# --- a function -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ToolMethod:
    """A decorated method, which is a tool on an instance: `tools_of(Shop())`, or `Shop().price` for one of them."""

    function: Callable[..., Any]
    make: Callable[[Callable[..., Any]], Tool]

    @overload
    def __get__(self, instance: None, owner: type) -> ToolMethod: ...

    @overload
    def __get__(self, instance: object, owner: type) -> Tool: ...

    def __get__(self, instance: object, owner: type) -> Tool | ToolMethod:
        """The tool of an instance. Raises ConfigError as `tool` does."""
        return self if instance is None else self.make(MethodType(self.function, instance))


@overload
def tool(function: Callable[..., Any], /) -> Tool: ...


@overload
def tool(
    *,
    name: str | None = None,
    description: str | None = None,
    cancel_on_interruption: bool = True,
    timeout_secs: float | None = None,
    when: When = "now",
    filler: str | None = None,
) -> Callable[[Callable[..., Any]], Tool]: ...


def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    cancel_on_interruption: bool = True,
    timeout_secs: float | None = None,
    when: When = "now",
    filler: str | None = None,
) -> Tool | ToolMethod | Callable[[Callable[..., Any]], Tool | ToolMethod]:
    """Make a tool of a plain function, sync (it runs in a thread) or async; its return value is the result.

    A parameter annotated `FunctionCallParams` is injected and stays out of the schema. `cancel_on_interruption=False`
    makes the call async: the model goes on at once and hears of the result later. `when="after_speech"` runs it after
    the words before it were heard. `filler` is what the caller hears when it takes long, "" for nothing.
    Raises ConfigError for a signature that no schema can describe; that of a method is looked at when it is made a
    tool of an instance: see `tools_of`.
    """

    def make(fn: Callable[..., Any]) -> Tool:
        return make_tool(
            fn,
            name=name,
            description=description,
            cancel_on_interruption=cancel_on_interruption,
            timeout_secs=timeout_secs,
            when=when,
            filler=filler,
        )

    def decorate(fn: Callable[..., Any]) -> Tool | ToolMethod:
        if isinstance(fn, staticmethod):
            return make(fn.__func__)
        return ToolMethod(fn, make) if _in_class(fn) else make(fn)

    return decorate if function is None else decorate(function)


def tools_of(instance: object) -> list[Tool]:
    """The tools of an object: the methods of its class that are decorated with `@tool`.

    They stand in the order of their definition, those of base classes first. A method that overrides a tool must be
    decorated too; `price = None` takes an inherited tool away, and `@tool` above `@staticmethod` is one as well.
    Raises ConfigError for a class, for an object without tools, and for a method that cannot be a tool.
    """
    if isinstance(instance, type):
        raise ConfigError(f"tools_of wants an instance: tools_of({instance.__name__}(…))")
    kind = type(instance)
    attributes = [each for base in reversed(kind.__mro__) for each in vars(base).items()]
    found = {name: getattr(instance, name) for name, value in attributes if isinstance(value, ToolMethod | Tool)}
    wrong = [name for name, value in found.items() if not isinstance(value, Tool | None)]
    wrong += [name for name, value in attributes if _wraps_tool(value)]
    if wrong:
        raise ConfigError(f"{kind.__name__}.{wrong[0]} overrides a tool, or wraps one: put @tool above it")
    tools = [value for value in found.values() if value is not None]
    if not tools:
        raise ConfigError(f"{kind.__name__} has no tools: decorate its methods with @tool")
    return tools


def make_tool(
    fn: Callable[..., Any],
    *,
    name: str | None = None,
    description: str | None = None,
    cancel_on_interruption: bool = True,
    timeout_secs: float | None = None,
    when: When = "now",
    filler: str | None = None,
) -> Tool:
    """The tool of a function; see `tool`."""
    own = function_name(fn)
    name = checked_name(name or own)
    if inspect.isgeneratorfunction(fn) or inspect.isasyncgenfunction(fn):
        raise ConfigError(f"tool '{name}': a generator has no result; return one")
    parameters = [resolved(fn, name, each) for each in parameters_of(fn, name)]
    injected = [each.name for each in parameters if each.annotation in (FunctionCallParams, FunctionCallParams | None)]
    if len(injected) > 1:
        raise ConfigError(f"tool '{name}': argument '{injected[1]}' takes the FunctionCallParams a second time")
    shown = [each for each in parameters if each.name not in injected]
    schema, arguments = described(fn, name, shown, description)
    spec = make_spec(schema, cancel_on_interruption=cancel_on_interruption, timeout_secs=timeout_secs, when=when)
    spec = structs.replace(spec, filler=filler)
    return Tool(spec, fn, arguments, Style.ASYNC if is_async(fn) else Style.SYNC, *injected)


def make_spec(
    schema: ToolSchema,
    *,
    cancel_on_interruption: bool,
    timeout_secs: float | None,
    when: When,
    offered: bool = True,
) -> ToolSpec:
    """How a tool is offered and run. Raises ConfigError for a time-out or a moment that there is not."""
    if timeout_secs is not None and not (isinstance(timeout_secs, int | float) and timeout_secs > 0):
        raise ConfigError(f"tool '{schema.name}': timeout_secs must be more than 0, not {timeout_secs!r}")
    if when not in ("now", "after_speech"):
        raise ConfigError(f"tool '{schema.name}': when is 'now' or 'after_speech', not {when!r}")
    limit_s = None if timeout_secs is None else min(timeout_secs, NEVER_S)
    return ToolSpec(schema, cancel_on_interruption, limit_s, when, offered)


def function_name(fn: Any) -> str:
    """The name that a function has itself, if it has one. Raises ConfigError for what is no function."""
    if isinstance(fn, ToolMethod):
        what = getattr(fn.function, "__qualname__", "it")
        raise ConfigError(f"{what} is a method, which is a tool on an instance only; pass tools_of(instance)")
    if not callable(fn):
        raise ConfigError(f"{fn!r} is no function, so it cannot be a tool")
    return str(getattr(fn, "__name__", ""))


def checked_name(name: Any) -> str:
    """The name of a tool. Raises ConfigError for one that cannot be."""
    if not isinstance(name, str) or not NAME.match(name) or name == cancel_tool.NAME:
        raise ConfigError(f"tool '{name}': a name has 1 to 64 letters, digits, '_' or '-', and is not reserved")
    return name


def is_async(fn: Callable[..., Any]) -> bool:
    """Whether a function, or an object that can be called like one, is `async def`."""
    return inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(type(fn).__call__)


def _in_class(fn: Callable[..., Any]) -> bool:
    """Whether a function is written in the body of a class, so that it has no `self` yet."""
    owner = getattr(fn, "__qualname__", "").rpartition(".")[0]
    return inspect.isfunction(fn) and owner != "" and not owner.endswith("<locals>")


def _wraps_tool(attribute: object) -> bool:
    """Whether `@staticmethod` or `@classmethod` stands above `@tool`."""
    return isinstance(attribute, staticmethod | classmethod) and isinstance(attribute.__func__, ToolMethod)


# --- results ----------------------------------------------------------------------------------------------------------


def result_text(value: Any) -> str:
    """A handler's result as the model reads it: text as it is, nothing as COMPLETED, the rest as JSON.

    What JSON or UTF-8 cannot say (an object, a list that holds itself, half a surrogate pair) is said as `str` would.
    """
    if value is None:
        return COMPLETED
    try:
        return utf8_text(value if isinstance(value, str) else _json(value))
    except Exception:  # not even as text
        return f"[a {type(value).__name__} that cannot be shown]"


class ToolError(Exception):
    """A tool failed, and the model is told so in exactly these words: `raise ToolError("There is no such order.")`."""


def error_text(error: BaseException) -> str:
    """What the model is told of a failure."""
    try:
        what = str(error)
    except Exception:
        what = "[no words for it]"
    return utf8_text(f"Error: {type(error).__name__}: {what}")


def _json(value: Any) -> str:
    try:
        return msgspec.json.encode(value, enc_hook=str).decode()
    except (TypeError, ValueError, RecursionError):
        return str(value)
