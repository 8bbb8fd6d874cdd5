"""Times of day, dates and durations in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction

from llm.local.skills.numbers import parse_number, say_number

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = ("January February March April May June July August September October November December").split()
_ORDINALS = {1: "first", 2: "second", 3: "third", 5: "fifth", 8: "eighth", 9: "ninth", 12: "twelfth"}
_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_UNIT_WORDS = {
    **_UNITS,
    **{word + "s": size for word, size in _UNITS.items()},
    "sec": 1,
    "secs": 1,
    "min": 60,
    "mins": 60,
}


def say_time(now: datetime) -> str:
    """The time of day: "four thirty-one in the afternoon"."""
    hour = now.hour % 12 or 12
    if now.minute == 0:
        clock = f"{say_number(hour)} o'clock"
    elif now.minute < 10:
        clock = f"{say_number(hour)} oh {say_number(now.minute)}"
    else:
        clock = f"{say_number(hour)} {say_number(now.minute)}"
    return f"{clock} {_part_of_day(now.hour)}"


def say_date(now: datetime) -> str:
    """The date: "Monday, the second of November"."""
    return f"{WEEKDAYS[now.weekday()].capitalize()}, the {_ordinal(now.day)} of {MONTHS[now.month - 1]}"


def parse_duration(words: Sequence[str]) -> Fraction | None:
    """The seconds of the first duration in `words`: "a minute and a half", "two minutes thirty seconds"."""
    total = Fraction(0)
    index = 0
    while index < len(words):
        found = _quantity(words, index)
        if found is None:
            if total and words[index] != "and":
                break
            index += 1
            continue
        total += found[0]
        index = found[1]
    return total or None


def is_duration(words: Sequence[str]) -> bool:
    """Whether the words are a duration and nothing else."""
    rest = [word for word in words if word not in {"for", "in", "and", "a", "an", "half", "about", *_UNIT_WORDS}]
    numbers = 0
    while numbers < len(rest) and (number := parse_number(rest, numbers)):
        numbers = number[1]
    return numbers == len(rest) and parse_duration(words) is not None


def say_duration(seconds: Fraction | float) -> str:
    """Seconds in words: 90 is "one minute and thirty seconds"."""
    left = Fraction(seconds).limit_denominator(1000)
    parts = []
    for unit, size in reversed(_UNITS.items()):
        count: Fraction | int = left if size == 1 else left // size
        left -= count * size
        if count:
            parts.append(f"{say_number(count)} {unit}{'' if count == 1 else 's'}")
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts) or "no time"


def _quantity(words: Sequence[str], index: int) -> tuple[Fraction, int] | None:
    """One number with its unit at `index`, and where it ends."""
    if tuple(words[index : index + 2]) in {("half", "a"), ("half", "an")} and index + 2 < len(words):
        size = _UNIT_WORDS.get(words[index + 2])
        return (Fraction(size, 2), index + 3) if size else None
    if words[index] in {"a", "an"}:
        number, end = Fraction(1), index + 1
    elif parsed := parse_number(words, index):
        number, end = parsed
    else:
        return None
    if tuple(words[end : end + 3]) == ("and", "a", "half"):
        number, end = number + Fraction(1, 2), end + 3
    size = _UNIT_WORDS.get(words[end]) if end < len(words) else None
    if size is None:
        return None
    if tuple(words[end + 1 : end + 4]) == ("and", "a", "half"):
        return (number + Fraction(1, 2)) * size, end + 4
    return number * size, end + 1


def _part_of_day(hour: int) -> str:
    if 5 <= hour < 12:
        return "in the morning"
    if 12 <= hour < 18:
        return "in the afternoon"
    return "in the evening" if 18 <= hour < 22 else "at night"


def _ordinal(day: int) -> str:
    if day in _ORDINALS:
        return _ORDINALS[day]
    if day < 20:
        return say_number(day) + "th"
    if day % 10 == 0:
        return {20: "twentieth", 30: "thirtieth"}[day]
    return f"{say_number(day - day % 10)}-{_ordinal(day % 10)}"
