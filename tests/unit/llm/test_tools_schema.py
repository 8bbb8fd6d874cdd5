"""A function becomes a schema."""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
import pytest

from llm.tool_schema import ToolArg, ToolArgumentError
from llm.tools import make_tool, tool
from tests.unit.llm.tool_types import Floor, Order, Place, Unit, Warm, parameters, properties, taking

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
WARM = {
    "title": "Warm",
    "description": "A dataclass with an enumeration in it.",
    "type": "object",
    "properties": {"unit": {"$ref": "#/$defs/Unit"}},
    "required": ["unit"],
}
FLOOR = {"title": "Floor", "description": "An enumeration by number.", "enum": [0, 1]}


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
        (Annotated[str, ToolArg(choices=["a"])], {"enum": ["a"]}, {}),
        (Annotated[Unit, "which"], {"$ref": "#/$defs/Unit", "description": "which"}, {"Unit": UNIT}),
        (Warm, {"$ref": "#/$defs/Warm"}, {"Warm": WARM, "Unit": UNIT}),
        (list[Unit], {"type": "array", "items": {"$ref": "#/$defs/Unit"}}, {"Unit": UNIT}),
        (Unit | None, {"anyOf": [{"$ref": "#/$defs/Unit"}, {"type": "null"}]}, {"Unit": UNIT}),
        (Any, {}, {}),
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


def test_only_a_line_that_is_indented_like_the_first_begins_an_argument() -> None:
    def find(day: str, hour: int, unit: str = "") -> None:
        """Find.

        Args:
            day: one of
                hour: an hour is no day
                monday

                The unit: of no matter here.
            hour: the day: not this
                unit (str): nor this
            unit (str): of the answer

        Note:
            unit: is no more
        """

    assert {name: each["description"] for name, each in properties(find).items()} == {
        "day": "one of hour: an hour is no day monday The unit: of no matter here.",
        "hour": "the day: not this unit (str): nor this",
        "unit": "of the answer",
    }


def test_an_argument_that_is_not_there_is_part_of_the_one_before() -> None:
    def find(day: str) -> None:
        """Find.

        Args:
            dya: a word with a typing error
            day: a weekday
        """

    assert properties(find)["day"]["description"] == "a weekday"


def test_each_tool_has_choices_of_its_own() -> None:
    def first(day: Annotated[str, ToolArg("when", choices=("monday", "friday"))]) -> None: ...
    def second(day: Annotated[str, ToolArg("when", choices=("sunday",))]) -> None: ...

    assert [properties(each)["day"]["enum"] for each in (first, second)] == [["friday", "monday"], ["sunday"]]
    assert make_tool(second).check('{"day": "sunday"}') == {"day": "sunday"}
    with pytest.raises(ToolArgumentError, match=r"\$\.day"):
        make_tool(first).check('{"day": "sunday"}')


if TYPE_CHECKING:
    from nowhere import Nothing  # type: ignore[import-not-found]


def test_only_the_types_of_arguments_must_be_there() -> None:
    def find(day: str) -> Nothing: ...

    assert list(properties(find)) == ["day"]


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
