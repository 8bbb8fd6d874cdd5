"""A talk with an example by the brain that comes with it: its tools are called, and their results told."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from llm.local import request
from llm.tools import FunctionCallParams
from server.agent import load_agent
from server.call.request import request as model_request
from server.config import Settings
from tests.unit.llm.local import talk
from tests.virtual.loop import run

EXAMPLES = Path(__file__).parents[3] / "examples"


class ExampleTalk:
    """One call of an example. `said(...)` gives what the caller hears, results included."""

    def __init__(self, name: str) -> None:
        agent = load_agent(EXAMPLES / f"{name}.py")
        asked = model_request(agent.call_settings(Settings()), ())
        self.tools = agent.tools
        self.vocabulary = agent.vocabulary
        self.call = SimpleNamespace(state={})
        self._talk = talk.Talk(
            *(request.Tool(each.name, each.description, each.parameters) for each in asked.tools),
            instructions=asked.instructions,
        )
        self._talk.items.append(request.Assistant(agent.greeting))

    def answer(self, text: str) -> str:
        """The caller says something; calls are shown, and do not run."""
        return self._talk.user(text)

    def said(self, text: str) -> str:
        """The caller says something; tools run at once, however long they take."""
        words = self.answer(text)
        last = self._talk.items[-1]
        if not isinstance(last, request.Called):
            return words
        return f"{words} | {self._talk.result(self.result(last.name, **json.loads(last.arguments)))}"

    def result(self, name: str, /, **arguments: Any) -> str:
        """What a tool gives. Raises ToolArgumentError for arguments that do not fit."""
        tool = self.tools.get(name)
        assert tool is not None
        given = tool.check(json.dumps(arguments))
        if tool.params_name:
            given[tool.params_name] = FunctionCallParams(name, "c1", arguments, _no_callback, self.call)
        return str(run(tool.handler(**given)) if tool.is_async else tool.handler(**given))


async def _no_callback(result: Any, *, properties: Any = None) -> None:
    raise AssertionError(f"a result by the callback: {result}")
