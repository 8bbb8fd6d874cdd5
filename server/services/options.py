"""How tables of options are read, those of language models too: what is wrong is told with the key where it stands."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from link.errors import ConfigError
from server.config import in_words

T = TypeVar("T")
T1 = TypeVar("T1")
T2 = TypeVar("T2")

MISSING = re.compile("Object missing required field `(.*)`")


def converted(place: str, options: dict[str, Any], kind: type[T]) -> T:
    """The options of a table. Raises ConfigError with the key as the user wrote it: `llm.models[1].model`."""
    try:
        return msgspec.convert(options, kind)
    except msgspec.ValidationError as error:
        if missing := MISSING.fullmatch(str(error)):
            raise ConfigError(f"{place}.{missing[1]} is missing") from error
        raise ConfigError(in_words(error, lambda key: f"{place}.{key}")) from error


def parted(
    place: str, options: dict[str, Any], kind: type[T], access: type[T1], patience: type[T2]
) -> tuple[T, T1, T2]:
    """A table as three: what a provider has of its own, and two parts that others have as well. Raises ConfigError."""
    own, theirs = _split(options, access)
    chosen, last = halved(place, own, kind, patience)
    return chosen, at(place, lambda: converted(place, theirs, access)), last


def halved(place: str, options: dict[str, Any], kind: type[T], part: type[T1]) -> tuple[T, T1]:
    """A table as two: what a service has of its own, and a part that others have as well. Raises ConfigError."""
    own, theirs = _split(options, part)
    chosen = converted(place, own, kind)
    return chosen, at(place, lambda: converted(place, theirs, part))


def _split(options: dict[str, Any], part: type[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    keys = _keys(part)
    own = {key: value for key, value in options.items() if key not in keys}
    return own, {key: value for key, value in options.items() if key in keys}


def _keys(kind: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in msgspec.structs.fields(kind))


def at(place: str, make: Callable[[], T]) -> T:
    """What `make` gives; what it finds wrong, an option by its name, is told with the place before it."""
    try:
        return make()
    except ConfigError as error:
        text = str(error)
        raise ConfigError(text if text.startswith(place) else f"{place}.{text}") from error


def named(place: str, **values: str) -> None:
    """None of these is empty. Raises ConfigError."""
    for name, value in values.items():
        if not value.strip():
            raise ConfigError(f"{place}.{name} is empty: say which {name}")


def one_of(place: str, name: str, value: int, values: tuple[int, ...]) -> int:
    """A number that is one of a few. Raises ConfigError."""
    if value not in values:
        raise ConfigError(f"{place}.{name} must be one of {', '.join(map(str, values))}, not {value}")
    return value


def within(place: str, name: str, value: float, low: float, high: float) -> float:
    """A number that lies between two others. Raises ConfigError."""
    if not low <= value <= high:
        raise ConfigError(f"{place}.{name} must be from {low:g} to {high:g}, not {value:g}")
    return value


def file_of(place: str, name: str, path: str, what: str) -> Path:
    """A file that must be there, as an absolute path; `what` says what it should be. Raises ConfigError."""
    file = Path(path).expanduser().absolute()
    if not path.strip() or not file.is_file():
        raise ConfigError(f"{place}.{name}: there is no file {path!r}; give the path of {what}")
    return file
