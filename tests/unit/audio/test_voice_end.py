"""Where a voice ended: told on recordings whose end is known, and on sounds made for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from audio.events import SpeechStarted, SpeechStopped
from audio.files import read_sound
from audio.silero import CHUNK_MS, RATES_HZ, sizes
from audio.vad import DEFAULT, MOST_UNHEARD_MS, Hysteresis, VadEngine, Voice
from audio.voice_end import BLOCK_MS, HIDDEN_MS, LOOK_BACK_CHUNKS, MOST_MS, held_ms
from bench.speech import edges

Pcm = NDArray[np.int16]
RECORDINGS = Path(__file__).parents[2] / "data"
CLEAN = ["sb_spk1_snt1.flac", *(f"caller/{name}.wav" for name in "hello time story sum timer goodbye stop".split())]
BEFORE_MS, AFTER_MS = 500, 800


class Ends:
    """Hears a call, fed in messages of some length; notes where each voice ended, in ms from the first sample."""

    def __init__(self, rate_hz: int) -> None:
        self._due: list[Callable[[], None]] = []
        self._stream = VadEngine(rate_hz, lambda _, callback: self._due.append(callback)).open(self._hear)
        self._rate = rate_hz
        self._fed = 0
        self.ends_ms: list[float] = []
        self.silences_ms: list[float] = []

    def feed(self, sound: Pcm, message_ms: int = 20) -> None:
        length = self._rate * message_ms // 1000
        for at in range(0, len(sound), length):
            self._fed += len(sound[at : at + length])
            self._stream.feed(sound[at : at + length].tobytes())
            while self._due:
                self._due.pop()()

    def _hear(self, fact: SpeechStarted | SpeechStopped) -> None:
        if isinstance(fact, SpeechStopped):
            self.silences_ms.append(fact.silence_ms)
            self.ends_ms.append(self._fed * 1000 / self._rate - fact.silence_ms)


def recording(name: str, rate_hz: int) -> Pcm:
    """Up to 50 ms after its voice ends, and silence around it."""
    sound = np.frombuffer(read_sound(RECORDINGS / name, rate_hz), "<i2")
    ms = rate_hz // 1000
    kept = sound[: edges(np.frombuffer(read_sound(RECORDINGS / name, 16000), "<i2"))[1] * rate_hz // 16000 + 50 * ms]
    return np.concatenate([np.zeros(BEFORE_MS * ms, np.int16), kept, np.zeros(AFTER_MS * ms, np.int16)])


def end_ms(name: str) -> float:
    """Where one sees the voice end in a picture of the wave."""
    return BEFORE_MS + edges(np.frombuffer(read_sound(RECORDINGS / name, 16000), "<i2"))[1] / 16


def mixed(sound: Pcm, noise: Pcm, down: float) -> Pcm:
    return np.clip(sound + np.resize(noise, len(sound)) * down, -32768, 32767).astype("<i2")


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("name", CLEAN)
def test_a_voice_ends_where_one_sees_it_end(name: str, rate_hz: int) -> None:
    ears = Ends(rate_hz)
    ears.feed(recording(name, rate_hz))
    # At 8 kHz nothing is left of the last consonant of "seconds".
    early_ms = 150 if name == "caller/timer.wav" and rate_hz == 8000 else 20
    assert -early_ms <= ears.ends_ms[-1] - end_ms(name) <= 30


@pytest.mark.parametrize("noise", ["office_ambience.flac", "sb_noise2.flac"])
@pytest.mark.parametrize("name", CLEAN)
def test_noise_that_hides_the_end_costs_the_last_sound_at_most(name: str, noise: str) -> None:
    room = np.frombuffer(read_sound(RECORDINGS / noise, 16000), "<i2")
    sound = recording(name, 16000)
    loudness = float(np.sqrt((sound.astype(float) ** 2).mean() / (room.astype(float) ** 2).mean()))
    ears = Ends(16000)
    ears.feed(mixed(sound, room, loudness / 10))  # 20 dB below the voice
    assert ears.ends_ms[-1] - end_ms(name) >= -HIDDEN_MS


@pytest.mark.parametrize("message_ms", [10, 20, 60, 100])
def test_sound_that_came_while_it_decided_is_silence_too(message_ms: int) -> None:
    ears = Ends(16000)
    ears.feed(recording("caller/time.wav", 16000), message_ms)
    assert abs(ears.ends_ms[-1] - end_ms("caller/time.wav")) <= 30


def test_what_comes_in_a_burst_is_not_all_taken_for_silence() -> None:
    """After a stall of the network there may be a voice in what has not been heard yet."""
    ears = Ends(16000)
    ears.feed(recording("caller/time.wav", 16000), message_ms=2000)
    assert 224 < ears.silences_ms[0] <= 224 + MOST_MS + MOST_UNHEARD_MS


def windows(*parts: tuple[int, float]) -> list[bytes]:
    """White noise, `(chunks, standard deviation)` after each other, as the net gets it."""
    dice, size = np.random.default_rng(0), sizes(16000)
    sound = np.concatenate([dice.normal(0, level, chunks * size.chunk) for chunks, level in parts]).astype("<i2")
    padded = np.concatenate([np.zeros(size.context, "<i2"), sound])
    return [padded[at : at + size.window].tobytes() for at in range(0, len(sound), size.chunk)]


@pytest.mark.parametrize(
    ("sound", "held"),
    [
        pytest.param([(20, 1000.0), (4, 1.0)], 0, id="it let go at once"),
        pytest.param([(18, 1000.0), (2, 1.0), (4, 1.0)], 64, id="two chunks later"),
        pytest.param([(14, 1000.0), (6, 1.0), (4, 1.0)], MOST_MS, id="and no more than so much"),
        pytest.param([(16, 1000.0), (2, 40.0), (2, 1.0), (4, 1.0)], 64, id="28 dB below is a soft end"),
        pytest.param([(16, 1000.0), (2, 10.0), (2, 1.0), (4, 1.0)], 128, id="40 dB below is none"),
        pytest.param([(18, 1000.0), (2, 200.0), (4, 200.0)], HIDDEN_MS, id="noise hides it"),
        pytest.param([(19, 1000.0), (1, 200.0), (4, 200.0)], 32, id="and less, where it shows through"),
        pytest.param([(20, 0.0), (4, 0.0)], 0, id="digital silence"),
        pytest.param([(4, 1.0)], 0, id="nothing before"),
    ],
)
def test_levels_say_where(sound: list[tuple[int, float]], held: int) -> None:
    assert held_ms(windows(*sound), sizes(16000), 4 * CHUNK_MS) == held


def test_a_chunk_is_whole_blocks() -> None:
    for rate_hz in RATES_HZ:
        assert sizes(rate_hz).chunk * BLOCK_MS % CHUNK_MS == 0
    assert MOST_MS % BLOCK_MS == HIDDEN_MS % BLOCK_MS == 0
    assert 3 * (MOST_MS + DEFAULT.stop_ms) / 2 < LOOK_BACK_CHUNKS * CHUNK_MS


@pytest.mark.parametrize(
    ("held", "chunks", "silence_ms"),
    [(0, 7, 224), (HIDDEN_MS, 7, 224 + HIDDEN_MS), (56, 6, 248), (80, 6, 272), (MOST_MS, 6, 192 + MOST_MS)],
)
def test_an_end_that_is_seen_saves_one_chunk_of_waiting(held: float, chunks: int, silence_ms: float) -> None:
    """Not more: pauses in the middle of speech would be taken for its end. And none where noise may hide a voice."""
    hysteresis = Hysteresis(DEFAULT, lambda _: held)
    for _ in range(3):
        hysteresis.step(0.9)
    facts = [hysteresis.step(0.1) for _ in range(chunks)]
    assert facts[:-1] == [None] * (chunks - 1)
    assert facts[-1] == SpeechStopped(silence_ms)
    assert hysteresis.voice is Voice.SILENT
