"""What a shell drives: a speech-to-text without sockets, tasks and clock. Pure.

A `Hearing` belongs to one call and outlives its connections. Verbs go in; messages and facts come out. After each verb
the shell takes `facts`, then sends what `message` gives until that is None, and calls `tick` at `deadline`.
"""

from __future__ import annotations

import math
from enum import Enum, auto
from typing import Protocol

from msgspec import Struct

from audio.events import EarFact, Listens
from link.errors import ConfigError


class Hearing(Protocol):
    """One call's ears. `now` is in seconds, on any clock."""

    rate_hz: int
    listens: Listens
    farewell: str
    """The last message on a connection that is still there; empty for none."""

    def begin(self, now: float) -> None:
        """Speech began."""

    def audio(self, pcm: bytes, now: float) -> None:
        """The caller said more."""

    def finish(self, now: float) -> None:
        """Speech ended."""

    def connected(self, now: float) -> None:
        """A new connection is there."""

    def disconnected(self, now: float) -> None:
        """The connection is lost; another one is tried."""

    def refused(self, reason: str) -> None:
        """There will be no connection any more."""

    def message(self, now: float) -> str | bytes | None:
        """What to send next: text, or audio as it is."""

    def receive(self, message: str | bytes, now: float) -> Received:
        """A message of the provider. Raises ProviderError where the connection is of no more use."""

    def tick(self, now: float) -> str:
        """Time has passed. Returns why the connection is not to be trusted any more; empty: it is."""

    def deadline(self) -> float:
        """When `tick` is due; inf for never. An earlier tick does no harm."""

    def facts(self) -> list[EarFact]:
        """What the call is to hear, once."""


class Received(Struct, frozen=True):
    """What a message was good for."""

    useful: bool = False
    """It had to do with what was said: the provider works."""
    warning: str = ""
    """What the operator should know."""


class Patience(Struct, frozen=True, forbid_unknown_fields=True):
    """How long what is waited for may take. Raises ConfigError."""

    final_s: float = 2.0
    """The final transcript, after the end of speech: longer than a provider that works takes (0.2-1 s), and than the
    1.5 s after which the call goes on without it."""
    link_s: float = 5.0
    """A link that is away: then what is being said counts as lost. A third of the audio that is kept."""

    def __post_init__(self) -> None:
        for name, value in (("final_s", self.final_s), ("link_s", self.link_s)):
            if not 0 < value < math.inf:
                raise ConfigError(f"{name} must be above zero, not {value}")


class LinkState(Enum):
    """How the link is. AWAY: for so long that what was said counts as lost. REFUSED: it never comes back."""

    DOWN = auto()
    UP = auto()
    AWAY = auto()
    REFUSED = auto()


LOST = "the speech-to-text cannot be reached"
"""The reason of a SpeechLost after an outage."""


def mean(values: list[tuple[float, int]]) -> float | None:
    """The mean of confidences, each with its number of words; None where there are no words."""
    words = sum(count for _, count in values)
    return sum(value * count for value, count in values) / words if words else None
