"""Types and functions of which tests make tools."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Any

import msgspec

from llm.tools import make_tool


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


@dataclass
class Warm:
    """A dataclass with an enumeration in it."""

    unit: Unit


class Order(msgspec.Struct):
    """A struct that holds others."""

    to: Place
    items: list[str]


def taking(kind: Any, *default: Any) -> Callable[..., Any]:
    """A function with one argument `x` of this type."""

    def function(x: Any) -> None:
        pass

    function.__annotations__ = {"x": kind}
    function.__defaults__ = default or None
    return function


def parameters(function: Callable[..., Any]) -> dict[str, Any]:
    """The schema of all arguments."""
    return make_tool(function).spec.schema.parameters


def properties(function: Callable[..., Any]) -> dict[str, Any]:
    """The schema of each argument."""
    found: dict[str, Any] = parameters(function)["properties"]
    return found
