"""Keeps the bot from hearing itself where a client does not cancel echoes: frames that hold no more than that. Pure.

    idle ── audio is sent ──► guarding ── the last echo has faded ──► idle              (idle, the sound passes unread)

While it guards, the microphone is HELD_FRAMES late, and each frame is weighed: how many lines of its spectrum are far
louder than the echo can be (audio/echo_path.py)? With hardly any, silence takes its place. Enough of them in two frames
in a row are somebody else's voice; it passes with the frames that are still held, which are its beginning.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np

from audio.echo_path import BAND_OF, BANDS, HOP_S, JITTER, LINES, MAX_LAG, EchoPath, Powers, Spectrum, learn
from audio.echo_played import Played

HELD_FRAMES: Final = 3
HISTORY: Final = 150
"""Frames from which the way of the echo is learned: 4.8 s ..."""
OLDEST: Final = 200
"""... none of them older than 6.4 s, and at least FIRST_FRAMES."""
FIRST_FRAMES: Final = 24
"""So much of the echo (0.8 s) must be heard before anything passes."""
FIRST_STEP: Final = 4
LEARN_FRAMES: Final = 31
"""The way is learned anew after each second of the bot's voice."""
DISTORTION: Final = 10**-2.0
"""A loudspeaker adds so much of a band's mean to each of its lines."""
MARGIN: Final = np.float32(10**1.5)
"""A line that is 15 dB above the expected echo is no echo ..."""
STRANGE_LINES: Final = 4
"""... if there are so many of them."""
MEAN_OF: Final = BAND_OF / BAND_OF.sum(axis=0) * np.float32(DISTORTION)
"""(LINES, BANDS)."""
FADING: Final = np.float32(10**-0.15)
"""An echo fades by 1.5 dB in a frame at the slowest: a room that reverberates for 1.3 s."""
TAIL_S: Final = 0.3
"""It has faded within this."""
PASS_FRAMES: Final = 10
"""A voice that passes does so until there was nothing for so long (0.32 s)."""
GAP_S: Final = 1.0
SLACK_S: Final = 0.002


class MicrophoneClock:
    """When a sample was taken: messages come late, never early; and a client may stop sending for a while."""

    def __init__(self, rate_hz: int) -> None:
        self._rate = rate_hz
        self._began = 0.0
        self._samples = 0

    def begin(self, now: float) -> None:
        """The next sample is the first, and is taken now."""
        self._began, self._samples = now, 0

    def came(self, samples: int, now: float) -> None:
        """So many more came."""
        self._samples += samples
        began = now - self._samples / self._rate
        self._began = began if began > self._began + GAP_S else min(began, self._began + SLACK_S)

    def frame(self, waiting: int) -> int:
        """The frame of the clock that ends before the newest `waiting` samples."""
        return round((self._began + (self._samples - waiting) / self._rate) / HOP_S)


class EchoGuard:
    """One call's guard. `now` is seconds on one clock that never goes backwards."""

    def __init__(self, rate_in: int, rate_out: int) -> None:
        """Rates of the microphone, and of what is played."""
        self.played = Played(rate_out)
        """Tell it what leaves for the client."""
        self._spectrum = Spectrum(rate_in)
        self._hop_bytes = 2 * self._spectrum.hop
        self._clock = MicrophoneClock(rate_in)
        self._rest = bytearray(self._hop_bytes)  # the hop that was weighed last, and what came after it
        self._held: deque[bytes] = deque()
        self._heard = np.zeros((HISTORY, BANDS), np.float32)
        self._frames = np.full(HISTORY, -1 << 40)  # of the clock, at which each was heard
        self._count = 0
        self._path: EchoPath | None = None
        self._fresh = 0  # frames since the way was learned
        self._echo = np.zeros(LINES, np.float32)  # what is expected
        self._strange = False
        self._passing = 0
        self._guarding = False

    def hear(self, pcm: bytes, now: float) -> bytes:
        """What the microphone heard, without the bot. As much as comes in goes out, but later while it guards."""
        if not self._guarding:
            if now >= self.played.until:
                return pcm
            self._guarding = True
            self._clock.begin(now)
        elif now > self.played.until + self._late_s:
            return self.end() + pcm
        self._rest += pcm
        self._clock.came(len(pcm) // 2, now)
        out = b""
        while len(self._rest) >= 2 * self._hop_bytes:
            out += self._weigh()
        return out

    @property
    def _late_s(self) -> float:
        late = MAX_LAG + JITTER if self._path is None else self._path.last
        return late * HOP_S + TAIL_S

    def end(self) -> bytes:
        """What it still holds back, when nothing follows it at once: nothing of that comes up later."""
        held = b"".join(self._held)
        rest = bytes(self._rest[self._hop_bytes :])
        self._held.clear()
        self._rest = bytearray(self._hop_bytes)
        self._echo[:] = 0
        passing, self._passing = self._passing, 0
        self._guarding = self._strange = False
        return (held if passing else bytes(len(held))) + rest

    def _weigh(self) -> bytes:
        """Take the next frame; returns the one that is released for it."""
        powers = self._spectrum.powers(self._rest[: 2 * self._hop_bytes])[0]
        frame = self._clock.frame(len(self._rest) // 2 - 2 * self._spectrum.hop)
        self._held.append(bytes(self._rest[self._hop_bytes : 2 * self._hop_bytes]))
        del self._rest[: self._hop_bytes]
        if self._path is not None:
            self._judge(self._path, powers, frame)
        self._remember(powers, frame)
        if len(self._held) <= HELD_FRAMES:
            return b""
        oldest = self._held.popleft()
        return oldest if self._passing else bytes(len(oldest))

    def _judge(self, path: EchoPath, powers: Powers, frame: int) -> None:
        loudest = self.played.lines(frame - path.last, frame - path.first).max(axis=0)
        distorted = BAND_OF @ (loudest @ MEAN_OF)
        self._echo = np.maximum(np.maximum(loudest, distorted) * path.gain, self._echo * FADING)
        above = int(np.count_nonzero(powers > (self._echo + path.noise) * MARGIN))
        strange = above >= STRANGE_LINES
        if strange and self._strange:
            self._passing = PASS_FRAMES
        elif self._passing:
            self._passing -= 1
        self._strange = strange

    def _remember(self, powers: Powers, frame: int) -> None:
        place = self._count % HISTORY
        self._heard[place] = powers @ BAND_OF
        self._frames[place] = frame
        self._count += 1
        if frame * HOP_S > self.played.until:
            return
        self._fresh += 1
        if self._path is None and self._fresh >= FIRST_FRAMES and self._fresh % FIRST_STEP == 0:
            path = self._learned(frame)
            if path is not None and self._fresh >= FIRST_FRAMES + path.last:
                self._path = path
        elif self._path is not None and self._fresh >= LEARN_FRAMES:
            self._fresh = 0
            self._path = self._learned(frame) or self._path

    def _learned(self, frame: int) -> EchoPath | None:
        recent = self._frames > frame - OLDEST
        frames = self._frames[recent]
        if len(frames) < FIRST_FRAMES:
            return None
        return learn(self._heard[recent], self.played.bands(frames))
