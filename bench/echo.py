"""How well the echo guard tells the bot from a caller, in simulated rooms: `python -m bench.echo`. Some five minutes.

The bot's speech (espeak-ng, and readers) is played in a room and comes back into the microphone, late, soft and with
reverberation; recorded callers talk over it. What the guard lets through goes to the real voice activity detection.

    false       voices that it heard while nobody spoke but the bot
    heard       callers whose voice came on while they spoke
    later       when, after it came on for the same caller without a bot; median and 95th percentile
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import soxr
from msgspec import Struct
from numpy.typing import NDArray

from audio.blas import set_blas_threads
from audio.echo import EchoGuard
from audio.events import SpeechStarted
from audio.files import read_sound
from audio.pcm import to_float, to_pcm
from audio.vad import VadEngine
from bench.speech import RECORDINGS, edges

RATE_HZ = 16_000
MESSAGE_S = 0.02
CHUNK = RATE_HZ // 25
LEAD_S = 0.2
PAUSE_S = 0.6  # between two sentences of the bot
BOT_DB, NOISE_DB = -20.0, -65.0
FIRST_CALLER_S = 4.0  # after the bot began: by then the guard knows the room
BETWEEN_S = 1.5
LATE_S = 0.3  # a voice may come on so long after the caller's last sample
AFTER_S = 0.6  # and again
DELAYS_MS, LEVELS_DB, OVER_DB = (0, 40, 120, 250, 500), (-6, -12, -20, -30), (0, 6, 12)
JITTER_MS = 30.0
SENTENCES = (
    "Hello, this is the bicycle shop. We are open from half past nine until six, and on Saturdays until two.",
    "A puncture takes about twenty minutes; a new chain takes an hour, and we can do both while you wait.",
    "It costs three dollars and fourteen cents, and that includes the tax. You can pay in cash, or with a card.",
    "Sure, I can help you with that right away! First of all, tell me what happened to the bicycle.",
)
READERS = ("librivox_0870.flac", "jfk.flac")
CALLERS = (
    *("sb_spk1_snt1.flac", "goforward.flac", "cards_001.flac", "cards_003.flac", "wyoming_lamp.flac"),
    *("caller/stop.wav", "caller/time.wav", "caller/sum.wav"),
)

Sound = NDArray[np.float64]


class Room(Struct, frozen=True):
    """How an echo comes back, and who talks."""

    delay_ms: float
    level_db: float
    """Of the echo, below what was played."""
    over_db: float | None = None
    """Of the callers, above the echo; None: nobody speaks."""
    jitter_ms: float = JITTER_MS
    """By which each sentence comes later than the one before."""
    reverberation_s: float = 0.35
    louder_db: float = 0.0
    """By which somebody turns the loudspeaker up in the middle."""
    clips: bool = False
    """A loudspeaker that is driven 6 dB too hard."""
    seed: int = 1


class Outcome(Struct):
    """What came of it: instants in seconds."""

    voices: list[float]
    spoken: list[tuple[float, float]]
    cpu_ms: float
    """Of the guard, for each second of the call."""

    def heard(self) -> list[float | None]:
        """For each caller how long it took."""
        found = ([at for at in self.voices if begin <= at <= end + LATE_S] for begin, end in self.spoken)
        return [at[0] - begin if at else None for at, (begin, _) in zip(found, self.spoken, strict=True)]

    def false(self) -> list[float]:
        """Voices of nobody."""
        return [at for at in self.voices if not any(begin - 0.05 <= at <= end + AFTER_S for begin, end in self.spoken)]


class _AtOnce:
    """A schedule without time: what is due is done by `run`."""

    def __init__(self) -> None:
        self._due: list[Callable[[], None]] = []

    def __call__(self, delay_s: float, callback: Callable[[], None]) -> None:
        self._due.append(callback)

    def run(self) -> None:
        while self._due:
            self._due.pop(0)()


def simulate(speech: Sequence[Sound], room: Room, *, guarded: bool = True) -> Outcome:
    """One call: the bot says this, sentence by sentence."""
    dice = np.random.default_rng(room.seed)
    starts = np.cumsum([1.0, *(len(each) / RATE_HZ + PAUSE_S for each in speech)])
    size = int((starts[-1] + 1) * RATE_HZ)
    echo = _echo(speech, starts, size, room, dice)
    callers, spoken = _callers(size, starts[0], level_db(echo), room)
    microphone = to_pcm(echo + callers + dice.normal(size=size) * 10 ** (NOISE_DB / 20))
    sentences = [(start, to_pcm(each)) for start, each in zip(starts, speech, strict=False)]
    guard = EchoGuard(RATE_HZ, RATE_HZ) if guarded else None
    voices, cpu_s = _listen(microphone, sentences, guard, dice)
    return Outcome(voices, spoken, cpu_s * 1000 / (size / RATE_HZ))


def _listen(
    microphone: bytes, sentences: list[tuple[float, bytes]], guard: EchoGuard | None, dice: np.random.Generator
) -> tuple[list[float], float]:
    schedule, voices, now, cpu_s = _AtOnce(), [], 0.0, 0.0

    def on_speech(fact: object) -> None:
        if isinstance(fact, SpeechStarted):
            voices.append(now)

    vad = VadEngine(RATE_HZ, schedule).open(on_speech)
    sent = [0] * len(sentences)
    message = int(MESSAGE_S * RATE_HZ) * 2
    for at in range(0, len(microphone) - message + 1, message):
        now = (at + message) / 2 / RATE_HZ
        pcm, began = microphone[at : at + message], time.process_time()
        if guard is not None:
            for number, (start, speech) in enumerate(sentences):
                while start <= now and sent[number] < min(len(speech), (now - start + LEAD_S) * RATE_HZ * 2):
                    guard.played.send(speech[sent[number] : sent[number] + 2 * CHUNK], now)
                    sent[number] += 2 * CHUNK
            pcm = guard.hear(pcm, now + dice.uniform(0, 0.01))
        cpu_s += time.process_time() - began
        vad.feed(pcm)
        schedule.run()
    return voices, cpu_s


def _echo(speech: Sequence[Sound], starts: NDArray[Any], size: int, room: Room, dice: np.random.Generator) -> Sound:
    played = np.zeros(size)
    for start, each in zip(starts, speech, strict=False):
        late = int((start + (room.delay_ms + dice.uniform(0, room.jitter_ms)) / 1000) * RATE_HZ)
        played[late : late + len(each)] += each[: size - late]
    if room.clips:
        most = 0.5 * float(np.abs(played).max())
        played = played.clip(-most, most)
    whole = 1 << (2 * size).bit_length()
    echo = np.fft.irfft(np.fft.rfft(played, whole) * np.fft.rfft(response(room), whole))[:size]
    echo[size // 2 :] *= 10 ** (room.louder_db / 20)
    return np.asarray(echo * 10 ** (room.level_db / 20))


def response(room: Room) -> Sound:
    """From a small loudspeaker (250-5500 Hz) to the microphone: the direct sound, and noise that fades."""
    size = int(room.reverberation_s * RATE_HZ)
    noise = np.random.default_rng(room.seed).normal(size=size) * 10 ** (-3 * np.arange(size) / size)
    sound = noise * 0.5 / np.sqrt((noise**2).sum())
    sound[:40] = 0
    sound[0] = 0.7
    whole = 4 * RATE_HZ
    hz = np.fft.rfftfreq(whole, 1 / RATE_HZ)
    speaker = 1 / np.sqrt(1 + (250 / np.maximum(hz, 1)) ** 4) / np.sqrt(1 + (hz / 5500) ** 8)
    heard = np.fft.irfft(np.fft.rfft(sound, whole) * speaker)[: size + 400]
    return np.asarray(heard / np.sqrt((heard**2).sum()))


def _callers(size: int, began: float, echo_db: float, room: Room) -> tuple[Sound, list[tuple[float, float]]]:
    whole, spoken = np.zeros(size), []
    at = int((began + FIRST_CALLER_S) * RATE_HZ)
    for number in range(size) if room.over_db is not None else ():
        sound = load(CALLERS[number % len(CALLERS)], echo_db + (room.over_db or 0.0))
        if at + len(sound) > size - RATE_HZ:
            break
        whole[at : at + len(sound)] += sound
        begin, end = edges(np.frombuffer(to_pcm(sound), "<i2"))
        spoken.append(((at + begin) / RATE_HZ, (at + end) / RATE_HZ))
        at += len(sound) + int(BETWEEN_S * RATE_HZ)
    return whole, spoken


def alone_s(count: int) -> list[float]:
    """How long it takes until each of the callers is heard who has nobody to talk over."""
    silence = np.zeros(RATE_HZ)
    sounds = [np.concatenate([silence, load(CALLERS[n % len(CALLERS)], -26.0), silence]) for n in range(count)]
    found = []
    for sound in sounds:
        noise = np.random.default_rng(1).normal(size=len(sound)) * 10 ** (NOISE_DB / 20)
        voices, _ = _listen(to_pcm(sound + noise), [], None, np.random.default_rng(1))
        found.append(voices[0] - edges(np.frombuffer(to_pcm(sound), "<i2"))[0] / RATE_HZ)
    return found


def level_db(sound: Sound) -> float:
    """The level of what is within 40 dB of the loudest sample."""
    power = sound**2
    return float(10 * np.log10(power[power > power.max() * 1e-4].mean()))


def load(file: str, db: float) -> Sound:
    """A recording of tests/data at a level."""
    sound = to_float(read_sound(RECORDINGS / file, RATE_HZ)).astype(np.float64)
    return sound * 10 ** ((db - level_db(sound)) / 20)


def readers() -> list[Sound]:
    """A bot with people's voices."""
    return [load(file, BOT_DB) for file in READERS]


def espeak() -> list[Sound]:
    """The embedded voice."""
    from audio.tts.espeak_ng import RATE_HZ as ESPEAK_HZ
    from audio.tts.espeak_ng import Synthesizer

    synthesizer, sounds = Synthesizer("en-us", 165, 50, 100), []
    for sentence in SENTENCES:
        pcm = bytearray()
        synthesizer.speak(sentence, lambda part, _, pcm=pcm: (pcm.extend(part), True)[1])  # type: ignore[misc]
        sound = soxr.resample(to_float(bytes(pcm)).astype(np.float64), ESPEAK_HZ, RATE_HZ)
        sounds.append(sound * 10 ** ((BOT_DB - level_db(sound)) / 20))
    return sounds


class Row:
    """Outcomes of one kind."""

    def __init__(self) -> None:
        self.false = self.heard = self.spoken = 0
        self.later: list[float] = []
        self.cpu_ms: list[float] = []

    def add(self, outcome: Outcome, alone: list[float]) -> None:
        self.false += len(outcome.false())
        self.cpu_ms.append(outcome.cpu_ms)
        for took, usual in zip(outcome.heard(), alone, strict=False):
            self.spoken += 1
            if took is not None:
                self.heard += 1
                self.later.append((took - usual) * 1000)

    def __str__(self) -> str:
        later = f"{np.median(self.later):4.0f} / {np.quantile(self.later, 0.95):4.0f}" if self.later else "   -"
        share = f"{self.heard}/{self.spoken}" if self.spoken else "-"
        return f"{self.false:5} {share:>9} {later:>12} {np.median(self.cpu_ms):7.2f}"


def main() -> None:
    """The process."""
    parser = argparse.ArgumentParser(description="the echo guard")
    parser.add_argument("--quick", action="store_true", help="one delay and two levels")
    quick = parser.parse_args().quick
    set_blas_threads(1)
    delays, levels = ((120,), (-6, -30)) if quick else (DELAYS_MS, LEVELS_DB)
    bots, alone = (espeak(), readers()), alone_s(len(CALLERS))

    def row(label: str, rooms: Sequence[Room], *, guarded: bool = True) -> None:
        found = Row()
        for room in rooms:
            for bot in bots:
                found.add(simulate(bot, room, guarded=guarded), alone)
        print(f"{label:<44}{found}", flush=True)

    print(f"{'':44}false     heard    later, ms  CPU ms/s")
    row("no guard, nobody speaks", [Room(d, g, seed=d) for d in delays for g in levels], guarded=False)
    for level in levels:
        row(f"echo {level} dB, nobody speaks", [Room(d, level, seed=d) for d in delays])
    for over in OVER_DB:
        for level in levels:
            rooms = [Room(d, level, over, seed=d) for d in delays]
            row(f"echo {level} dB, callers {over} dB above it", rooms)
    row("... 10 dB below it", [Room(d, -12, -10, seed=d) for d in delays])
    for label, room in (
        ("delay jitters by 100 ms", Room(120, -12, jitter_ms=100)),
        ("reverberation 0.6 s", Room(120, -12, reverberation_s=0.6)),
        ("loudspeaker clips", Room(120, -12, clips=True)),
        ("turned up by 6 dB in the middle", Room(120, -18, louder_db=6)),
        ("turned up by 12 dB in the middle", Room(120, -24, louder_db=12)),
    ):
        row(f"{label}, nobody speaks", [room])


if __name__ == "__main__":
    main()
