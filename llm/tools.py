"""Tools: a Python function becomes a JSON schema for the model, and the model's JSON becomes its checked arguments.

The types are msgspec's (str, int, float, bool, list, dict, Optional, Enum, Literal, dataclasses, structs); what a
schema cannot say is an error when the tool is made, and names the function and the argument.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, overload

import msgspec

from link.errors import ConfigError
from llm.events import ToolSchema
from llm.function_calls import COMPLETED, ToolSpec

RESERVED = frozenset({"cancel_async_tool_call"})
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}\Z")


class ToolArgumentError(Exception):
    """The model's arguments do not fit; the message is for the model and names the argument."""


@dataclass(frozen=True, slots=True)
class ToolArg:
    """Describes an argument: `Annotated[str, ToolArg("a weekday", choices=("monday", "friday"))]`."""

    description: str = ""
    choices: tuple[str | int, ...] = ()


@dataclass(frozen=True, slots=True)
class FunctionCallResultProperties:
    """How a result is taken: `is_final=False` is an update of an async call; `run_llm` overrides whether to answer."""

    is_final: bool = True
    run_llm: bool | None = None


class ResultCallback(Protocol):
    """Gives a call its result."""

    async def __call__(self, result: Any, *, properties: FunctionCallResultProperties | None = None) -> None:
        """Record the result."""


@dataclass(frozen=True, slots=True)
class FunctionCallParams:
    """What a handler can know and do. `call` is the handle of the conversation (server/call/handle.py)."""

    function_name: str
    tool_call_id: str
    arguments: dict[str, Any]
    result_callback: ResultCallback
    call: Any
    app_resources: Any = None


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that can be offered and run. `handler` takes the checked arguments by name."""

    spec: ToolSpec
    handler: Callable[..., Any]
    params_name: str | None
    """The parameter that takes the FunctionCallParams."""
    arguments: type[msgspec.Struct]
    is_async: bool
    """The handler is a coroutine function; else it runs in a thread."""

    @property
    def name(self) -> str:
        """The name that the model uses."""
        return self.spec.schema.name

    def check(self, text: str) -> dict[str, Any]:
        """The model's JSON as keyword arguments. Raises ToolArgumentError."""
        try:
            value = msgspec.json.decode(text or "{}", type=self.arguments)
        except msgspec.ValidationError as error:
            raise ToolArgumentError(f"Error: the arguments of '{self.name}' do not fit: {error}") from error
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise ToolArgumentError(f"Error: the arguments of '{self.name}' are not JSON: {error}") from error
        return {field: getattr(value, field) for field in self.arguments.__struct_fields__}


@overload
def tool(function: Callable[..., Any], /) -> Tool: ...


@overload
def tool(
    *,
    name: str | None = None,
    description: str | None = None,
    cancel_on_interruption: bool = True,
    timeout_secs: float | None = None,
    when: Literal["now", "after_speech"] = "now",
) -> Callable[[Callable[..., Any]], Tool]: ...


def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    cancel_on_interruption: bool = True,
    timeout_secs: float | None = None,
    when: Literal["now", "after_speech"] = "now",
) -> Tool | Callable[[Callable[..., Any]], Tool]:
    """Make a tool of a plain function, sync (it runs in a thread) or async; its return value is the result.

    A parameter annotated `FunctionCallParams` is injected and stays out of the schema. `cancel_on_interruption=False`
    makes the call async: the model goes on at once and hears of the result later. `when="after_speech"` runs it after
    the words before it were heard. Raises ConfigError for a signature that no schema can describe.
    """

    def make(fn: Callable[..., Any]) -> Tool:
        return make_tool(
            fn,
            name=name,
            description=description,
            cancel_on_interruption=cancel_on_interruption,
            timeout_s=timeout_secs,
            when=when,
        )

    return make if function is None else make(function)


def make_tool(
    fn: Callable[..., Any],
    *,
    name: str | None = None,
    description: str | None = None,
    cancel_on_interruption: bool = True,
    timeout_s: float | None = None,
    when: Literal["now", "after_speech"] = "now",
) -> Tool:
    """The tool of a function; see `tool`."""
    if not callable(fn):
        raise ConfigError(f"{fn!r} is no function, so it cannot be a tool")
    name = name or str(getattr(fn, "__name__", ""))
    if not NAME.match(name) or name in RESERVED:
        raise ConfigError(f"tool '{name}': a name has 1 to 64 letters, digits, '_' or '-', and is not reserved")
    if inspect.isgeneratorfunction(fn) or inspect.isasyncgenfunction(fn):
        raise ConfigError(f"tool '{name}': a generator has no result; return one")
    if timeout_s is not None and not timeout_s > 0:
        raise ConfigError(f"tool '{name}': timeout_secs must be more than 0, not {timeout_s}")
    parameters, hints = _signature(fn, name)
    summary, described = _docstring(inspect.getdoc(fn) or "", list(parameters))
    arguments, params_name = _arguments(name, parameters, hints, described)
    schema = ToolSchema(name, description or summary, _json_schema(arguments))
    return Tool(
        ToolSpec(schema, cancel_on_interruption=cancel_on_interruption, timeout_s=timeout_s, when=when),
        fn,
        params_name,
        arguments,
        inspect.iscoroutinefunction(fn),
    )


class ToolRegistry:
    """The tools of one call, by name."""

    def __init__(self, tools: Iterable[Tool | Callable[..., Any]] = ()) -> None:
        self._tools: dict[str, Tool] = {}
        for each in tools:
            self.register(each)

    def register(self, function: Tool | Callable[..., Any]) -> None:
        """Add a tool, or a plain function as one. Raises ConfigError for a name that is taken."""
        made = function if isinstance(function, Tool) else make_tool(function)
        if made.name in self._tools:
            raise ConfigError(f"tool '{made.name}' is registered twice")
        self._tools[made.name] = made

    def get(self, name: str) -> Tool | None:
        """A tool, if it is registered."""
        return self._tools.get(name)

    def specs(self) -> tuple[ToolSpec, ...]:
        """What the core needs to know of them."""
        return tuple(each.spec for each in self._tools.values())


def result_text(value: Any) -> str:
    """A handler's return value as the model reads it: text as it is, nothing as COMPLETED, the rest as JSON.

    What JSON or UTF-8 cannot say (an object, a list that holds itself, half a surrogate pair) is said as `str` would.
    """
    if value is None:
        return COMPLETED
    if not isinstance(value, str):
        try:
            return msgspec.json.encode(value, enc_hook=str).decode()
        except (TypeError, ValueError, RecursionError):
            value = str(value)
    return str(value).encode(errors="replace").decode()


def _signature(fn: Callable[..., Any], name: str) -> tuple[Mapping[str, inspect.Parameter], dict[str, Any]]:
    """The parameters of a function, and their types."""
    try:
        return inspect.signature(fn).parameters, typing.get_type_hints(fn, include_extras=True)
    except (NameError, AttributeError, SyntaxError, TypeError, ValueError) as error:
        raise ConfigError(f"tool '{name}': {error}; annotate its arguments with types that can be imported") from error


def _arguments(
    name: str, parameters: Mapping[str, inspect.Parameter], hints: dict[str, Any], described: dict[str, str]
) -> tuple[type[msgspec.Struct], str | None]:
    """A struct with a field for each argument, and the parameter that takes the FunctionCallParams."""
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    params_name: str | None = None
    for argument, parameter in parameters.items():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise ConfigError(f"tool '{name}': argument '{argument}' has a kind (*, **, /) that no model can fill")
        if argument not in hints:
            raise ConfigError(f"tool '{name}': argument '{argument}' has no type")
        if hints[argument] is FunctionCallParams:
            params_name = argument
            continue
        try:
            kind = _checked(_annotated(hints[argument], described.get(argument, "")))
            required = parameter.default is parameter.empty
            fields.append((argument, kind) if required else (argument, kind, _default(parameter.default)))
        except TypeError as error:
            raise ConfigError(f"tool '{name}': argument '{argument}' cannot be said in a schema: {error}") from error
    struct = msgspec.defstruct(f"{name}_arguments", fields, forbid_unknown_fields=True, kw_only=True)
    return struct, params_name


def _checked(kind: Any) -> Any:
    """The type. Raises TypeError for one that JSON schema or the decoder does not know."""
    msgspec.json.schema_components([kind], schema_hook=_unknown)
    msgspec.json.Decoder(kind)
    return kind


def _unknown(kind: Any) -> dict[str, Any]:
    raise TypeError(f"{kind} is not a type of JSON")


def _default(value: Any) -> Any:
    """A struct wants a factory for a mutable default. Raises TypeError for one that JSON cannot say."""
    msgspec.to_builtins(value)
    return msgspec.field(default_factory=lambda: value) if isinstance(value, list | dict | set) else value


def _annotated(hint: Any, description: str) -> Any:
    """A type with the description, choices and bounds that its annotation or the docstring gives."""
    metas: list[msgspec.Meta] = []
    if typing.get_origin(hint) is typing.Annotated:
        hint, *notes = typing.get_args(hint)
        for note in notes:
            if isinstance(note, ToolArg):
                description = note.description or description
                hint = _chosen(hint, note.choices) if note.choices else hint
            elif isinstance(note, str):
                description = note
            elif isinstance(note, msgspec.Meta):
                metas.append(note)
    for meta in [msgspec.Meta(description=description), *metas] if description else metas:
        hint = typing.Annotated[hint, meta]
    return hint


def _chosen(hint: Any, choices: tuple[str | int, ...]) -> Any:
    """One of the choices; None too where the type allows it."""
    for kind in (str, int):
        if hint in (kind, kind | None) and all(type(choice) is kind for choice in choices):
            return Literal[choices] if hint is kind else Literal[choices] | None
    raise TypeError("choices are for a str or an int, and are of that type")


def _json_schema(arguments: type[msgspec.Struct]) -> dict[str, Any]:
    """The JSON schema of the arguments, the object itself inlined."""
    _, components = msgspec.json.schema_components([arguments], ref_template="#/$defs/{name}")
    schema: dict[str, Any] = components.pop(arguments.__name__)
    schema.pop("title", None)
    if components:
        schema["$defs"] = components
    return schema


def _docstring(text: str, names: Iterable[str]) -> tuple[str, dict[str, str]]:
    """The description, and what an `Args:` section (on lines of its own or in one) says of the arguments `names`."""
    summary, *rest = re.split(r"(?:^|\s)Args:", text, maxsplit=1)
    section = re.split(r"\n\s*\n(?=\S)|\n\s*(?:Returns|Raises|Yields|Examples?):", rest[0])[0] if rest else ""
    pieces = re.split(rf"(?<!\S)({'|'.join(names)})(?: \([^)]*\))?:", section)
    described = {
        name: " ".join(piece.split()).rstrip(",;") for name, piece in zip(pieces[1::2], pieces[2::2], strict=True)
    }
    return " ".join(summary.split()), described
