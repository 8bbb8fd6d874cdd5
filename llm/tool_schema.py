"""A signature becomes a JSON schema, and the model's JSON becomes checked arguments.

The types are msgspec's (str, int, float, bool, list, dict, Optional, Enum, Literal, dataclasses, structs). What a
schema cannot say is an error when the tool is made, and names the function and the argument.
"""

from __future__ import annotations

import functools
import inspect
import re
import typing
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Protocol

import msgspec

from link.errors import ConfigError
from llm.events import ToolSchema
from llm.tool_types import ToolArg, own_default, readable, shown_default

__all__ = [
    "AnyArguments",
    "Arguments",
    "SchemaArguments",
    "ToolArg",
    "ToolArgumentError",
    "TypedArguments",
    "described",
    "description_of",
    "docstring",
    "parameters_of",
    "resolved",
    "schema_arguments",
]

NOTHING = frozenset({"", "null", '""', "[]"})
"""What models and gateways send where there are no arguments, besides `{}`."""
MAX_ERROR_CHARS = 400  # an error repeats what it found, which may be a whole document
UNSURE = "pattern patternProperties not disallow if contains unevaluatedItems unevaluatedProperties".split()
"""The regexes of JSON schema, and the keywords that may refuse a value because a part of a schema fits it."""


class ToolArgumentError(Exception):
    """The model's arguments do not fit; the message is for the model and names the argument."""


class Arguments(Protocol):
    """How the model's JSON becomes arguments."""

    def read(self, name: str, text: str) -> dict[str, Any]:
        """The arguments of a call of the tool `name`. Raises ToolArgumentError."""


@dataclass(frozen=True, slots=True)
class TypedArguments:
    """Arguments of the types of a signature; what is left out has its default."""

    kind: type[msgspec.Struct]

    def read(self, name: str, text: str) -> dict[str, Any]:
        """The arguments. Raises ToolArgumentError."""
        value = _decoded(name, text, self.kind)
        return {field: getattr(value, field) for field in self.kind.__struct_fields__}


@dataclass(frozen=True, slots=True)
class AnyArguments:
    """Arguments that are described elsewhere: any JSON object."""

    def read(self, name: str, text: str) -> dict[str, Any]:
        """The arguments. Raises ToolArgumentError."""
        return _decoded(name, text, dict[str, Any])


@dataclass(frozen=True, slots=True)
class SchemaArguments:
    """Arguments that a JSON schema describes, as JSON has them."""

    validator: Any

    def read(self, name: str, text: str) -> dict[str, Any]:
        """The arguments. Raises ToolArgumentError."""
        from jsonschema.exceptions import best_match  # type: ignore[import-untyped]

        value = _decoded(name, text, dict[str, Any])
        try:
            error = best_match(self.validator.iter_errors(value))
        except RecursionError as endless:
            raise _misfit(name, f"do not fit: {endless}") from endless
        if error is not None:
            raise _misfit(name, f"do not fit: {_cut(error.message)} - at `{_cut(error.json_path)}`")
        return value


T = typing.TypeVar("T")


def _decoded(name: str, text: str, kind: type[T]) -> T:
    """The model's JSON as a value of this type. Raises ToolArgumentError."""
    try:
        return _fitting("{}" if text.strip() in NOTHING else text, kind)
    except msgspec.ValidationError as error:
        raise _misfit(name, f"do not fit: {error}") from error
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise _misfit(name, f"are not JSON: {error}") from error


def _fitting(text: str, kind: type[T]) -> T:
    """The same. JSON schema calls 5.0 an integer and msgspec does not, so what does not fit has a second try."""
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as error:
        if "got `float`" not in str(error):
            raise
    return msgspec.json.decode(msgspec.json.encode(_with_integers(msgspec.json.decode(text))), type=kind)


def _with_integers(value: Any) -> Any:
    """A JSON value with 5 for 5.0."""
    if isinstance(value, dict):
        return {name: _with_integers(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_with_integers(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _misfit(name: str, what: str) -> ToolArgumentError:
    return ToolArgumentError(f"Error: the arguments of '{name}' {what}")


def _cut(text: str) -> str:
    return text if len(text) <= MAX_ERROR_CHARS else f"{text[:MAX_ERROR_CHARS]}…"


# --- a JSON schema ----------------------------------------------------------------------------------------------------


def schema_arguments(name: str, parameters: dict[str, Any]) -> SchemaArguments:
    """Arguments as a JSON schema describes them: an object. Raises ConfigError for what is no such schema.

    `$schema` says which draft it is, else 2020-12. It may refer to its own parts only: nothing is fetched. Regexes
    (`pattern`, `patternProperties`) are for the model to read and are not checked here: one may take minutes, of the
    whole process, and the dialect is not Python's. Where a schema has some, `not`, `if`, `contains`, `unevaluated…`
    and the "only one" of `oneOf` are not checked either, for they could refuse what fits. The `jsonschema` package is
    imported here, which takes a tenth of a second, once.
    """
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import Draft202012Validator, validator_for  # type: ignore[import-untyped]
    from referencing import Registry, Resource
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    if not isinstance(parameters, dict) or parameters.get("type") != "object":
        example = '{"type": "object", "properties": {…}}'
        raise ConfigError(f"tool '{name}': its schema must be a JSON schema of an object: {example}")
    registry: Registry[Any] = Registry()
    try:
        validator = validator_for({"$schema": str(parameters.get("$schema"))}, default=Draft202012Validator)
        validator.check_schema(parameters, format_checker=None)  # it would compile the regexes
        root = Resource.from_contents(parameters, default_specification=DRAFT202012)
        resolver = registry.resolver_with_root(root)
        for reference in _references(parameters):
            resolver.lookup(reference)
        has_regexes = any(map(_has_regex, _objects(parameters)))
    except SchemaError as error:
        what = f"{_cut(error.message)} - at `{error.json_path}`"
        raise ConfigError(f"tool '{name}': its schema is no JSON schema: {what}") from error
    except Unresolvable as error:
        raise ConfigError(f"tool '{name}': its schema refers to '{reference}', which is not in it") from error
    except ValueError as error:
        raise ConfigError(f"tool '{name}': its schema holds an address that is none: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"tool '{name}': its schema is too deep") from error
    return SchemaArguments((_eased(validator) if has_regexes else validator)(parameters, registry=registry))


def _objects(schema: Any) -> Iterator[dict[str, Any]]:
    """The objects in a JSON value, and it itself."""
    if isinstance(schema, dict):
        yield schema
    for part in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from _objects(part)


def _references(schema: Any) -> Iterator[str]:
    """What a schema refers to."""
    for each in _objects(schema):
        yield from (each[key] for key in ("$ref", "$dynamicRef") if isinstance(each.get(key), str))


def _has_regex(schema: dict[str, Any]) -> bool:
    """Whether a regex is in it; a property that has such a name is none."""
    return isinstance(schema.get("pattern"), str) or isinstance(schema.get("patternProperties"), dict)


@functools.cache
def _eased(standard: Any) -> Any:
    """The validator class of a draft, without regexes and without what needs to know whether one fits."""
    from jsonschema.validators import extend

    checks = standard.VALIDATORS
    eased = dict.fromkeys(UNSURE, _no_check) | {"oneOf": checks.get("anyOf")}

    def additional(validator: Any, value: Any, instance: Any, schema: Any) -> Any:
        known = "patternProperties" not in schema  # else nobody knows which are additional
        return checks["additionalProperties"](validator, value, instance, schema) if known else None

    eased["additionalProperties"] = additional
    kind = extend(standard, {name: check for name, check in eased.items() if name in checks})
    evolve = kind.evolve

    def evolve_as_such(self: Any, **changes: Any) -> Any:
        part = changes.get("schema", self.schema)
        if isinstance(part, dict):  # a `$schema` in it would bring back the class of a draft, which runs regexes
            part = {name: value for name, value in part.items() if name != "$schema"}
        return evolve(self, **(changes | {"schema": part}))

    kind.evolve = evolve_as_such
    return kind


def _no_check(validator: Any, value: Any, instance: Any, schema: Any) -> None: ...


# --- a signature ------------------------------------------------------------------------------------------------------


def parameters_of(fn: Callable[..., Any], name: str) -> list[inspect.Parameter]:
    """The parameters of a function as they are written. Raises ConfigError for what has none to show."""
    try:
        return list(inspect.signature(fn).parameters.values())
    except (TypeError, ValueError) as error:
        raise ConfigError(f"tool '{name}': {error}") from error


def resolved(fn: Callable[..., Any], name: str, parameter: inspect.Parameter) -> inspect.Parameter:
    """A parameter with its type, where that is written as text too. Raises ConfigError for one that no model can fill.

    Only what is asked for is resolved: other types of the function may be there for type checkers only.
    """
    where = f"tool '{name}': argument '{parameter.name}'"
    if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
        raise ConfigError(f"{where} has a kind (*, **, /) that no model can fill")
    if parameter.annotation is parameter.empty:
        raise ConfigError(f"{where} has no type")
    holder = SimpleNamespace(__annotations__={"it": parameter.annotation})
    written = _written(fn)
    names = getattr(written, "__globals__", None) or getattr(type(written).__call__, "__globals__", {})
    try:
        hint = typing.get_type_hints(holder, names, include_extras=True)["it"]
    except Exception as error:  # an annotation is code
        raise ConfigError(f"{where}: {error}; annotate it with a type that can be imported") from error
    return parameter.replace(annotation=hint)


def _written(fn: Callable[..., Any]) -> Callable[..., Any]:
    """The function that somebody wrote, behind `functools.partial` and decorators."""
    while isinstance(fn, functools.partial):
        fn = fn.func
    written: Callable[..., Any] = inspect.unwrap(fn)
    return written


def described(
    fn: Callable[..., Any], name: str, parameters: Sequence[inspect.Parameter], description: str | None = None
) -> tuple[ToolSchema, TypedArguments]:
    """What the model is told of a function with these (resolved) parameters, and how its JSON becomes arguments.

    The docstring describes the function, unless `description` does, and the arguments. Raises ConfigError for a type
    or default that no schema can say.
    """
    summary, notes = docstring(inspect.getdoc(_written(fn)) or "", inspect.signature(fn).parameters)
    fields = [_field(name, parameter, notes.get(parameter.name, "")) for parameter in parameters]
    struct = msgspec.defstruct(f"{name}_arguments", fields, forbid_unknown_fields=True, kw_only=True)
    schema = _json_schema(struct)
    for each in parameters:
        if each.default is not each.empty:  # msgspec shows only those that all calls share
            schema["properties"][each.name].setdefault("default", shown_default(each.default))
    return ToolSchema(name, description or summary, schema), TypedArguments(struct)


def _field(name: str, parameter: inspect.Parameter, note: str) -> tuple[str, Any] | tuple[str, Any, Any]:
    """A parameter as a field of a struct; `day: str = None`, as many write it, takes None too."""
    try:
        kind = readable(parameter.annotation, note, or_none=parameter.default is None)
        if parameter.default is parameter.empty:
            return (parameter.name, kind)
        return (parameter.name, kind, own_default(parameter.default))
    except Exception as error:  # a type of the application's may hold anything
        where = f"tool '{name}': argument '{parameter.name}'"
        raise ConfigError(f"{where} cannot be said in a schema: {error}") from error


def _json_schema(arguments: type[msgspec.Struct]) -> dict[str, Any]:
    """The JSON schema of the arguments, the object itself inlined."""
    _, components = msgspec.json.schema_components([arguments], ref_template="#/$defs/{name}")
    schema: dict[str, Any] = components.pop(arguments.__name__)
    schema.pop("title", None)
    if components:
        schema["$defs"] = components
    return schema


def description_of(fn: Callable[..., Any]) -> str:
    """What the docstring says of a function, without its arguments."""
    return docstring(inspect.getdoc(_written(fn)) or "", [])[0]


def docstring(text: str, names: Iterable[str]) -> tuple[str, dict[str, str]]:
    """The description, and what an `Args:` section says of the arguments `names`.

    The section stands on lines of its own, where each argument begins a line that is indented like the first, or in
    the text: `Args: day: a weekday, hour: from 0 to 23`.
    """
    summary, *rest = re.split(r"(?:^|\s)Args:", text, maxsplit=1)
    section = re.split(r"\n\s*\n(?=\S)|\n\s*(?:Returns|Raises|Yields|Examples?):", rest[0])[0] if rest else ""
    block = re.match(r"[ \t]*\n\s*?([ \t]*)(?=\S)", section)
    begins = rf"(?:^|(?<=\n)){block[1]}" if block else r"(?<!\S)"
    pieces = re.split(rf"{begins}({'|'.join(map(re.escape, names))})(?: \([^)]*\))?:", section)
    notes = {name: " ".join(piece.split()).rstrip(",;") for name, piece in zip(pieces[1::2], pieces[2::2], strict=True)}
    return " ".join(summary.split()), notes
