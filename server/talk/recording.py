"""The sound of a call as a file: the bot alone, or the caller on the left and the bot on the right of one time line."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from audio.files import SoundWriter

MAX_APART_S = 1.0
"""A side that is behind by more has lost its sound card: it is filled up with silence."""


class BotRecording:
    """What was heard of the bot, from the beginning of the call."""

    dropouts = 0

    def __init__(self, path: Path, rate_hz: int) -> None:
        """Raises ConfigError when it cannot be written."""
        self._file = SoundWriter(path, rate_hz)

    def write(self, caller: bytes, bot: bytes) -> None:
        """Add to it."""
        self._file.write(bot)

    def close(self) -> None:
        """Complete the file."""
        self._file.close()


class StereoRecording:
    """Both sides. They come in pieces of their own length and are written as far as both are known."""

    dropouts = 0

    def __init__(self, path: Path, rate_hz: int) -> None:
        """Raises ConfigError when it cannot be written."""
        self._file = SoundWriter(path, rate_hz, 2)
        self._waiting = (bytearray(), bytearray())
        self._apart = int(MAX_APART_S * rate_hz) * 2

    def write(self, caller: bytes, bot: bytes) -> None:
        """Add to it."""
        left, right = self._waiting
        left += caller
        right += bot
        self._write(max(min(len(left), len(right)), max(len(left), len(right)) - self._apart))

    def close(self) -> None:
        """Complete the file."""
        self._write(max(map(len, self._waiting)))
        self._file.close()

    def _write(self, size: int) -> None:
        """The first `size` bytes of both sides; what is missing is silence."""
        sides = [bytes(side[:size]).ljust(size, b"\0") for side in self._waiting]
        for side in self._waiting:
            del side[:size]
        self._file.write(np.stack([np.frombuffer(side, "<i2") for side in sides], axis=1).tobytes())
