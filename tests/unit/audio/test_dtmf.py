"""Keys as tones: a detector of its own hears them, at each rate, and after the companding of telephones."""

from __future__ import annotations

import numpy as np
import pytest

from audio.dtmf import are_keys, tones
from audio.g711 import from_alaw, from_mulaw, to_alaw, to_mulaw
from tests.unit.audio.goertzel import decoded

ALL = "0123456789*#ABCD"


@pytest.mark.parametrize("rate_hz", [8000, 16_000])
def test_each_key_is_heard_for_100_ms_with_a_gap_behind_it(rate_hz: int) -> None:
    assert decoded(tones(ALL, rate_hz), rate_hz) == [each for digit in ALL for each in ((digit, 100), ("", 100))]


def test_the_companding_of_telephones_leaves_them_what_they_are() -> None:
    pcm = tones(ALL, 8000)
    for companded in (from_mulaw(to_mulaw(pcm)), from_alaw(to_alaw(pcm))):
        assert [digit for digit, _ in decoded(companded, 8000) if digit] == list(ALL)


def test_a_w_is_a_pause_of_half_a_second() -> None:
    assert decoded(tones("1w1", 8000), 8000) == [("1", 100), ("", 600), ("1", 100), ("", 100)]


def test_they_are_loud_and_never_clip() -> None:
    peak = np.abs(np.frombuffer(tones(ALL, 48_000), "<i2").astype(np.int32)).max()
    assert 0.65 * 32767 < peak < 0.72 * 32767


@pytest.mark.parametrize(
    ("digits", "known"), [(ALL + "w", True), ("", True), ("1 2", False), ("a", False), ("\u0661", False)]
)
def test_what_is_a_key(digits: str, known: bool) -> None:
    assert are_keys(digits) is known
    if not known:
        with pytest.raises(ValueError, match="is no key"):
            tones(digits, 8000)
