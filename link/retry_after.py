"""When a provider wants to be asked again, in the header of its answer: seconds, or a date."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from link.wishes import CAP_S


def retry_after_s(value: str | None) -> float | None:
    """The header `Retry-After`, seconds or a date, at most CAP_S; None when there is none or it is nonsense."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return None if math.isnan(seconds) else min(max(seconds, 0.0), CAP_S)
