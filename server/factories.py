"""An engine by its name and its options; `name` is one of those that are known, or `"package.module:factory"`."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from typing import Any, Protocol, TypeVar, runtime_checkable

import msgspec

from link.errors import ConfigError, VoicewireError
from server.config import Service

S_co = TypeVar("S_co", covariant=True)
Factory = Callable[..., Any]
"""Makes an engine from the options of its table."""
Known = dict[str, Callable[[], Factory]]
"""How each factory with a short name is found; an optional package is imported there."""


@runtime_checkable
class Engine(Protocol[S_co]):
    """What the process has of one service."""

    async def start(self) -> None:
        """Load, connect, warm up. Raises ConfigError or ProviderError in one clear sentence."""

    def open(self) -> S_co:
        """A service for one call. Raises Overloaded."""

    @property
    def free(self) -> int:
        """How many more calls can be served."""

    async def close(self) -> None:
        """Release everything."""


def split(place: str, service: Service) -> tuple[str, dict[str, Any]]:
    """The name of a service and its options. `place` is the key where it stands: `llm`, `llm.models[1]`."""
    if isinstance(service, str):
        return service, {}
    options = dict(service)
    name = options.pop("name", None)
    if not isinstance(name, str):
        key = place.rpartition(".")[2]
        raise ConfigError(f'{place}: a table needs a name: {key} = {{name = "…", …}}')
    return name, options


def make(kind: str, place: str, service: Service, known: Known) -> Any:
    """The engine of a service; `known` finds the factories that have a short name. Raises ConfigError."""
    name, options = split(place, service)
    if name not in known and ":" not in name:
        where = "" if place == kind else f"{place}: "
        there_are = f'{", ".join(known)}, or "package.module:factory"'
        raise ConfigError(f"{where}there is no {kind} {name!r}; there are {there_are}")
    try:
        factory = known[name]() if name in known else _load(name)
    except Exception as error:
        raise ConfigError(f"{place} = {name!r} cannot be loaded: {type(error).__name__}: {error}") from error
    _check_options(f"{place} = {name!r}", factory, options)
    try:
        engine = factory(**options)
    except VoicewireError:
        raise
    except Exception as error:
        raise ConfigError(f"{place} = {name!r} failed: {type(error).__name__}: {error}") from error
    if not isinstance(engine, Engine):
        what = type(engine).__name__
        raise ConfigError(f"{place} = {name!r} gives no engine but a {what}; one has start, open, free and close")
    return engine


def _load(name: str) -> Factory:
    module, _, attribute = name.partition(":")
    factory: Factory = getattr(importlib.import_module(module), attribute)
    return factory


def _check_options(what: str, factory: Factory, options: dict[str, Any]) -> None:
    """Whether the options fit what the factory is annotated with. Raises ConfigError that names the option."""
    try:
        parameters = inspect.signature(factory, eval_str=True).parameters
    except (TypeError, ValueError, NameError):  # it says nothing that can be checked
        return
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return
    for option, value in options.items():
        if option not in parameters:
            known = ", ".join(name for name in parameters if name != "spawn")
            raise ConfigError(f"{what} has no option `{option}`; there are: {known or 'none'}")
        try:
            hint = parameters[option].annotation
            msgspec.convert(value, Any if hint is inspect.Parameter.empty else hint)
        except msgspec.ValidationError as error:
            raise ConfigError(f"{what}: option `{option}`: {error}") from error
        except TypeError:  # a type of the factory's own, which cannot be checked
            continue
