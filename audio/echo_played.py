"""What a client plays, as spectra on the clock: at once and in order what it gets. Pure."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from audio.echo_path import BAND_OF, HOP_S, JITTER, LAGS, LINES, Powers, Spectrum

ROWS: Final = 256
"""Frames that are kept: 8.2 s, of which the newest may be some way ahead of the clock."""
CLOSE_S: Final = 0.002
"""Audio that comes no later than this after the end of what came before follows it without a break."""

MOST_HOPS: Final = 16
"""What waits for its spectra to be wanted: half a second."""

_LAGS = np.arange(-JITTER, LAGS - JITTER)


class Played:
    """Spectra by the frames of the clock; frame n ends at n times HOP_S. `now` is seconds on that clock."""

    def __init__(self, rate_hz: int) -> None:
        self._spectrum = Spectrum(rate_hz)
        self._rate = rate_hz
        self._rest = bytearray()  # the last hop that was analysed, and what came after it
        self._lines = np.zeros((ROWS, LINES), np.float32)
        self._next = 0  # frames from here on are silence; their rows hold older ones
        self._kept: Powers | None = None  # what a client that pauses still has
        self._analysed = 0.0  # until when its spectra are known
        self.until = 0.0
        """When all of it is played."""

    def send(self, pcm: bytes, now: float) -> None:
        """Audio leaves for the client."""
        hop_bytes = 2 * self._spectrum.hop
        if not self._rest or now > self.until + CLOSE_S:
            self._analyse()
            self._rest = bytearray(hop_bytes)
            self.until = self._analysed = max(now, self.until)
        self._rest += pcm
        self.until += len(pcm) / 2 / self._rate
        if len(self._rest) >= MOST_HOPS * hop_bytes:
            self._analyse()

    def pause(self, now: float) -> None:
        """The client keeps what it has."""
        if self._kept is None:
            self._kept = self._cut(now)

    def resume(self, now: float) -> None:
        """The client plays on."""
        if self._kept is not None:
            kept, self._kept = self._kept, None
            self.until = self._analysed = max(self.until, now) + len(kept) * HOP_S
            self._write(kept, self.until)

    def clear(self, now: float) -> None:
        """The client drops what it has."""
        self._cut(now)
        self._kept = None

    def lines(self, first: int, last: int) -> Powers:
        """The frames from `first` to `last`, (frames, LINES)."""
        if last * HOP_S > self._analysed:
            self._analyse()
        self._silence(last + 1)
        return self._lines[np.arange(first, last + 1) % ROWS]

    def bands(self, frames: NDArray[np.int64]) -> Powers:
        """What was played at each of the LAGS before each of these frames, (frames, LAGS, BANDS)."""
        self._analyse()
        self._silence(int(frames.max()) + JITTER + 1)
        return np.asarray((self._lines @ BAND_OF)[(frames[:, np.newaxis] - _LAGS) % ROWS])

    def _cut(self, now: float) -> Powers:
        """Take out what is not played yet."""
        self._analyse()
        self._rest.clear()
        places = np.arange(int(now / HOP_S) + 1, self._next) % ROWS
        cut: Powers = self._lines[places]
        self._lines[places] = 0
        self.until = self._analysed = min(self.until, now)
        return cut

    def _analyse(self) -> None:
        """Make spectra of what came: several at once cost little more than one."""
        hop_bytes = 2 * self._spectrum.hop
        hops, left = divmod(len(self._rest), hop_bytes)
        if hops > 1:
            self._analysed = self.until - left / 2 / self._rate
            self._write(self._spectrum.powers(self._rest[: hops * hop_bytes]), self._analysed)
            del self._rest[: (hops - 1) * hop_bytes]

    def _write(self, powers: Powers, ends: float) -> None:
        """Frames of which the last ends then."""
        newest = round(ends / HOP_S)
        self._silence(newest + 1)
        places = np.arange(newest - len(powers) + 1, newest + 1) % ROWS
        self._lines[places] = np.maximum(self._lines[places], powers)

    def _silence(self, until: int) -> None:
        """The rows of frames before `until` are theirs, and silence where nothing was written."""
        if until > self._next:
            self._lines[np.arange(max(self._next, until - ROWS), until) % ROWS] = 0
            self._next = until
