"""Functions are registered in three ways, found by name, and taken away again."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

import pytest

from link.errors import ConfigError
from llm import cancel_tool
from llm.events import ToolSchema
from llm.function_calls import ANY, ToolSpec
from llm.registry import ToolRegistry
from llm.tools import FunctionCallParams, Style, Tool, tool

OBJECT = {"type": "object", "properties": {"day": {"type": "string"}}}


def look_up(topic: str) -> str:
    """Look something up."""
    return topic


async def handler(params: FunctionCallParams) -> None:
    """Takes any call."""


async def book(params: FunctionCallParams, day: str) -> None:
    """Book a table."""


class Desk:
    """Functions of an object."""

    async def handle(self, params: FunctionCallParams) -> None:
        """A handler."""

    async def book(self, params: FunctionCallParams, day: str) -> None:
        """Book a table."""


def names(registry: ToolRegistry) -> list[str]:
    """What is registered."""
    return [spec.schema.name for spec in registry.specs()]


# --- registering and finding ------------------------------------------------------------------------------------------


def test_tools_stand_in_the_order_in_which_they_were_registered() -> None:
    registry = ToolRegistry([look_up])
    registry.register(tool(name="look_up_2")(look_up))
    registry.register_direct_function(book)
    registry.register_function("handler", handler)
    assert names(registry) == ["look_up", "look_up_2", "book", "handler"]
    found = registry.get("look_up")
    assert isinstance(found, Tool)
    assert found.handler is look_up
    assert registry.get("nothing") is None
    assert ToolRegistry().specs() == ()


REGISTER: list[Callable[[ToolRegistry], None]] = [
    lambda registry: registry.register(tool(name="book")(look_up)),
    lambda registry: registry.register_direct_function(book),
    lambda registry: registry.register_function("book", handler),
    lambda registry: registry.register_function("book", handler, schema=OBJECT),
]


@pytest.mark.parametrize("first", REGISTER)
@pytest.mark.parametrize("second", REGISTER)
def test_a_name_is_taken_once(first: Callable[[ToolRegistry], None], second: Callable[[ToolRegistry], None]) -> None:
    registry = ToolRegistry()
    first(registry)
    before = registry.get("book")
    with pytest.raises(ConfigError, match="tool 'book' is registered twice"):
        second(registry)
    assert registry.get("book") is before


@pytest.mark.parametrize("register", REGISTER)
def test_a_name_is_free_again_when_its_function_is_gone(register: Callable[[ToolRegistry], None]) -> None:
    registry = ToolRegistry([look_up])
    register(registry)
    assert registry.has_function("book")
    registry.unregister_function("book")
    assert not registry.has_function("book")
    assert names(registry) == ["look_up"]
    register(registry)
    assert names(registry) == ["look_up", "book"]


def test_what_is_not_there_cannot_be_taken_away() -> None:
    registry = ToolRegistry([look_up])
    with pytest.raises(ConfigError, match="tool 'book' is not registered"):
        registry.unregister_function("book")
    with pytest.raises(ConfigError, match="the handler for every function is not registered"):
        registry.unregister_function(None)
    with pytest.raises(ConfigError, match="the function 'book' is not registered"):
        registry.unregister_direct_function(book)
    assert names(registry) == ["look_up"]


def test_a_direct_function_is_taken_away_by_itself() -> None:
    desk, other = Desk(), Desk()
    registry = ToolRegistry()
    registry.register_direct_function(desk.book)
    with pytest.raises(ConfigError, match="the function 'book' is not registered"):
        registry.unregister_direct_function(other.book)
    registry.unregister_direct_function(desk.book)
    assert names(registry) == []


def test_a_copy_goes_its_own_way() -> None:
    registry = ToolRegistry([look_up])
    registry.register_function(None, handler)
    copy = registry.copy()
    copy.unregister_function("look_up")
    registry.register_direct_function(book)
    assert (names(registry), names(copy)) == (["look_up", ANY, "book"], [ANY])


def test_what_is_no_function_is_named() -> None:
    with pytest.raises(ConfigError, match="'look_up' is no function, so it cannot be a tool"):
        ToolRegistry(["look_up"])  # type: ignore[list-item]
    with pytest.raises(ConfigError, match="3 is no function"):
        ToolRegistry().register_function("x", 3)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="3 is no function"):
        ToolRegistry().register_function("x", 3, schema=OBJECT)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="None is no function"):
        ToolRegistry().register_direct_function(None)  # type: ignore[arg-type]


# --- a handler for every function -------------------------------------------------------------------------------------


def test_a_catch_all_takes_every_name_without_a_handler_of_its_own() -> None:
    registry = ToolRegistry([look_up])
    assert not registry.has_function("weather")
    registry.register_function(None, handler, cancel_on_interruption=False, timeout_secs=9, when="after_speech")
    assert registry.has_function("weather")
    found, own = registry.get("weather"), registry.get("look_up")
    assert found is not None
    assert own is not None
    assert (found.name, found.handler, found.style) == ("weather", handler, Style.HANDLER)
    assert found.check('{"town": ["Ulm"]}') == {"town": ["Ulm"]}
    assert own.handler is look_up
    spec = ToolSpec(ToolSchema(ANY, "", {"type": "object"}), False, 9, "after_speech", offered=False)
    assert registry.specs()[1] == spec


def test_there_is_one_catch_all_and_it_goes_again() -> None:
    registry = ToolRegistry()
    registry.register_function(None, handler)
    with pytest.raises(ConfigError, match="the handler for every function is registered twice"):
        registry.register_function(None, handler)
    registry.unregister_function(None)
    assert not registry.has_function("weather")
    assert registry.get("weather") is None


@pytest.mark.parametrize("name", ["", ANY])
def test_only_none_means_the_catch_all(name: str) -> None:
    registry = ToolRegistry()
    registry.register_function(None, handler)
    with pytest.raises(ConfigError, match=f"^tool '{re.escape(name)}' is not registered$"):
        registry.unregister_function(name)
    assert registry.has_function("weather")


def test_a_catch_all_has_no_schema() -> None:
    with pytest.raises(ConfigError, match="the handler for every function cannot have a schema"):
        ToolRegistry().register_function(None, handler, schema=OBJECT)


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "a b", "*", "a" * 65, "a.b", 3, cancel_tool.NAME])
def test_wrong_and_reserved_names(name: Any) -> None:
    for schema in (None, OBJECT):
        with pytest.raises(ConfigError, match="a name has 1 to 64 letters, digits, '_' or '-', and is not reserved"):
            ToolRegistry().register_function(name, handler, schema=schema)


def test_a_direct_function_with_a_reserved_name() -> None:
    async def cancel_async_tool_call(params: FunctionCallParams) -> None: ...

    with pytest.raises(ConfigError, match=r"tool 'cancel_async_tool_call': a name .* is not reserved"):
        ToolRegistry().register_direct_function(cancel_async_tool_call)


def sync(params: FunctionCallParams) -> None:
    """It could not await its callback."""


def hidden(params: FunctionCallParams) -> Any:
    """A decorator may hide that a function is async."""
    return handler(params)


@pytest.mark.parametrize("function", [sync, hidden, lambda _: handler(_)])  # noqa: PLW0108
def test_a_handler_is_async(function: Any) -> None:
    with pytest.raises(ConfigError, match=r"tool 'x': its handler .* must be: async def \w+\(params\)"):
        ToolRegistry().register_function("x", function)


@pytest.mark.parametrize("function", [sync, hidden])
def test_a_direct_function_is_async(function: Any) -> None:
    with pytest.raises(ConfigError, match=rf"must be: async def {function.__name__}\(params, …\)"):
        ToolRegistry().register_direct_function(function)


async def none() -> None:
    """Takes nothing."""


async def two(params: FunctionCallParams, day: str) -> None:
    """Wants more than there is."""


async def named(*, params: FunctionCallParams) -> None:
    """Takes it by name."""


@pytest.mark.parametrize("function", [none, two, named])
def test_a_handler_takes_the_call_and_no_more(function: Any) -> None:
    with pytest.raises(ConfigError, match=r"tool 'x': its handler must be: async def handler\(params\)"):
        ToolRegistry().register_function("x", function)


async def defaults(params: FunctionCallParams, factor: int = 2) -> None:
    """What has a default is not missed."""


async def starred(*params: Any) -> None:
    """Takes whatever comes."""


@pytest.mark.parametrize("function", [Desk().handle, defaults, starred, functools.partial(two, day="monday")])
def test_forms_that_a_handler_may_have(function: Any) -> None:
    registry = ToolRegistry()
    registry.register_function("x", function)
    assert names(registry) == ["x"]


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), "5"])
def test_a_time_out_is_more_than_nothing(seconds: Any) -> None:
    with pytest.raises(ConfigError, match=r"tool 'x': timeout_secs must be more than 0"):
        ToolRegistry().register_function("x", handler, timeout_secs=seconds)
    with pytest.raises(ConfigError, match=r"tool 'book': timeout_secs must be more than 0"):
        ToolRegistry().register_direct_function(book, timeout_secs=seconds)


def test_a_function_runs_now_or_after_speech() -> None:
    with pytest.raises(ConfigError, match="tool 'x': when is 'now' or 'after_speech', not 'soon'"):
        ToolRegistry().register_function("x", handler, when="soon")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="tool 'book': when is 'now' or 'after_speech', not 'soon'"):
        ToolRegistry().register_direct_function(book, when="soon")  # type: ignore[arg-type]
