"""The regexes of a JSON schema are for the model: none is run, and none can stop the process or refuse what fits."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llm.registry import ToolRegistry
from llm.tool_schema import ToolArgumentError
from llm.tools import FunctionCallParams, Tool

WRONG = "("
"""An error if it is run, or compiled."""
PATTERN = {"properties": {"a": {"pattern": WRONG}}, "required": ["a"]}
NEWEST = "https://json-schema.org/draft/2020-12/schema"
DRAFTS = [NEWEST, "https://json-schema.org/draft/2019-09/schema"]
DRAFTS += [f"http://json-schema.org/draft-0{number}/schema#" for number in (7, 6, 4, 3)]


async def handler(params: FunctionCallParams) -> None:
    """Do it."""


def registered(**schema: Any) -> Tool:
    """The tool of a handler with this schema of an object."""
    registry = ToolRegistry()
    registry.register_function("book", handler, schema={"type": "object", **schema})
    found = registry.get("book")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("schema", "given"),
    [
        (PATTERN, {"a": "x"}),
        ({"properties": {"a": PATTERN}}, {"a": {"a": "x"}}),
        ({"$defs": {"a": PATTERN}, "properties": {"a": {"$ref": "#/$defs/a"}}}, {"a": {"a": "x"}}),
        ({"propertyNames": {"pattern": WRONG}}, {"a": "x"}),
        ({"patternProperties": {WRONG: {"type": "integer"}}}, {"a": "x"}),
        ({"patternProperties": {WRONG: {}}, "additionalProperties": False}, {"a": "x"}),
        ({"patternProperties": {WRONG: {}}, "additionalProperties": {"type": "integer"}}, {"a": "x"}),
        ({"patternProperties": {WRONG: {}}, "unevaluatedProperties": False}, {"a": "x"}),
        ({"allOf": [{"patternProperties": {WRONG: {}}}], "unevaluatedProperties": False}, {"a": "x"}),
        ({"$schema": NEWEST, "properties": {"a": {"pattern": WRONG}, "b": {"$ref": "#"}}}, {"b": {"a": "x"}}),
        ({"properties": {"a": {"$schema": DRAFTS[2], "pattern": WRONG}}}, {"a": "x"}),
        ({"not": PATTERN}, {"a": "x"}),
        ({"oneOf": [PATTERN, PATTERN]}, {"a": "x"}),
        ({"if": PATTERN, "then": False, "else": {"required": ["b"]}}, {"a": "x"}),
        ({"properties": {"a": {"contains": {"pattern": WRONG}, "maxContains": 1}}}, {"a": ["x", "y"]}),
        (
            {
                "properties": {
                    "a": {
                        "if": {"prefixItems": [{"pattern": WRONG}]},
                        "else": {"items": True},
                        "unevaluatedItems": False,
                    }
                }
            },
            {"a": ["x", "y"]},
        ),
        ({"$schema": DRAFTS[5], "disallow": [{"properties": {"a": {"pattern": WRONG}}}]}, {"a": "x"}),
    ],
)
def test_no_regex_is_run_and_nothing_is_refused_for_want_of_it(schema: dict[str, Any], given: dict[str, Any]) -> None:
    tool = registered(**schema)
    assert tool.check(json.dumps(given)) == given
    assert tool.spec.schema.parameters == {"type": "object", **schema}  # the model sees all of it


@pytest.mark.parametrize("draft", DRAFTS)
def test_no_regex_is_run_in_any_draft(draft: str) -> None:
    schema = {"patternProperties": {WRONG: {"pattern": WRONG}}, "additionalProperties": False}
    tool = registered(**{"$schema": draft}, **schema, unevaluatedProperties=False)
    assert tool.check('{"a": "x"}') == {"a": "x"}


@pytest.mark.parametrize("pattern", [r"^\p{L}+$", r"^(?<year>\d{4})$"])
def test_a_regex_may_be_of_another_dialect(pattern: str) -> None:
    tool = registered(properties={"a": {"type": "string", "pattern": pattern}}, patternProperties={pattern: {}})
    assert tool.check('{"a": "é"}') == {"a": "é"}


@pytest.mark.parametrize(
    ("schema", "given", "words"),
    [
        (PATTERN, {}, "'a' is a required property"),
        ({"properties": {"a": {"type": "string", "pattern": WRONG}}}, {"a": 1}, r"`\$\.a`"),
        ({"properties": {"a": {"pattern": WRONG}}, "additionalProperties": False}, {"b": 1}, "'b' was unexpected"),
        ({"properties": {"a": {"pattern": WRONG}}, "additionalProperties": {"type": "string"}}, {"b": 1}, r"`\$\.b`"),
        ({"patternProperties": {WRONG: {}}, "maxProperties": 1}, {"a": 1, "b": 1}, "too many properties"),
        ({"oneOf": [PATTERN, {"required": ["b"]}]}, {"c": 1}, "not valid under any"),
        ({"not": {"required": ["b"]}, "properties": {"pattern": {"type": "string"}}}, {"b": 1}, "should not be valid"),
        ({"oneOf": [{}, {}], "properties": {"pattern": {"type": "string"}}}, {}, "valid under each"),
    ],
)
def test_the_rest_is_checked(schema: dict[str, Any], given: dict[str, Any], words: str) -> None:
    with pytest.raises(ToolArgumentError, match=words):
        registered(**schema).check(json.dumps(given))


@pytest.mark.parametrize("draft", DRAFTS[1:])
def test_the_schema_says_which_draft_it_is(draft: str) -> None:
    pair = {"type": "array", "items": [{"type": "number"}, {"type": "string"}]}
    tool = registered(**{"$schema": draft}, properties={"a": pair, "b": {"pattern": WRONG}})
    assert tool.check('{"a": [1, "x"]}') == {"a": [1, "x"]}
    with pytest.raises(ToolArgumentError, match=r"`\$\.a\[0\]`"):
        tool.check('{"a": ["x"]}')
