"""A conversation with the brain, as an agent would keep its log."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from llm import cancel_tool
from llm.local.brain import respond
from llm.local.request import (
    Assistant,
    Called,
    Developer,
    FunctionCall,
    Item,
    Output,
    Request,
    Result,
    Text,
    Tool,
    User,
)

NOW = datetime(2026, 11, 2, 16, 31)  # a Monday
SHOP = "You answer the phone of a bicycle shop. Be brief."


def tool(name: str, description: str = "", properties: dict[str, Any] | None = None, required: Any = None) -> Tool:
    """A tool; all its arguments are required unless said otherwise."""
    given = properties or {}
    schema = {"type": "object", "properties": given, "required": list(given) if required is None else required}
    return Tool(name, description, schema)


SET_TIMER = tool("set_timer", "Set a timer that rings later.", {"seconds": {"type": "integer"}})
LOOK_UP = tool("look_up", "Look something up.", {"topic": {"type": "string"}})
END_CALL = tool("end_call", "End the call.")
CANCEL = Tool(cancel_tool.NAME, cancel_tool.SCHEMA.description, cancel_tool.SCHEMA.parameters)
DEMO = (SET_TIMER, LOOK_UP, END_CALL)


class Talk:
    """The log of a call, and what the brain answers to it."""

    def __init__(self, *tools: Tool, instructions: str = "", now: datetime = NOW) -> None:
        self.items: list[Item] = []
        self.tools = tools
        self.instructions = instructions
        self.now = now
        self._calls = 0

    def ask(self) -> list[Output]:
        """Ask for an answer; nothing is added to the log."""
        return list(respond(Request(tuple(self.items), self.instructions, self.tools), self.now))

    def user(self, text: str) -> str:
        """The caller says something and hears the whole answer."""
        self.items.append(User(text))
        return self.answer()

    def developer(self, text: str) -> str:
        """The application sends a message and its answer is heard."""
        self.items.append(Developer(text))
        return self.answer()

    def answer(self) -> str:
        """Ask, and add what is answered to the log. Calls are shown as name(arguments), and wait for `result`."""
        shown = []
        for output in self.ask():
            if isinstance(output, Text):
                self.items.append(Assistant(output.text))
                shown.append(output.text)
            else:
                self._calls += 1
                self.items.append(Called(f"call_{self._calls}", output.name, json.dumps(output.arguments)))
                shown.append(show(output))
        return " | ".join(shown)

    def result(self, output: str, call: int | None = None) -> str:
        """A call ends, and the answer to its result is heard."""
        self.items.append(Result(f"call_{call or self._calls}", output))
        return self.answer()

    def started(self) -> str:
        """The last call is an async one, and runs."""
        return self.result(
            json.dumps({"type": "async_tool", "status": "started", "tool_call_id": "x", "description": ""})
        )

    def later(self, status: str, result: Any = None, call: int | None = None) -> str:
        """An async call tells its result."""
        self.items.append(later(f"call_{call or self._calls}", status, result))
        return self.answer()

    def cut(self, heard: str) -> None:
        """The caller interrupted: of the last answer only `heard` was heard."""
        last = self.items.pop()
        assert isinstance(last, Assistant) and last.text.startswith(heard)
        if heard:
            self.items.append(Assistant(heard))


def later(call_id: str, status: str, result: Any = None) -> Developer:
    """The message by which an async call tells its result."""
    return Developer(json.dumps({"type": "async_tool", "tool_call_id": call_id, "status": status, "result": result}))


def show(call: FunctionCall) -> str:
    """A call in one line."""
    return f"{call.name}({json.dumps(call.arguments)})"


def once(text: str, *tools: Tool, instructions: str = "") -> str:
    """The answer to the first thing that a caller says."""
    return Talk(*tools, instructions=instructions).user(text)
