"""Delays between attempts: exponential, with full jitter, so that many callers do not come back at once. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

FIRST_S = 0.25
FACTOR = 2.0
CAP_S = 5.0


def delays(random: Random, first_s: float = FIRST_S, cap_s: float = CAP_S) -> Iterator[float]:
    """Endless delays in seconds: U(0, first), then U(0, min(cap, first · 2ⁿ))."""
    limit = first_s
    while True:
        yield random.uniform(0.0, limit)
        limit = min(cap_s, limit * FACTOR)
