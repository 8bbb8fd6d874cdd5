"""What the model is asked: the agent's instructions and tools, what this server adds to them, and the log. Pure."""

from __future__ import annotations

from llm import cancel_tool
from llm.events import Request
from llm.items import Item
from llm.turn_completion import composed
from server.call.policy import CallSettings


def request(settings: CallSettings, items: tuple[Item, ...], note: str = "") -> Request:
    """A request for an answer. `note` is said to the model last, and once."""
    tools = [spec.schema for spec in settings.tools if spec.offered]
    additions = [settings.turn_completion.instruction()]
    if cancel_tool.offered(settings.calls, settings.tools):
        tools.append(cancel_tool.SCHEMA)
        additions.append(cancel_tool.PARAGRAPH)
    instructions = composed(settings.instructions, additions)
    return Request(instructions, items, tuple(tools), note, settings.model)
