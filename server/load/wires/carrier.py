"""What a simulated carrier can do, whichever it is."""

from __future__ import annotations

from collections import Counter
from typing import Protocol

from server.load.wires.buffer import Buffer
from server.protocols.wire import Message


class CarrierWire(Protocol):
    """One stream from the carrier's side. Pure: no I/O, and time comes in as seconds that never go back.

    Audio is mono PCM16 at `rate_hz` on this side. Who carries the messages sends `opening`, then what `media` makes
    each `chunk_ms`, and what is `due` whenever it looks; it closes the connection when the stream is `over`.
    """

    path: str
    """Where the server takes this carrier's calls."""
    rate_hz: int
    chunk_ms: float
    """So much of the caller is in a message."""
    buffer: Buffer
    """What the server sent, and what of it was played when."""
    faults: Counter[str]
    """What the server did and the carrier's documents forbid."""
    over: bool
    """The carrier closes the connection now."""

    def opening(self) -> list[Message]:
        """What a stream begins with."""

    def media(self, pcm: bytes) -> list[Message]:
        """The caller's sound; nothing where the carrier does not send it yet."""

    def dtmf(self, digit: str) -> list[Message]:
        """The caller presses a key."""

    def stop(self) -> list[Message]:
        """The caller hangs up."""

    def take(self, message: Message, now: float) -> None:
        """A message of the server arrives. What it is answered with is `due`."""

    def due(self, now: float) -> list[Message]:
        """What the carrier says by now: marks that were reached, answers."""
