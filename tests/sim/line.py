"""The telephone line of a simulated call: now and then the caller is to be connected to somebody else."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from server.call.line_events import Redirect, Transfer, TransferFailed, Transferred
from server.call.states import CallState

if TYPE_CHECKING:
    from tests.sim.world import World

TRANSFERS = 0.15
"""The share of calls in which it is tried."""


class Line:
    """A carrier that takes the caller, or does not, at once or after a while. It has a dice of its own."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._dice = Random(f"{world.seed} line")
        self.busy = False
        """The carrier was asked, and has not answered."""

    def begin(self) -> None:
        """The application may want a transfer."""
        if self._dice.random() < TRANSFERS:
            self._world.at(self._dice.uniform(1.0, 12.0), self._world.post, Transfer("+49301234567"))

    @property
    def open(self) -> bool:
        """The caller is listened to."""
        return self._world.core.state in (CallState.READY, CallState.TRANSFERRING)

    def redirect(self, command: Redirect) -> None:
        """The core wants it done."""
        self._world.oracles.check(not self.busy, "a call was transferred twice")
        self.busy = True
        self._world.at(self._dice.choice((0.05, 0.5, 8.0)), self._answer)

    def _answer(self) -> None:
        self.busy = False
        taken = self._dice.random() < 0.4
        self._world.count("line: taken" if taken else "line: not taken")
        self._world.post(Transferred() if taken else TransferFailed("nobody answered"))
