"""When a provider wants to be asked again, in words only. Pure."""

from __future__ import annotations

import re

CAP_S = 10.0
"""No caller waits longer for a provider that is over its limit."""
_WORDS = re.compile(r"try again in (\d{1,6}(?:\.\d{1,6})?) ?(ms|s)\b", re.IGNORECASE)


def wish_s(message: str) -> float:
    """The wish in words, at most CAP_S: "Please try again in 1.2s", or "in 20ms"; 0 when there is none."""
    found = _WORDS.search(message)
    if found is None:
        return 0.0
    return min(float(found[1]) / (1000 if found[2].lower() == "ms" else 1), CAP_S)
