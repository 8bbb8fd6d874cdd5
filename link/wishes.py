"""When a provider wants to be asked again, in words only. Pure."""

from __future__ import annotations

import re

CAP_S = 10.0
"""No caller waits longer for a provider that is over its limit."""
_PART = r"(\d{1,6}(?:\.\d{1,12})?) ?(ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?)(?![a-z])"
_NEXT = re.compile(rf"(?:,? and |, ?| )?{_PART}", re.IGNORECASE)
_BEGIN = re.compile(rf"try again in (?={_PART})", re.IGNORECASE)
_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0}


def wish_s(message: str) -> float:
    """The wish in words, at most CAP_S: "Please try again in 1.2s", "in 20ms", "in 1m12.5s"; 0 when there is none."""
    begin = _BEGIN.search(message)
    if begin is None:
        return 0.0
    seconds, end = 0.0, begin.end()
    while part := _NEXT.match(message, end):
        seconds, end = seconds + float(part[1]) * _unit_s(part[2].lower()), part.end()
    return min(seconds, CAP_S)


def _unit_s(unit: str) -> float:
    return 0.001 if unit.startswith(("ms", "mil")) else _UNITS_S[unit[0]]
