"""The echo guard by itself: when it does nothing, what it silences, what it lets through; with the real detector."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from audio.echo import HELD_FRAMES, EchoGuard
from audio.echo_path import HOP_S, LINES, find_lag, learn
from audio.echo_played import Played
from bench.echo import Outcome, Room, load, simulate

RATE_HZ = 16000
HOP = round(RATE_HZ * HOP_S)


@cache
def call(over_db: float | None, *, guarded: bool = True) -> Outcome:
    """A reader's voice comes back after 120 ms, 12 dB softer; callers talk over it, or nobody does."""
    return simulate([load("librivox_0870.flac", -20.0)], Room(120, -12, over_db), guarded=guarded)


def test_without_a_guard_the_bot_hears_itself() -> None:
    assert len(call(None, guarded=False).false()) == 1, "and does not stop to"


def test_with_one_it_does_not() -> None:
    assert call(None).voices == []


@pytest.mark.parametrize("over_db", [0, 12])
def test_a_caller_who_talks_over_the_bot_is_heard(over_db: float) -> None:
    heard = call(over_db).heard()
    assert heard
    assert None not in heard
    assert call(over_db).false() == []


# --- what goes in and out ---------------------------------------------------------------------------------------------


def noise(seconds: float, level: int = 3000, seed: int = 0) -> bytes:
    """Some sound."""
    return np.random.default_rng(seed).integers(-level, level, round(seconds * RATE_HZ)).astype("<i2").tobytes()


@pytest.mark.parametrize("ms", [7, 20, 100])
def test_while_the_bot_is_silent_the_sound_passes_unread(ms: int) -> None:
    guard = EchoGuard(RATE_HZ, 24000)
    for number in range(10):
        pcm = noise(ms / 1000, seed=number)
        assert guard.hear(pcm, number * ms / 1000) is pcm


@pytest.mark.parametrize("ms", [7, 20, 100])
@pytest.mark.parametrize("rate_hz", [8000, 16000, 44100, 48000])
def test_as_much_comes_out_as_went_in_and_a_little_later(ms: int, rate_hz: int) -> None:
    guard = EchoGuard(rate_hz, RATE_HZ)
    guard.played.send(noise(1.0), 0.0)
    pcm = bytes(2 * (rate_hz * ms // 1000))
    late = (HELD_FRAMES + 1) * HOP_S
    given = taken = 0
    for number in range(1, 4000 // ms):
        given += len(pcm)
        taken += len(guard.hear(pcm, number * ms / 1000))
        assert 0 <= given - taken <= 2 * (late + ms / 1000) * rate_hz
    assert given == taken, "all of it, once the echo has faded"


def test_nothing_passes_before_the_way_of_the_echo_is_known() -> None:
    guard = EchoGuard(RATE_HZ, RATE_HZ)
    guard.played.send(noise(0.7), 0.0)
    out = b"".join(guard.hear(noise(0.02, seed=n), n * 0.02) for n in range(35))
    assert out
    assert not any(out)


def test_a_client_that_stops_sending_for_a_while_does_no_harm() -> None:
    guard = EchoGuard(RATE_HZ, RATE_HZ)
    guard.played.send(noise(3.0), 0.0)
    guard.hear(noise(0.02), 0.02)
    guard.hear(noise(0.02), 2.5)
    pcm = noise(0.02)
    assert guard.hear(pcm, 9.0).endswith(pcm)


# --- what is played ---------------------------------------------------------------------------------------------------


def loud(played: Played, first_s: float, last_s: float) -> list[bool]:
    """Which frames between these instants are not silent."""
    return [bool(each.any()) for each in played.lines(round(first_s / HOP_S), round(last_s / HOP_S))]


def test_what_is_sent_is_played_at_once_and_in_order() -> None:
    played = Played(RATE_HZ)
    played.send(noise(0.32), 1.0)
    played.send(noise(0.32), 1.1)
    assert played.until == pytest.approx(1.64)
    assert loud(played, 0.7, 0.98) == [False] * 10
    assert all(loud(played, 1.06, 1.6))
    assert not any(loud(played, 1.7, 2.0))


def test_what_a_client_holds_is_played_later() -> None:
    played = Played(RATE_HZ)
    played.send(noise(0.64), 1.0)
    played.pause(1.32)
    assert not any(loud(played, 1.38, 2.9))
    played.resume(3.0)
    assert played.until == pytest.approx(3.32, abs=HOP_S)
    assert all(loud(played, 3.07, 3.26))


def test_what_a_client_drops_is_not_played() -> None:
    played = Played(RATE_HZ)
    played.send(noise(0.64), 1.0)
    played.clear(1.32)
    assert played.until == pytest.approx(1.32)
    assert all(loud(played, 1.06, 1.28))
    assert not any(loud(played, 1.38, 3.0))
    played.resume(3.0)
    assert not any(loud(played, 3.0, 4.0))


# --- the way of the echo ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lag", [0, 3, 25])
def test_the_way_is_found(lag: int) -> None:
    dice = np.random.default_rng(lag)
    whole = dice.exponential(1e-4, (200, 16)).astype(np.float32)
    heard = np.arange(60, 160)
    reference = whole[heard[:, np.newaxis] - np.arange(-2, 28)]
    microphone = whole[heard - lag] * np.float32(0.01)
    found, likeness = find_lag(microphone, reference)
    assert found == lag
    assert likeness > 0.99
    path = learn(microphone, reference)
    assert path is not None
    assert (path.first, path.last) == (lag - 2, lag + 2)
    assert path.gain.shape == path.noise.shape == (LINES,)
    assert float(path.gain.max()) <= 0.0101


def test_silence_teaches_nothing() -> None:
    assert learn(np.ones((50, 16), np.float32), np.zeros((50, 30, 16), np.float32)) is None
