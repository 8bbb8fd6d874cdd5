"""Where a voice begins and ends, and what a caller says when."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.speech import FRAME, RATE_HZ, SCRIPTS, Loop, Voiced, edges, join, let_go, load


def tone(ms: int, level: float = 8000.0) -> NDArray[np.int16]:
    at = np.arange(ms * RATE_HZ // 1000)
    return np.asarray(level * np.sin(2 * np.pi * 400 * at / RATE_HZ)).astype(np.int16)


def silence(ms: int) -> NDArray[np.int16]:
    return np.zeros(ms * RATE_HZ // 1000, np.int16)


def ms(samples: int) -> float:
    return samples * 1000 / RATE_HZ


def test_the_edges_are_those_of_the_sound() -> None:
    begin, end = edges(np.concatenate([silence(200), tone(500), silence(300)]))
    assert (ms(begin), ms(end)) == (200, 700)


def test_what_is_35_db_below_the_peak_is_not_voice() -> None:
    quiet, audible = tone(100, 8000 / 10 ** (36 / 20)), tone(100, 8000 / 10 ** (34 / 20))
    assert ms(edges(np.concatenate([tone(500), quiet]))[1]) == 500
    assert ms(edges(np.concatenate([tone(500), audible]))[1]) == 600


@pytest.mark.parametrize("samples", [silence(100), silence(5), silence(0)])
def test_a_recording_without_sound_is_refused(samples: NDArray[np.int16]) -> None:
    with pytest.raises(ValueError, match="no sound"):
        edges(samples)


def test_a_joined_loop_is_whole_frames_and_knows_where_its_voices_are() -> None:
    loop = join([(tone(105), 100), (np.concatenate([silence(50), tone(200)]), 300)])
    assert loop.samples % FRAME == 0
    assert [(ms(each.begin), ms(each.end)) for each in loop.voiced] == [(0, 100), (270, 470)]
    assert ms(loop.samples) == 780
    assert loop.share == pytest.approx(300 / 780)


def test_a_loop_is_never_digital_silence_nor_loud_where_nobody_speaks() -> None:
    loop = join([(tone(100), 1000)])
    tail = np.abs(np.frombuffer(loop.pcm, "<i2")[-RATE_HZ // 2 :])
    assert 0 < tail.max() <= 2


LOOP = Loop(bytes(range(256)) * (FRAME * 4 * 2 // 256), (Voiced(FRAME, 2 * FRAME, 2 * FRAME + 16),))


def test_frames_go_round_the_loop() -> None:
    size = FRAME * 2
    assert LOOP.frame(0, 0) == LOOP.pcm[:size]
    assert LOOP.frame(1, 2 * FRAME) == LOOP.pcm[3 * size :]
    assert LOOP.frame(2, 2 * FRAME) == LOOP.pcm[:size]
    assert {len(LOOP.frame(n, FRAME)) for n in range(20)} == {size}


def test_turns_are_the_phrases_on_the_clock_of_the_caller() -> None:
    first, second = islice(LOOP.turns(0, 10.0), 2)
    assert (first.begin, first.end, first.let_go) == pytest.approx((10.02, 10.04, 10.041))
    assert (second.begin, second.end, second.let_go) == pytest.approx((10.10, 10.12, 10.121))


def test_a_phrase_that_a_caller_starts_in_the_middle_of_is_no_turn() -> None:
    first = next(LOOP.turns(2 * FRAME, 0.0))
    assert first.begin == pytest.approx(0.06)
    assert next(LOOP.turns(FRAME, 0.0)).begin == 0.0


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_scripts_speak_about_as_much_as_people_do(name: str) -> None:
    loop = load(SCRIPTS[name])
    assert 0.25 < loop.share < 0.45
    for each in loop.voiced:
        assert 0 < ms(each.let_go - each.end) < 150
        assert ms(each.end - each.begin) > 500


def test_the_net_lets_go_of_what_it_never_took_at_once() -> None:
    assert let_go(silence(500)) == 0
