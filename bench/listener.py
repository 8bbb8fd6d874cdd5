"""What one caller hears: how soon it is answered, how soon the bot is silent, what came late. Pure.

All times are seconds on the caller's clock; a sample is spoken, by definition, when the microphone would have taken it,
and heard when its message has arrived. Only what happens in the window is counted.

    turn    begin ─── the caller's voice ─── end ── silence, then the answer ── … begin of the next
            what comes here is stale            what comes here is the answer
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from msgspec import Struct

from bench.speech import Turn

GUARD_S = 0.2
"""No answer comes so soon after the voice: end of turn waits longer."""


class Window(Struct):
    """What is measured: set when all calls are there."""

    begin: float = math.inf
    end: float = math.inf


class Heard(Struct):
    """What a caller, or all of them, measured. Lists are ms, one number for each time it happened."""

    responses: list[float] = []
    """Last voiced sample to the first sample of the answer, the configured silence taken off."""
    responses_net: list[float] = []
    """The same from the last sample that Silero's net takes for voice."""
    missed: int = 0
    """Turns that got no answer before the next one."""
    talked_over: int = 0
    """Turns in which the bot began to speak while the caller did."""
    pauses: list[float] = []
    """Barge-in: first voiced sample to the `pause`, for clients that can."""
    clears: list[float] = []
    """The same to the `clear`."""
    stale: list[float] = []
    """The same to the arrival of the last sample of the old answer."""
    silent: list[float] = []
    """The same to silence at the caller's ear, for clients that can pause and clear."""
    silent_plain: list[float] = []
    """The same for clients that play all they get."""
    late: list[float] = []
    """Each message of the bot, against the instant at which the server's lead had room for it."""
    gaps: list[float] = []
    """Silence in the middle of an answer, because audio came after the last was played."""

    def add(self, other: Heard) -> None:
        """Put two together."""
        for name in self.__struct_fields__:
            mine, theirs = getattr(self, name), getattr(other, name)
            setattr(self, name, mine + theirs)


class Player:
    """Plays what it gets at once; one that `obeys` can pause and clear. Counts samples, keeps none."""

    def __init__(self, rate_hz: int, *, obeys: bool) -> None:
        self._rate = rate_hz
        self._obeys = obeys
        self._paused_s: float | None = None  # what is left, while it pauses
        self._received = 0
        self._skipped = 0
        self.until = 0.0
        """When the last sample that is known to sound has sounded."""

    def push(self, now: float, samples: int) -> None:
        """Audio came."""
        self._received += samples
        if self._paused_s is not None:
            self._paused_s += samples / self._rate
        else:
            self.until = max(self.until, now) + samples / self._rate

    def pause(self, now: float) -> None:
        """Stop, and keep what is left."""
        if self._obeys and self._paused_s is None:
            self._paused_s = self._left_s(now)
            self.until = min(self.until, now)

    def resume(self, now: float) -> None:
        """Play on."""
        if self._paused_s:
            self.until = now + self._paused_s
        self._paused_s = None

    def clear(self, now: float) -> None:
        """Drop what is left."""
        if self._obeys:
            self._skipped += round(self._left_s(now) * self._rate)
            self._paused_s = None
            self.until = min(self.until, now)

    def played(self, now: float) -> int:
        """Samples played since the beginning, skipped ones not counted."""
        return self._received - self._skipped - round(self._left_s(now) * self._rate)

    def _left_s(self, now: float) -> float:
        return max(0.0, self.until - now) if self._paused_s is None else self._paused_s


class _Said:
    """A turn of the caller, and what the bot did meanwhile."""

    def __init__(self, turn: Turn, barge_in: bool) -> None:
        self.turn = turn
        self.barge_in = barge_in
        self.answered: float | None = None
        self.paused: float | None = None
        self.cleared: float | None = None
        self.stale = turn.begin  # when the last stale sample came
        self.silent = turn.begin


class Listener:
    """The ear of one caller."""

    def __init__(
        self, turns: Iterator[Turn], window: Window, *, rate_hz: int, page: bool, silence_ms: float, lead_ms: float
    ) -> None:
        """`page`: a client as the browser page is, that can pause, clear and report; else one that only plays."""
        self.heard = Heard()
        self.player = Player(rate_hz, obeys=page)
        self._turns = turns
        self._next = next(turns)
        self._window = window
        self._rate = rate_hz
        self._page = page
        self._silence_s = silence_ms / 1000
        self._lead_s = lead_ms / 1000
        self._said: _Said | None = None
        self._began: float | None = None  # the first sample of what the bot says now
        self._length_s = 0.0  # how much of it has come

    def audio(self, now: float, samples: int) -> None:
        """Audio of the bot came."""
        self._advance(now)
        said = self._said
        if said and now < said.turn.end + GUARD_S:
            said.stale = now
        elif said and said.answered is None:
            said.answered = now
            self._settle(said)
            self._began = None
        self._clock(now, samples, counted=said is None or said.answered is not None)
        self.player.push(now, samples)

    def message(self, now: float, kind: str) -> None:
        """A text message came."""
        if kind not in ("pause", "resume", "clear"):
            return
        self._advance(now)
        said = self._said
        if kind == "resume":
            self.player.resume(now)
        elif kind == "pause":
            self.player.pause(now)
        else:
            self.player.clear(now)
        self._began = None
        if said and now < said.turn.end + GUARD_S:
            if kind == "pause" and said.paused is None:
                said.paused = now
            if kind == "clear" and said.cleared is None:
                said.cleared = now

    def finish(self, now: float) -> Heard:
        """The call is over."""
        self._advance(now)
        if self._said:
            self._close(self._said)
        return self.heard

    def _advance(self, now: float) -> None:
        while self._next.begin <= now:
            if self._said:
                self._close(self._said)
            self._said = _Said(self._next, barge_in=self.player.until > self._next.begin)
            self._next = next(self._turns)

    def _settle(self, said: _Said) -> None:
        """The old answer is certainly over: when did it end for the ear?"""
        said.silent = max(said.turn.begin, self.player.until)

    def _close(self, said: _Said) -> None:
        turn, heard = said.turn, self.heard
        if said.answered is None:
            self._settle(said)
        if not (self._window.begin <= turn.begin and turn.end <= self._window.end):
            return
        if said.answered is None:
            heard.missed += 1
        else:
            heard.responses.append((said.answered - turn.end - self._silence_s) * 1000)
            heard.responses_net.append((said.answered - turn.let_go - self._silence_s) * 1000)
        if not said.barge_in:
            heard.talked_over += said.stale > turn.begin
            return
        for at, into in ((said.paused, heard.pauses), (said.cleared, heard.clears), (said.stale, heard.stale)):
            if at is not None:
                into.append((at - turn.begin) * 1000)
        (heard.silent if self._page else heard.silent_plain).append((said.silent - turn.begin) * 1000)

    def _clock(self, now: float, samples: int, *, counted: bool) -> None:
        """How late is this message? It was due when the lead had room for the whole of it."""
        counted = counted and self._window.begin <= now <= self._window.end
        if self._began is not None and counted:
            due = self._began + max(0.0, self._length_s + samples / self._rate - self._lead_s)
            self.heard.late.append((now - due) * 1000)
            if now > self.player.until:
                self.heard.gaps.append((now - self.player.until) * 1000)
        if self._began is None or now > self.player.until:
            self._began, self._length_s = now, 0.0
        self._length_s += samples / self._rate
