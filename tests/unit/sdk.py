"""Messages held to the types of the vendors' packages: in the tests of our wires, and in the providers of tests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel


def parsed(kind: type[BaseModel], message: str | bytes) -> Any:
    """A message as the package's own type, all of whose fields it knows."""
    value = kind.model_validate_json(message)
    assert not value.model_extra, f"{kind.__name__} has no {list(value.model_extra or ())}"
    return value


def sent(event: BaseModel) -> str:
    """An event as it comes."""
    return event.model_dump_json(by_alias=True, exclude_none=True)


def checked(kind: type[BaseModel], message: Mapping[str, Any]) -> str:
    """A message of a provider of tests, as it goes out."""
    text = json.dumps(message)
    parsed(kind, text)
    return text
