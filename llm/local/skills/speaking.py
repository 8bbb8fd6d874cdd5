"""What came of a call, as a person would say it. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import msgspec

from llm.local.exchanges import Finding
from llm.local.request import Called, Tool
from llm.local.skills.durations import say_duration
from llm.local.skills.numbers import say_number
from llm.local.skills.tool_words import has_role, spoken_name, subject
from llm.local.skills.wording import listing, sentence

MAX_SPOKEN = 600  # characters of one result; about 40 s of speech
MAX_READ = 4 * MAX_SPOKEN  # characters of one result that are looked at
MAX_LISTED = 5

_DURATION_NAMES = (("millisecond", Fraction(1, 1000)), ("second", Fraction(1)), ("minute", Fraction(60)))


def say_findings(findings: Sequence[Finding], *, answered_besides: bool) -> str:
    """Sentences for what came of calls. With `answered_besides` cancellations that nobody asked for are left out."""
    final = {finding.call.call_id for finding in findings if finding.call and not finding.unfinished}
    sentences = []
    for finding in findings:
        if finding.unfinished and finding.call and finding.call.call_id in final:
            continue
        if answered_besides and finding.status in {"cancelled", "in_progress"}:
            continue
        sentences.append(_say_finding(finding))
    return " ".join(sentences)


def _say_finding(finding: Finding) -> str:
    if finding.call and is_timer(finding.call.name):
        return _say_timer(finding)
    about = subject(finding.call.name) if finding.call else "what you asked for"
    match finding.status:
        case "started":
            return "Okay, I have started on that. I will tell you when it is done."
        case "in_progress":
            return "I am still working on that."
        case "running":
            return f"News about {about}: {_lower(say_value(finding.value))}"
        case "cancelled":
            return "That was cancelled." if finding.value is None else say_value(finding.value)
        case "stopped":
            return "I have stopped that."
        case "not_stopped":
            return "Sorry, I could not stop that."
        case "timed_out":
            return "Sorry, that took too long, so I have stopped waiting for it."
        case "failed":
            return _say_failure(finding.value)
        case "finished":
            return f"{sentence(about)[:-1]} is done." if finding.value is None else _finished(about, finding.value)
        case "done":
            return "Done." if finding.value is None else say_value(finding.value)


def _finished(about: str, value: Any) -> str:
    spoken = say_value(value)
    whole_sentence = isinstance(value, str) and len(value.split()) > 3
    return spoken if whole_sentence else f"{sentence(about)[:-1]} is done: {_lower(spoken)}"


def _say_failure(value: Any, what: str = "that") -> str:
    reason = (
        re.sub(r"(?i)^\s*error\b[:\s]*(?:\w+(?:error|exception):)?", "", str(value or "")[:MAX_SPOKEN])
        .strip()
        .replace("'", "")
    )
    if not reason or len(reason) > 160 or "\n" in reason or "Traceback" in reason:
        return f"Sorry, {what} did not work."
    return f"Sorry, {what} did not work. {sentence(reason)}"


def _say_timer(finding: Finding) -> str:
    seconds = timer_seconds(finding.call)
    length = f" of {say_duration(seconds)}" if seconds else ""
    match finding.status:
        case "started" | "in_progress":
            return f"Okay, your timer{length.replace(' of ', ' for ')} is running."
        case "running":
            return f"Your timer{length} is still running."
        case "finished" | "done":
            return f"Your timer{length} is over."
        case "cancelled" | "stopped":
            return f"I have stopped your timer{length}."
        case "not_stopped":
            return f"Sorry, I could not stop your timer{length}."
        case "timed_out":
            return f"Sorry, your timer{length} did not work."
        case "failed":
            return _say_failure(finding.value, f"your timer{length}")


def is_timer(name: str) -> bool:
    """Whether a function of this name sets a timer."""
    return has_role(Tool(name, "", {}), "timer")


def timer_seconds(call: Called | None) -> Fraction | None:
    """The length of a timer, from the arguments of its call."""
    try:
        arguments = msgspec.json.decode(call.arguments) if call else {}
    except msgspec.DecodeError:
        return None
    for name, value in arguments.items() if isinstance(arguments, dict) else ():
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            words = spoken_name(name)
            unit = next((size for word, size in _DURATION_NAMES if word in words), Fraction(1))
            return Fraction(value).limit_denominator(1000) * unit
    return None


# --- values ---


def say_value(value: Any) -> str:
    """A result as a sentence or a few."""
    match value:
        case None:
            return "Done."
        case bool():
            return "Yes." if value else "No."
        case int() | float():
            return f"It is {_say_number(value)}."
        case str():
            return _say_text(value)
        case dict():
            return _say_dict(value)
        case list():
            return _say_list(value)
        case _:
            return sentence(str(value))


def _say_text(raw: str) -> str:
    text = " ".join(re.sub(r"[*_#`]+|https?://\S+", "", raw[:MAX_READ]).split())
    if len(text) <= MAX_SPOKEN and len(raw) <= MAX_READ:
        return sentence(text) if text else "Done."
    cut = text[:MAX_SPOKEN]
    end = max(cut.rfind(mark) for mark in (". ", "! ", "? "))
    return sentence(f"{cut[: end + 1]} And so on." if end > 0 else f"{cut[: cut.rfind(' ')]}, and so on.")


def _say_dict(value: dict[str, Any]) -> str:
    pairs = [(name, each) for name, each in value.items() if each is not None and not str(name).startswith("_")]
    if not pairs:
        return "Done."
    names = {str(name) for name, _ in pairs}
    if len(pairs) == 1 and names & {"result", "answer", "text", "message", "value", "summary", "output", "content"}:
        return say_value(pairs[0][1])
    if names in ({"ok"}, {"success"}):
        return "Done." if pairs[0][1] else "Sorry, that did not work."
    spoken = [f"{spoken_name(str(name))} is {_brief(each)}" for name, each in pairs[:MAX_LISTED]]
    return sentence(listing(spoken))


def _say_list(value: list[Any]) -> str:
    if not value:
        return "I found nothing."
    spoken = [_brief(each) for each in value[:MAX_LISTED]]
    if len(value) > MAX_LISTED:
        return f"There are {say_number(len(value))}. The first ones are {listing(spoken)}."
    return sentence(spoken[0]) if len(spoken) == 1 else f"There are {say_number(len(spoken))}: {listing(spoken)}."


def _brief(value: Any, depth: int = 3) -> str:
    """A value inside a sentence; what is nested deeper than that is only counted."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return _say_number(value)
        case list() | dict() if not value:
            return "nothing"
        case list() | dict() if depth == 0:
            return f"{say_number(len(value))} things"
        case list():
            return listing([_brief(each, depth - 1) for each in value[:MAX_LISTED]])
        case dict():
            named = next((value[name] for name in ("name", "title", "label", "text") if name in value), None)
            shown = list(value.values())[:MAX_LISTED]
            return listing([_brief(each, depth - 1) for each in (shown if named is None else [named])])
        case _:
            return " ".join(str(value)[:MAX_READ].split()).rstrip(".")[:120]


def _say_number(value: float) -> str:
    try:
        return say_number(Fraction(value).limit_denominator(1000))
    except (OverflowError, ValueError):  # infinity, and what is not a number
        return "no number"


def _lower(text: str) -> str:
    return text if text[:2] in {"I ", "It"} or text[1:2].isupper() else text[0].lower() + text[1:]
