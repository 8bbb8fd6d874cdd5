"""The types of the `openai` package, to which our wire is held."""

from __future__ import annotations

import json
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from openai.types.responses import ResponsesClientEvent, ResponsesServerEvent
from pydantic import BaseModel, TypeAdapter

_CLIENT_EVENT: TypeAdapter[Any] = TypeAdapter(ResponsesClientEvent)


def asked(message: str) -> dict[str, Any]:
    """A request, checked: it parses as the client's own type, strictly and without unknown fields."""
    assert unknown_fields(_CLIENT_EVENT.validate_json(message, strict=True)) == set()
    decoded: dict[str, Any] = json.loads(message)
    return decoded


def unknown_fields(value: Any) -> set[str]:
    """The fields that the client's own types do not have."""
    if isinstance(value, list):
        return {name for each in value for name in unknown_fields(each)}
    if not isinstance(value, BaseModel):
        return set()
    fields = [getattr(value, name) for name in type(value).model_fields]
    return {*(value.model_extra or ()), *unknown_fields(fields)}


def server_events() -> list[type[BaseModel]]:
    """The classes of all events that a server may send."""
    union = get_args(ResponsesServerEvent)[0]
    return list(get_args(union))


def kind_of(event: type[BaseModel]) -> str:
    """The type that an event's class names."""
    kind: str = get_args(event.model_fields["type"].annotation)[0]
    return kind


def sample(kind: Any) -> Any:
    """A value of a type of the package, with the fields that it must have; the first of several choices."""
    origin, choices = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return sample(choices[0])
    if origin is Literal:
        return choices[0]
    if origin in (Union, UnionType):
        return sample(choices[0])
    if origin is list:
        return [sample(choices[0])]
    if origin is dict:
        return {}
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        fields = kind.model_fields.items()
        return kind(**{name: sample(field.annotation) for name, field in fields if field.is_required()})
    return {str: "text", int: 1, float: 1.0, bool: True}.get(kind, "anything")
