"""Audio that a speech-to-text may have to hear again: kept until its words are final, and for at most so long. Pure.

A position is the number of bytes of mono PCM16 before it, since the first that was put in.
"""

from __future__ import annotations

from link.errors import ConfigError

KEPT_S = 15.0
"""As much audio as may wait for ears at all (DESIGN §10); an outage that counts as short is a third of it."""
BYTES_PER_SAMPLE = 2


class KeptAudio:
    """The newest audio, up to `limit_bytes`; what is older and was not released is lost, and counted."""

    def __init__(self, limit_bytes: int) -> None:
        """Raises ConfigError for a limit that is no whole number of samples."""
        if limit_bytes <= 0 or limit_bytes % BYTES_PER_SAMPLE:
            raise ConfigError(f"a limit of {limit_bytes} bytes holds no whole samples")
        self._limit = limit_bytes
        self._pcm = bytearray()
        self.start = 0
        """The position of the first byte that is kept."""
        self.lost_bytes = 0

    @property
    def end(self) -> int:
        """The position after the last byte."""
        return self.start + len(self._pcm)

    def put(self, pcm: bytes) -> None:
        """Add audio."""
        self._pcm += pcm
        if (over := len(self._pcm) - self._limit) > 0:
            self.lost_bytes += over
            self.release(self.start + over)

    def read(self, position: int, size: int) -> bytes:
        """At most `size` bytes from a position that is kept."""
        begin = position - self.start
        return bytes(self._pcm[begin : begin + size])

    def release(self, position: int) -> None:
        """Nothing before this position is needed any more."""
        gone = min(max(position - self.start, 0), len(self._pcm))
        del self._pcm[:gone]
        self.start += gone
