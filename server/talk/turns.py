"""The latency of each turn as the caller feels it, measured from the caller's own audio. Pure.

The clock runs from the last voiced sample that left to the first sample of the answer that came. Which sample that is
the server says: its `turn` message stands right before it. All else is read off this side's clock.
"""

from __future__ import annotations

from statistics import median

from server.talk.events import Message, Response

STAGES = ("transcript_ms", "end_of_turn_ms", "first_token_ms", "first_audio_ms")


class Turns:
    """Measures the turns of one call. `now` is seconds."""

    def __init__(self) -> None:
        self._voiced_until: float | None = None
        self._asked_at: float | None = None  # the last voiced sample of the turn, or when it was typed
        self._server: dict[str, float | None] | None = None  # an answer is about to begin
        self.count = 0
        self.interruptions = 0
        self.responses_ms: list[float] = []

    def spoke(self, until: float) -> None:
        """The caller's voice was heard up to this instant."""
        self._voiced_until = until

    def typed(self, now: float) -> None:
        """The caller typed a line."""
        self._asked_at = now

    def receive(self, message: Message) -> None:
        """The server said something."""
        match message:
            case {"type": "speech_stopped"} if self._voiced_until is not None:
                self._asked_at = self._voiced_until
            case {"type": "transcript", "role": "user", "final": True, "text": str(text)} if text:
                self.count += 1
            case {"type": "clear"}:
                self.interruptions += 1
            case {"type": "turn"}:
                self._server = {stage: _number(message.get(stage)) for stage in STAGES}

    def audio(self, now: float) -> Response | None:
        """Audio of the bot came: how long a turn had to wait for it, if it is the first of its answer."""
        if self._server is None:
            return None
        server, self._server = self._server, None
        asked_at, self._asked_at = self._asked_at, None
        ms = None if asked_at is None else round((now - asked_at) * 1000, 1)
        if ms is not None:
            self.responses_ms.append(ms)
        return Response(ms, server)

    @property
    def median_ms(self) -> float | None:
        """Of all responses; None when there was none."""
        return round(median(self.responses_ms), 1) if self.responses_ms else None

    @property
    def worst_ms(self) -> float | None:
        """Of all responses; None when there was none."""
        return max(self.responses_ms, default=None)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
