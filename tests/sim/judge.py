"""The acoustic model of a simulated call: it judges each pause a moment after the voice went off, as it pleases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audio.events import TurnJudged
from server.call import events as e

if TYPE_CHECKING:
    from tests.sim.world import World

SAME_S = 1e-6


class Judge:
    """Judges, and sees that a turn which sounds unfinished is waited for."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._random = world.random
        self._pause = 0
        self._silent_since = -1.0
        self._complete: float | None = None  # of the newest pause, once it was judged
        self.judged = 0

    def start(self) -> None:
        """The caller goes on; to be told before the core hears of it."""
        self._pause += 1
        self._silent_since = -1.0

    def stop(self, silent_since: float) -> None:
        """The voice went off; to be told before the core hears of it."""
        self._silent_since, self._complete = silent_since, None
        self._world.at(self._random.choice((0.02, 0.05, 0.15)), self._say, self._pause)

    def _say(self, pause: int) -> None:
        if pause == self._pause:
            self.judged += 1
            self._complete = self._random.choice((0.1, 0.4, 0.6, 0.9))
            self._world.post(TurnJudged(self._complete))

    def command(self, command: e.Command) -> None:
        """The core wants something: a turn may be over."""
        if not isinstance(command, e.Notify) or not isinstance(command.event, e.UserTurn):
            return
        voiced_until, options = command.event.voiced_until, self._world.settings.turn
        if voiced_until is None or abs(voiced_until - self._silent_since) > SAME_S:
            return
        if self._world.caller.mumbled.issuperset(command.event.text.split()):  # nobody judges words without a voice
            return
        oracles = self._world.oracles
        oracles.check(self._complete is not None, "a turn is over before it was judged")
        if self._complete is not None and self._complete < options.complete_probability:
            waited_s = self._world.now - voiced_until
            oracles.check(waited_s > options.max_delay_ms / 1000 - SAME_S, "a turn is over that sounded unfinished")
