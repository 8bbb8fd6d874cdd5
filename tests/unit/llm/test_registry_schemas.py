"""What the model is told of registered functions, and what is taken of its arguments."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import pytest

from link.errors import ConfigError
from llm.events import ToolSchema
from llm.function_calls import ToolSpec
from llm.registry import ToolRegistry
from llm.tool_schema import MAX_ERROR_CHARS, ToolArg, ToolArgumentError
from llm.tools import Style, Tool
from tests.unit.llm.tool_types import Place, Unit

if TYPE_CHECKING:
    from llm.tools import FunctionCallParams

SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "Book a table.",
    "properties": {
        "day": {"enum": ["monday", "friday"], "description": "a weekday"},
        "guests": {"type": "integer", "minimum": 1},
        "tags": {"type": "array", "items": {"type": "string"}},
        "place": {"$ref": "#/$defs/Place"},
        "size": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    },
    "required": ["day"],
    "additionalProperties": False,
    "$defs": {"Place": {"type": "object", "properties": {"street": {"type": "string"}}, "required": ["street"]}},
}


async def handler(params: FunctionCallParams) -> None:
    """Do it. Args: params: the call"""


def registered(schema: dict[str, Any] | ToolSchema | None, name: str = "book") -> Tool:
    """The tool of a handler with this schema."""
    registry = ToolRegistry()
    registry.register_function(name, handler, schema=schema)
    found = registry.get(name)
    assert found is not None
    return found


# --- with a schema ----------------------------------------------------------------------------------------------------


def test_a_function_with_a_schema_is_offered() -> None:
    spec = registered(SCHEMA).spec
    told = {key: value for key, value in SCHEMA.items() if key != "description"}
    assert spec == ToolSpec(ToolSchema("book", "Book a table.", told))
    assert spec.offered


def test_the_docstring_describes_it_where_the_schema_does_not() -> None:
    assert registered({"type": "object"}).spec.schema == ToolSchema("book", "Do it.", {"type": "object"})


def test_a_whole_schema_can_be_given() -> None:
    schema = ToolSchema("book", "Book.", {"type": "object", "description": "stays"})
    assert registered(schema).spec.schema == schema
    with pytest.raises(ConfigError, match="tool 'look': its schema has another name, 'book'"):
        registered(schema, "look")


def test_what_becomes_of_the_dict_is_of_no_matter() -> None:
    schema: dict[str, Any] = {"type": "object", "properties": {}, "description": "First."}
    tool = registered(schema)
    schema["properties"]["day"] = {"type": "string"}
    schema["required"] = ["day"]
    assert tool.spec.schema == ToolSchema("book", "First.", {"type": "object", "properties": {}})
    assert tool.check("{}") == {}
    assert schema["description"] == "First."


@pytest.mark.parametrize(
    "given",
    [
        {"day": "monday"},
        {"day": "friday", "guests": 2, "tags": ["é"], "place": {"street": "Main"}, "size": None},
        {"day": "monday", "guests": 10**30},
    ],
)
def test_arguments_that_fit_come_as_json_has_them(given: dict[str, Any]) -> None:
    assert registered(SCHEMA).check(json.dumps(given)) == given


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "'day' is a required property"),
        ("null", "'day' is a required property"),
        ('{"day": "sunday"}', "`$.day`"),
        ('{"day": "monday", "guests": "two"}', "`$.guests`"),
        ('{"day": "monday", "guests": 0}', "`$.guests`"),
        ('{"day": "monday", "guests": true}', "`$.guests`"),
        ('{"day": "monday", "tags": ["a", 2]}', "`$.tags[1]`"),
        ('{"day": "monday", "place": {}}', "'street' is a required property - at `$.place`"),
        ('{"day": "monday", "size": 3}', "`$.size`"),
        ('{"day": "monday", "colour": "red"}', "'colour' was unexpected"),
        ('{"day": ', "not JSON"),
        ("[1]", "`object`"),
        ('{"day": "\ud800"}', "not JSON"),
    ],
)
def test_arguments_that_do_not_fit_are_named(text: str, words: str) -> None:
    with pytest.raises(ToolArgumentError) as caught:
        registered(SCHEMA).check(text)
    message = str(caught.value)
    assert message.startswith("Error: the arguments of 'book' ")
    assert words in message


def test_an_error_does_not_repeat_a_whole_document() -> None:
    with pytest.raises(ToolArgumentError) as caught:
        registered(SCHEMA).check(json.dumps({"day": "x" * 50_000}))
    message = str(caught.value)
    assert len(message) < MAX_ERROR_CHARS + 100
    assert message.endswith("… - at `$.day`")


def test_a_schema_of_endless_depth_takes_what_is_not_endless() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#"}}, "additionalProperties": False}
    tool = registered(node)
    assert tool.check('{"next": {"next": {}}}') == {"next": {"next": {}}}
    with pytest.raises(ToolArgumentError, match=r"\$\.next\.next"):
        tool.check('{"next": {"next": {"other": 1}}}')
    with pytest.raises(ToolArgumentError, match="Error: the arguments of 'book'"):
        tool.check('{"next":' * 900 + "{}" + "}" * 900)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({}, "must be a JSON schema of an object"),
        ([], "must be a JSON schema of an object"),
        ({"type": "string"}, "must be a JSON schema of an object"),
        ({"type": "function", "name": "book", "parameters": SCHEMA}, "must be a JSON schema of an object"),
        (ToolSchema("book", "", {}), "must be a JSON schema of an object"),
        ({"type": "object", "properties": []}, r"no JSON schema: .* at `\$\.properties`"),
        ({"type": "object", "properties": {"day": {"type": "text"}}}, r"no JSON schema: .* at `\$\.properties\.day"),
        ({"type": "object", "properties": {"day": {"pattern": 5}}}, r"no JSON schema: .* at `\$\.properties\.day"),
        ({"type": "object", "$schema": 5}, r"no JSON schema: .* at `\$\['\$schema'\]`"),
        ({"type": "object", "$schema": "http://["}, "holds an address that is none: Invalid IPv6 URL"),
        ({"type": "object", "properties": {"a": {"$ref": "#/$defs/Gone"}}}, "refers to '#/\\$defs/Gone', which is not"),
        ({"type": "object", "allOf": [{"$ref": "http://127.0.0.1:9/x"}]}, "refers to 'http://127.0.0.1:9/x', which"),
        ({"type": "object", "not": {"$dynamicRef": "//127.0.0.1:9/x"}}, "refers to '//127.0.0.1:9/x', which"),
        (msgspec.json.decode('{"type":"object","not":' + '{"not":' * 900 + "{}" + "}" * 901), "is too deep"),
        ({"type": "object", "properties": {"day": object()}}, "cannot be said in JSON"),
        ({"type": "object", "default": float}, "cannot be said in JSON"),
    ],
)
def test_a_schema_that_is_none_is_refused(schema: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=f"^tool 'book': its schema .*{words}"):
        registered(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"a": {}}},
        {
            "type": "object",
            "$id": "https://example.com/s",
            "properties": {"a": {"$ref": "#/$defs/a"}},
            "$defs": {"a": {}},
        },
        {"type": "object", "$schema": "urn:of-mine"},
        {"type": "object", "properties": {"$ref": {"type": "string"}, "a": {"enum": ["#/x"]}}},
    ],
)
def test_schemas_of_other_kinds_are_taken(schema: dict[str, Any]) -> None:
    assert registered(schema).check("{}") == {}


def test_the_package_that_checks_is_imported_with_the_first_schema() -> None:
    code = "import sys, llm.registry, server.call.toolbox; sys.exit('jsonschema' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


# --- without one ------------------------------------------------------------------------------------------------------


def test_a_function_without_a_schema_is_not_offered_and_takes_any_object() -> None:
    tool = registered(None)
    assert tool.spec == ToolSpec(ToolSchema("book", "", {"type": "object"}), offered=False)
    assert tool.style is Style.HANDLER
    assert tool.check('{"anything": [1, {"goes": null}]}') == {"anything": [1, {"goes": None}]}
    assert tool.check("null") == tool.check("") == {}


@pytest.mark.parametrize("text", ["[1]", "3", '"text"', '{"a"', "day=monday"])
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(ToolArgumentError, match=r"^Error: the arguments of 'book' (do not fit|are not JSON): "):
        registered(None).check(text)


def test_a_catch_all_names_the_function_that_was_called() -> None:
    registry = ToolRegistry()
    registry.register_function(None, handler)
    found = registry.get("weather")
    assert found is not None
    with pytest.raises(ToolArgumentError, match=r"^Error: the arguments of 'weather' are not JSON"):
        found.check("{")


# --- direct functions -------------------------------------------------------------------------------------------------


async def reserve(
    it: FunctionCallParams,  # only there for type checkers, and the name is free
    day: Annotated[str, ToolArg("a weekday", choices=("monday", "friday"))],
    unit: Unit = Unit.CELSIUS,
    *,
    place: Place | None = None,
) -> None:
    """Reserve a table.

    Args:
        it: the call
        unit: of the temperature
    """


def direct(function: Any, **options: Any) -> Tool:
    """The tool of a direct function."""
    registry = ToolRegistry()
    registry.register_direct_function(function, **options)
    found = registry.get(function.__name__)
    assert found is not None
    return found


def test_signature_and_docstring_say_what_the_model_is_told() -> None:
    schema = direct(reserve).spec.schema
    assert (schema.name, schema.description) == ("reserve", "Reserve a table.")
    assert list(schema.parameters["properties"]) == ["day", "unit", "place"]
    assert schema.parameters["required"] == ["day"]
    assert schema.parameters["properties"]["day"] == {"description": "a weekday", "enum": ["friday", "monday"]}
    assert schema.parameters["properties"]["unit"]["description"] == "of the temperature"


def test_the_arguments_of_a_direct_function_are_checked() -> None:
    tool = direct(reserve)
    assert tool.style is Style.DIRECT
    taken = tool.check('{"day": "monday", "unit": "kelvin", "place": {"street": "Main"}}')
    assert taken == {"day": "monday", "unit": Unit.KELVIN, "place": Place("Main")}
    for text, words in [('{"day": "sunday"}', r"\$\.day"), ('{"day": "monday", "it": 1}', "`it`")]:
        with pytest.raises(ToolArgumentError, match=f"^Error: the arguments of 'reserve' do not fit: .*{words}"):
            tool.check(text)


def test_how_a_direct_function_is_run() -> None:
    spec = direct(reserve, cancel_on_interruption=False, timeout_secs=2.5, when="after_speech").spec
    assert (spec.cancel_on_interruption, spec.timeout_s, spec.when, spec.offered) == (False, 2.5, "after_speech", True)


async def bare(params, day: str) -> None:  # type: ignore[no-untyped-def]
    """The first needs no type."""


async def marked(params: FunctionCallParams, /, day: str) -> None:
    """Or cannot be given by name."""


async def odd(params: "the call", day: str) -> None:  # type: ignore[valid-type]  # noqa: F722
    """Or has a type that is none."""


@pytest.mark.parametrize("function", [bare, marked, odd])
def test_the_first_parameter_is_the_call_whatever_it_is(function: Any) -> None:
    assert direct(function).check('{"day": "monday"}') == {"day": "monday"}


async def nothing() -> None:
    """Takes nothing."""


async def stars(*params: Any) -> None:
    """Takes all."""


async def by_name(*, params: FunctionCallParams) -> None:
    """Takes it by name."""


async def untyped(params: FunctionCallParams, day) -> None:  # type: ignore[no-untyped-def]
    """An argument without a type."""


async def complicated(params: FunctionCallParams, number: complex) -> None:
    """A type that JSON does not have."""


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (nothing, r"its first argument takes the call: async def nothing\(params, …\)"),
        (stars, "its first argument takes the call"),
        (by_name, "its first argument takes the call"),
        (untyped, "argument 'day' has no type"),
        (complicated, "argument 'number' cannot be said in a schema: .*complex"),
    ],
)
def test_a_direct_function_that_cannot_be_one_is_named(function: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=f"^tool '{function.__name__}': {words}"):
        direct(function)
