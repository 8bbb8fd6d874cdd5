"""Which functions become tools, and what is said of those that cannot."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Literal

import pytest

from link.errors import ConfigError
from llm.function_calls import NEVER_S, ToolSpec
from llm.tool_schema import ToolArg, ToolArgumentError
from llm.tools import FunctionCallParams, Style, make_tool, tool
from tests.unit.llm.tool_types import Order, Place, Unit, taking

# --- injection, kinds of functions ----------------------------------------------------------------------------------


def test_the_parameters_of_the_call_stay_out_of_the_schema() -> None:
    @tool
    def ring(params: FunctionCallParams, seconds: int) -> None:
        """Ring. Args: seconds: after so long, params: not an argument"""

    assert list(ring.spec.schema.parameters["properties"]) == ["seconds"]
    assert ring.params_name == "params"
    assert ring.check('{"seconds": 3}') == {"seconds": 3}
    with pytest.raises(ToolArgumentError, match="params"):
        ring.check('{"seconds": 3, "params": {}}')


def test_they_can_have_any_name_and_place() -> None:
    def ring(seconds: int, *, here: FunctionCallParams) -> None: ...

    def alone(seconds: int, here: FunctionCallParams | None = None) -> None:
        """It can be called without a call, too."""

    assert make_tool(ring).params_name == "here"
    assert make_tool(alone).params_name == "here"
    assert list(make_tool(alone).check('{"seconds": 1}')) == ["seconds"]
    assert make_tool(taking(int)).params_name is None


def test_sync_and_async_functions_are_told_apart() -> None:
    async def later() -> str:
        return "later"

    def now() -> str:
        return "now"

    class Later:
        async def __call__(self) -> str:
            return "later"

    assert make_tool(later).style is Style.ASYNC
    assert make_tool(now).style is Style.SYNC
    assert make_tool(now).handler() == "now"
    assert make_tool(functools.partial(later), name="later").style is Style.ASYNC
    assert make_tool(Later(), name="later").style is Style.ASYNC
    assert make_tool(Later, name="later").style is Style.SYNC
    assert [make_tool(each).is_async for each in (later, now)] == [True, False]


def test_a_method_of_an_object_is_a_tool() -> None:
    class Shop:
        async def price(self, article: str) -> int:
            """What it costs."""
            return len(article)

    made = make_tool(Shop().price)
    assert made.is_async
    assert made.name == "price"
    assert made.check('{"article": "bell"}') == {"article": "bell"}


def heat(to: int, unit: Unit, room: str = "hall") -> str:
    """Heat a room. Args: to: so much"""
    return f"{to} {unit.value} {room}"


class Heater:
    """Heats a room. Args: to: so much"""

    def __call__(self, to: int, unit: Unit) -> str:
        """Not this."""
        return heat(to, unit)


@functools.wraps(heat)
def wrapper(*arguments: Any, **named: Any) -> str:
    return heat(*arguments, **named)


@pytest.mark.parametrize(
    "function", [heat, Heater(), wrapper, functools.partial(wrapper, room="kitchen"), functools.partial(heat)]
)
def test_a_function_in_another_form_is_the_same_tool(function: Callable[..., str]) -> None:
    made = make_tool(function, name="heat")
    assert made.spec.schema.description.startswith("Heat")
    assert made.spec.schema.parameters["properties"]["to"] == {"type": "integer", "description": "so much"}
    assert made.check('{"to": 3, "unit": "kelvin"}')["unit"] is Unit.KELVIN


def test_how_a_tool_is_run() -> None:
    assert tool(taking(int)).spec == ToolSpec(tool(taking(int)).spec.schema)

    @tool(cancel_on_interruption=False, timeout_secs=5.5, when="after_speech")
    def ring() -> None: ...

    spec = ring.spec
    assert (spec.cancel_on_interruption, spec.timeout_s, spec.when) == (False, 5.5, "after_speech")


# --- errors when a tool is made -------------------------------------------------------------------------------------


def no_type(day, hour: int) -> None:  # type: ignore[no-untyped-def]
    """An argument without a type."""


def star(*days: str) -> None:
    """A kind that no model can fill."""


def two_stars(**days: str) -> None:
    """Another."""


def positional(day: str, /) -> None:
    """And another."""


def sentence(day: "a day of the week") -> None:  # type: ignore[valid-type]  # noqa: F722 - what people write
    """A type that is none."""


def unknown(day: Weekday) -> None:  # type: ignore[name-defined]  # noqa: F821 - as where it is only imported for typing
    """A type that is not there."""


@dataclass
class Trip:
    """A type that holds one that is not there."""

    day: Weekday  # type: ignore[name-defined]  # noqa: F821


class Mixed(Enum):
    """Members of two types."""

    ONE = 1
    TWO = "two"


def unknown_inside(trip: Trip) -> None:
    """As where the type of a field is only imported for typing."""


def twice(first: FunctionCallParams, second: FunctionCallParams) -> None:
    """One is enough."""


def late_choices(day: Annotated[str, ToolArg(choices="ab")]) -> None:
    """A text is no list of choices."""


def generator(day: str) -> Iterator[str]:
    """Results one by one."""
    yield day


async def async_generator(day: str) -> AsyncIterator[str]:
    """And as they come."""
    yield day


def wrong_choices(day: Annotated[int, ToolArg(choices=("a", "b"))]) -> None:
    """Text where a number is wanted."""


def choices_of_a_list(day: Annotated[list[str], ToolArg(choices=("a", "b"))]) -> None:
    """Nobody knows whether one or many."""


def odd_default(day: str = object()) -> None:  # type: ignore[assignment]
    """A default that cannot be shown."""


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (no_type, ["no_type", "'day' has no type"]),
        (star, ["star", "'days' has a kind"]),
        (two_stars, ["two_stars", "'days' has a kind"]),
        (positional, ["positional", "'day' has a kind"]),
        (sentence, ["sentence", "'day'", "a day of the week"]),
        (unknown, ["unknown", "'day'", "Weekday", "can be imported"]),
        (unknown_inside, ["unknown_inside", "'trip'", "Weekday"]),
        (twice, ["twice", "'second'", "a second time"]),
        (late_choices, ["late_choices", "'day'", "choices"]),
        (generator, ["generator", "no result"]),
        (async_generator, ["async_generator", "no result"]),
        (wrong_choices, ["wrong_choices", "'day'", "choices"]),
        (choices_of_a_list, ["choices_of_a_list", "'day'", "choices"]),
        (odd_default, ["odd_default", "'day'", "object"]),
        (taking(complex), ["function", "'x'", "complex"]),
        (taking(list[complex]), ["function", "'x'", "complex"]),
        (taking(object), ["function", "'x'", "object"]),
        (taking(Callable[[], int]), ["function", "'x'", "Callable"]),
        (taking(Place | Order), ["function", "'x'", "Place"]),
        (taking(Literal[1.5]), ["function", "'x'", "1.5"]),
        (taking(Mixed), ["function", "'x'", "Enum"]),
        (taking(list[Mixed]), ["function", "'x'", "Enum"]),
        (taking(Place | list[Order | Place]), ["function", "'x'"]),
        (lambda: None, ["<lambda>", "letters"]),
        (functools.partial(star), ["name"]),
        (dict.fromkeys, ["fromkeys"]),
    ],
)
def test_what_no_schema_can_say_is_an_error_that_names_function_and_argument(
    function: Callable[..., Any], words: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        make_tool(function)
    message = str(caught.value)
    assert message.startswith("tool '")
    assert all(word in message for word in words), message
    assert "\n" not in message


@pytest.mark.parametrize("name", ["", "a b", "ä", "a" * 65, "a\n", "cancel_async_tool_call"])
def test_wrong_and_reserved_names(name: str) -> None:
    def function() -> None: ...

    function.__name__ = name
    with pytest.raises(ConfigError, match="a name has 1 to 64 letters"):
        make_tool(function)


@pytest.mark.parametrize("name", ["a", "get-day_2", "A" * 64])
def test_right_names(name: str) -> None:
    assert make_tool(taking(int), name=name).name == name


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), "5", []])
def test_a_time_out_is_more_than_nothing(seconds: Any) -> None:
    with pytest.raises(ConfigError, match="tool 'function': timeout_secs must be more than 0"):
        tool(timeout_secs=seconds)(taking(int))


def test_a_tool_runs_now_or_after_speech() -> None:
    with pytest.raises(ConfigError, match="tool 'function': when is 'now' or 'after_speech', not 'later'"):
        tool(when="later")(taking(int))  # type: ignore[call-overload]


def test_no_time_out_is_infinite() -> None:
    assert tool(timeout_secs=float("inf"))(taking(int)).spec.timeout_s == NEVER_S
