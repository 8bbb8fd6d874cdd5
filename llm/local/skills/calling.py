"""Calling the agent's own tools: which one, with what, and what to ask for first. Pure."""

from __future__ import annotations

from typing import Any

from llm.local.request import FunctionCall, Tool
from llm.local.skills import tool_words
from llm.local.skills.arguments import fill, fill_one, first_text_argument, question, takes_any_words
from llm.local.skills.clock import is_duration
from llm.local.skills.tool_words import CANCEL_TOOL, Match
from llm.local.skills.turn import Asking, Reply, Turn

FILLERS = ("One moment.", "Let me see.", "Let me check.")
LOOKING_UP = ("Let me look that up.", "One moment, I will look that up.")


def certain_tool(turn: Turn) -> Reply | None:
    """Call the tool whose whole name was said and whose arguments are all known."""
    match = tool_words.best_match(turn.tools, turn.text)
    if match is None or not match.whole:
        return None
    filled = fill(match.tool, turn.raw, turn.now)
    return None if filled.missing else _call(turn, match.tool, filled.arguments)


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
    value = fill_one(tool, asking.missing[0], turn.raw, turn.now)
    if value is None:
        return None
    return _call_when_complete(turn, tool, {**asking.arguments, asking.missing[0]: value}, asking.missing[1:])


def timer(turn: Turn) -> Reply | None:
    """Set a timer, by the agent's tool for it."""
    words = set(turn.words)
    if not words & {"timer", "alarm", "countdown", "remind", "wake"} and not is_duration(turn.words):
        return None
    tool = tool_words.tool_with_role(turn.tools, "timer")
    if tool is None:
        return Reply("I have no timer on this line.") if words & {"timer", "alarm", "countdown"} else None
    filled = fill(tool, turn.raw, turn.now)
    if filled.missing:
        asking = Asking(tool.name, filled.arguments, filled.missing)
        return Reply("For how long? You could say, for ten seconds.", asking=asking)
    return Reply(calls=(FunctionCall(tool.name, filled.arguments),))


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


def cancel_running(turn: Turn) -> Reply | None:
    """Cancel what still runs in the background: "stop the timer"."""
    if not turn.words or turn.words[0] not in {"cancel", "stop", "abort", "end", "delete", "turn", "clear"}:
        return None
    said = {tool_words.stem(word) for word in turn.words[1:]}
    match = tool_words.best_match(turn.tools, turn.text)
    if match and match.whole and {"cancel", "stop", "delete", "clear", "end"} & tool_words.name_stems(match.tool.name):
        return None  # the agent has a tool of its own for this
    running = [call for call in turn.memory.running if said & tool_words.name_stems(call.name)]
    if running and any(tool.name == CANCEL_TOOL for tool in turn.tools):
        return Reply(calls=(FunctionCall(CANCEL_TOOL, {"tool_call_id": running[-1].call_id}),))
    if running:
        return Reply("I am afraid I cannot stop that any more.")
    return Reply("There is no timer running.") if "timer" in said else None


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


def _call_when_complete(turn: Turn, tool: Tool, arguments: dict[str, Any], missing: tuple[str, ...]) -> Reply:
    if not missing:
        return _call(turn, tool, arguments)
    return Reply(question(tool, missing[0]), asking=Asking(tool.name, arguments, missing))


def _call(turn: Turn, tool: Tool, arguments: dict[str, Any]) -> Reply:
    if tool_words.tool_with_role([tool], "timer"):
        words = ""
    elif tool_words.tool_with_role([tool], "look_up"):
        words = turn.pick(LOOKING_UP)
    else:
        words = turn.pick(FILLERS)
    return Reply(words, (FunctionCall(tool.name, arguments),))
