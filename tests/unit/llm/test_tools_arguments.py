"""The model's JSON becomes arguments, and what a tool gives back becomes text."""

from __future__ import annotations

import inspect
import json
from enum import Enum
from typing import Annotated, Any, Literal, Optional

import pytest

from llm.tool_schema import ToolArg, ToolArgumentError
from llm.tools import error_text, make_tool, result_text
from tests.unit.llm.tool_types import Floor, Order, Place, Unit, Warm

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
        ("null", "`day`"),
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
        ("[1]", "`object`"),
        ('"{}"', "`object`"),
        ("0", "`object`"),
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


@pytest.mark.parametrize("text", ["", " ", "\n", "{}", " {} ", "null", '""', "[]", " null\n"])
def test_nothing_is_no_arguments(text: str) -> None:
    def no_arguments() -> None: ...

    def a_default(day: str = "monday") -> None: ...

    assert make_tool(no_arguments).check(text) == {}
    assert make_tool(a_default).check(text) == {"day": "monday"}


def test_a_default_belongs_to_one_call() -> None:
    made = make_tool(book)
    text = '{"day": "monday", "guests": 2}'
    made.check(text)["tags"].append("left behind")
    made.check(text)["notes"]["left"] = "behind"
    assert (made.check(text)["tags"], made.check(text)["notes"]) == ([], {})


def test_enums_come_as_members_wherever_they_stand() -> None:
    def set_all(units: list[Unit], by_room: dict[str, Unit], floor: Floor, warm: Warm) -> None: ...

    given = {"units": ["kelvin"], "by_room": {"hall": "celsius"}, "floor": 1, "warm": {"unit": "kelvin"}}
    taken = make_tool(set_all).check(json.dumps(given))
    assert taken["units"][0] is Unit.KELVIN
    assert taken["by_room"]["hall"] is Unit.CELSIUS
    assert taken["floor"] is Floor.FIRST
    assert taken["warm"] == Warm(Unit.KELVIN)


# --- results --------------------------------------------------------------------------------------------------------


def itself() -> list[Any]:
    """A list that holds itself."""
    endless: list[Any] = []
    endless.append(endless)
    return endless


def deep() -> list[Any]:
    """A list of lists of lists: too deep for JSON and for `str`."""
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    return value


class Told:
    """What JSON does not know."""

    def __str__(self) -> str:
        """As it says of itself."""
        return "told"


class Untold:
    """What nothing can say."""

    def __str__(self) -> str:
        """Nothing."""
        raise LookupError("no words")

    __repr__ = __str__


class Mood(str, Enum):  # noqa: UP042 - as many write it; its `str` is "Mood.GLAD"
    """An enumeration that is text."""

    GLAD = "glad"


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
        (Mood.GLAD, "glad"),
        ([Mood.GLAD], '["glad"]'),
        (Untold(), "[a Untold that cannot be shown]"),
        ([Untold()], "[a list that cannot be shown]"),
        (deep(), "[a list that cannot be shown]"),
        ({Untold(): 1}, "[a dict that cannot be shown]"),
    ],
)
def test_a_result_as_the_model_reads_it(value: Any, text: str) -> None:
    assert result_text(value) == text


class Broken(Exception):
    """An error that cannot say what it is."""

    def __str__(self) -> str:
        """Nothing."""
        raise Broken


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (RuntimeError("no luck"), "Error: RuntimeError: no luck"),
        (RuntimeError("half \ud800"), "Error: RuntimeError: half ?"),
        (SystemExit(3), "Error: SystemExit: 3"),
        (KeyError("day"), "Error: KeyError: 'day'"),
        (Broken(), "Error: Broken: [no words for it]"),
    ],
)
def test_a_failure_as_the_model_reads_it(error: BaseException, text: str) -> None:
    assert error_text(error) == text
