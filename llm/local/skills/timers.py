"""Timers: set one for a length of time, stop it, and say plainly what they cannot do. Pure."""

from __future__ import annotations

import re
from typing import Any

from llm.local.exchanges import CANCEL_ASYNC
from llm.local.request import FunctionCall, Tool
from llm.local.skills.arguments import fill, fill_one, length_s, longest_s, question, takes_any_words
from llm.local.skills.durations import is_duration, is_time_of_day, parse_duration, say_duration
from llm.local.skills.numbers import is_number, numbers_in
from llm.local.skills.speaking import is_timer, timer_seconds
from llm.local.skills.tool_words import best_match, tool_with_role
from llm.local.skills.turn import Asking, Reply, Turn
from llm.local.skills.wording import asks, negated

_NOUN = r"(?:timer|alarm|countdown)"
_SPOKEN_OF = re.compile(rf"\b(?:{_NOUN}s?|reminder|(?:remind|wake) me|wake up call)\b")
_WANTED = re.compile(
    r"\b(?:set|start|make|give|begin|run|create|put|need|want|get|add|use|count|remind me|wake me)\b"
    rf"|^(?:an? |the |another |new |egg |second )*{_NOUN}\b|^(?:is there|do you have|what about|how about)\b"
)
_ASKED_ABOUT = re.compile(
    r"^(?:is (?!there)|are|was|were|has|did|does|how (?:long|much|many)|when|where|which|what is left)\b"
)
_STOPPED = re.compile(
    r"^(?:cancel|stop|abort|end|delete|remove|kill|clear|turn off|switch off|pause|reset)"
    rf"(?: \S+){{0,5}} {_NOUN}s?\b|^turn (?:the|my|that) {_NOUN}s? off\b"
)
_AROUND_A_NUMBER = frozenset("for in about exactly make it let us say maybe then minus i think is that".split())


def cancel_timer(turn: Turn) -> Reply | None:
    """Stop a timer, where the agent lets its functions be cancelled and has no tool of its own for that."""
    if not _STOPPED.match(turn.text):
        return None
    match = best_match(turn.tools, turn.text)
    if match and match.whole:
        return None
    return _cancel(turn) if turn.can_cancel else Reply("I am afraid I cannot stop a timer.")


def _cancel(turn: Turn) -> Reply:
    """Cancel the newest timer, or the newest of the length that was named."""
    running = [call for call in turn.running if is_timer(call.name)]
    length = parse_duration(turn.words)
    meant = [call for call in running if length in {None, timer_seconds(call)}]
    if meant:
        return Reply(calls=(FunctionCall(CANCEL_ASYNC, {"tool_call_id": meant[-1].call_id}),))
    return Reply("No timer of that length is running." if running else "No timer is running.")


def timer(turn: Turn) -> Reply | None:
    """Set a timer, by the agent's tool for it."""
    if not (_SPOKEN_OF.search(turn.text) or is_duration(turn.words)):
        return None
    if negated(turn.text):
        return Reply(turn.pick(("All right, no timer.", "Okay, I will not set a timer.")))
    known = parse_duration(turn.words) is not None
    if not known and _ASKED_ABOUT.match(turn.text):
        return Reply("I cannot look at a timer while it runs. I will tell you when it is over.")
    if not known and not _WANTED.search(turn.text):
        return None
    tool = tool_with_role(turn.tools, "timer")
    if tool is None:
        return Reply("I have no timer on this line.") if _SPOKEN_OF.search(turn.text) else None
    filled = fill(tool, turn.raw, turn.now)
    return _refusal(turn, tool, filled.arguments) or _set(tool, filled.arguments, filled.missing)


def how_long(turn: Turn) -> Reply | None:
    """Take the caller's words as the length that was asked for; here a bare number has the tool's own unit."""
    asking, tool = turn.memory.asking, tool_with_role(turn.tools, "timer")
    if asking is None or tool is None or asking.tool != tool.name or takes_any_words(tool, asking.missing[0]):
        return None
    bare = tuple(word for word in turn.words if word not in _AROUND_A_NUMBER)
    length = is_number(bare) or parse_duration(turn.words) is not None or is_time_of_day(turn.raw, turn.text)
    if asks(turn.text) or not length:
        return None
    value = fill_one(tool, asking.missing[0], turn.raw, turn.now)
    if value is None:
        return None
    arguments = {**asking.arguments, asking.missing[0]: value}
    return _refusal(turn, tool, arguments) or _set(tool, arguments, asking.missing[1:])


def _refusal(turn: Turn, tool: Tool, arguments: dict[str, Any]) -> Reply | None:
    """Why there is no such timer."""
    seconds = length_s(arguments)
    a_number_only = parse_duration(turn.words) is None and bool(numbers_in(turn.words))
    if is_time_of_day(turn.raw, turn.text) or (a_number_only and re.search(r"\b(?:alarm|wake)\b", turn.text)):
        return Reply("I only know durations, no times of day. You could say, set a timer for ten minutes.")
    if seconds is not None and seconds <= 0:
        return Reply("A timer needs some time to run. You could say, set a timer for ten seconds.")
    longest = longest_s(tool)
    if seconds is not None and longest is not None and seconds > longest:
        return Reply(f"A timer here runs for {say_duration(longest)} at the most.")
    return None


def _set(tool: Tool, arguments: dict[str, Any], missing: tuple[str, ...]) -> Reply:
    """Call the tool, or ask for what it lacks."""
    if not missing:
        return Reply(calls=(FunctionCall(tool.name, arguments),))
    words = question(tool, missing[0]) if length_s(arguments) else "For how long? You could say, for ten seconds."
    return Reply(words, asking=Asking(tool.name, arguments, missing))
