"""From what an MCP server lists to what the model sees, and from what a call returns to what the model reads."""

from __future__ import annotations

from typing import Any

import pytest
from mcp_types import (
    AudioContent,
    BlobResourceContents,
    CallToolResult,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
    TextResourceContents,
    Tool,
)

from llm.mcp import MCPServer
from llm.mcp_offers import MAX_DESCRIPTION, MAX_TOOLS, catalogue, error_text, offered_name, result_text
from llm.tool_schema import ToolArgumentError, schema_arguments
from llm.tools import NAME

ANYTHING: dict[str, Any] = {"type": "object"}


def tools(*names: str) -> list[Tool]:
    """Tools of these names."""
    return [Tool(name=name, input_schema=ANYTHING) for name in names]


def test_a_tool_is_offered_with_its_description_and_schema() -> None:
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "required": ["a"]}
    made = catalogue(MCPServer(command="x"), [Tool(name="a.b", description=" Does it. ", input_schema=schema)])
    offer = made.offers["a_b"]
    assert offer.name == "a.b"
    assert (offer.schema.name, offer.schema.description) == ("a_b", "Does it.")
    assert offer.schema.parameters == {"type": "object", "properties": {}, "required": ["a"]}
    assert offer.rules == {"properties": {}, **schema}


def test_a_schema_of_an_older_draft_is_read_as_such() -> None:
    pair = {"type": "array", "items": [{"type": "number"}, {"type": "string"}]}
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {"a": pair}}
    offer = catalogue(MCPServer(command="x"), [Tool(name="a", input_schema=schema)]).offers["a"]
    arguments = schema_arguments("a", offer.rules)
    assert arguments.read("a", '{"a": [1, "b"]}') == {"a": [1, "b"]}
    with pytest.raises(ToolArgumentError):
        arguments.read("a", '{"a": ["b", 1]}')


def test_a_draft_that_is_none_is_left_out() -> None:
    schema = {"$schema": None, "type": "object"}
    assert "$schema" not in catalogue(MCPServer(command="x"), [Tool(name="a", input_schema=schema)]).offers["a"].rules


def test_what_is_no_tool_is_told_unless_nobody_wants_it() -> None:
    broken = [("a", "it.inputSchema: Field required"), ("b", "it: no"), ("", "it.name: Field required")]
    made = catalogue(MCPServer(command="x", exclude=["b"]), tools("c"), broken)
    assert list(made.offers) == ["c"]
    assert made.faults == (
        "'a' is no tool of MCP: it.inputSchema: Field required",
        "'' is no tool of MCP: it.name: Field required",
    )


def test_a_title_stands_for_a_missing_description_and_a_long_one_is_cut() -> None:
    listed = [
        Tool(name="a", title="The first", input_schema=ANYTHING),
        Tool(name="b", description="x" * 2000, input_schema=ANYTHING),
    ]
    offers = catalogue(MCPServer(command="x"), listed).offers
    assert offers["a"].schema.description == "The first"
    assert len(offers["b"].schema.description) == MAX_DESCRIPTION
    assert offers["b"].schema.description.endswith("x\N{HORIZONTAL ELLIPSIS}")


@pytest.mark.parametrize(
    ("prefix", "name", "offered"),
    [
        ("", "search", "search"),
        ("", "time.now", "time_now"),
        ("", "gr\u00fc\u00dfe/alle", "gr__e_alle"),
        ("github", "search-code", "github_search-code"),
        ("github", "x" * 80, f"github_{'x' * 57}"),
    ],
)
def test_the_name_is_one_that_the_model_takes(prefix: str, name: str, offered: str) -> None:
    assert offered_name(MCPServer(command="x", name=prefix), name) == offered
    assert NAME.match(offered)


@pytest.mark.parametrize(
    ("include", "exclude", "kept"),
    [
        (["*"], [], ["read_file", "read_dir", "write_file", "Read"]),
        (["read_*"], [], ["read_file", "read_dir"]),
        (["read_*", "write_*"], ["*_dir"], ["read_file", "write_file"]),
        (["*"], ["[rw]*"], ["Read"]),
        ([], [], []),
    ],
)
def test_the_filters_go_by_the_names_of_the_server(include: list[str], exclude: list[str], kept: list[str]) -> None:
    server = MCPServer(command="x", name="fs", include=include, exclude=exclude)
    made = catalogue(server, tools("read_file", "read_dir", "write_file", "Read"))
    assert [offer.name for offer in made.offers.values()] == kept


def test_two_tools_of_one_name_are_a_clash_that_names_both_and_the_first_stays() -> None:
    made = catalogue(MCPServer(command="x"), tools("a.b", "a_b", "c"))
    assert made.clashes == ("'a.b' and 'a_b' would both be 'a_b'",)
    assert made.offers["a_b"].name == "a.b"
    assert list(made.offers) == ["a_b", "c"]


def test_what_no_model_takes_is_left_out_and_told() -> None:
    listed = [
        Tool(name="huge", input_schema={"type": "object", "description": "x" * 40_000}),
        *tools("", *(f"t{number}" for number in range(MAX_TOOLS + 1))),
    ]
    made = catalogue(MCPServer(command="x"), listed)
    assert len(made.offers) == MAX_TOOLS
    assert "'huge' has a schema of over 32 KiB" in made.faults
    assert "a tool has no name" in made.faults
    assert f"'t{MAX_TOOLS}' is one too many: at most {MAX_TOOLS} are taken" in made.faults


PIXEL = "iVBORw0KGgo="
TEXT = TextContent(type="text", text="two words")
MEDIA: list[ContentBlock] = [
    ImageContent(type="image", data=PIXEL, mime_type="image/png"),
    AudioContent(type="audio", data=PIXEL, mime_type="audio/wav"),
    ResourceLink(type="resource_link", uri="file:///a.txt", name="a"),
    EmbeddedResource(type="resource", resource=BlobResourceContents(uri="file:///b.bin", blob=PIXEL)),
]
READ = EmbeddedResource(type="resource", resource=TextResourceContents(uri="file:///c.txt", text="the third"))


@pytest.mark.parametrize(
    ("content", "structured", "text"),
    [
        ([TEXT], None, "two words"),
        ([TEXT, TextContent(type="text", text="and two")], None, "two words\nand two"),
        ([], None, ""),
        ([TEXT], {"words": 2, "\u00fc": None}, '{"words":2,"\u00fc":null}'),
        ([TEXT], [], "[]"),
        ([TEXT, MEDIA[0]], {"words": 2}, '{"words":2}\n[image]'),
        (MEDIA, None, "[image]\n[audio]\n[resource file:///a.txt]\n[resource file:///b.bin]"),
        ([READ], None, "[resource file:///c.txt]\nthe third"),
    ],
)
def test_a_result_is_json_or_text_and_notes(content: list[ContentBlock], structured: Any, text: str) -> None:
    result = CallToolResult(content=content, structured_content=structured)
    assert result_text(result.content, result.structured_content) == text


@pytest.mark.parametrize(
    ("content", "structured", "text"),
    [
        ([TEXT], None, "two words"),
        ([TEXT], {"ok": False}, 'two words\n{"ok":false}'),
        ([MEDIA[0], TEXT], {}, "[image]\ntwo words\n{}"),
        ([], {"ok": False}, '{"ok":false}'),
        ([], None, ""),
    ],
)
def test_a_failed_call_says_its_words_too(content: list[ContentBlock], structured: Any, text: str) -> None:
    assert error_text(content, structured) == text
