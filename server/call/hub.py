"""Brings facts to the core one at a time, in one total order, and its commands to whoever carries them out. Pure.

The session and the simulated world both drive a call through this. Before each fact the core hears what was played
meanwhile, so that all it reads from the playout is in the journal.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from audio.events import Queued, Word
from audio.playout import Playout
from server.call.core import Core
from server.call.events import Command, Fact, Rewrite


class Journal(Protocol):
    """Keeps what happened."""

    def fact(self, now: float, fact: Fact) -> None:
        """A fact is about to be handled."""

    def commands(self, now: float, commands: list[Command]) -> None:
        """What came of it."""

    def close(self) -> None:
        """The call is over."""


class Hub:
    """One call's core with its playout. `clock` gives seconds; `execute` carries out one command at once."""

    def __init__(
        self,
        core: Core,
        playout: Playout,
        clock: Callable[[], float],
        execute: Callable[[Command], None],
        journal: Journal | None = None,
    ) -> None:
        self.core = core
        self.playout = playout
        self._clock = clock
        self._execute = execute
        self._journal = journal
        self._facts: deque[Fact] = deque()
        self._draining = False

    def post(self, fact: Fact) -> None:
        """Hand a fact to the core; run to completion. What is posted meanwhile waits its turn."""
        self._facts.append(fact)
        self._drain()

    def audio(
        self, frame: int, samples: int, words: tuple[Word, ...], pcm: bytes, places: tuple[Word, ...] = ()
    ) -> bool:
        """Audio of a frame is there, or its words have other places. False when the frame was dropped."""
        self._drain()  # what was heard is judged by the audio that was there before, as a replay does
        if not self.playout.put(frame, samples, words, pcm, places):
            return False
        self.post(Queued(frame, samples, words, places))
        return True

    def progress(self) -> bool:
        """Tell the core what was played, if it is worth telling. False when it was told nothing."""
        if not self.playout.due(self._clock()):
            return False
        self._drain()
        return True

    def _drain(self) -> None:
        if self._draining:
            return
        self._draining = True
        try:
            if not (self._facts and isinstance(self._facts[0], Rewrite)):  # it is made of the log as it stands now
                self._tell_progress()
            while self._facts:
                self._handle(self._facts.popleft())
                self._tell_progress()
        finally:
            self._draining = False
            self._facts.clear()

    def _tell_progress(self) -> None:
        if played := self.playout.progress(self._clock()):
            self._handle(played)

    def _handle(self, fact: Fact) -> None:
        now = self._clock()
        if self._journal:
            self._journal.fact(now, fact)
        commands = self.core.handle(fact, now)
        if self._journal:
            self._journal.commands(now, commands)
        for command in commands:
            self._execute(command)
