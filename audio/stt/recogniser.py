"""The child's side of a local model that wants speech whole: one piece after the other, for the calls of one worker.

A piece goes in with its number, and what was understood comes back with the same. A number that was sent as urgent is
not wanted any more, and skipped if it is not under way.
"""

from __future__ import annotations

from typing import Any, Protocol

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from audio.pcm import to_float
from audio.stt.speeches import Piece
from link.worker import Send

RATE_HZ = 16000
"""What all of these models take."""


class Question(Struct, frozen=True, array_like=True):
    """A piece of speech; `look`: its beginning, of which only the text counts."""

    number: int
    pcm: bytes
    look: bool


class Reply(Struct, frozen=True, array_like=True):
    """What was understood of it; None for what was skipped."""

    number: int
    piece: Piece | None


class Recogniser(Protocol):
    """A model."""

    def understand(self, samples: NDArray[np.float32], *, look: bool) -> Piece:
        """Samples at 16 kHz, from -1 to 1: at least 0.1 s of them."""


class RecogniserJob:
    """The Job that `link.worker` runs: one model for all of its slots, which is warm when the first call comes."""

    def __init__(self, recogniser: Recogniser) -> None:
        self._recogniser = recogniser
        self._unwanted: dict[int, frozenset[int]] = {}  # replaced as a whole: `urgent` runs beside `message`
        recogniser.understand(np.zeros(RATE_HZ, np.float32), look=False)

    def open(self, slot: int, options: dict[str, Any]) -> None:
        """A call holds nothing here but its numbers."""
        self._unwanted[slot] = frozenset()

    def message(self, slot: int, payload: Any, send: Send) -> None:
        """A piece."""
        question = msgspec.convert(payload, Question)
        if question.number in self._unwanted[slot]:
            send(Reply(question.number, None))
            return
        piece = self._recogniser.understand(to_float(question.pcm), look=question.look)
        self._unwanted[slot] = frozenset(number for number in self._unwanted[slot] if number > question.number)
        send(Reply(question.number, piece))

    def urgent(self, slot: int, payload: Any) -> None:
        """Nobody waits for this number."""
        if slot in self._unwanted:
            self._unwanted[slot] |= {payload}

    def close(self, slot: int) -> None:
        """The call is over."""
        self._unwanted.pop(slot, None)
