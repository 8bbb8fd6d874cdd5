"""What the rules see of a conversation, and what they give back. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from llm.local.request import Called, FunctionCall, Tool

MAX_SMALL_TALK = 25  # words


class Asking(Struct, frozen=True):
    """A tool that lacks an argument: the caller was asked for it."""

    tool: str
    arguments: dict[str, Any]
    """What is known already."""
    missing: tuple[str, ...]
    """What is to be asked for; the first one was."""


class Reply(Struct, frozen=True):
    """An answer: words, then calls."""

    text: str = ""
    calls: tuple[FunctionCall, ...] = ()
    story: str = ""
    """The part of `text`, at its end, that tells a story."""
    asking: Asking | None = None
    lost: bool = False
    """Nothing was understood, or only in part."""
    rule: int = -1
    """Which rule gave it."""


class Memory(Struct, frozen=True):
    """What the log says about earlier turns."""

    story: str = ""
    """What is left of a story that was interrupted."""
    told: tuple[str, ...] = ()
    """Titles of the stories that were told."""
    cut: str = ""
    """What is left of the last answer, if it was interrupted."""
    held: str = ""
    """The same of the answer before, if the caller said stop since."""
    asking: Asking | None = None
    lost: bool = False
    said: str = ""
    heard: str = ""
    caller: str = ""
    """The caller's name."""
    called: Called | None = None
    """The last call."""
    question: str = ""
    """What a tool or a greeting said last, if that was a question."""


class Persona(Struct, frozen=True):
    """Who the agent is, as far as its instructions say so in plain words."""

    name: str = ""
    place: str = ""


class Turn(Struct, frozen=True):
    """One thing that a caller said, with all that may matter for the answer."""

    raw: str
    text: str
    """`raw` in plain form: see `wording.plain`."""
    number: int
    """Which exchange of the log this is."""
    shift: int
    """0, or which other wording is tried to find the one that was heard in part."""
    now: datetime
    memory: Memory
    tools: tuple[Tool, ...]
    persona: Persona
    running: tuple[Called, ...]
    """The async calls that run, the newest last."""
    can_cancel: bool
    """Whether the agent lets them be cancelled."""

    @property
    def words(self) -> tuple[str, ...]:
        """The plain words."""
        return tuple(self.text.split())

    @property
    def short(self) -> bool:
        """Whether it may be small talk, and is worth a look for it."""
        return self.text.count(" ") < MAX_SMALL_TALK

    def pick(self, options: Sequence[str]) -> str:
        """One of several wordings: the next one each time, and the same for the same log."""
        return options[(self.number + self.shift) % len(options)]


_NAME = re.compile(r"\b(?i:your name is|you are called|you are|named) ([A-Z][a-z]+)\b")
_PLACE = re.compile(
    r"\b(?i:phone|line|lines|calls|desk|reception|receptionist|assistant|agent|voice|host|hotline)"
    r" (?:of|for|at|from) ((?:an?|the|our) )?([^.,;:!?\n]{2,40})",
)


def persona(instructions: str) -> Persona:
    """Read a name and a place from instructions such as "You answer the phone of a bicycle shop"."""
    name = _NAME.search(instructions)
    place = _PLACE.search(instructions)
    where = ""
    if place:
        article = "the " if place[1] else ""
        where = article + place[2].strip()
    return Persona(name[1] if name else "", where)
