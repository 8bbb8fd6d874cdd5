"""What the callers of `bench.turns` say: recordings, the same with pauses put in, and sounds that are no words. Pure.

A pause is made: the recording is cut between two words (the places were found by aligning the text, and looked at),
each half is cut back to its voice, and silence with the noise of a quiet room is put in between. So a pause is what it
says, from the last voiced sample to the next one. No cough was recorded: coughs are bursts of noise, shaped as a throat
shapes them (`cough`). Noise and office are recordings.
"""

from __future__ import annotations

import json

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from audio.files import read_sound
from bench.speech import FRAME, NOISE, RATE_HZ, RECORDINGS, edges

Pcm = NDArray[np.int16]
PAUSES_MS = (300, 500, 800, 1200)
FADE = RATE_HZ // 200
SOUND_S = 1.5

# Where recordings are cut: ms, between two words.
CUTS: dict[str, tuple[int, ...]] = {
    "cards_002.flac": (790,),  # four | queen of clubs
    "cards_005.flac": (1270, 2190),  # eight of spades | four of clubs | seven of hearts
    "goforward.flac": (1165,),  # go forward | ten meters
    "wyoming_lamp.flac": (585,),  # turn on | the living room lamp
    "sb_spk1_snt1.flac": (760, 1690),  # the child | almost hurt | the small dog
    "librivox_0870.flac": (2220, 3970),  # ... had then | leisure to consider how | much ...
    "caller/sum.wav": (1340,),  # what is nine plus | five
    "caller/timer.wav": (830, 1260),  # please set | a timer | for three seconds
    "caller/story.wav": (640,),  # tell me a | story
}
# Where the voice ends, in those in which the room can be heard: ms, by the alignment.
ENDS = {
    "cards_002.flac": 1720,
    "cards_005.flac": 3260,
    "goforward.flac": 2120,
    "wyoming_lamp.flac": 1420,
    "librivox_0870.flac": 6790,
}
WHOLE = (
    "cards_002.flac",
    "cards_004.flac",
    "cards_005.flac",
    "sb_spk1_snt1.flac",
    "caller/time.wav",
    "caller/story.wav",
    "caller/sum.wav",
    "caller/timer.wav",
    "caller/goodbye.wav",
    "caller/hello.wav",
)
# How many words stand before each cut.
WORDS_BEFORE: dict[str, tuple[int, ...]] = {
    "cards_002.flac": (1,),
    "cards_005.flac": (3, 6),
    "goforward.flac": (2,),
    "wyoming_lamp.flac": (2,),
    "sb_spk1_snt1.flac": (2, 4),
    "librivox_0870.flac": (6, 10),
    "caller/sum.wav": (4,),
    "caller/timer.wav": (2, 4),
    "caller/story.wav": (3,),
}


class Scene(Struct, frozen=True):
    """A sound, a whole number of frames long, and what is known of it. Places are samples."""

    name: str
    pcm: bytes
    parts: tuple[tuple[int, int], ...] = ()
    """The voiced stretches, first sample and the one after the last; none for a sound that is no voice."""
    texts: tuple[str, ...] = ()
    """What is said in each."""
    pause_ms: int = 0

    @property
    def frames(self) -> int:
        """Its length."""
        return len(self.pcm) // 2 // FRAME


def texts() -> dict[str, str]:
    """What is said in each recording."""
    return {each["file"]: each["text"] for each in json.loads((RECORDINGS / "speech.json").read_text())}


def sound(file: str) -> Pcm:
    """A recording at 16 kHz."""
    samples = np.frombuffer(read_sound(RECORDINGS / file, RATE_HZ), "<i2")
    return samples[: ENDS[file] * RATE_HZ // 1000] if file in ENDS else samples


def framed(samples: NDArray[np.floating] | Pcm) -> bytes:
    """As PCM16, with the noise of a quiet room, in whole frames."""
    room = np.random.default_rng(0).integers(-NOISE, NOISE + 1, len(samples) + -len(samples) % FRAME)
    room[: len(samples)] += np.rint(samples).astype(np.int64)
    return room.clip(-32768, 32767).astype("<i2").tobytes()


def whole(file: str) -> Scene:
    """A recording up to the last sample of its voice."""
    samples = sound(file)
    begin, end = edges(samples)
    return Scene(file, framed(_faded(samples[begin:end])), ((0, end - begin),), (texts()[file],))


def paused(file: str, cut: int, pause_ms: int) -> Scene:
    """A recording with a pause at its cut number `cut`."""
    samples, at = sound(file), CUTS[file][cut] * RATE_HZ // 1000
    (_, first_end), (second, end) = edges(samples[:at]), edges(samples[at:])
    begin = edges(samples)[0]
    halves = samples[begin:first_end], samples[at + second : at + end]
    silence = pause_ms * RATE_HZ // 1000
    joined = np.concatenate([_faded(halves[0]), np.zeros(silence), _faded(halves[1])])
    resumes = len(halves[0]) + silence
    words = texts()[file].split()
    said = " ".join(words[: WORDS_BEFORE[file][cut]]), " ".join(words[WORDS_BEFORE[file][cut] :])
    return Scene(file, framed(joined), ((0, len(halves[0])), (resumes, len(joined))), said, pause_ms)


def sentences() -> list[Scene]:
    """With pauses of each length, and as many without."""
    with_pauses = [paused(file, cut, ms) for ms in PAUSES_MS for file, cuts in CUTS.items() for cut in range(len(cuts))]
    plain = [whole(file) for file in WHOLE]
    mixed = [each for n, scene in enumerate(with_pauses) for each in (scene, plain[n % len(plain)])]
    return [mixed[n * 7 % len(mixed)] for n in range(len(mixed))] if len(mixed) % 7 else mixed


def sounds(count: int) -> list[Scene]:
    """Sounds that are nobody's turn: two coughs, a noise, an office, and so on."""
    noise, office = sound("sb_noise2.flac"), sound("office_ambience.flac")
    length = int(SOUND_S * RATE_HZ)
    scenes: list[Scene] = []
    for n in range(count):
        at = n * 7919 % 40_000
        match n % 4:
            case 0 | 2:
                scenes.append(Scene("cough", framed(cough(n))))
            case 1:
                scenes.append(Scene("noise", framed(_faded(noise[at : at + length]) * (1.0, 2.0, 4.0)[n % 3])))
            case _:
                at = n * 7919 % (len(office) - length)
                scenes.append(Scene("office", framed(_faded(office[at : at + length]) * (1.0, 2.0, 4.0)[n % 3])))
    return scenes


def cough(seed: int) -> NDArray[np.float64]:
    """One to three bursts: a sharp beginning (5 ms), a decay of some 60 to 120 ms, through the resonances of a throat.

    The shape follows what phoneticians write of coughs (an explosive, noisy first phase, little voice); peaks are 6 to
    18 dB below full scale.
    """
    dice = np.random.default_rng(seed)
    bursts: list[NDArray[np.float64]] = []
    for _ in range(dice.integers(1, 4)):
        length = int(dice.uniform(0.15, 0.35) * RATE_HZ)
        time = np.arange(length) / RATE_HZ
        burst = dice.normal(0, 1, length) * np.minimum(time / 0.005, 1) * np.exp(-time / dice.uniform(0.06, 0.12))
        spectrum = np.fft.rfft(burst)
        hz = np.fft.rfftfreq(length, 1 / RATE_HZ)
        shape = sum(gain / (1 + ((hz - at * dice.uniform(0.9, 1.1)) / width) ** 2) for at, width, gain in THROAT)
        bursts += [np.fft.irfft(spectrum * shape, length), np.zeros(int(dice.uniform(0.05, 0.2) * RATE_HZ))]
    whole_cough = np.concatenate(bursts)
    return np.asarray(whole_cough / np.abs(whole_cough).max() * 32768 * 10 ** (-dice.uniform(6, 18) / 20))


THROAT = ((500, 150, 1.0), (1300, 300, 0.8), (2600, 500, 0.5))
"""Resonances: Hz, width, gain."""


def _faded(samples: NDArray[np.floating] | Pcm) -> NDArray[np.float64]:
    faded = samples.astype(np.float64)
    ramp = np.linspace(0, 1, FADE)
    faded[:FADE] *= ramp
    faded[-FADE:] *= ramp[::-1]
    return faded
