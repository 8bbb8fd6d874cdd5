"""Notes inside a type, defaults of all kinds, and numbers and nulls as models write them."""

from __future__ import annotations

import json
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Generic, Literal, NamedTuple, NewType, Optional, TypedDict, TypeVar

import msgspec
import pytest

from link.errors import ConfigError
from llm.tool_schema import ToolArg, ToolArgumentError
from llm.tools import make_tool
from tests.unit.llm.tool_types import Floor, Place, Unit, parameters, properties, taking

# --- notes inside a type ----------------------------------------------------------------------------------------------

T = TypeVar("T")
Day = Annotated[str, ToolArg("a weekday", choices=("monday", "friday"))]
DAY = {"enum": ["friday", "monday"], "description": "a weekday"}
Hour = Annotated[int, "from 0 to 23"]
HOUR = {"type": "integer", "description": "from 0 to 23"}
NewDay = NewType("NewDay", Day)


class Box(msgspec.Struct, Generic[T]):
    """Holds anything."""

    inside: T


@pytest.mark.parametrize(
    ("kind", "schema"),
    [
        (Optional[Day], {"anyOf": [DAY, {"type": "null"}]}),  # noqa: UP045 - both spellings
        (Day | None, {"anyOf": [DAY, {"type": "null"}]}),
        (Day | Hour, {"anyOf": [DAY, HOUR]}),
        (list[Day], {"type": "array", "items": DAY}),
        (typing.List[Day], {"type": "array", "items": DAY}),  # noqa: UP006 - both spellings
        (typing.List, {"type": "array"}),  # noqa: UP006
        (list[Day] | None, {"anyOf": [{"type": "array", "items": DAY}, {"type": "null"}]}),
        (Sequence[Hour], {"type": "array", "items": HOUR}),
        (set[Day], {"type": "array", "items": DAY, "uniqueItems": True}),
        (frozenset[Day], {"type": "array", "items": DAY, "uniqueItems": True}),
        (tuple[Hour, ...], {"type": "array", "items": HOUR}),
        (
            tuple[Day, Hour],
            {"type": "array", "prefixItems": [DAY, HOUR], "items": False, "minItems": 2, "maxItems": 2},
        ),
        (dict[str, Day], {"type": "object", "additionalProperties": DAY}),
        (Mapping[str, Hour], {"type": "object", "additionalProperties": HOUR}),
        (
            list[list[Day | None]],
            {"type": "array", "items": {"type": "array", "items": {"anyOf": [DAY, {"type": "null"}]}}},
        ),
        (NewDay, DAY),
        (list[NewDay], {"type": "array", "items": DAY}),
        (Annotated[list[Day], "some days"], {"type": "array", "items": DAY, "description": "some days"}),
        (list[Annotated[int, msgspec.Meta(ge=1)]], {"type": "array", "items": {"type": "integer", "minimum": 1}}),
        (list[Literal["a", "b"]], {"type": "array", "items": {"enum": ["a", "b"]}}),
    ],
)
def test_a_note_holds_wherever_it_stands_in_a_type(kind: Any, schema: dict[str, Any]) -> None:
    assert properties(taking(kind))["x"] == schema


@pytest.mark.parametrize(
    ("kind", "given", "where"),
    [
        (Day | None, "sunday", r"\$\.x"),
        (list[Day], ["monday", "sunday"], r"\$\.x\[1\]"),
        (dict[str, Day], {"a": "sunday"}, r"\$\.x\[\.\.\.\]"),
        (tuple[Hour, Day], [1, "sunday"], r"\$\.x\[1\]"),
        (list[NewDay], ["sunday"], r"\$\.x\[0\]"),
        (Box[Day], {"inside": "sunday"}, r"\$\.x\.inside"),
    ],
)
def test_choices_hold_wherever_they_stand_in_a_type(kind: Any, given: Any, where: str) -> None:
    with pytest.raises(ToolArgumentError, match=f"Invalid enum value 'sunday' - at `{where}`"):
        make_tool(taking(kind)).check(json.dumps({"x": given}))


@dataclass
class Point:
    """A note in a dataclass."""

    metres: Annotated[int, "to the right"] = 1


class Chosen(msgspec.Struct):
    """Choices in a struct."""

    day: Day


class Typed(TypedDict):
    """Choices deep in a dictionary."""

    days: list[Day | None]


class Named(NamedTuple):
    """A note in a tuple."""

    hour: Hour


@dataclass
class Tree:
    """Holds itself, and what has a note."""

    parts: list[Tree]
    at: Point | None = None


@pytest.mark.parametrize(
    ("kind", "where"),
    [
        (Point, "Point.metres"),
        (list[Point], "Point.metres"),
        (Annotated[Point | None, "where"], "Point.metres"),
        (Chosen, "Chosen.day"),
        (Typed, "Typed.days"),
        (Named, "Named.hour"),
        (Tree, "Point.metres"),
        (Box[Point], "Point.metres"),
    ],
)
def test_a_note_in_a_class_would_be_lost_so_it_is_an_error(kind: Any, where: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_tool(taking(kind))
    words = f"tool 'function': argument 'x' cannot be said in a schema: the note at the field '{where}' would be lost; "
    assert str(caught.value) == words + "describe it with msgspec.Meta(description=…), and give choices as Literal[…]"


@dataclass
class Good:
    """What msgspec reads."""

    about: ClassVar[Annotated[str, "no field"]] = "goods"
    day: Annotated[Literal["monday"], msgspec.Meta(description="a weekday")]
    again: list[Good] = field(default_factory=list)
    price: Annotated[int, Place("of another package")] = 0


def test_a_note_in_a_class_of_attrs_is_an_error_too() -> None:
    attrs = pytest.importorskip("attrs")
    with pytest.raises(ConfigError, match=r"the note at the field 'Made\.day' would be lost"):
        make_tool(taking(attrs.make_class("Made", {"day": attrs.field(type=Day)})))


def test_msgspecs_own_notes_in_a_class_stay_and_those_of_others() -> None:
    fields = parameters(taking(Good))["$defs"]["Good"]["properties"]
    assert fields["day"] == {"enum": ["monday"], "description": "a weekday"}
    assert set(fields) == {"day", "again", "price"}


# --- defaults ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Frozen:
    """Cannot be changed, but what it holds can."""

    tags: list[str]


@pytest.mark.parametrize(
    ("kind", "default", "shown"),
    [
        (Place, Place("Main", 2), {"street": "Main", "number": 2}),
        (Box[str], Box("a"), {"inside": "a"}),
        (Frozen, Frozen(["a"]), {"tags": ["a"]}),
        (tuple[list[int], int], ([1], 2), ([1], 2)),
        (list[Place], [Place("Main")], [{"street": "Main", "number": 1}]),
        (dict[int, list[int]], {1: [2]}, {"1": [2]}),
        (set[str], {"c", "a", "b"}, ["a", "b", "c"]),
        (frozenset[str], frozenset({"c", "a", "b"}), ["a", "b", "c"]),
    ],
)
def test_each_call_has_a_default_of_its_own_and_the_model_sees_it(kind: Any, default: Any, shown: Any) -> None:
    tool = make_tool(taking(kind, default))
    first, second = tool.check("{}")["x"], tool.check("{}")["x"]
    assert first == second == default
    if not isinstance(default, frozenset):
        assert len({id(each) for each in (first, second, default)}) == 3
    assert tool.spec.schema.parameters["properties"]["x"]["default"] == shown


def test_what_a_tool_does_to_its_default_stays_in_its_call() -> None:
    tool = make_tool(taking(tuple[list[Place], int], ([Place("Main")], 1)))
    given, _ = tool.check("{}")["x"]
    given[0].street = "left behind"
    given.clear()
    assert tool.check("{}")["x"] == ([Place("Main")], 1)


@pytest.mark.parametrize("kind", [int, str, Unit, Place, list[str], Hour, Day, dict[str, int]])
def test_a_default_of_none_means_that_none_may_be_given(kind: Any) -> None:
    tool = make_tool(taking(kind, None))
    told = tool.spec.schema.parameters["properties"]["x"]
    assert told["default"] is None
    assert {"type": "null"} in told["anyOf"]
    assert tool.check('{"x": null}') == tool.check("{}") == {"x": None}


def test_what_is_said_of_an_argument_is_said_of_one_that_may_be_none() -> None:
    day = {"enum": ["friday", "monday"]}
    assert properties(taking(Day, None))["x"] == {
        "anyOf": [day, {"type": "null"}],
        "description": "a weekday",
        "default": None,
    }
    bounded = {"type": "integer", "minimum": 1}
    assert properties(taking(Annotated[int, msgspec.Meta(ge=1), "how many"], None))["x"] == {
        "anyOf": [bounded, {"type": "null"}],
        "description": "how many",
        "default": None,
    }
    assert properties(taking(Any, None))["x"] == {"default": None}


# --- numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (int, "5.0", 5),
        (int, "-3.0", -3),
        (int, "1e3", 1000),
        (int | None, "5.0", 5),
        (list[int], "[1, 2.0]", [1, 2]),
        (dict[str, int], '{"a": 2.0}', {"a": 2}),
        (Place, '{"street": "Main", "number": 2.0}', Place("Main", 2)),
        (Floor, "1.0", Floor.FIRST),
        (Annotated[int, ToolArg(choices=(1, 2))], "2.0", 2),
        (tuple[int, float], "[1.0, 2.0]", (1, 2.0)),
        (float, "5.0", 5.0),
        (Any, "5.0", 5.0),
    ],
)
def test_a_whole_number_may_be_written_as_a_float(kind: Any, text: str, value: Any) -> None:
    taken = make_tool(taking(kind)).check(f'{{"x": {text}}}')["x"]
    assert (taken, repr(taken)) == (value, repr(value))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"x": 5.5}', r"Expected `int`, got `float` - at `\$\.x`"),
        ('{"x": "5.0"}', r"Expected `int`, got `str` - at `\$\.x`"),
        ('{"x": 5.0, "y": 1}', "contains unknown field `y`"),
        ('{"x": 5.0, "y"', "are not JSON"),
    ],
)
def test_nothing_else_becomes_an_integer(text: str, words: str) -> None:
    with pytest.raises(ToolArgumentError, match=f"^Error: the arguments of 'function' .*{words}"):
        make_tool(taking(int)).check(text)
