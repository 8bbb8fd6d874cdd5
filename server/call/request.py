"""What the model is asked: the agent's instructions and tools, what this server adds to them, and the log. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from llm import cancel_tool
from llm.events import Request
from llm.items import Item
from server.call.policy import CallSettings


def request(settings: CallSettings, items: tuple[Item, ...], note: str = "") -> Request:
    """A request for an answer. `note` is said to the model last, and once."""
    tools = [spec.schema for spec in settings.tools if spec.offered]
    if cancel_tool.offered(settings.calls, settings.tools):
        tools.append(cancel_tool.SCHEMA)
    return Request(instructions(settings), items, tuple(tools), note, settings.model)


def instructions(settings: CallSettings) -> str:
    """The agent's own instructions, and after them the paragraph of each thing that is switched on."""
    return "\n\n".join(filter(None, (settings.instructions, *_paragraphs(settings))))


def _paragraphs(settings: CallSettings) -> Iterator[str]:
    if cancel_tool.offered(settings.calls, settings.tools):
        yield cancel_tool.PARAGRAPH
