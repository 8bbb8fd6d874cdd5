"""What must hold between the core and the caller's ears and voice: no word is lost, nobody is left in silence."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from audio.events import SpeechStarted, SpeechStopped, Transcript, TurnHint
from server.call import events as e
from server.call.listening import FORGOTTEN_S
from server.call.states import CallState
from tests.sim.policy import MAX_SPEECH_MS, POLICY

if TYPE_CHECKING:
    from tests.sim.world import World

SAID = re.compile(r"\b(?:q|well|please)\d+\b")
"""Words that the caller says once, and no more."""
SILENT_S = 2 * (POLICY.speech_first_s + POLICY.speech_next_s)
"""A frame is given to the voice twice at most; so long after that the bot is heard again, or has given it up."""


class CallerOracles:
    """Watches what one caller says, and what becomes of it; and that a voice that stalls silences nobody."""

    def __init__(self, world: World, check: Callable[[bool, str], None]) -> None:
        self._world = world
        self._check = check
        self._finals: Counter[str] = Counter()  # words that were given as final
        self._shown: set[str] = set()  # words that were given at all
        self._told: Counter[str] = Counter()  # words in turns
        self._small: set[str] = set()  # words that were less than a turn, or were not to be heard
        self._starts: dict[float, bool] = {}  # when the voice came on -> it was heard
        self._stops: dict[float, float] = {}  # when the voice came on -> when it went off
        self._started_at = self._stopped_at = 0.0
        self._follows_turns_at = math.inf  # when the ears were first known to
        self._listened = False  # in this very moment
        self._head: tuple[object, ...] = ()
        self._head_since = 0.0

    def fact(self, fact: e.Fact) -> None:
        """A fact is about to reach the core."""
        match fact:
            case Transcript(text, final) if self._world.line.open:
                words = SAID.findall(text)
                self._shown |= set(words)
                self._finals.update(words if final else ())
            case SpeechStarted():
                self._listened = False
                self._started_at = self._world.now
            case SpeechStopped():
                self._stops[self._started_at] = self._stopped_at = self._world.now
            case TurnHint():
                self._follows_turns_at = min(self._follows_turns_at, self._world.now)
            case e.UserText(text):
                self._shown |= set(SAID.findall(text))

    def after(self, fact: e.Fact) -> None:
        """A fact was handled."""
        if isinstance(fact, SpeechStarted):
            self._starts[self._world.now] = self._listened

    def event(self, event: e.Event) -> None:
        """The core tells of something."""
        self._world.count(f"told: {type(event).__name__}")
        match event:
            case e.UserSpeech(True):
                self._listened = True
            case e.UserTurn(text):
                self._told.update(SAID.findall(text))
            case e.Backchannel(text):
                self._small |= set(SAID.findall(text))
            case e.NotHeard(text):
                self._small |= set(SAID.findall(text))
                self._check_deaf(SAID.findall(text))
            case e.Idle(times):
                self._world.count(f"told: Idle {times}")
                fresh_s = self._world.now - self._world.caller.fresh_at
                of_the_room = self._world.core.turn.background  # as it was before it paused
                speaks = self._world.caller.voiced and fresh_s < MAX_SPEECH_MS / 1000 and not of_the_room
                self._check(not speaks, "asked a caller who speaks whether they are there")

    def _check_deaf(self, words: list[str]) -> None:
        """Only of who was not to be heard when they began to speak it is told that they were not heard."""
        ears = self._world.ears
        excused = ears.doubled or self._world.now < ears.owes_until
        for word in words:
            began = self._world.caller.began.get(word, 0.0)
            heard = self._starts.get(began) and not self._is_late(began)
            self._check(excused or not heard, f"{word} was to be heard, and was not")

    def _is_late(self, began: float) -> bool:
        """Its final is not waited for any longer; one that may be of several speeches is waited for from the last."""
        over_at = self._stops.get(began, math.inf)
        if self._follows_turns_at < over_at < math.inf:
            over_at = self._stopped_at
        return self._world.now >= over_at + FORGOTTEN_S

    def step(self) -> None:
        """After each event of the world: the frame that is to be heard next is heard, or given up."""
        playout = self._world.playout
        head = playout.head
        now = (head and head.id, head and head.heard, head and head.queued, playout.held)
        if now != self._head or self._world.core.state is not CallState.READY:
            self._head, self._head_since = now, self._world.now
        silent = head is not None and not playout.held and self._world.now > self._head_since + SILENT_S
        self._check(not silent, "the voice has stalled, and the bot is silent for ever")

    def at_rest(self) -> None:
        """All that was understood for good is in a turn, once."""
        ears = self._world.ears
        lost = [word for word in self._finals if not self._told[word] and word not in self._small]
        self._check(not lost, f"words of the caller are in no turn: {lost}")
        twice = [word for word, count in self._told.items() if count > 1]
        self._check(not twice or ears.doubled, f"words of the caller are in two turns: {twice}")
        self._check(self._told.keys() <= self._shown, "a turn holds words that nobody said")
