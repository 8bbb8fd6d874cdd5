"""Types as people write them become types as msgspec reads them: descriptions, choices and defaults.

msgspec reads `msgspec.Meta` and `Literal` only. A ToolArg, or a text beside a type, is rewritten as these wherever it
stands; not in the fields of a class, which msgspec reads itself: there it is an error.
"""

from __future__ import annotations

import copy
import functools
import types
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

import msgspec

UNCHANGING = (type(None), bool, int, float, str, bytes, Enum)
FIELDS = ("__struct_fields__", "__dataclass_fields__", "__attrs_attrs__", "__total__", "_fields")
"""What the classes have whose fields msgspec reads; the last two are of TypedDict and NamedTuple."""


@dataclass(frozen=True, slots=True)
class ToolArg:
    """Describes an argument: `Annotated[str, ToolArg("a weekday", choices=("monday", "friday"))]`."""

    description: str = ""
    choices: Sequence[str] | Sequence[int] = ()


def readable(hint: Any, description: str, *, or_none: bool = False) -> Any:
    """A type as msgspec reads it, with the description, choices and bounds that it has; `description` is for others.

    Raises TypeError for a type that JSON schema or the decoder does not know, and for a note that would be lost.
    """
    kind = _annotated(hint, description, or_none=or_none)
    msgspec.json.schema_components([kind], schema_hook=_unknown)
    msgspec.json.Decoder(kind)
    _refuse_notes(kind, "", set())
    return kind


def own_default(value: Any) -> Any:
    """A default of which each call gets a copy, if it can be changed. Raises TypeError for what JSON cannot say."""
    shown_default(value)
    unchanging = isinstance(value, UNCHANGING)
    return value if unchanging else msgspec.field(default_factory=functools.partial(copy.deepcopy, value))


def shown_default(value: Any) -> Any:
    """A default as JSON has it. Raises TypeError for what JSON cannot say."""
    return msgspec.to_builtins(value, str_keys=True, order="deterministic")  # each process tells the model the same


def _unknown(kind: Any) -> dict[str, Any]:
    raise TypeError(f"{kind} is not a type of JSON")


def _annotated(hint: Any, description: str = "", *, or_none: bool = False) -> Any:
    """A type with the description, choices and bounds that its annotation or the docstring gives."""
    metas: list[msgspec.Meta] = []
    hint, *notes = typing.get_args(hint) if typing.get_origin(hint) is typing.Annotated else (hint,)
    hint = _rewritten(hint)
    for note in notes:
        if isinstance(note, ToolArg):
            description = note.description or description
            hint = _chosen(hint, note.choices) if note.choices else hint
        elif isinstance(note, str):
            description = note
        elif isinstance(note, msgspec.Meta):
            description = note.description or description
            metas.append(note)
    for meta in metas:
        hint = typing.Annotated[hint, meta]
    if or_none and hint is not Any:
        hint = typing.Optional[hint]  # noqa: UP045 - a value, of any kind of type
    return typing.Annotated[hint, msgspec.Meta(description=description)] if description else hint


def _rewritten(hint: Any) -> Any:
    """A type with the types in it rewritten: those of a union, a list, a dict, …"""
    if isinstance(hint, typing.NewType):
        return _annotated(hint.__supertype__)
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    own = tuple(map(_annotated, args))
    if own == args:
        return hint
    return typing.Union[own] if origin in (typing.Union, types.UnionType) else origin[own]  # noqa: UP007


def _chosen(hint: Any, choices: Sequence[str] | Sequence[int]) -> Any:
    """One of the choices; None too where the type allows it."""
    for kind in (str, int) if isinstance(choices, list | tuple) else ():
        if hint in (kind, kind | None) and all(type(choice) is kind for choice in choices):
            return Literal[tuple(choices)] if hint is kind else Literal[tuple(choices)] | None
    raise TypeError("choices are a tuple, are for a str or an int, and are of that type")


def _refuse_notes(hint: Any, field: str, seen: set[Any]) -> None:
    """Raises TypeError for a note in a class, where msgspec does not see it. `field`: where we are, if in a class."""
    notes = getattr(hint, "__metadata__", ())
    if field and any(isinstance(note, str | ToolArg) for note in notes):
        instead = "describe it with msgspec.Meta(description=…), and give choices as Literal[…]"
        raise TypeError(f"the note at the field '{field}' would be lost; {instead}")
    for each in typing.get_args(hint)[: 1 if notes else None]:
        _refuse_notes(each, field, seen)
    kind = typing.get_origin(hint) or hint
    if kind in seen or not any(hasattr(kind, each) for each in FIELDS):
        return
    seen.add(kind)
    for name, inner in typing.get_type_hints(kind, include_extras=True).items():
        if typing.get_origin(inner) is not typing.ClassVar:
            _refuse_notes(inner, f"{kind.__name__}.{name}", seen)
