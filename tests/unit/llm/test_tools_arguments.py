"""The model's JSON becomes arguments, and what a tool gives back becomes text."""

from __future__ import annotations

import inspect
import json
from typing import Annotated, Any, Literal, Optional

import pytest

from llm.tools import (
    ToolArg,
    ToolArgumentError,
    make_tool,
    result_text,
)
from tests.unit.llm.tool_types import Order, Place, Unit

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
