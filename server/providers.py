"""What the tables of providers share: how options are read, what a key may be, and where it comes from."""

from __future__ import annotations

import os
import re
from typing import Any, TypeVar

import msgspec

from link.addresses import can_be_key
from link.errors import ConfigError
from server.config import in_words

T = TypeVar("T")

MISSING = re.compile("Object missing required field `(.*)`")


def converted(place: str, options: dict[str, Any], kind: type[T]) -> T:
    """The options of a table. Raises ConfigError with the key as the user wrote it: `llm.models[1].model`."""
    try:
        return msgspec.convert(options, kind)
    except msgspec.ValidationError as error:
        if missing := MISSING.fullmatch(str(error)):
            raise ConfigError(f"{place}.{missing[1]} is missing") from error
        raise ConfigError(in_words(error, lambda key: f"{place}.{key}")) from error


def key_of(place: str, api_key: str, variable: str) -> str:
    """The key of a table, or else that of an environment variable; without the name of one there may be none.

    Raises ConfigError for a key that is missing, or that holds what no key does.
    """
    key, origin = api_key, f"{place}.api_key"
    if not key and variable:  # a secret that is mounted as a file often ends in a newline
        key, origin = os.environ.get(variable, "").strip(), f"{place}: the environment variable {variable}"
        if not key:
            raise ConfigError(f"{place}: set {place}.api_key, or the environment variable {variable}")
    if key and not can_be_key(key):
        raise ConfigError(f"{origin} holds a character that no key has; was it copied whole?")
    return key


def shows_a_key(headers: dict[str, str]) -> bool:
    """The headers have an `Authorization` of their own."""
    return any(name.lower() == "authorization" for name in headers)
