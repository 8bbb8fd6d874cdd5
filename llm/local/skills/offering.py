"""A few words that only make sense after what was said before: an answer, a choice, another weekday. Pure."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from llm.local.request import Tool
from llm.local.skills import calling
from llm.local.skills.arguments import choices, fill, fill_one, only_text_argument
from llm.local.skills.clock import WEEKDAYS, days_from_today
from llm.local.skills.tool_words import has_role, spoken_name, stem
from llm.local.skills.turn import Reply, Turn
from llm.local.skills.wording import asks

_AROUND = frozenset(
    """the a an about on one and or then what how i want would like choose take will think say go for with is it my
    answer question please maybe let us do have another thanks thank you also next some something""".split()
)
"""Words that may stand around a choice."""
_WISHES = re.compile(r"(?:is(?! it| that)|are|was|were|do|does|did|can|could|will|would|may|tell|give|say)\b")


def bare_choice(turn: Turn) -> Reply | None:
    """A value of an enum, said alone, picks its tool; of several tools the one that was called last."""
    said = [stem(word) for word in turn.words if word not in _AROUND]
    named = [
        tool
        for tool in _own_tools(turn)
        if any(said == _stems(each) for some in choices(tool).values() for each in some)
    ]
    last = turn.memory.called
    again = [tool for tool in named if last and tool.name == last.name]
    if len(again or named) != 1:
        return None
    return calling.call_or_ask(turn, (again or named)[0])


def bare_weekday(turn: Turn) -> Reply | None:
    """A weekday, said alone, repeats the last call for that day."""
    day = next((word for word in turn.words if word.removesuffix("s") in WEEKDAYS), None)
    around = {day, "day", "after", "before", "tomorrow", "yesterday", "today", "tonight"}
    last = turn.memory.called
    tool = next((tool for tool in turn.tools if last and tool.name == last.name), None)
    if last is None or tool is None or set(turn.words) - _AROUND - around:
        return None
    if day is None and days_from_today(turn.text) is None:
        return None
    arguments = _decoded(last.arguments)
    name = next((name for name, value in arguments.items() if str(value).lower() in WEEKDAYS), None)
    if name is None:
        return None
    return calling.call(turn, tool, {**arguments, name: fill_one(tool, name, turn.raw, turn.now)})


def answer_to_question(turn: Turn) -> Reply | None:
    """What answers the question of a tool or a greeting goes to the tool whose choice, or only text, it is."""
    if not turn.memory.question or not turn.words:
        return None
    for tool in _own_tools(turn):
        filled = fill(tool, turn.raw, turn.now)
        if choices(tool).keys() & filled.arguments.keys() and not filled.missing:
            return calling.call(turn, tool, filled.arguments)
    if asks(turn.text) or _WISHES.match(turn.text):
        return None
    takers = [(tool, name) for tool in _own_tools(turn) if (name := only_text_argument(tool))]
    if len(takers) != 1:
        return None
    tool, name = takers[0]
    value = fill_one(tool, name, turn.raw, turn.now)
    return None if value is None else calling.call(turn, tool, {name: value})


def _own_tools(turn: Turn) -> list[Tool]:
    return [tool for tool in turn.tools if not has_role(tool, "timer", "look_up", "end_call")]


def _stems(choice: str) -> list[str]:
    return [stem(word) for word in spoken_name(choice).split()]


def _decoded(arguments: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(arguments, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        return {}
