"""Checks an event of the server against the types of OpenAI's own client."""

from __future__ import annotations

from typing import Any

from openai.types.responses import ResponsesServerEvent
from pydantic import BaseModel, TypeAdapter

_EVENT: TypeAdapter[Any] = TypeAdapter(ResponsesServerEvent)


def valid(event: str | bytes) -> Any:
    """The event as the client's own type. Fails where a field is missing, of a wrong type, or not known."""
    parsed = _EVENT.validate_json(event, strict=True)
    _no_extras(parsed, parsed.type)
    return parsed


def _no_extras(value: Any, place: str) -> None:
    if isinstance(value, BaseModel):
        assert not value.model_extra, f"{place}: unknown fields {sorted(value.model_extra)}"
        for name in type(value).model_fields:
            _no_extras(getattr(value, name), f"{place}.{name}")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            _no_extras(each, f"{place}[{index}]")
