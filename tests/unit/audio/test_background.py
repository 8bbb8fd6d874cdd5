"""Background sounds, sample by sample: how they come and go, repeat, and mix with a voice."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from audio.background import CLEARED_MS, Mixer, Track, loop

RATE_HZ = 8000


def track(level: int = 1000, samples: int = 800) -> Track:
    """A sound of one level."""
    return Track(np.full(samples, level, np.float32), RATE_HZ)


def alone(mixer: Mixer, samples: int) -> NDArray[np.int16]:
    """The sounds alone."""
    return np.frombuffer(mixer.alone(samples), "<i2")


def test_nothing_is_heard_before_it_rises() -> None:
    quiet = track()
    mixer = Mixer((quiet,))
    assert not mixer.audible
    assert not alone(mixer, 100).any()
    voice = b"\1\2" * 50
    assert mixer.over(voice) is voice


@pytest.mark.parametrize("piece", [1, 7, 80, 300])
def test_a_fade_is_exact_in_whatever_pieces_it_is_taken(piece: int) -> None:
    sound = track(10000)
    mixer = Mixer((sound,))
    sound.rise(100)
    up = np.concatenate([alone(mixer, piece) for _ in range(900 // piece)])
    wanted = 10000 * np.sin(np.minimum(np.arange(1, len(up) + 1) / 800, 1) * np.pi / 2)
    assert np.abs(up - wanted).max() <= 1
    sound.fall(50)
    down = np.concatenate([alone(mixer, piece) for _ in range(900 // piece)])
    wanted = 10000 * np.sin(np.maximum(1 - np.arange(1, len(down) + 1) / 400, 0) * np.pi / 2)
    assert np.abs(down - wanted).max() <= 1
    assert not mixer.audible


def test_one_that_goes_while_another_comes_keeps_the_power() -> None:
    first, second = track(), track()
    first.rise(0)
    Mixer((first,)).alone(800)
    first.fall(100)
    second.rise(100)
    power = np.square(alone(Mixer((first,)), 799).astype(float)) + np.square(alone(Mixer((second,)), 799).astype(float))
    assert power == pytest.approx(np.full(799, 1e6), rel=0.01)


def test_a_fade_turns_round_where_it_is() -> None:
    sound = track(10000)
    mixer = Mixer((sound,))
    sound.rise(100)
    top = alone(mixer, 400)[-1]
    sound.fall(100)
    down = alone(mixer, 800)
    assert abs(int(down[0]) - int(top)) < 30
    assert down[400:].any() == np.False_


def test_the_sound_repeats_without_a_seam() -> None:
    hum = 3000 * np.sin(np.arange(3 * RATE_HZ) * 2 * np.pi * 50.3 / RATE_HZ)
    sound = Track(loop(hum.astype("<i2").tobytes(), RATE_HZ, 0), RATE_HZ)
    sound.rise(0)
    heard = alone(Mixer((sound,)), 10 * RATE_HZ).astype(int)[1:]
    assert np.abs(np.diff(heard)).max() <= 1.5 * np.abs(np.diff(hum)).max()


@pytest.mark.parametrize("samples", [1, 2, 5, 4000, 4001])
def test_a_short_sound_repeats_too(samples: int) -> None:
    sound = Track(loop(b"\1\1" * samples, RATE_HZ, 0), RATE_HZ)
    sound.rise(0)
    assert alone(Mixer((sound,)), 10000)[1:].all()


def test_the_attenuation_is_in_decibels() -> None:
    assert float(loop(b"\x10\x27" * 2, RATE_HZ, 20)[0]) == pytest.approx(1000)


def test_what_is_too_loud_is_clipped_and_does_not_wrap() -> None:
    sound = track(20000)
    sound.rise(0)
    mixer = Mixer((sound,))
    mixer.alone(10)
    voice = np.array([20000, -32768, 0, 32767], "<i2")
    assert np.frombuffer(mixer.over(voice.tobytes()), "<i2").tolist() == [32767, -12768, 20000, 32767]


def test_what_was_dropped_is_played_again() -> None:
    sound = Track(np.arange(8000, dtype=np.float32), RATE_HZ)
    sound.rise(0)
    mixer = Mixer((sound,))
    alone(mixer, 2000)
    mixer.back(500)
    again = alone(mixer, 1000)
    settled = int(CLEARED_MS * RATE_HZ / 1000)
    assert again[settled:].tolist() == list(range(1500 + settled, 2500))
    assert again[0] < 100, "it fades in"
