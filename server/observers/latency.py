"""The latency of each turn: from the caller's last voiced sample to the first sample of the answer. Pure."""

from __future__ import annotations

from collections.abc import Callable

from audio.events import Transcript
from audio.playout import Chunk
from llm.events import Delta
from server.call.events import Event, Fact, UserTurn
from server.call.model_events import EarlyAnswer

Latency = dict[str, float | None]
"""`end_of_turn_ms`, `transcript_ms`, `first_token_ms`, `first_audio_ms`; None for what did not happen."""


class LatencyObserver:
    """Measures the turns of one call; `on_turn` gets each when the first audio of its answer leaves."""

    def __init__(self, on_turn: Callable[[Latency], None]) -> None:
        self._on_turn = on_turn
        self._base: float | None = None  # the last voiced sample, or when a typed turn came
        self._transcript_at: float | None = None
        self._turn: Latency = {}
        self._newest = 0  # the last reply of which anything came
        self._before = 0  # the same, when the turn was over: what still comes of those is no answer to it

    def fact(self, now: float, fact: Fact) -> None:
        """A fact is about to be handled."""
        if isinstance(fact, Transcript) and fact.final and fact.text:
            self._transcript_at = now
        elif isinstance(fact, Delta):
            self._newest = max(self._newest, fact.reply)
            if self._base is not None and fact.reply > self._before and "first_token_ms" not in self._turn:
                self._turn["first_token_ms"] = self._since(now)

    def event(self, now: float, event: Event) -> None:
        """The core tells something."""
        if isinstance(event, UserTurn):
            spoken = event.voiced_until is not None
            self._base = now if event.voiced_until is None else event.voiced_until
            heard_at, self._transcript_at = self._transcript_at, None
            if heard_at is not None and heard_at < self._base:
                heard_at = None  # of words before the last ones
            self._before = self._newest
            self._turn = {
                "end_of_turn_ms": self._since(now) if spoken else None,
                "transcript_ms": self._since(heard_at) if spoken and heard_at is not None else None,
            }
        elif isinstance(event, EarlyAnswer) and event.used and event.reply == self._newest and self._base is not None:
            self._turn["first_token_ms"] = self._since(now)  # it was there when it was wanted

    def audio_out(self, now: float, chunk: Chunk) -> None:
        """Audio leaves."""
        if chunk.first and self._base is not None and "first_token_ms" in self._turn:
            self._turn["first_audio_ms"] = self._since(now)
            self._base = None
            self._on_turn(self._turn)

    def _since(self, now: float) -> float:
        assert self._base is not None
        return round((now - self._base) * 1000, 1)
