"""Word errors."""

from __future__ import annotations

import pytest

from bench.words import error_rate, errors


@pytest.mark.parametrize(
    ("said", "understood", "wrong"),
    [
        ("tell me a story", "tell me a story", 0),
        ("tell me a story", "tell me story", 1),
        ("tell me a story", "please tell me a story", 1),
        ("tell me a story", "tell him a story", 1),
        ("wait stop", "", 2),
        ("", "uh huh", 2),
        ("one two three four", "two three four one", 2),
        ("a b c", "x y", 3),
    ],
)
def test_an_error_is_a_word_changed_dropped_or_added(said: str, understood: str, wrong: int) -> None:
    assert errors(said.split(), understood.split()) == wrong


def test_the_rate_is_over_all_words_and_not_the_mean_of_the_recordings() -> None:
    assert error_rate([("a", "b"), ("c d e", "c d e")]) == 0.25


def test_words_that_nobody_said_can_make_more_errors_than_words() -> None:
    assert error_rate([("a", "a b c d")]) == 3


def test_without_a_word_there_is_no_rate() -> None:
    with pytest.raises(ValueError, match="nothing was said"):
        error_rate([("", "a")])
