"""The sound that leaves for the caller's loudspeaker, and what the client is told to do with it."""

from __future__ import annotations

from collections.abc import Sequence

from audio.echo import EchoGuard
from audio.playout import Chunk, Playout, PlayoutOptions
from server.call.shared import Observer
from server.config import Limits
from server.protocols.wire import Capabilities, Message, Wire


class Loudspeaker:
    """One call's: the playout on its wire. `now` is seconds on the loop's clock."""

    def __init__(
        self, playout: Playout, wire: Wire, observers: Sequence[Observer], *, guard: EchoGuard | None = None
    ) -> None:
        """`guard` is told all that the caller will hear."""
        self._playout = playout
        self._wire = wire
        self._observers = observers
        self._guard = guard

    def take(self, now: float) -> list[Message]:
        """What leaves now: audio, and the messages that stand before or between it."""
        out: list[Message] = []
        for each in self._playout.take(now):
            if isinstance(each, Chunk):
                out.append(self._audio(each, now))
            else:
                out += self._wire.custom(str(each))
        return out

    def _audio(self, chunk: Chunk, now: float) -> Message:
        for observer in self._observers:
            observer.audio_out(now, chunk)
        if self._guard is not None:
            self._guard.played.send(chunk.pcm, now)
        return self._wire.audio(chunk.pcm)

    def hold(self, now: float) -> list[Message]:
        """The bot stops for a moment."""
        if self._guard is not None and self._playout.options.pauses:
            self._guard.played.pause(now)
        return self._wire.pause()

    def resume(self, now: float) -> list[Message]:
        """It goes on."""
        if self._guard is not None:
            self._guard.played.resume(now)
        return self._wire.resume()

    def clear(self, now: float) -> list[Message]:
        """What the client has is not to be heard any more."""
        if self._guard is not None:
            self._guard.played.clear(now)
        return self._wire.clear()


def playout_options(can: Capabilities, limits: Limits) -> PlayoutOptions:
    """How this client plays."""
    return PlayoutOptions(
        rate_hz=can.rate_out,
        lead_ms=limits.lead_ms,
        capacity_ms=limits.playout_ms,
        reports=can.marks,
        pauses=can.pause,
    )
