"""A class whose decorated methods are its tools."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

import pytest

from link.errors import ConfigError
from llm.registry import ToolRegistry
from llm.tool_schema import ToolArg
from llm.tools import FunctionCallParams, Style, Tool, make_tool, tool, tools_of


class Shop:
    """Two tools and what is none."""

    def __init__(self, price: int = 3) -> None:
        self._price = price

    @tool
    async def price(self, article: str, params: FunctionCallParams) -> int:
        """What it costs. Args: article: its name"""
        return self._price * len(article)

    def helper(self, no_type) -> None:  # type: ignore[no-untyped-def]
        """No tool."""

    @tool(name="open_at", description="Opening hours.", cancel_on_interruption=False, timeout_secs=9, when="now")
    def hours(self, day: Annotated[str, ToolArg(choices=("monday",))] = "monday") -> str:
        """Not this."""
        return f"{day}: from {self._price}"


class Branch(Shop):
    """Another price, and one tool more."""

    @tool
    async def stock(self) -> int:
        """How many there are."""
        return 7

    @tool(description="A better price.")
    async def price(self, article: str) -> int:
        """Not this."""
        return self._price


def names(tools: list[Tool]) -> list[str]:
    """Their names."""
    return [each.name for each in tools]


def test_the_tools_of_an_object_are_its_decorated_methods_in_order() -> None:
    price, hours = tools_of(Shop())
    assert (price.name, price.spec.schema.description, price.style) == ("price", "What it costs.", Style.ASYNC)
    assert price.params_name == "params"
    assert price.spec.schema.parameters["properties"] == {"article": {"type": "string", "description": "its name"}}
    assert (hours.name, hours.spec.schema.description, hours.style) == ("open_at", "Opening hours.", Style.SYNC)
    assert (hours.spec.cancel_on_interruption, hours.spec.timeout_s) == (False, 9)
    assert hours.check("") == {"day": "monday"}


def test_they_belong_to_their_object() -> None:
    one, two = tools_of(Shop(1)), tools_of(Shop(2))
    assert [each.handler(day="monday") for each in (one[1], two[1])] == ["monday: from 1", "monday: from 2"]


def test_inherited_tools_come_first_and_an_overridden_one_is_the_new_one() -> None:
    tools = tools_of(Branch(5))
    assert names(tools) == ["price", "open_at", "stock"]
    assert tools[0].spec.schema.description == "A better price."
    assert asyncio.run(tools[0].handler(article="bell")) == 5


def test_an_inherited_tool_can_be_taken_away() -> None:
    class Quiet(Shop):
        price = None  # type: ignore[assignment]

    assert names(tools_of(Quiet())) == ["open_at"]


def test_a_method_that_overrides_a_tool_and_is_none_is_an_error() -> None:
    class Forgot(Shop):
        async def price(self, article: str) -> int:  # type: ignore[override]
            """Without @tool."""
            return 1

    with pytest.raises(ConfigError, match=r"Forgot\.price overrides a tool, or wraps one: put @tool above it"):
        tools_of(Forgot())


def test_one_method_of_an_object_is_a_tool_too() -> None:
    registry = ToolRegistry([Shop(2).price])
    assert [spec.schema.name for spec in registry.specs()] == ["price"]


@pytest.mark.parametrize("register", [lambda each: ToolRegistry([each]), make_tool, tool])
def test_a_method_without_its_object_is_refused(register: Callable[[Any], object]) -> None:
    method: Any = Shop.price
    with pytest.raises(ConfigError, match=r"^Shop\.price is a method, .*pass tools_of\(instance\)$"):
        register(method)
    with pytest.raises(ConfigError, match=r"^Shop\.price is a method"):
        ToolRegistry().register_function("price", method)
    with pytest.raises(ConfigError, match=r"^Shop\.price is a method"):
        ToolRegistry().register_direct_function(method)


def test_a_bound_method_can_be_decorated() -> None:
    class Plain:
        async def price(self, article: str) -> int:
            """What it costs."""
            return len(article)

    assert tool(Plain().price).check('{"article": "bell"}') == {"article": "bell"}
    assert tool(name="cost")(Plain().price).name == "cost"


def test_a_static_method_is_a_tool_of_its_own() -> None:
    class Plain:
        @tool
        @staticmethod
        async def price(article: str) -> int:
            """What it costs."""
            return len(article)

    assert isinstance(Plain.price, Tool)
    assert names(tools_of(Plain())) == ["price"]
    assert tools_of(Plain())[0].style is Style.ASYNC


@pytest.mark.parametrize("kind", [staticmethod, classmethod])
def test_tool_stands_above_other_decorators(kind: type) -> None:
    async def price(article: str) -> int:
        """What it costs."""
        return len(article)

    price.__qualname__ = "Wrong.price"  # as in the body of a class
    Wrong = type("Wrong", (), {"price": kind(tool(price))})
    with pytest.raises(ConfigError, match=r"Wrong\.price"):
        tools_of(Wrong())


def test_a_signature_that_no_schema_can_say_is_told_when_the_object_is_there() -> None:
    class Wrong:
        @tool
        def price(self, article) -> None:  # type: ignore[no-untyped-def]
            """No type."""

    with pytest.raises(ConfigError, match="tool 'price': argument 'article' has no type"):
        tools_of(Wrong())


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (Shop, r"tools_of wants an instance: tools_of\(Shop\(…\)\)"),
        (3, "int has no tools: decorate its methods with @tool"),
        ([Shop()], "list has no tools"),
    ],
)
def test_an_object_with_tools_is_wanted(wrong: object, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        tools_of(wrong)
