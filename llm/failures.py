"""What a provider's refusal calls for: one outcome for each code, whichever protocol brought it. Pure.

Codes are those of OpenAI's errors (`error.code`), which the providers that speak its protocols send as well.
"""

from __future__ import annotations

import re

from llm.events import Failure

MAX_WISH_S = 10.0
"""No caller waits longer for a provider that is over its limit."""
_WISH = re.compile(r"try again in (\d{1,6}(?:\.\d{1,6})?) ?(ms|s)\b", re.IGNORECASE)

_KINDS: dict[str, Failure] = {
    "invalid_api_key": "fatal",
    "model_not_found": "fatal",
    "insufficient_quota": "fatal",
    "context_length_exceeded": "too_long",
    "string_above_max_length": "too_long",
    "invalid_prompt": "blocked",
    "content_filter": "blocked",
    "content_policy_violation": "blocked",
}
_FATAL_STATUS = frozenset({401, 403, 404})


def kind_of(code: str | None, status: int | None = None) -> Failure:
    """What a failure calls for, by its code, else by its HTTP status; what nobody knows may pass."""
    if code in _KINDS:
        return _KINDS[code]
    return "fatal" if status in _FATAL_STATUS else "passing"


def wish_s(message: str) -> float:
    """When to ask again, which a provider may say in words only: "Please try again in 1.2s", or "in 20ms"."""
    found = _WISH.search(message)
    if found is None:
        return 0.0
    return min(float(found[1]) / (1000 if found[2] == "ms" else 1), MAX_WISH_S)
