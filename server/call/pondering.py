"""A caller who was not done, as the model said: after some silence it is asked to prompt them. Pure."""

from __future__ import annotations

import math


class Pondering:
    """Waits for the caller to go on. What they say, and what is said to them, begins the silence anew."""

    def __init__(self) -> None:
        self._prompt = ""  # empty: nobody ponders
        self._silence_s = 0.0
        self._prompted = False  # since the caller's last turn; once is enough
        self._since: float | None = None

    @property
    def waits(self) -> bool:
        """The caller is expected to go on."""
        return bool(self._prompt)

    def begin(self, prompt: str, silence_s: float) -> None:
        """The model waits for the caller; `prompt` is what it is told after so long a silence."""
        if not self._prompted:
            self._prompt, self._silence_s, self._since = prompt, silence_s, None

    def over(self) -> None:
        """The caller said something, or does not want to be waited for."""
        self._prompt, self._prompted = "", False

    def lasts(self, quiet: bool, now: float) -> str:
        """The prompt, once, when it has been quiet for long enough; else nothing."""
        if not self._prompt or not quiet:
            self._since = None
            return ""
        if self._since is None:
            self._since = now
        if now < self.deadline():
            return ""
        prompt, self._prompt, self._prompted = self._prompt, "", True
        return prompt

    def deadline(self) -> float:
        """When the model is to be asked; inf for not at all."""
        return math.inf if self._since is None or not self._prompt else self._since + self._silence_s
