"""Lengths of time, in words and figures, both ways; and how to tell them from times of day. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

from llm.local.skills.clock import MONTHS, WEEKDAYS
from llm.local.skills.numbers import SMALL, TENS, parse_number, say_number

MAX_WORDS = 20  # of an utterance that is a duration and nothing else

_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_UNIT_WORDS = {
    **_UNITS,
    **{word + "s": size for word, size in _UNITS.items()},
    **dict.fromkeys(("s", "sec", "secs"), 1),
    **dict.fromkeys(("m", "min", "mins"), 60),
    **dict.fromkeys(("h", "hr", "hrs"), 3600),
    **dict.fromkeys(("week", "weeks"), 7 * 86400),
}
_SHARES = {
    ("half",): Fraction(1, 2),
    ("half", "of"): Fraction(1, 2),
    ("quarter",): Fraction(1, 4),
    ("quarter", "of"): Fraction(1, 4),
    ("quarters", "of"): Fraction(1, 4),
    ("couple",): Fraction(2),
    ("couple", "of"): Fraction(2),
}
"""Words between a count and a unit: three *quarters of* an hour, a *couple of* minutes."""
_RESTS = {
    ("and", "a", "half"): Fraction(1, 2),
    ("and", "a", "quarter"): Fraction(1, 4),
    ("and", "three", "quarters"): Fraction(3, 4),
}
_GLUE = frozenset("for in about exactly and a an minus half quarter quarters couple of".split())
_BEGIN = frozenset({*SMALL, *TENS, "a", "an", "half", "quarter"})
_SECOND_ONE = frozenset("timer alarm reminder countdown one".split())  # "a second timer" lasts no second
_WRITTEN_TOGETHER = re.compile(r"(?:\d+(?:\.\d+)?[a-z]+)+\d*")
_PIECES = re.compile(r"\d+(?:\.\d+)?|[a-z]+")
_HOUR = rf"(?:\d{{1,2}}|{'|'.join((*SMALL[1:], *TENS[2:]))})"
_TIME_OF_DAY = re.compile(
    r"\b(?:noon|midday|midnight|tomorrow|tonight|(?:this|in the) (?:morning|afternoon|evening)"
    rf"|o ?'?clock|half past|quarter (?:past|to)|(?:{'|'.join(WEEKDAYS)})s?"
    rf"|(?:{'|'.join(MONTHS).lower()}) (?:the )?(?:\d|{_HOUR}|\w+(?:st|nd|rd|th)\b)"
    rf"|{_HOUR} ?(?:am|pm|a m|p m)|(?:{_HOUR} (?:past|to)|at|until|till|by) (?:about |exactly |half )?{_HOUR}"
    rf"(?! (?:\w+ )?(?:and|{'|'.join(_UNIT_WORDS)})\b))\b"
)
_WRITTEN_TIME = re.compile(r"\b\d{1,2}:\d\d\b|\b\d{1,2} ?[ap]\.m\b")


@lru_cache(64)  # a timer is asked for it several times
def parse_duration(words: tuple[str, ...]) -> Fraction | None:
    """The seconds of the first duration in `words`: "a minute and a half", "1h30"; below zero after "minus"."""
    parts = _apart(words)
    total: Fraction | None = None
    index, smallest, sign = 0, 0, 1
    while index < len(parts):
        found = _quantity(parts, index)
        if found is None and total is not None and parts[index] != "and":
            break
        if found is None:
            sign = -1 if parts[index] == "minus" else 1
            index += 1
            continue
        seconds, index, smallest = found
        total = (total or 0) + seconds * sign
    return None if total is None else total + sign * _left_over(parts, index, smallest)


def is_duration(words: tuple[str, ...]) -> bool:
    """Whether the words are a duration and nothing else."""
    if len(words) > MAX_WORDS:
        return False
    rest = [word for word in _apart(words) if word not in _GLUE and word not in _UNIT_WORDS]
    numbers = 0
    while numbers < len(rest) and (number := parse_number(rest, numbers)):
        numbers = number[1]
    return numbers == len(rest) and parse_duration(words) is not None


def is_time_of_day(raw: str, text: str) -> bool:
    """Whether what was said (as it came, and in plain form) names a time by the clock or the calendar."""
    return bool(_TIME_OF_DAY.search(text) or _WRITTEN_TIME.search(raw.lower()))


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


def _apart(words: Sequence[str]) -> list[str]:
    """The words, with figures and the units that are written onto them taken apart: 1h30 is 1, h, 30."""
    parts: list[str] = []
    for word in words:
        parts += _PIECES.findall(word) if _WRITTEN_TOGETHER.fullmatch(word) else [word]
    return parts


def _quantity(words: list[str], index: int) -> tuple[Fraction, int, int] | None:
    """One number with its unit at `index`: the seconds, where it ends, and the seconds of its unit."""
    if not (words[index] in _BEGIN or words[index][:1].isdigit()):
        return None
    count = _count(words, index)
    if count is None:
        return None
    number, end = count
    for rest, more in _RESTS.items():
        if tuple(words[end : end + len(rest)]) == rest:
            number, end = number + more, end + len(rest)
    size = _UNIT_WORDS.get(words[end]) if end < len(words) else None
    if size is None or (words[index:end] == ["a"] and size == 1 and _SECOND_ONE & set(words[end + 1 : end + 2])):
        return None
    end += 1
    for rest, more in _RESTS.items():
        if tuple(words[end : end + len(rest)]) == rest:
            number, end = number + more, end + len(rest)
    return number * size, end, size


def _count(words: list[str], index: int) -> tuple[Fraction, int] | None:
    """How many units: "ten", "a", "half an", "three quarters of an"."""
    number, end = Fraction(1), index
    if words[index] in {"a", "an"}:
        end = index + 1
    elif parsed := parse_number(words, index):
        number, end = parsed
    for length in (2, 1):
        share = _SHARES.get(tuple(words[end : end + length]))
        if share is not None:
            end += length
            return number * share, end + (words[end : end + 1] in (["a"], ["an"]))
    return (number, end) if end > index else None


def _left_over(words: list[str], index: int, smallest: int) -> Fraction:
    """The seconds of a bare number that ends the words, after hours or minutes: the thirty of "1 h 30"."""
    number = parse_number(words, index)
    if number is None or number[1] != len(words) or smallest not in {60, 3600} or number[0] >= 60:
        return Fraction(0)
    return number[0] * (smallest // 60)
