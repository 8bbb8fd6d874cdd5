"""Keys that the caller presses: a turn of their own, ended by `#` or by a pause. Pure."""

from __future__ import annotations

import math

MAX_KEYS = 64


class Keypad:
    """The keys since the last turn."""

    def __init__(self) -> None:
        self.keys = ""
        self._at = 0.0

    def press(self, digits: str, now: float) -> None:
        """More keys; what is over MAX_KEYS is nobody's number."""
        self.keys = (self.keys + digits)[:MAX_KEYS]
        self._at = now

    def take(self, keys_ms: float, now: float) -> str:
        """The keys, once they are complete; else nothing."""
        if "#" not in self.keys and now < self.deadline(keys_ms):
            return ""
        keys, self.keys = self.keys, ""
        return keys

    def deadline(self, keys_ms: float) -> float:
        """When they are complete by themselves; inf while there are none."""
        return self._at + keys_ms / 1000 if self.keys else math.inf
