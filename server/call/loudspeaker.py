"""The sound that leaves for the caller's loudspeaker, and what the client is told to do with it."""

from __future__ import annotations

from collections.abc import Sequence

from audio.echo import EchoGuard
from audio.playout import Chunk, Playout, PlayoutOptions
from server.call.background import Background
from server.call.shared import Observer
from server.config import Limits
from server.protocols.wire import Capabilities, Message, Wire

FILL_MS = 40.0
"""So much of the background, and a piece, is ahead of the caller, and an answer begins so much later at the most."""


class Loudspeaker:
    """One call's: the playout on its wire. `now` is seconds on the loop's clock."""

    def __init__(
        self,
        playout: Playout,
        wire: Wire,
        observers: Sequence[Observer],
        *,
        guard: EchoGuard | None = None,
        background: Background | None = None,
    ) -> None:
        """`guard` is told all that the caller will hear; `background` is mixed with it."""
        self._playout = playout
        self._wire = wire
        self._observers = observers
        self._guard = guard
        self._background = background

    def take(self, now: float) -> list[Message]:
        """What leaves now: audio, and the messages that stand before or between it."""
        out: list[Message] = []
        for each in self._playout.take(now):
            if isinstance(each, Chunk):
                out += self._audio(each, now)
            else:
                out += self._wire.custom(str(each))
        if self._background is not None:
            out += self._fill(self._background, now)
        return out

    @property
    def busy(self) -> bool:
        """There is something to play, or may be at any time."""
        return self._playout.busy or self._background is not None

    def _audio(self, chunk: Chunk, now: float) -> list[Message]:
        for observer in self._observers:
            observer.audio_out(now, chunk)
        if self._background is None:
            return self._out(chunk.pcm, now)
        self._background.watch(now, speaks=True)
        return self._out(self._background.over(chunk.pcm, now), now)

    def _fill(self, background: Background, now: float) -> list[Message]:
        """Where the bot is silent the background is heard alone; it is nobody's words."""
        background.watch(now, speaks=self._playout.busy)
        lead_ms = self._playout.options.chunk_ms + FILL_MS
        if not background.audible or not (samples := self._playout.fill(now, lead_ms)):
            return []
        return self._out(background.alone(samples, now), now)

    def _out(self, pcm: bytes, now: float) -> list[Message]:
        if self._guard is not None:
            self._guard.played.send(pcm, now)
        return self._wire.audio(pcm)

    def hold(self, now: float) -> list[Message]:
        """The bot stops for a moment."""
        if self._playout.options.pauses:
            if self._guard is not None:
                self._guard.played.pause(now)
            if self._background is not None:
                self._background.hold(now)
        return self._wire.pause()

    def resume(self, now: float) -> list[Message]:
        """It goes on."""
        if self._guard is not None:
            self._guard.played.resume(now)
        if self._background is not None:
            self._background.resume(now)
        return self._wire.resume()

    def clear(self, now: float) -> list[Message]:
        """What the client has is not to be heard any more."""
        if self._guard is not None:
            self._guard.played.clear(now)
        if self._background is not None:
            self._background.clear(now)
        return self._wire.clear()


def playout_options(can: Capabilities, limits: Limits) -> PlayoutOptions:
    """How this client plays."""
    return PlayoutOptions(
        rate_hz=can.rate_out,
        lead_ms=max(limits.lead_ms, 2 * can.chunk_ms),
        chunk_ms=can.chunk_ms,
        granule_ms=can.granule_ms,
        capacity_ms=limits.playout_ms,
        reports=can.reports,
        pauses=can.pause,
    )
