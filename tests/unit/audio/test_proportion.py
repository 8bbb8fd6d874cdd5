"""How far a voice is that says nothing of it."""

from __future__ import annotations

import pytest

from audio.proportion import PAUSE_WEIGHT, place_at


@pytest.mark.parametrize(
    ("text", "share", "place"),
    [
        ("", 0.0, 0),
        ("", 1.0, 0),
        ("abcd", 0.0, 0),
        ("abcd", 0.24, 0),
        ("abcd", 0.25, 1),
        ("abcd", 1.0, 4),
        ("abcd", 1.5, 4),
        ("ab, cd", 2 / (5 + PAUSE_WEIGHT), 2),
        ("ab, cd", (1.9 + PAUSE_WEIGHT) / (5 + PAUSE_WEIGHT), 2),
        ("ab, cd", (2 + PAUSE_WEIGHT) / (5 + PAUSE_WEIGHT), 3),
    ],
)
def test_a_sign_takes_as_long_as_six_letters(text: str, share: float, place: int) -> None:
    assert place_at(text, share) == place
