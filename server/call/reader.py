"""The reader of a call: what comes from the client, to the ears, the playout and the core; floods end the call."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from loguru import logger

from audio.playout import Playout
from link.errors import ClientError
from server.call import events as e
from server.call.guard import Guard
from server.call.media import EarSide
from server.call.shared import Socket
from server.protocols.wire import (
    Answer,
    Audio,
    ClearedReport,
    Complaint,
    Counted,
    Incoming,
    Message,
    Opened,
    Ping,
    PlayedReport,
    Pong,
    Wire,
)


class Reader:
    """Reads one connection until it closes, whoever closes it."""

    def __init__(
        self,
        socket: Socket,
        wire: Wire,
        guard: Guard,
        ears: EarSide,
        playout: Playout,
        *,
        clock: Callable[[], float],
        post: Callable[[e.Fact], None],
        say: Callable[[Sequence[Message | Ping | Pong]], None],
        play: Callable[[], None],
        count: Callable[[str, int], None],
    ) -> None:
        """`clock` gives seconds; `say` sends, `play` looks what may be played now, `count` is for the metrics."""
        self._socket = socket
        self._wire = wire
        self._guard = guard
        self._ears = ears
        self._playout = playout
        self._clock = clock
        self._post = post
        self._say = say
        self._play = play
        self._count = count
        self._complained: set[str] = set()
        self.complaints = 0
        """Messages that did not fit and were ignored."""

    async def run(self, first: Sequence[Incoming]) -> None:
        """Read for ever; `first` came with the opening. Raises ClientError, and EOFError when the client is gone."""
        for incoming in first:
            self._take(incoming, self._clock())
        while True:
            message = await self._socket.receive()
            now = self._clock()
            self._guard.alive(now)
            if isinstance(message, Ping | Pong):
                self._take_control(message, now)
            else:
                self._take_all(self._wire.receive(message), now)

    def _take_all(self, meaning: Sequence[Incoming], now: float) -> None:
        if not meaning:  # also what means nothing may be a flood
            self._guard.message(now)
        for incoming in meaning:
            self._take(incoming, now)

    def _take_control(self, frame: Ping | Pong, now: float) -> None:
        self._guard.message(now)
        if isinstance(frame, Ping):
            self._say([Pong(frame.data)])

    def _take(self, incoming: Incoming, now: float) -> None:
        if isinstance(incoming, Audio):
            self._guard.audio(len(incoming.pcm) // 2, now)
            self._ears.audio(incoming.pcm, now)
            return
        self._guard.message(now)
        match incoming:
            case PlayedReport(samples):
                self._playout.report(now, samples)
            case ClearedReport(samples):
                self._playout.cleared(samples)
                self._play()
            case Answer(message):
                self._say([message])
            case Counted(kind, count):
                self._count(kind, count)
            case Complaint():
                self._complain(incoming)
            case Opened():
                raise ClientError(1008, "a call is opened once")
            case _:
                if isinstance(incoming, e.Muted):
                    self._ears.mute(incoming.on)
                self._post(incoming)

    def _complain(self, complaint: Complaint) -> None:
        """Tell the client, if its wire has a word for it; the log has the first of each kind."""
        self.complaints += 1
        if complaint.code not in self._complained:
            self._complained.add(complaint.code)
            logger.info("the client's {}: {}", complaint.code, complaint.message)
        self._say(self._wire.complain(complaint))
