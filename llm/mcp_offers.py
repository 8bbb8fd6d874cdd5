"""What an MCP server lists becomes tools for the model, and what its tools return becomes text for the model. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from llm.events import ToolSchema
from llm.mcp_options import MCPServer

MAX_NAME = 64  # letters; what the models take
MAX_DESCRIPTION = 1024  # letters; OpenAI refuses a request with a longer one
MAX_TOOLS = 128  # of one server; OpenAI takes as many in a request, of all servers and the agent together
MAX_SCHEMA_BYTES = 32 * 1024  # it goes into each request
NO_PROPERTIES: dict[str, Any] = {"type": "object", "properties": {}}


class Listed(Protocol):
    """A tool as the server lists it (`mcp_types.Tool`)."""

    name: str
    title: str | None
    description: str | None
    input_schema: dict[str, Any]


class Offer(Struct, frozen=True):
    """A tool of a server: its name there, and how the model sees it."""

    name: str
    schema: ToolSchema
    rules: dict[str, Any]
    """The schema of its arguments with the draft that it is written in (`$schema`), which the model is not shown."""


class Catalogue(Struct, frozen=True):
    """The tools of a server by the names that the model uses, and in words what is wrong with the list."""

    offers: dict[str, Offer] = {}
    clashes: tuple[str, ...] = ()
    """Tools that would have the name of another one."""
    faults: tuple[str, ...] = ()
    """Other tools that are left out."""


def catalogue(server: MCPServer, listed: Iterable[Listed], broken: Iterable[tuple[str, str]] = ()) -> Catalogue:
    """What a server offers to the model; the first of two tools of one name stays.

    `broken`: the names of tools that are none, by the protocol, and what is wrong with them.
    """
    offers: dict[str, Offer] = {}
    clashes = []
    faults = [f"{name!r} is no tool of MCP: {what}" for name, what in broken if is_wanted(server, name)]
    for tool in listed:
        if not is_wanted(server, tool.name):
            continue
        offer = _offer(server, tool)
        other = offers.get(offer.schema.name)
        if other is not None:
            clashes.append(f"'{other.name}' and '{offer.name}' would both be '{offer.schema.name}'")
        elif len(msgspec.json.encode(offer.schema.parameters)) > MAX_SCHEMA_BYTES:
            faults.append(f"'{tool.name}' has a schema of over {MAX_SCHEMA_BYTES >> 10} KiB")
        elif not offer.schema.name:
            faults.append("a tool has no name")
        elif len(offers) == MAX_TOOLS:
            faults.append(f"'{tool.name}' is one too many: at most {MAX_TOOLS} are taken")
        else:
            offers[offer.schema.name] = offer
    return Catalogue(offers, tuple(clashes), tuple(faults))


def is_wanted(server: MCPServer, name: str) -> bool:
    """Whether the filters let a tool through."""
    return any(fnmatchcase(name, each) for each in server.include) and not any(
        fnmatchcase(name, each) for each in server.exclude
    )


def offered_name(server: MCPServer, name: str) -> str:
    """The name that the model uses: letters, digits, `_` and `-`, at most 64."""
    full = f"{server.name}_{name}" if server.name and name else name
    return re.sub("[^a-zA-Z0-9_-]", "_", full)[:MAX_NAME]


def result_text(content: Iterable[Any], structured: Any) -> str:
    """What a call returned, as the model reads it: JSON where there is any, else text; a note for each other thing.

    `content` are the blocks of a `mcp_types.CallToolResult`, `structured` is its JSON or None.
    """
    notes = [text for block in content if (text := _text(block, with_words=structured is None))]
    if structured is not None:
        notes.insert(0, msgspec.json.encode(structured).decode())
    return "\n".join(notes)


def error_text(content: Iterable[Any], structured: Any) -> str:
    """What a call that failed returned, as the model reads it: all its words, which say why, and its JSON."""
    words = [text for block in content if (text := _text(block, with_words=True))]
    if structured is not None:
        words.append(msgspec.json.encode(structured).decode())
    return "\n".join(words)


def _offer(server: MCPServer, tool: Listed) -> Offer:
    described = (tool.description or tool.title or "").strip()
    if len(described) > MAX_DESCRIPTION:
        described = described[: MAX_DESCRIPTION - 1] + "\N{HORIZONTAL ELLIPSIS}"
    rules = {**NO_PROPERTIES, **tool.input_schema}
    if not isinstance(rules.get("$schema", ""), str):
        del rules["$schema"]  # null, which says nothing
    parameters = {key: value for key, value in rules.items() if key != "$schema"}
    return Offer(tool.name, ToolSchema(offered_name(server, tool.name), described, parameters), rules)


def _text(block: Any, *, with_words: bool) -> str:
    """A piece of a result; its words (which say again what the JSON says) only `with_words`."""
    if block.type == "text":
        return str(block.text) if with_words else ""
    if block.type == "resource":
        text = getattr(block.resource, "text", None)
        return f"[resource {block.resource.uri}]" + (f"\n{text}" if text else "")
    if block.type == "resource_link":
        return f"[resource {block.uri}]"
    return f"[{block.type}]"
