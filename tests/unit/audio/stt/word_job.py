"""A local model for tests, which understands the words of `booth`; some of them it takes badly."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audio.events import SpokenWord
from audio.stt.recogniser import RATE_HZ, RecogniserJob
from audio.stt.speeches import Piece
from link.errors import ConfigError
from tests.unit.audio.stt.booth import understood

DEADLY, UNBEARABLE = 66, 77
"""At the first the process ends, once; at the second the model fails."""


class WordModel:
    """A `Recogniser`."""

    def __init__(self, folder: Path) -> None:
        self._died = folder / "died"

    def understand(self, samples: NDArray[np.float32], *, look: bool) -> Piece:
        """All words, or (a look) all whole ones."""
        pcm = np.rint(samples * 32768).astype("<i2").tobytes()
        words = understood(pcm)
        names = [name for name, _, _ in words if not look or name.startswith("w")]
        if f"w{DEADLY}" in names and not self._died.exists():
            self._died.touch()
            os._exit(1)
        if f"w{UNBEARABLE}" in names:
            raise ValueError("what a word")
        spoken = [SpokenWord(name, begin * 1000 / RATE_HZ, end * 1000 / RATE_HZ) for name, begin, end in words]
        return Piece(" ".join(names), () if look else tuple(spoken), 0.5, "en")


def word_job(folder: str) -> RecogniserJob:
    """The factory."""
    return RecogniserJob(WordModel(Path(folder)))


def wrong_job(folder: str) -> RecogniserJob:
    """A factory that cannot make anything."""
    raise ConfigError("there is no such folder")
