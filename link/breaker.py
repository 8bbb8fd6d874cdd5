"""A breaker for one provider: who fails again and again is left alone, and tried with one small request. Pure.

    CLOSED ─ `failures` within `window_s` ─► OPEN ─ `open_s` ─► half open ─ the probe worked ─► CLOSED
                                             half open ─ the probe failed ─► OPEN, for longer
    CLOSED, OPEN ─ the provider refuses us ─► REFUSED ─ `refused_s` ─► half open ─ …

Half open is OPEN or REFUSED with a probe under way. It is one for the provider in the process: all calls see the same.
It forbids nothing: whoever has nobody better asks the provider anyway, and an answer closes the breaker.
"""

from __future__ import annotations

import math
from collections import deque
from enum import Enum, auto
from typing import Annotated

from msgspec import Meta, Struct

MAX_FAILURES = 1000
"""More are not kept; nobody would wait for them."""


class BreakerOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """When a provider is left alone, and for how long. The numbers are choices of ours, not measured."""

    failures: Annotated[int, Meta(le=MAX_FAILURES)] = 3
    """So many failed answers within `window_s` are enough."""
    window_s: float = 60.0
    """How long a failed answer counts."""
    open_s: float = 5.0
    """The first probe comes so much later, each further one twice as late as the one before."""
    most_open_s: float = 120.0
    """The longest time between two probes."""
    refused_s: float = 300.0
    """The same for a provider that refused us (wrong key, unknown model)."""


class State(Enum):
    """What is known of a provider."""

    CLOSED = auto()
    OPEN = auto()
    REFUSED = auto()


class Breaker:
    """What the calls of a process know of one provider. `now` in seconds, of any clock that all of them share."""

    def __init__(self, options: BreakerOptions | None = None) -> None:
        self.state = State.CLOSED
        self.probe_at = math.inf
        """When the next probe is due; never while it is closed, or while one is under way."""
        self.options = options or BreakerOptions()
        self._failed_at: deque[float] = deque(maxlen=self.options.failures)
        self._held_until = -math.inf  # the provider's own wish
        self._open_s = self.options.open_s  # how long the next opening lasts

    @property
    def refused(self) -> bool:
        """The provider refuses us, whatever is asked."""
        return self.state is State.REFUSED

    def lets(self, now: float) -> bool:
        """Whether the provider is to be asked."""
        return self.state is State.CLOSED and now >= self._held_until

    def wait_s(self, now: float) -> float:
        """How long it will be before the provider is tried, at the least: the less, the less bad."""
        if self.state is State.CLOSED:
            return max(0.0, self._held_until - now)
        return max(0.0, self.probe_at - now) if self.probe_at < math.inf else 0.0

    def failed(self, now: float, retry_after_s: float = 0.0) -> bool:
        """An answer failed; the provider may wish to be left alone. Returns whether this was one too many."""
        self._held_until = max(self._held_until, now + retry_after_s)
        if self.state is not State.CLOSED:
            return False
        self._failed_at.append(now)
        if len(self._failed_at) < self.options.failures or now - self._failed_at[0] > self.options.window_s:
            return False
        self.state = State.OPEN
        self._postpone(now)
        return True

    def refuse(self, now: float) -> bool:
        """The provider refuses us. Returns whether that is new."""
        new = not self.refused
        self.state = State.REFUSED
        self._postpone(now)
        return new

    def worked(self) -> bool:
        """A whole answer came. Returns whether the provider was out."""
        self._open_s = self.options.open_s
        return self._close()

    def take_probe(self, now: float) -> bool:
        """Whether a probe is to be sent now; if so it is the caller's, who has to say what came of it."""
        if now < self.probe_at:
            return False
        self.probe_at = math.inf
        return True

    def probed(self, now: float, *, worked: bool) -> None:
        """What came of a probe. It proves less than an answer: the next opening is not shorter for it."""
        if worked:
            self._close()
        elif self.state is not State.CLOSED:
            self._postpone(now)

    def give_back(self, now: float) -> None:
        """The probe was not carried out; the next one is due at once."""
        if self.state is not State.CLOSED:
            self.probe_at = now

    def _postpone(self, now: float) -> None:
        self._failed_at.clear()
        if self.refused:
            self.probe_at = now + self.options.refused_s
            return
        self.probe_at = now + self._open_s
        self._open_s = min(self.options.most_open_s, 2 * self._open_s)

    def _close(self) -> bool:
        was_out = self.state is not State.CLOSED
        if was_out:
            self.state = State.CLOSED
            self._held_until = -math.inf
        self.probe_at = math.inf
        return was_out
