"""The newest audio of a call: a ring of a fixed size, whose samples keep their places in time. Pure."""

from __future__ import annotations


class Recent:
    """Keeps the last `size` bytes. Places count bytes since the beginning of the call."""

    def __init__(self, size: int) -> None:
        self._ring = bytearray(size)
        self.end = 0
        """Where the next byte comes."""

    def feed(self, pcm: bytes) -> None:
        """Take more, at the price of the oldest."""
        size = len(self._ring)
        self.end += len(pcm)
        pcm = pcm[-size:]
        at = (self.end - len(pcm)) % size
        first = min(len(pcm), size - at)
        self._ring[at : at + first] = pcm[:first]
        self._ring[: len(pcm) - first] = pcm[first:]

    def since(self, place: int) -> bytes:
        """What came from there on, as far as it is still there."""
        size = len(self._ring)
        count = min(size, self.end - max(place, 0))
        at = (self.end - count) % size
        return bytes(self._ring[at : at + count] + self._ring[: max(0, at + count - size)])
