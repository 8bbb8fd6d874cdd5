"""Keys that the caller presses: a turn of their own, ended by `#` or by a pause. Pure."""

from __future__ import annotations

import math

MAX_KEYS = 64


class Keypad:
    """The keys since the last turn."""

    def __init__(self) -> None:
        self.keys = ""
        self._at = 0.0
        self._ended = False

    def press(self, digits: str, now: float) -> bool:
        """More keys. False where MAX_KEYS are exceeded: those are dropped, but `#` ends the turn all the same."""
        keys = self.keys + digits
        self.keys = keys[:MAX_KEYS]
        self._ended = self._ended or "#" in digits
        self._at = now
        return len(keys) <= MAX_KEYS

    def take(self, keys_ms: float, now: float) -> str:
        """The keys, once they are complete; else nothing."""
        if not self._ended and now < self.deadline(keys_ms):
            return ""
        keys, self.keys, self._ended = self.keys, "", False
        return keys

    def deadline(self, keys_ms: float) -> float:
        """When they are complete by themselves; inf while there are none."""
        return self._at + keys_ms / 1000 if self.keys else math.inf
