"""Times of day and dates in words, and the questions for them. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from llm.local.skills.numbers import say_number

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = ("January February March April May June July August September October November December").split()
DAYS_AROUND = {
    "the day after tomorrow": 2,
    "day after tomorrow": 2,
    "the day before yesterday": -2,
    "day before yesterday": -2,
    "tomorrow": 1,
    "yesterday": -1,
    "today": 0,
    "tonight": 0,
}
"""Days from today, the longer phrase before the one that it holds."""

_ORDINALS = {1: "first", 2: "second", 3: "third", 5: "fifth", 8: "eighth", 9: "ninth", 12: "twelfth"}
_DAY_AROUND = re.compile(rf"\b({'|'.join(DAYS_AROUND)})\b")
_NOW = r"(?: (?:is|it|now|right|today|exactly|here|there|over|then|again))*"
_TIME = re.compile(
    rf"(?:\b(?:what|which) time is it|\bwhat time it is|\bwhat time do you have|\bwhat is the (?:current )?time"
    rf"|\b(?:tell|give|say) (?:me )?the (?:current )?time|\btime is it|\b(?:know|have|got) (?:what time|the time)"
    rf"|\bwhat the time is|^(?:the )?current time|^(?:the |what )?time){_NOW}$"
)
_TIME_ELSEWHERE = re.compile(
    r"\b(?:what time is it|what is the time)(?: now| right now)? in (?!the |an? )[a-z]+(?: [a-z]+)?$"
)
_BOTH = re.compile(r"\b(?:time and (?:the )?(?:date|day)|(?:date|day) and (?:the )?time)\b")
_DATE = re.compile(
    r"\b(?:what|which) (?:day|date|month|year)\b|\bwhat is (?:the (?:date|day)|today's date|today$)"
    r"|\b(?:tell|give) me the date\b|^(?:the |today's |current )*date$|\bwhat the date is\b"
    r"|\bwhat (?:is|was) (?:tomorrow|yesterday)(?:'s date)?$"
    rf"|^(?P<guess>is (?:it|today|tomorrow) (?:{'|'.join(WEEKDAYS)})(?: today| tomorrow)?)$"
)
_DATE_WORDS = frozenset(
    """what which day date is it was will be do we have the a of in week weekday month year today now tell give me
    's today's current on know you have this calendar exactly again""".split()
)


def time_asked(text: str) -> bool:
    """Whether a caller asks, in plain form, for the time of day."""
    return "time" in text and any(pattern.search(text) for pattern in (_TIME, _TIME_ELSEWHERE, _BOTH))


def time_elsewhere(text: str) -> bool:
    """Whether the time of another place is asked for."""
    return _TIME_ELSEWHERE.search(text) is not None


def date_asked(text: str) -> bool:
    """Whether a caller speaks of a date, be it one that can be told or not."""
    spoken_of = any(word in text for word in ("day", "date", "month", "year", "morrow"))
    return spoken_of and bool(_DATE.search(text) or _BOTH.search(text))


def which_day(text: str) -> int | None:
    """How many days from today the day is that a question is about; None for a day that only a calendar knows."""
    if _BOTH.search(text):
        return 0
    around = days_from_today(text)
    rest = set(_DAY_AROUND.sub(" ", text).split()) - _DATE_WORDS
    asked = _DATE.search(text)
    return None if rest and not (asked and asked["guess"]) else around or 0


def days_from_today(text: str) -> int | None:
    """Of "tomorrow" and its like the days from today; None where there is none."""
    found = _DAY_AROUND.search(text)
    return DAYS_AROUND[found[1]] if found else None


def say_day(now: datetime, days: int) -> str:
    """The date of a day around today, as a sentence."""
    name = next(name for name, offset in DAYS_AROUND.items() if offset == days and name != "tonight")
    verb = "was" if days < 0 else "is"
    return f"{'Today' if days == 0 else name.capitalize()} {verb} {say_date(now + timedelta(days=days))}."


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
