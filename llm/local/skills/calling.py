"""Calling the agent's own tools: which one, with what, and what to ask for first. Pure."""

from __future__ import annotations

from typing import Any

from llm.local.request import FunctionCall, Tool
from llm.local.skills import tool_words
from llm.local.skills.arguments import fill, fill_one, first_text_argument, question, takes_any_words
from llm.local.skills.arithmetic import answer_sum
from llm.local.skills.tool_words import Match
from llm.local.skills.turn import Asking, Reply, Turn
from llm.local.skills.wording import asks, negated

FILLERS = ("One moment.", "Let me see.", "Let me check.")
LOOKING_UP = ("Let me look that up.", "One moment, I will look that up.")


def unwanted_tool(turn: Turn) -> Reply | None:
    """Leave alone a tool whose whole name was said, after "do not"."""
    match = tool_words.best_match(turn.tools, turn.text) if negated(turn.text) else None
    return Reply(turn.pick(("All right, I will not.", "Okay, then not."))) if match and match.whole else None


def certain_tool(turn: Turn) -> Reply | None:
    """Call the tool whose whole name was said and whose arguments are all known."""
    match = tool_words.best_match(turn.tools, turn.text)
    if match is None or not match.whole:
        return None
    filled = fill(match.tool, turn.raw, turn.now)
    return None if filled.missing else call(turn, match.tool, filled.arguments)


def likely_tool(turn: Turn) -> Reply | None:
    """Call the tool that was meant, or ask for what it lacks."""
    match = tool_words.best_match(turn.tools, turn.text)
    return call_or_ask(turn, match.tool) if match else None


def call_or_ask(turn: Turn, tool: Tool) -> Reply:
    """Call a tool with what the caller said, or ask for its first missing argument."""
    filled = fill(tool, turn.raw, turn.now)
    return _call_when_complete(turn, tool, filled.arguments, filled.missing)


def asked_for(turn: Turn, *, any_words: bool) -> Reply | None:
    """Take the caller's words as the argument that was asked for; with `any_words` also if it is free text."""
    asking = turn.memory.asking
    tool = next((tool for tool in turn.tools if asking and tool.name == asking.tool), None)
    if asking is None or tool is None or takes_any_words(tool, asking.missing[0]) != any_words:
        return None
    if not any_words and (asks(turn.text) or answer_sum(turn.raw) or tool_words.has_role(tool, "timer")):
        return None  # its numbers are no answer; and timers have their own rule
    value = fill_one(tool, asking.missing[0], turn.raw, turn.now)
    if value is None:
        return None
    return _call_when_complete(turn, tool, {**asking.arguments, asking.missing[0]: value}, asking.missing[1:])


def look_up(turn: Turn, topic: str) -> Reply | None:
    """Look a topic up, by the agent's tool for it."""
    tool = tool_words.tool_with_role(turn.tools, "look_up")
    if tool is None:
        return None
    name = first_text_argument(tool)
    arguments = fill(tool, turn.raw, turn.now).arguments
    if name is not None:
        arguments[name] = topic
    return Reply(turn.pick(LOOKING_UP), (FunctionCall(tool.name, arguments),))


def ask_topic(turn: Turn) -> Reply | None:
    """Ask what to look up, where there is a tool for that."""
    tool = tool_words.tool_with_role(turn.tools, "look_up")
    name = first_text_argument(tool) if tool else None
    return Reply("What should I look up?", asking=Asking(tool.name, {}, (name,))) if tool and name else None


def forced(turn: Turn, tool_choice: str) -> Reply | None:
    """The call that a request demands: `required`, or a function by name."""
    name = tool_choice.removeprefix("function:")
    match: Match | None = tool_words.best_match(turn.tools, turn.text)
    if tool_choice == "required" and turn.tools:
        tool = match.tool if match else turn.tools[0]
    else:
        found = next((tool for tool in turn.tools if tool.name == name), None)
        if found is None:
            return None
        tool = found
    return Reply(calls=(FunctionCall(tool.name, fill(tool, turn.raw, turn.now).arguments),))


def call(turn: Turn, tool: Tool, arguments: dict[str, Any]) -> Reply:
    """Call a tool, with a word before it; a timer is spoken of when it runs."""
    if tool_words.has_role(tool, "timer"):
        return Reply(calls=(FunctionCall(tool.name, arguments),))
    words = LOOKING_UP if tool_words.has_role(tool, "look_up") else FILLERS
    return Reply(turn.pick(words), (FunctionCall(tool.name, arguments),))


def _call_when_complete(turn: Turn, tool: Tool, arguments: dict[str, Any], missing: tuple[str, ...]) -> Reply:
    if not missing:
        return call(turn, tool, arguments)
    return Reply(question(tool, missing[0]), asking=Asking(tool.name, arguments, missing))
