"""A function becomes a schema, and the model's JSON becomes its arguments."""

from __future__ import annotations

import functools
import inspect
import json
import typing
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal, Optional

import msgspec
import pytest

from link.errors import ConfigError
from llm.function_calls import ToolSpec
from llm.tools import (
    FunctionCallParams,
    Tool,
    ToolArg,
    ToolArgumentError,
    ToolRegistry,
    make_tool,
    result_text,
    tool,
)


class Unit(Enum):
    """An enumeration by text."""

    CELSIUS = "celsius"
    KELVIN = "kelvin"


class Floor(IntEnum):
    """An enumeration by number."""

    GROUND = 0
    FIRST = 1


@dataclass
class Place:
    """A dataclass with a default."""

    street: str
    number: int = 1


class Order(msgspec.Struct):
    """A struct that holds others."""

    to: Place
    items: list[str]


PLACE = {
    "title": "Place",
    "description": "A dataclass with a default.",
    "type": "object",
    "properties": {"street": {"type": "string"}, "number": {"type": "integer", "default": 1}},
    "required": ["street"],
}
ORDER = {
    "title": "Order",
    "description": "A struct that holds others.",
    "type": "object",
    "properties": {
        "to": {"$ref": "#/$defs/Place"},
        "items": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["to", "items"],
}
UNIT = {"title": "Unit", "description": "An enumeration by text.", "enum": ["celsius", "kelvin"]}
FLOOR = {"title": "Floor", "description": "An enumeration by number.", "enum": [0, 1]}


def taking(kind: Any, *default: Any) -> Callable[..., Any]:
    """A function with one argument `x` of this type."""

    def function(x: Any) -> None:
        pass

    function.__annotations__ = {"x": kind}
    function.__defaults__ = default or None
    return function


def parameters(function: Callable[..., Any]) -> dict[str, Any]:
    return make_tool(function).spec.schema.parameters


def properties(function: Callable[..., Any]) -> dict[str, Any]:
    """The schema of each argument."""
    found: dict[str, Any] = parameters(function)["properties"]
    return found


# --- the schema of types --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "schema", "defs"),
    [
        (str, {"type": "string"}, {}),
        (int, {"type": "integer"}, {}),
        (float, {"type": "number"}, {}),
        (bool, {"type": "boolean"}, {}),
        (list[int], {"type": "array", "items": {"type": "integer"}}, {}),
        (list[list[str]], {"type": "array", "items": {"type": "array", "items": {"type": "string"}}}, {}),
        (list, {"type": "array"}, {}),
        (dict[str, float], {"type": "object", "additionalProperties": {"type": "number"}}, {}),
        (dict, {"type": "object"}, {}),
        (str | None, {"anyOf": [{"type": "string"}, {"type": "null"}]}, {}),
        (typing.Optional[int], {"anyOf": [{"type": "integer"}, {"type": "null"}]}, {}),  # noqa: UP045 - both spellings
        (int | str, {"anyOf": [{"type": "integer"}, {"type": "string"}]}, {}),
        (Literal["b", "a"], {"enum": ["a", "b"]}, {}),
        (Literal[2, 1], {"enum": [1, 2]}, {}),
        (Unit, {"$ref": "#/$defs/Unit"}, {"Unit": UNIT}),
        (Floor, {"$ref": "#/$defs/Floor"}, {"Floor": FLOOR}),
        (Place, {"$ref": "#/$defs/Place"}, {"Place": PLACE}),
        (Order, {"$ref": "#/$defs/Order"}, {"Order": ORDER, "Place": PLACE}),
        (list[Place], {"type": "array", "items": {"$ref": "#/$defs/Place"}}, {"Place": PLACE}),
        (Annotated[int, "how many"], {"type": "integer", "description": "how many"}, {}),
        (Annotated[int, ToolArg("how many")], {"type": "integer", "description": "how many"}, {}),
        (Annotated[str, ToolArg("which", choices=("b", "a"))], {"enum": ["a", "b"], "description": "which"}, {}),
        (Annotated[int, ToolArg(choices=(2, 1))], {"enum": [1, 2]}, {}),
        (Annotated[str | None, ToolArg(choices=("a",))], {"anyOf": [{"enum": ["a"]}, {"type": "null"}]}, {}),
        (Annotated[int, msgspec.Meta(ge=1, le=9)], {"type": "integer", "minimum": 1, "maximum": 9}, {}),
        (
            Annotated[int, msgspec.Meta(ge=1), "how many"],
            {"type": "integer", "minimum": 1, "description": "how many"},
            {},
        ),
    ],
)
def test_the_schema_of_a_type(kind: Any, schema: dict[str, Any], defs: dict[str, Any]) -> None:
    whole = {"type": "object", "properties": {"x": schema}, "required": ["x"], "additionalProperties": False}
    assert parameters(taking(kind)) == whole | ({"$defs": defs} if defs else {})


def test_a_function_without_arguments_takes_nothing() -> None:
    @tool
    def hang_up() -> None:
        """End the call."""

    schema = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    assert hang_up.spec.schema.parameters == schema
    assert hang_up.check("{}") == hang_up.check("") == {}


@pytest.mark.parametrize(
    ("kind", "default", "shown", "value"),
    [
        (int, 3, 3, 3),
        (str, "", "", ""),
        (str | None, None, None, None),
        (Unit, Unit.KELVIN, "kelvin", Unit.KELVIN),
        (Place, Place("Main", 2), {"street": "Main", "number": 2}, Place("Main", 2)),
    ],
)
def test_a_default_makes_an_argument_optional(kind: Any, default: Any, shown: Any, value: Any) -> None:
    function = taking(kind, default)
    assert parameters(function)["required"] == []
    assert properties(function)["x"]["default"] == shown
    assert make_tool(function).check("{}") == {"x": value}


@pytest.mark.parametrize(("kind", "default"), [(list[int], [1, 2]), (dict[str, int], {"a": 1}), (set[int], {1})])
def test_a_list_or_dict_can_be_a_default(kind: Any, default: Any) -> None:
    function = taking(kind, default)
    assert parameters(function)["required"] == []
    assert make_tool(function).check("{}") == {"x": default}


def test_arguments_stand_in_the_order_of_the_signature_required_or_not() -> None:
    def function(b: int, a: str = "", *, d: float, c: bool = False) -> None: ...

    assert list(properties(function)) == ["b", "a", "d", "c"]
    assert parameters(function)["required"] == ["b", "d"]


# --- names and descriptions -----------------------------------------------------------------------------------------


def test_name_and_description_come_from_the_function() -> None:
    def opening_hours(day: str) -> str:
        """When the shop is open.

        On holidays
        it is closed.
        """
        return day

    schema = make_tool(opening_hours).spec.schema
    assert (schema.name, schema.description) == ("opening_hours", "When the shop is open. On holidays it is closed.")


def test_name_and_description_can_be_given() -> None:
    @tool(name="open-at", description="Opening hours.")
    def opening_hours() -> None:
        """Something else."""

    assert (opening_hours.name, opening_hours.spec.schema.description) == ("open-at", "Opening hours.")


def test_a_function_without_a_docstring_has_no_description() -> None:
    def silent(x: int) -> None: ...

    assert make_tool(silent).spec.schema.description == ""


ONE_LINE = "When the shop is open. Args: day: a weekday, hour: from 0 to 23"
BLOCK = """When the shop is open.

    Args:
        day: a weekday
        hour (int, optional): from
            0 to 23

    Returns:
        hour: not this one
    """
BLOCK_WITH_COLONS = """When the shop is open.

    Args:
        day: a weekday
        hour: from 0 to 23

    Note: it is closed on holidays.
    """
ONE_LINE_TWICE = """When the shop is open. Args: day: a weekday;
    hour: from
    0 to 23
    Raises: nothing
    """


@pytest.mark.parametrize("docstring", [ONE_LINE, BLOCK, BLOCK_WITH_COLONS, ONE_LINE_TWICE])
def test_the_docstring_describes_the_arguments(docstring: str) -> None:
    def hours(day: str, hour: int) -> None: ...

    hours.__doc__ = docstring
    assert make_tool(hours).spec.schema.description == "When the shop is open."
    assert {name: each["description"] for name, each in properties(hours).items()} == {
        "day": "a weekday",
        "hour": "from 0 to 23",
    }


def test_colons_in_a_description_begin_no_argument() -> None:
    def find(day: str, hour: int) -> None:
        """Find.

        Args:
            day: one of these
                weekday: monday to friday
                weekend: the others, see http://example.com
            hour: as hh:mm
        """

    assert {name: each["description"] for name, each in properties(find).items()} == {
        "day": "one of these weekday: monday to friday weekend: the others, see http://example.com",
        "hour": "as hh:mm",
    }


def test_an_annotation_goes_before_the_docstring() -> None:
    def function(
        a: Annotated[int, "from the annotation"],
        b: Annotated[int, ToolArg("from the annotation")],
        c: Annotated[int, msgspec.Meta(description="from the annotation")],
        d: Annotated[str, ToolArg(choices=("x", "y"))],
    ) -> None:
        """Do. Args: a: from the docstring, b: from the docstring, c: from the docstring, d: from the docstring"""

    described = {name: each["description"] for name, each in properties(function).items()}
    assert described == {**dict.fromkeys("abc", "from the annotation"), "d": "from the docstring"}


def test_a_docstring_that_speaks_of_kwargs_has_no_section() -> None:
    def function(x: int) -> None:
        """Takes no KwArgs: x: none at all."""

    assert make_tool(function).spec.schema.description == "Takes no KwArgs: x: none at all."
    assert properties(function)["x"] == {"type": "integer"}


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

    assert make_tool(ring).params_name == "here"
    assert make_tool(taking(int)).params_name is None


def test_sync_and_async_functions_are_told_apart() -> None:
    async def later() -> str:
        return "later"

    def now() -> str:
        return "now"

    assert make_tool(later).is_async
    assert not make_tool(now).is_async
    assert make_tool(now).handler() == "now"


def test_a_method_of_an_object_is_a_tool() -> None:
    class Shop:
        async def price(self, article: str) -> int:
            """What it costs."""
            return len(article)

    made = make_tool(Shop().price)
    assert made.is_async
    assert made.name == "price"
    assert made.check('{"article": "bell"}') == {"article": "bell"}


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
        (sentence, ["sentence", "a day of the week"]),
        (unknown, ["unknown", "Weekday", "can be imported"]),
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


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_time_out_is_more_than_nothing(seconds: float) -> None:
    with pytest.raises(ConfigError, match="tool 'function': timeout_secs must be more than 0"):
        tool(timeout_secs=seconds)(taking(int))


def test_no_time_out_is_infinite() -> None:
    assert tool(timeout_secs=float("inf"))(taking(int)).spec.timeout_s == float("inf")


def test_a_name_is_taken_once() -> None:
    def look_up(topic: str) -> None: ...

    registry = ToolRegistry([look_up])
    with pytest.raises(ConfigError, match="tool 'look_up' is registered twice"):
        registry.register(tool(look_up))
    registry.register(tool(name="look_up_2")(look_up))
    assert [spec.schema.name for spec in registry.specs()] == ["look_up", "look_up_2"]
    found = registry.get("look_up")
    assert isinstance(found, Tool)
    assert found.handler is look_up
    assert registry.get("nothing") is None
    assert ToolRegistry().specs() == ()


# --- the model's arguments ------------------------------------------------------------------------------------------


def book(  # noqa: PLR0917 - a tool takes its arguments by name
    day: Literal["monday", "friday"],
    guests: int,
    unit: Unit = Unit.CELSIUS,
    place: Optional[Place] = None,  # noqa: UP045 - as many write it
    tags: list[str] = [],  # noqa: B006 - a default as people write it
    notes: dict[str, Any] = {},  # noqa: B006
    size: Annotated[str | None, ToolArg(choices=("s", "m"))] = None,
    price: float = 0.5,
) -> None:
    """Book a table."""


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ({"day": "monday", "guests": 2}, {"day": "monday", "guests": 2}),
        ({"guests": 2, "day": "friday", "unit": "kelvin"}, {"day": "friday", "guests": 2, "unit": Unit.KELVIN}),
        ({"day": "monday", "guests": 1, "place": {"street": "Main"}}, {"place": Place("Main", 1)}),
        ({"day": "monday", "guests": 1, "place": None, "tags": ["é"], "price": 3}, {"tags": ["é"], "price": 3.0}),
        ({"day": "monday", "guests": 1, "notes": {"a": [1, {}]}, "size": "m"}, {"notes": {"a": [1, {}]}, "size": "m"}),
        ({"day": "monday", "guests": 10**30, "size": None}, {"guests": 10**30, "size": None}),
    ],
)
def test_arguments_that_fit(given: dict[str, Any], taken: dict[str, Any]) -> None:
    arguments = make_tool(book).check(json.dumps(given))
    defaults = {name: each.default for name, each in inspect.signature(book).parameters.items()}
    assert arguments == defaults | {"day": given["day"], "guests": given["guests"]} | taken


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "`day`"),
        ("{}", "`day`"),
        ('{"day": "monday"}', "`guests`"),
        ('{"day": "sunday", "guests": 1}', "$.day"),
        ('{"day": "monday", "guests": "two"}', "$.guests"),
        ('{"day": "monday", "guests": 1.5}', "$.guests"),
        ('{"day": "monday", "guests": true}', "$.guests"),
        ('{"day": "monday", "guests": null}', "$.guests"),
        ('{"day": "monday", "guests": 1, "unit": "miles"}', "$.unit"),
        ('{"day": "monday", "guests": 1, "place": {"number": 2}}', "$.place"),
        ('{"day": "monday", "guests": 1, "tags": ["a", 2]}', "$.tags[1]"),
        ('{"day": "monday", "guests": 1, "size": "xl"}', "$.size"),
        ('{"day": "monday", "guests": 1, "colour": "red"}', "`colour`"),
        ('{"day": "monday", "guests": 1', "not JSON"),
        ("day=monday", "not JSON"),
        ('{"day": "monday", "guests": 1} trailing', "not JSON"),
        ("[]", "`object`"),
        ("null", "`object`"),
        ('{"day": "\ud800"}', "not JSON"),
        ('{"day": "monday", "guests": ' + "9" * 5000 + "}", "$.guests"),
        ('{"day": "monday", "guests": 1, "notes": ' + '{"a":' * 5000 + "1" + "}" * 5001, "recursion"),
    ],
)
def test_arguments_that_do_not_fit_are_named(text: str, words: str) -> None:
    with pytest.raises(ToolArgumentError) as caught:
        make_tool(book).check(text)
    message = str(caught.value)
    assert message.startswith("Error: the arguments of 'book' ")
    assert words in message


# --- results --------------------------------------------------------------------------------------------------------


def itself() -> list[Any]:
    """A list that holds itself."""
    endless: list[Any] = []
    endless.append(endless)
    return endless


class Told:
    """What JSON does not know."""

    def __str__(self) -> str:
        """As it says of itself."""
        return "told"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "COMPLETED"),
        ("nine to five", "nine to five"),
        ("", ""),
        ('"quoted" é', '"quoted" é'),
        (42, "42"),
        (2**80, str(2**80)),
        (1.5, "1.5"),
        (float("nan"), "null"),
        (True, "true"),
        ([1, "é", None], '[1,"é",null]'),
        ({"a": {"b": (1, 2)}}, '{"a":{"b":[1,2]}}'),
        ({1: "one", None: 2, (1, 2): 3}, '{"1":"one","None":2,"(1, 2)":3}'),
        (Unit.KELVIN, '"kelvin"'),
        (Place("Main"), '{"street":"Main","number":1}'),
        (Order(Place("Main"), ["bell"]), '{"to":{"street":"Main","number":1},"items":["bell"]}'),
        (Told(), '"told"'),
        ([Told()], '["told"]'),
        (itself(), "[[...]]"),
        ("half \ud800", "half ?"),
        (["half \ud800"], "['half \\ud800']"),
    ],
)
def test_a_result_as_the_model_reads_it(value: Any, text: str) -> None:
    assert result_text(value) == text
