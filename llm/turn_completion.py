"""Turn completion by the model: a mark at the beginning of its answer says whether the caller was done. Pure.

    ✓  done: the rest is spoken        ○  cut off, they will go on in a moment        ◐  they need time to think

After the last two nothing is spoken, and after some silence the model is asked to prompt the caller. An answer without
a mark counts as ✓. The marks are never spoken, wherever they stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from link.errors import ConfigError

Mark = Literal["complete", "short", "long"]

# White space, and the selectors that make a sign an emoji or not: models write them after a mark.
_BLANK = "[\\s\ufe0e\ufe0f]+"


class TurnCompletionOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the model decides that a turn is over, and how it says so. Raises ConfigError.

    In the texts, `{complete}`, `{short}` and `{long}` stand for the marks.
    """

    filter_incomplete_user_turns: bool = False
    """Whether the model is asked for the marks."""
    complete: str = "✓"
    """The mark of a turn that is over."""
    short: str = "○"
    """The mark of a caller who was cut off and goes on in a moment."""
    long: str = "◐"
    """The mark of a caller who needs time to think."""
    short_s: float = 5.0
    """The silence after which a caller who was cut off is prompted."""
    long_s: float = 10.0
    """The silence after which a caller who thinks is prompted."""
    instructions: str = (
        "Begin every answer with exactly one of three marks; the caller does not hear it.\n"
        "{complete} when what the caller said can be answered. Write your answer after it. When in doubt, use this.\n"
        "{short} when the caller was cut off in the middle of a sentence and will go on in a moment. Write nothing"
        " else.\n"
        "{long} when the caller needs time to think, or asks you to wait. Write nothing else.\n"
        "Answers to results of functions and to notes of the application begin with {complete}."
    )
    """A part of the system instruction."""
    short_prompt: str = (
        "The caller stopped in the middle of a sentence and has been silent since. Begin with {complete} and invite"
        " them, in one short sentence, to go on."
    )
    """To the model, after the short silence."""
    long_prompt: str = (
        "The caller wanted time to think and has been silent since. Begin with {complete} and ask, in one short and"
        " friendly sentence, whether they need more time or help."
    )
    """To the model, after the long silence."""

    def __post_init__(self) -> None:
        marks = (self.complete, self.short, self.long)
        if any(not mark or re.search(_BLANK, mark) for mark in marks):
            raise ConfigError(f"turn completion: a mark has at least one sign and no space: {marks}")
        if any(one in other for at, one in enumerate(marks) for to, other in enumerate(marks) if at != to):
            raise ConfigError(f"turn completion: the marks must differ, and none contain another: {marks}")
        if not (self.short_s > 0 and self.long_s > 0):
            raise ConfigError("turn completion: short_s and long_s must be above zero")

    def sign(self, mark: Mark) -> str:
        """How a mark is written."""
        return {"complete": self.complete, "short": self.short, "long": self.long}[mark]

    def silence_s(self, mark: Mark) -> float | None:
        """The silence after which the caller is prompted; None where they wait for the answer."""
        return {"complete": None, "short": self.short_s, "long": self.long_s}[mark]

    def instruction(self) -> str:
        """What the system instruction says of the marks; empty when they are not used."""
        return self._filled(self.instructions) if self.filter_incomplete_user_turns else ""

    def prompt(self, mark: Mark) -> str:
        """What the model is told after the silence; empty for `complete`."""
        return self._filled({"complete": "", "short": self.short_prompt, "long": self.long_prompt}[mark])

    def _filled(self, text: str) -> str:
        for name in ("complete", "short", "long"):
            text = text.replace("{" + name + "}", getattr(self, name))
        return text


class Marks:
    """The marks in one answer, as its words come in.

    undecided ── a mark ──► complete, short or long
    undecided ── other words, or the end ──► complete
    """

    def __init__(self, options: TurnCompletionOptions) -> None:
        self.options = options
        self.mark: Mark | None = None
        """None until the first sign is there that decides."""
        self._signs: dict[str, Mark] = {options.complete: "complete", options.short: "short", options.long: "long"}
        self._pattern = re.compile("|".join(map(re.escape, self._signs)))
        self._held = ""  # the beginning of what may be a mark
        self._begun = False  # the first words were given

    def feed(self, delta: str) -> tuple[Mark | None, str]:
        """The mark so far, and what is to be spoken now. What may be part of a mark waits for the next delta."""
        text, self._held = self._held + delta, ""
        if self.mark is None:
            text = self._decided(text)
        return self.mark, self._spoken(text)

    def end(self) -> tuple[Mark, str]:
        """The mark of the whole answer, and the rest of what is to be spoken."""
        self.mark = self.mark or "complete"
        text, self._held = self._held, ""
        return self.mark, text

    def _decided(self, text: str) -> str:
        """What follows the mark; nothing while there is none."""
        text = _unpadded(text)
        for sign, mark in self._signs.items():
            if text.startswith(sign):
                self.mark = mark
                return text.removeprefix(sign)
        if any(sign.startswith(text) for sign in self._signs):
            self._held = text
            return ""
        self.mark = "complete"
        return text

    def _spoken(self, text: str) -> str:
        if self.mark != "complete":
            return ""
        cut = self._cut(text)
        text, self._held = self._pattern.sub("", text[:cut]), text[cut:]
        if not self._begun:
            text = _unpadded(text)
            self._begun = bool(text)
        return text

    def _cut(self, text: str) -> int:
        """Where a mark begins that may not be complete yet; the end of the text where none does."""
        done = max((found.end() for found in self._pattern.finditer(text)), default=0)
        tail = range(max(done, len(text) - max(map(len, self._signs)) + 1), len(text))
        return next((at for at in tail if any(sign.startswith(text[at:]) for sign in self._signs)), len(text))


def composed(base: str, additions: Iterable[str]) -> str:
    """The system instruction: the agent's own, and after it each paragraph that is switched on, in their order.

    It is made anew from the parts each time, so that what is switched off leaves no trace.
    """
    return "\n\n".join(filter(None, (base, *additions)))


def _unpadded(text: str) -> str:
    return re.sub(rf"\A{_BLANK}", "", text)
