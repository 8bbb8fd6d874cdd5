"""docs/tools.md: its examples run, its talks go as they stand there, its tables are those of the code."""

from __future__ import annotations

import dataclasses
import inspect
from pathlib import Path
from typing import get_args

import pytest
from msgspec import structs

from llm import function_calls
from llm.function_calls import CallOptions
from llm.mcp_options import MCPServer
from llm.registry import ToolRegistry
from llm.tools import FunctionCallParams, FunctionCallResultProperties, tool
from server import app
from server.agent import EVENTS, Agent
from server.call.events import CallInfo
from server.call.policy import Policy
from tests.unit.docs import pages, stand, talks
from tests.unit.docs.pages import Example, names
from tests.virtual.loop import run

PAGE = pages.read("tools.md")


@pytest.mark.parametrize("example", PAGE.examples, ids=str)
def test_an_example_runs_and_its_talks_go_as_they_stand_there(example: Example, tmp_path: Path) -> None:
    agent = stand.agent_of(example, tmp_path)
    for talk in example.talks:
        run(talks.hold(agent, talk.text, **stand.held_under(talk, tmp_path)))


def test_the_examples_are_talked_with_but_for_that_of_mcp() -> None:
    silent = [example for example in PAGE.examples if not example.talks]
    assert len(PAGE.examples) > 5
    assert ["MCPServer(" in example.code for example in silent] == [True]


def test_the_servers_of_the_page_are_known_to_the_agent_and_to_the_configuration(tmp_path: Path) -> None:
    (example,) = (each for each in PAGE.examples if not each.talks)
    assert [each.label for each in stand.agent_of(example, tmp_path).mcp] == ["shop"]
    (toml,) = (each for each in PAGE.configurations if "mcp" in each)
    assert [each.label for each in stand.settings_of(toml, tmp_path).mcp] == ["uvx"]


def test_an_example_without_an_agent_has_one_with_all_its_tools(tmp_path: Path) -> None:
    for example in PAGE.examples:
        tools = stand.agent_of(example, tmp_path).tools
        assert example.code.count("@tool") <= len(tools.specs()) or not example.talks


# --- tables -----------------------------------------------------------------------------------------------------------


def test_the_arguments_of_the_decorator() -> None:
    parameters = inspect.signature(tool).parameters.values()
    wanted = {each.name: repr(each.default) for each in parameters if each.kind is each.KEYWORD_ONLY}
    assert {
        names(name)[0]: names(default)[0] for name, default, _ in PAGE.table("argument of `@tool`", "default", "")
    } == wanted


def test_the_fields_of_the_params() -> None:
    shown = [name for row in PAGE.table("`FunctionCallParams`", "") for name in names(row[0])]
    assert sorted(shown) == sorted(field.name for field in dataclasses.fields(FunctionCallParams))


def test_the_properties_of_a_result() -> None:
    shown = {names(row[0])[0]: names(row[1])[0] for row in PAGE.table("`FunctionCallResultProperties`", "default", "")}
    fields = dataclasses.fields(FunctionCallResultProperties)
    assert shown == {field.name: repr(field.default) for field in fields}


def test_the_events_of_calls() -> None:
    rows = PAGE.table("event", "fields", "")
    assert [names(row[0])[0] for row in rows] == [name for name in EVENTS if name.startswith(("tool_", "function_"))]
    for event, fields, _ in rows:
        wanted = [field.name for field in structs.fields(EVENTS[names(event)[0]])]
        inner = [field.name for field in structs.fields(CallInfo)] if "of each" in fields else []
        assert names(fields) == wanted + inner
    finished = structs.fields(EVENTS["tool_finished"])
    (outcomes,) = (row[2] for row in rows if "`tool_finished`" in row[0])
    assert names(outcomes) == list(get_args(next(field.type for field in finished if field.name == "outcome")))


def test_the_keywords_of_the_other_ways_to_register() -> None:
    words = PAGE.words.partition("`register_direct_function` take ")[2].partition(" as `@tool` does")[0]
    for function, more in (
        (ToolRegistry.register_function, ["schema"]),
        (ToolRegistry.register_direct_function, []),
    ):
        parameters = inspect.signature(function).parameters.values()
        assert [each.name for each in parameters if each.kind is each.KEYWORD_ONLY] == [*more, *names(words)]
    assert list(inspect.signature(ToolRegistry.register).parameters) == ["self", "function"]
    assert "`register` takes none of them" in PAGE.words


def test_what_the_page_says_of_the_configuration() -> None:
    options = [field.name for field in structs.fields(CallOptions)]
    assert [name for name in options if f"`{name}" not in PAGE.text and f"\n{name}" not in PAGE.text] == [
        "function_call_timeout_secs"
    ]
    assert "`calls.function_call_timeout_secs`" in PAGE.text


def test_the_numbers_of_the_page_are_those_of_the_code() -> None:
    for words in (
        f"one of {app.TOOL_THREADS} threads of the server",
        f"else {CallOptions().function_call_timeout_secs:g} s (`calls.function_call_timeout_secs`)",
        f"larger than {function_calls.MAX_RESULT_BYTES >> 10} KiB",
        f"more than {function_calls.MAX_RUNNING} calls run that the model waits for",
        f"more than {function_calls.MAX_ASYNC} async calls run",
        f"results lead to calls {Policy().max_rounds} times",
        f"a function call waits for it ({MCPServer(command='x').connect_s:g} s)",
    ):
        assert words in PAGE.words


async def nothing(params: FunctionCallParams) -> None:
    """A function that takes for ever."""


@pytest.mark.parametrize("count", [function_calls.MAX_ASYNC, function_calls.MAX_ASYNC + 1])
def test_the_errors_of_the_page_are_what_the_model_reads(count: int) -> None:
    """The calls of one answer: one of a function that is not there, then as many async ones."""
    (missing,) = (row[1] for row in PAGE.table("when", "then") if "is not there" in row[0])
    (many,) = (row[1] for row in PAGE.table("when", "then") if "async calls run" in row[0])
    agent = Agent()
    agent.tools.register_function("wait", nothing, schema={"type": "object"}, cancel_on_interruption=False)
    results = [names(missing)[0], *["…started…"] * min(count, function_calls.MAX_ASYNC)]
    results += [names(many)[0]] * (count - function_calls.MAX_ASYNC)
    lines = ["caller  Go.", "model   x()", *["model   wait()"] * count, *(f"→  {result}" for result in results)]
    run(talks.hold(agent, "\n".join([*lines, "model   Well."])))
