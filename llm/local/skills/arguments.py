"""The arguments of a tool, as far as a caller's words give them. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime
from fractions import Fraction
from typing import Any

from msgspec import Struct

from llm.local.request import Tool
from llm.local.skills.clock import MONTHS, WEEKDAYS, days_from_today
from llm.local.skills.durations import parse_duration, say_duration
from llm.local.skills.numbers import digits_in, numbers_in
from llm.local.skills.tool_words import name_stems, spoken_name, stem
from llm.local.skills.wording import listing, plain, verbatim


class Filled(Struct, frozen=True):
    """What could be filled in, and the required arguments that are missing."""

    arguments: dict[str, Any]
    missing: tuple[str, ...]


class _Source:
    """One utterance, read once; a number is used for one argument only."""

    def __init__(self, raw: str, now: datetime, *, whole: bool) -> None:
        self.raw = raw
        self.said = verbatim(raw)
        self.words = tuple(plain(raw).split())
        self.stems = tuple(stem(word) for word in self.words)
        self.now = now
        self.numbers = [
            (-number if self.words[max(0, start - 1)] == "minus" else number, start, end)
            for number, start, end in numbers_in(self.words)
        ]
        self.answer = self.said if whole else ""
        """All the words, if the caller was asked for just this argument."""
        self.trailing: str | None = None


def fill(tool: Tool, raw: str, now: datetime) -> Filled:
    """Fill the tool's arguments from what the caller said."""
    properties, required = _properties(tool.parameters)
    source = _Source(raw, now, whole=False)
    source.trailing = _trailing(tool, source.said)
    arguments: dict[str, Any] = {}
    for name, schema in properties.items():
        value = _value(_Slot(name, schema, source, name in required))
        if value is not None:
            arguments[name] = value
    return Filled(arguments, tuple(name for name in required if name not in arguments))


def fill_one(tool: Tool, name: str, answer: str, now: datetime) -> Any:
    """The value of one argument from the caller's answer to the question for it; None if it holds none."""
    schema = _properties(tool.parameters)[0].get(name, {})
    return _value(_Slot(name, schema, _Source(answer, now, whole=True), True))


def question(tool: Tool, name: str) -> str:
    """How to ask for a missing argument."""
    schema = _properties(tool.parameters)[0].get(name, {})
    words = spoken_name(name)
    choices = [spoken_name(str(choice)) for choice in schema.get("enum", ())]
    if 1 < len(choices) <= 5:
        return f"Which {words}? {listing(choices, 'or').capitalize()}?"
    if _type(schema) in {"integer", "number"}:
        unit = words.split()[-1].endswith("s") and words != "s"
        return f"How many {words}?" if unit else f"What number should I take for the {words}?"
    return f"Which {words}?" if len(words.split()) < 3 else f"What is the {words}?"


def only_text_argument(tool: Tool) -> str | None:
    """The name of the one argument that a tool needs, if that is text without a choice."""
    properties, required = _properties(tool.parameters)
    schema = properties.get(required[0], {}) if len(required) == 1 else {"enum": ()}
    return required[0] if _type(schema) == "string" and "enum" not in schema else None


def choices(tool: Tool) -> dict[str, list[str]]:
    """The texts that arguments with a choice take, by the arguments' names."""
    properties = _properties(tool.parameters)[0]
    texts = {
        name: [each for each in schema.get("enum") or () if isinstance(each, str)]
        for name, schema in properties.items()
    }
    return {name: some for name, some in texts.items() if some}


def length_s(arguments: dict[str, Any]) -> Fraction | None:
    """The seconds of the first argument that is a length of time."""
    for name, value in arguments.items():
        size = _duration_unit(name)
        if size and isinstance(value, int | float):
            return Fraction(value).limit_denominator(1000) * size
    return None


def longest_s(tool: Tool) -> Fraction | None:
    """The most seconds that the schema of a tool allows."""
    for name, schema in _properties(tool.parameters)[0].items():
        size, most = _duration_unit(name), schema.get("maximum")
        if size and isinstance(most, int | float) and math.isfinite(most):
            return Fraction(most).limit_denominator(1000) * size
    return None


def takes_any_words(tool: Tool, name: str) -> bool:
    """Whether an argument is free text, so that every answer would fit it."""
    schema = _properties(tool.parameters)[0].get(name, {})
    return _filler(name, schema) in {_text, _list}


def first_text_argument(tool: Tool) -> str | None:
    """The name of the first argument that is text, required ones first."""
    properties, required = _properties(tool.parameters)
    ordered = [*required, *(name for name in properties if name not in required)]
    return next((name for name in ordered if _type(properties.get(name, {})) == "string"), None)


def _properties(parameters: dict[str, Any]) -> tuple[dict[str, dict[str, Any]], tuple[str, ...]]:
    """The schema of each argument, references resolved, and the names of the required ones."""
    found = parameters.get("properties")
    properties = found if isinstance(found, dict) else {}
    required = parameters.get("required")
    names = tuple(name for name in required if isinstance(name, str)) if isinstance(required, list) else ()
    return {name: _resolve(schema, parameters) for name, schema in properties.items()}, names


def _resolve(schema: Any, root: dict[str, Any], depth: int = 4) -> dict[str, Any]:
    if not isinstance(schema, dict):
        return {}
    if isinstance(schema.get("$ref"), str) and depth:
        target: Any = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            target = target.get(step, {}) if isinstance(target, dict) else {}
        return _resolve(target, root, depth - 1)
    for union in ("anyOf", "oneOf"):
        for choice in schema.get(union) or ():
            if isinstance(choice, dict) and choice.get("type") != "null" and depth:
                return _resolve(choice, root, depth - 1)
    return schema


def _type(schema: dict[str, Any]) -> str:
    kind = schema.get("type", "string")
    if isinstance(kind, list):
        kind = next((each for each in kind if each != "null"), "string")
    return str(kind)


# --- one argument ---


class _Slot(Struct, frozen=True):
    """An argument to fill, and where from."""

    name: str
    schema: dict[str, Any]
    source: _Source
    required: bool


Filler = Callable[[_Slot], Any]


def _value(slot: _Slot) -> Any:
    """The value of an argument, or None; an empty text is none."""
    value = _filler(slot.name, slot.schema)(slot)
    return None if value == "" else value


def _filler(name: str, schema: dict[str, Any]) -> Filler:
    if schema.get("enum"):
        return _choice
    kind = _type(schema)
    if kind != "string":
        return _BY_TYPE.get(kind, _nothing)
    words = set(spoken_name(name).split())
    description = set(re.findall(r"[a-z]+", str(schema.get("description", "")).lower()))
    for names, filler in _BY_NAME:
        if words & names:
            return filler
    return _day if "weekday" in description else _text


def _choice(slot: _Slot) -> Any:
    said = f" {' '.join(slot.source.stems)} "
    weekdays = f" {stem(_weekday(slot.source) or '')} "
    for choice in sorted(slot.schema["enum"], key=lambda each: -len(str(each))):
        wanted = f" {' '.join(stem(word) for word in spoken_name(str(choice)).split())} "
        if wanted in said or wanted == weekdays:
            return choice
    return next((c for c in slot.schema["enum"] if any(number == c for number, _, _ in slot.source.numbers)), None)


def _boolean(slot: _Slot) -> Any:
    named = [index for index, word in enumerate(slot.source.stems) if word in name_stems(slot.name)]
    if named:
        before = slot.source.words[max(0, named[0] - 2) : named[0]]
        return not {"no", "not", "without"} & set(before)
    if slot.source.answer:
        return not re.match(r"\s*(no|nope|not|without)\b", slot.source.raw.lower())
    return False if slot.required else None


def _number(slot: _Slot) -> Any:
    size = _duration_unit(slot.name)
    duration = parse_duration(slot.source.words) if size else None
    if size and duration is not None:
        value: Fraction | None = duration / size
    elif size and not slot.source.answer:
        return None  # a number alone is a length only for who was asked for one
    else:
        value = _take_number(slot.name, slot.source)
    if value is None:
        return None
    return int(value) if _type(slot.schema) == "integer" or value.denominator == 1 else float(value)


def _take_number(name: str, source: _Source) -> Fraction | None:
    """The number beside a word of the argument's name ("four guests"), else the first that is not used yet."""
    if not source.numbers:
        return None
    stems = name_stems(name)
    beside = next(
        (
            number
            for number in source.numbers
            if stems & set(source.stems[number[2] : number[2] + 1])
            or stems & set(source.stems[max(0, number[1] - 1) : number[1]])
        ),
        source.numbers[0],
    )
    source.numbers.remove(beside)
    return beside[0]


def _duration_unit(name: str) -> Fraction | None:
    """The unit of an argument that is a length of time, in seconds."""
    words = set(spoken_name(name).split())
    if words & {"ms", "millisecond", "milliseconds"}:
        return Fraction(1, 1000)
    if words & {"minute", "minutes", "min", "mins"}:
        return Fraction(60)
    if words & {"hours"}:
        return Fraction(3600)
    return Fraction(1) if words & {"second", "seconds", "sec", "secs", "s", "duration", "delay"} else None


def _duration_text(slot: _Slot) -> Any:
    duration = parse_duration(slot.source.words)
    return say_duration(duration) if duration else None


def _day(slot: _Slot) -> Any:
    dated = slot.source.answer if _DATED.search(slot.source.answer) else None
    return _weekday(slot.source) or _hinted(r"\bon\s+", slot.source) or dated


_DATED = re.compile(rf"(?i)\b({'|'.join(MONTHS)}|first|second|third|\w+th|\d+)\b")


def _weekday(source: _Source) -> str | None:
    for word in source.words:
        if word.removesuffix("s") in WEEKDAYS:
            return word.removesuffix("s")
    days = days_from_today(" ".join(source.words))
    return None if days is None else WEEKDAYS[(source.now.weekday() + days) % 7]


_CLOCK = re.compile(
    r"\b(noon|midnight|(?:[\w:]+\s+)?[\w:]+\s+(?:am|pm|o'clock)|half past \w+|quarter (?:past|to) \w+)\b"
)


def _time(slot: _Slot) -> Any:
    hinted = _hinted(r"\bat\s+", slot.source)
    clock = _CLOCK.search(slot.source.said.lower())
    return hinted or (clock[0] if clock else None) or slot.source.answer


def _digits(slot: _Slot) -> Any:
    return digits_in(slot.source.words) or _text(slot)


def _place(slot: _Slot) -> Any:
    return _hinted(r"\b(?:in|near|at|for)\s+", slot.source) or _text(slot)


def _destination(slot: _Slot) -> Any:
    return _hinted(r"\bto\s+", slot.source) or _text(slot)


def _origin(slot: _Slot) -> Any:
    return _hinted(r"\bfrom\s+", slot.source) or slot.source.answer


def _person(slot: _Slot) -> Any:
    lead = r"\b(?:name is|under the name(?: of)?|name of|called|i am|i'm|this is|it is|it's)\s+"
    return _hinted(lead, slot.source) or slot.source.answer


def _message(slot: _Slot) -> Any:
    found = re.search(r"\b(?:saying|to say|that says|message is|because)\s+(.+)$", slot.source.said, re.IGNORECASE)
    return found[1] if found else _text(slot)


_BEFORE_AN_ANSWER = re.compile(
    r"(?i)^(?:(?:the|a|an|on|at|in|for|to|it is|it's|that is|is it|i think|i guess|i would say|maybe|probably)\s+)+"
    r"(?=\w)"
)


def _text(slot: _Slot) -> Any:
    quoted = re.search(r"[\"“]([^\"”]+)[\"”]", slot.source.raw)
    if quoted:
        return quoted[1].strip()
    if not slot.required:
        return None
    if slot.source.answer:
        return _BEFORE_AN_ANSWER.sub("", slot.source.answer)
    text, slot.source.trailing = slot.source.trailing, None
    return text or None


def _list(slot: _Slot) -> Any:
    items = slot.schema.get("items")
    items = items if isinstance(items, dict) else {}
    if items.get("enum"):
        rest = {"enum": list(items["enum"])}
        found = []
        while rest["enum"] and (value := _choice(_Slot(slot.name, rest, slot.source, True))) is not None:
            found.append(value)
            rest["enum"].remove(value)
        return found or None
    if _type(items) in {"integer", "number"}:
        return [
            int(number) if number.denominator == 1 else float(number) for number, _, _ in slot.source.numbers
        ] or None
    text = _text(slot)
    return [part.strip() for part in re.split(r",|\band\b", text) if part.strip()] if text else None


def _nothing(slot: _Slot) -> Any:
    """An object cannot be said in a few words."""
    return {} if slot.required and not slot.schema.get("required") else None


_BY_TYPE: dict[str, Filler] = {"boolean": _boolean, "integer": _number, "number": _number, "array": _list}
_BY_NAME: tuple[tuple[set[str], Filler], ...] = (
    ({"day", "weekday", "date"}, _day),
    ({"time", "hour", "when"}, _time),
    ({"duration"}, _duration_text),
    ({"number", "phone", "code", "pin", "account", "id", "zip", "postcode", "digits"}, _digits),
    ({"name", "person", "customer", "guest"}, _person),
    ({"city", "place", "location", "town", "country", "where"}, _place),
    ({"to", "destination", "recipient"}, _destination),
    ({"from", "origin"}, _origin),
    ({"message", "body", "note", "reason"}, _message),
)
_END = r"(?=\s+(?:in|on|at|for|to|from|with|by|saying|and|please|today|tomorrow)\b|\s*$)"


def _hinted(lead: str, source: _Source) -> str | None:
    """The words after a hint such as "in", up to the next preposition."""
    found = re.search(lead + r"(?:the\s+)?(\S+(?:\s+\S+)*?)" + _END, source.said, re.IGNORECASE)
    return found[1] if found else None


def _trailing(tool: Tool, said: str) -> str:
    """The words after the last word of the tool's name: "pepperoni" of "order a pizza with pepperoni"."""
    words = said.split()
    stems = name_stems(tool.name)
    named = next((index for index in range(len(words), 0, -1) if stem(words[index - 1].lower()) in stems), len(words))
    text = " ".join(words[named:])
    text = re.sub(r"(?i)^((a|an|the|for|of|to|about|on|in|at|with|me|is|are|called|named|please)\s+)+", "", text)
    return re.sub(r"(?i)(^|\s+)(please|for me|thanks?( you)?)$", "", text).strip()
