"""The functions that a model can call, by name: how they are registered, found and taken away again."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Self

import msgspec
from msgspec import structs

from link.errors import ConfigError
from llm.events import ToolSchema
from llm.function_calls import ANY, ToolSpec, When
from llm.tool_schema import (
    AnyArguments,
    Arguments,
    described,
    description_of,
    parameters_of,
    resolved,
    schema_arguments,
)
from llm.tools import (
    FunctionCallParams,
    Style,
    Tool,
    checked_name,
    function_name,
    is_async,
    make_spec,
    make_tool,
)

POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
Handler = Callable[[FunctionCallParams], Awaitable[Any]]


class ToolRegistry:
    """The tools of an agent, or of one call. Nobody is told of a change."""

    def __init__(self, tools: Iterable[Tool | Callable[..., Any]] = ()) -> None:
        self._tools: dict[str, Tool] = {}
        for each in tools:
            self.register(each)

    def copy(self) -> Self:
        """A registry of its own with the same tools."""
        return type(self)(self._tools.values())

    def register(self, function: Tool | Callable[..., Any]) -> None:
        """Add a tool, or a plain function as one: its return value is the result.

        Raises ConfigError for a name that is taken, and as `llm.tools.tool` does.
        """
        self._add(function if isinstance(function, Tool) else make_tool(function))

    def register_function(
        self,
        name: str | None,
        handler: Handler,
        *,
        schema: dict[str, Any] | ToolSchema | None = None,
        cancel_on_interruption: bool = True,
        timeout_secs: float | None = None,
        when: When = "now",
    ) -> None:
        """Add `async def handler(params)`, which gives its result by `params.result_callback`, then or later.

        What it returns is nothing; a call without a result ends with its time-out. `name=None` takes the calls of
        every function without a handler of its own. `schema`, a JSON schema of an object, offers the function to the
        model and checks its arguments; the description is the schema's, else the handler's docstring. Without one the
        function is described elsewhere, and any JSON object is taken. Raises ConfigError for what does not fit.
        """
        shown, arguments = _anything(name, handler) if schema is None else _offered(name, handler, schema)
        _check_async(handler, shown.name, "params")
        try:
            inspect.signature(handler).bind(None)
        except TypeError as error:
            raise ConfigError(f"tool '{shown.name}': its handler must be: async def handler(params)") from error
        spec = make_spec(
            shown,
            cancel_on_interruption=cancel_on_interruption,
            timeout_secs=timeout_secs,
            when=when,
            offered=schema is not None,
        )
        self._add(Tool(spec, handler, arguments, Style.HANDLER))

    def register_direct_function(
        self,
        fn: Callable[..., Awaitable[Any]],
        *,
        cancel_on_interruption: bool = True,
        timeout_secs: float | None = None,
        when: When = "now",
    ) -> None:
        """Add `async def fn(params, …)`, whose signature and docstring say name, description and schema.

        Its first parameter takes the FunctionCallParams, whatever it is called; the result comes by
        `params.result_callback`, as in `register_function`. Raises ConfigError for what does not fit.
        """
        name = checked_name(function_name(fn))
        _check_async(fn, name, "params, …")
        parameters = parameters_of(fn, name)
        if not parameters or parameters[0].kind not in POSITIONAL:
            raise ConfigError(f"tool '{name}': its first argument takes the call: async def {name}(params, …)")
        schema, arguments = described(fn, name, [resolved(fn, name, each) for each in parameters[1:]])
        spec = make_spec(schema, cancel_on_interruption=cancel_on_interruption, timeout_secs=timeout_secs, when=when)
        self._add(Tool(spec, fn, arguments, Style.DIRECT))

    def unregister_function(self, name: str | None) -> None:
        """Take a tool away, however it was registered; None for the one of every function. Raises ConfigError."""
        what = _called(ANY) if name is None else f"tool '{name}'"
        if name == ANY or self._tools.pop(ANY if name is None else name, None) is None:
            raise ConfigError(f"{what} is not registered")

    def unregister_direct_function(self, fn: Callable[..., Any]) -> None:
        """Take the tool of a function away. Raises ConfigError where it has none."""
        names = [name for name, each in self._tools.items() if each.handler == fn]
        if not names:
            raise ConfigError(f"the function '{getattr(fn, '__name__', fn)}' is not registered")
        for name in names:
            del self._tools[name]

    def has_function(self, name: str) -> bool:
        """Whether a call of this name would be run; a handler for every function takes all."""
        return name in self._tools or ANY in self._tools

    def get(self, name: str) -> Tool | None:
        """The tool that runs the calls of this name, under this name."""
        if name in self._tools or ANY not in self._tools:
            return self._tools.get(name)
        catch_all = self._tools[ANY]
        spec = structs.replace(catch_all.spec, schema=structs.replace(catch_all.spec.schema, name=name))
        return Tool(spec, catch_all.handler, catch_all.arguments, catch_all.style)

    def specs(self) -> tuple[ToolSpec, ...]:
        """What the core needs to know of them."""
        return tuple(each.spec for each in self._tools.values())

    def _add(self, tool: Tool) -> None:
        if tool.name in self._tools:
            raise ConfigError(f"{_called(tool.name)} is registered twice")
        self._tools[tool.name] = tool


def _called(name: str) -> str:
    return "the handler for every function" if name == ANY else f"tool '{name}'"


def _anything(name: str | None, handler: Handler) -> tuple[ToolSchema, Arguments]:
    """A function that is described elsewhere."""
    function_name(handler)
    called = ANY if name is None else checked_name(name)
    return ToolSchema(called, "", {"type": "object"}), AnyArguments()


def _offered(name: str | None, handler: Handler, schema: dict[str, Any] | ToolSchema) -> tuple[ToolSchema, Arguments]:
    """A function with a JSON schema. Raises ConfigError for what is none."""
    if name is None:
        raise ConfigError("the handler for every function cannot have a schema; register the function by its name")
    function_name(handler)
    name = checked_name(name)
    description = description_of(handler)
    if isinstance(schema, ToolSchema):
        if schema.name != name:
            raise ConfigError(f"tool '{name}': its schema has another name, '{schema.name}'")
        description, parameters = schema.description, schema.parameters
    else:
        parameters = schema
    try:
        own = msgspec.json.decode(msgspec.json.encode(parameters))  # what the application does to its own is no matter
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"tool '{name}': its schema cannot be said in JSON: {error}") from error
    if isinstance(schema, dict) and isinstance(own, dict):
        description = str(own.pop("description", description))
    return ToolSchema(name, description, own), schema_arguments(name, own)


def _check_async(fn: Callable[..., Any], name: str, arguments: str) -> None:
    """A sync function cannot await its result callback. Raises ConfigError."""
    if not is_async(fn):
        called = getattr(fn, "__name__", "handler")
        want = f"async def {called if called.isidentifier() else 'handler'}({arguments})"
        raise ConfigError(f"tool '{name}': its handler gives the result by await, so it must be: {want}")
