"""What rules for several models are told and what they want done; `llm/several.py` carries it out. Pure.

Such rules stand between a call and its models, the children, which they know by number. They are told what the call
commands and what each child posts, with the time, and return what is to be done, in order.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Literal, Protocol

from msgspec import Struct

from llm.events import Command, Fact, Infer, InferenceFailed

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


class Open(Struct, frozen=True):
    """Give the child a service: a new one, if it had one that ended."""

    child: int


class Send(Struct, frozen=True):
    """Command a child."""

    child: int
    command: Command


class Post(Struct, frozen=True):
    """Tell the call. After a fatal LinkDown only inferences are refused."""

    fact: Fact


class Probe(Struct, frozen=True):
    """The child's provider is out: see from time to time whether it is back, as long as there are calls."""

    child: int


class Note(Struct, frozen=True):
    """Worth a line of the log."""

    level: Level
    text: str


Action = Open | Send | Post | Probe | Note


def after_the_end(command: Command, reason: str) -> list[Action]:
    """What is done for a command after a fatal LinkDown: whoever waits for a text hears that none comes."""
    return [Post(InferenceFailed(command.job, reason))] if isinstance(command, Infer) else []


class Link(Enum):
    """Where a child's service stands."""

    NONE = auto()  # it has none: it was refused
    CONNECTING = auto()  # it has not said anything yet
    DOWN = auto()
    UP = auto()
    LOST = auto()  # it ended by a fault, and is not used again in this call


class Told(Enum):
    """What the call was told of the link last."""

    NOTHING = auto()
    UP = auto()
    DOWN = auto()
    OVER = auto()  # fatal


class Rules(Protocol):
    """Rules for the models of one call. `now` never goes backwards (seconds)."""

    def start(self, now: float) -> list[Action]:
        """The call begins."""

    def obey(self, command: Command, now: float) -> list[Action]:
        """The call commands."""

    def heard(self, child: int, fact: Fact, now: float) -> list[Action]:
        """A child's service posted a fact."""

    def gone(self, child: int, reason: str, now: float) -> list[Action]:
        """A child's service ended without a word, or does not take commands any more."""

    def tick(self, now: float) -> list[Action]:
        """The time that `deadline` gave is there, or a provider is back."""

    def deadline(self) -> float | None:
        """The next instant at which something is to be decided without a fact; None for never."""
