"""What a session is given: its connection, and what the calls of one process have in common."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from msgspec import Struct

from audio.playout import Chunk, PlayoutOptions
from link.tasks import RunSync, Task
from llm.tools import Tool
from server.agent import Agent
from server.call import events as e
from server.call.background import Sounds
from server.call.hub import Journal
from server.call.line import Control
from server.call.pacer import Pacer
from server.call.policy import CallSettings
from server.call.services import Engines
from server.call.wording import Wording
from server.config import Limits
from server.protocols.wire import Incoming, Message, Opened, Ping, Pong


class Socket(Protocol):
    """One connection, as the session needs it."""

    async def receive(self) -> Message | Ping | Pong:
        """What comes next. Raises ClientError for what is no message, EOFError at the end."""

    async def send(self, message: Message | Ping | Pong) -> None:
        """Send; waits while the client does not read. Raises EOFError when the connection is gone. One at a time."""

    async def close(self, code: int, reason: str) -> None:
        """Close, with a code and a few words, in a short time also where the client does not read; `receive` ends."""


class Greeting(Struct, frozen=True):
    """How a call was opened: what the client wants, what else came with it, and since when it is silent, if it is."""

    opened: Opened
    first: list[Incoming]
    silent_since: float | None = None


class Observer(Protocol):
    """Hears everything that happens in a call; must be quick and must not fail."""

    def fact(self, now: float, fact: e.Fact) -> None:
        """A fact is about to be handled."""

    def event(self, now: float, event: e.Event) -> None:
        """The core tells something."""

    def audio_out(self, now: float, chunk: Chunk) -> None:
        """Audio leaves."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What the calls of one process have in common."""

    agent: Agent
    settings: CallSettings
    limits: Limits
    engines: Engines
    pacer: Pacer
    wording: Wording
    """How what is written is said."""
    more_tools: Callable[[], Sequence[Tool]] = tuple
    """Tools that are offered besides the agent's own, as they are when a call begins."""
    models: tuple[str, ...] = ()
    """The names of a `Switch`, between which a call can choose."""
    echo_guard: bool = False
    """Whether clients that do not say so are taken to hear the bot in their microphone."""
    sounds: Callable[[int], Sounds | None] = lambda _: None
    """The background of calls whose clients play at a rate."""
    run_sync: RunSync = asyncio.to_thread
    """Runs a plain function off the loop: `run_sync(function, **arguments)`."""
    observers: Callable[[str], tuple[Observer, ...]] = lambda _: ()
    """Makes the observers of a call."""
    dropped: Callable[[str, int], None] = lambda *_: None
    """Counts what a call has dropped or what came too late, by kind."""
    journal: Callable[[str, CallSettings, PlayoutOptions], Journal | None] = lambda *_: None
    control: Control | None = None
    """What tells the carriers of calls by telephone."""
    left_behind: set[Task] = field(default_factory=set)
    """Tasks of calls that are over, in code of the application that does not end when it is cancelled."""
