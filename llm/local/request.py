"""What a brain is asked and what it answers: frozen structs, free of any wire. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from msgspec import Struct


class User(Struct, frozen=True, tag=True):
    """A turn of the caller."""

    text: str


class Assistant(Struct, frozen=True, tag=True):
    """What the caller heard of an answer."""

    text: str


class Developer(Struct, frozen=True, tag=True):
    """A message of the application."""

    text: str


class Called(Struct, frozen=True, tag=True):
    """A function call that was made; `arguments` is the JSON that was sent."""

    call_id: str
    name: str
    arguments: str


class Result(Struct, frozen=True, tag=True):
    """The output of a function call."""

    call_id: str
    output: str


Item = User | Assistant | Developer | Called | Result


class Tool(Struct, frozen=True):
    """A function that may be called; `parameters` is a JSON schema of an object."""

    name: str
    description: str
    parameters: dict[str, Any]


class Request(Struct, frozen=True):
    """A conversation to answer. `tool_choice` is `auto`, `none`, `required`, or `function:<name>`."""

    items: tuple[Item, ...]
    instructions: str = ""
    tools: tuple[Tool, ...] = ()
    tool_choice: str = "auto"


class Text(Struct, frozen=True, tag=True):
    """A piece of the answer; pieces carry their own white space."""

    text: str


class FunctionCall(Struct, frozen=True, tag=True):
    """A function to call."""

    name: str
    arguments: dict[str, Any]


Output = Text | FunctionCall

Respond = Callable[[Request, datetime], Iterable[Output]]
"""Answers a request, deterministically. The datetime is the local time of the one who is asked."""
