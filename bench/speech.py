"""What the callers say: recordings joined to a loop, and where in it the voice begins and ends.

Voiced is what the recording itself says, not what a detector makes of it: from the first to the last window of 10 ms
whose level is at most 35 dB below the loudest window of the recording. The recordings are clean, so these edges are
those that one sees in a picture of the wave. A detector holds on to a voice for some time after that; when Silero's
lets go is noted beside it, so that both can be told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from audio.files import read_sound
from audio.silero import Silero, sizes
from audio.vad import DEFAULT, load_weights

RATE_HZ = 16_000
FRAME_MS = 20
FRAME = RATE_HZ * FRAME_MS // 1000
WINDOW = RATE_HZ // 100
BELOW_PEAK_DB = 35.0
GRIDS = 8
NOISE = 2  # the room: samples of at most this, so that silence is not digital zero

RECORDINGS = Path(__file__).resolve().parents[1] / "tests" / "data"


class Phrase(Struct, frozen=True):
    """A recording, and the silence after it."""

    file: str
    pause_ms: int


# The bot has spoken for over a second when the second phrase of SCRIPTED, and the third of EMBEDDED, interrupts it.
SCRIPTED = (Phrase("sb_spk1_snt1.flac", 1800), Phrase("caller/sum.wav", 5000))
EMBEDDED = (Phrase("caller/time.wav", 2600), Phrase("caller/story.wav", 1800), Phrase("caller/sum.wav", 2600))
SCRIPTS = {"scripted": SCRIPTED, "embedded": EMBEDDED}


class Voiced(Struct, frozen=True):
    """A stretch of voice, in samples."""

    begin: int
    """The first voiced sample."""
    end: int
    """The one after the last."""
    let_go: int
    """The one after the last that Silero's net takes for voice."""


class Turn(Struct, frozen=True):
    """The same on the clock: when these samples were spoken (seconds)."""

    begin: float
    end: float
    let_go: float


class Loop(Struct, frozen=True):
    """What a caller says over and over: mono PCM16 at 16 kHz, a whole number of frames."""

    pcm: bytes
    voiced: tuple[Voiced, ...]

    @property
    def samples(self) -> int:
        """The length."""
        return len(self.pcm) // 2

    @property
    def share(self) -> float:
        """How much of the time there is voice."""
        return sum(each.end - each.begin for each in self.voiced) / self.samples

    def frame(self, number: int, offset: int) -> bytes:
        """The frame `number` (from 0) of a caller that starts `offset` samples into the loop (whole frames)."""
        at = (offset + number * FRAME) % self.samples * 2
        return self.pcm[at : at + FRAME * 2]

    def turns(self, offset: int, began: float) -> Iterator[Turn]:
        """The phrases that are said from their beginning, for ever; `began` is when the caller's first sample was."""
        start = -offset
        while True:
            for each in self.voiced:
                if start + each.begin >= 0:
                    begin, end, let_go = (start + at for at in (each.begin, each.end, each.let_go))
                    yield Turn(began + begin / RATE_HZ, began + end / RATE_HZ, began + let_go / RATE_HZ)
            start += self.samples


def join(parts: Sequence[tuple[NDArray[np.int16], int]]) -> Loop:
    """Recordings at 16 kHz with the silence (ms) after each. Raises ValueError for a recording without sound."""
    sound: list[NDArray[np.int16]] = []
    voiced: list[Voiced] = []
    at = 0
    for samples, pause_ms in parts:
        begin, end = edges(samples)
        voiced.append(Voiced(at + begin, at + end, at + max(end, let_go(samples))))
        silence = pause_ms * RATE_HZ // 1000
        silence += -(at + len(samples) + silence) % FRAME
        sound += [samples, np.zeros(silence, np.int16)]
        at += len(samples) + silence
    noise = np.random.default_rng(0).integers(-NOISE, NOISE + 1, at)
    whole = np.clip(np.concatenate(sound) + noise, -32768, 32767)
    return Loop(whole.astype("<i2").tobytes(), tuple(voiced))


def edges(samples: NDArray[np.int16]) -> tuple[int, int]:
    """The first voiced sample and the one after the last, on a grid of 10 ms. Raises ValueError for no sound."""
    count = len(samples) // WINDOW
    power = (samples[: count * WINDOW].reshape(count, WINDOW).astype(np.float64) ** 2).mean(axis=1)
    if not count or not power.max():
        raise ValueError("a recording holds no sound")
    loud = np.flatnonzero(power >= power.max() / 10 ** (BELOW_PEAK_DB / 10))
    return int(loud[0]) * WINDOW, (int(loud[-1]) + 1) * WINDOW


def let_go(samples: NDArray[np.int16]) -> int:
    """The sample after the last chunk that is voice to Silero's net: the mean over GRIDS places of the chunks' grid."""
    size = sizes(RATE_HZ)
    net = Silero(RATE_HZ, load_weights(), GRIDS)
    starts = np.arange(GRIDS) * (size.chunk // GRIDS)
    sound = np.concatenate([np.zeros(size.window, np.int16), samples, np.zeros(RATE_HZ, np.int16)])
    ends = np.zeros(GRIDS)
    for at in range(0, len(samples) + RATE_HZ // 2, size.chunk):
        windows = np.stack([sound[at + start : at + start + size.window] for start in starts])
        voice = net.run(np.arange(GRIDS), windows) >= DEFAULT.threshold_off
        ends[voice] = at + starts[voice]
    return round(float(ends.mean()))


def load(phrases: Sequence[Phrase]) -> Loop:
    """The loop of a script. Raises ConfigError for a recording that is missing."""
    sounds = [np.frombuffer(read_sound(RECORDINGS / phrase.file, RATE_HZ), "<i2") for phrase in phrases]
    return join([(sound, phrase.pause_ms) for sound, phrase in zip(sounds, phrases, strict=True)])
