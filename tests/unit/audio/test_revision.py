"""What is new in a transcript that comes after a turn had its words."""

from __future__ import annotations

import pytest

from audio.revision import MOST, new_words


@pytest.mark.parametrize(
    ("taken", "came", "new"),
    [
        ("what time is it", "What time is it?", ""),
        ("what time", "what time is it", "is it"),
        ("book a flight two", "Book a flight to Rome.", "to Rome."),
        ("buck a flight", "book a flight to Rome", "to Rome"),
        ("book flight", "book a flight to Rome", "to Rome"),
        ("book me a flight", "book a flight to Rome", "to Rome"),
        ("I want two", "I want", ""),
        ("yes okay", "Yes.", ""),
        ("q1 wrong", "q1 please1", "please1"),
        ("one", "two please", "two please"),
        ("q", "q1 please", "q1 please"),
        ("I want", "yes I do", "yes I do"),
        ("please tell me the way", "please stop", "please stop"),
        ("yes", "", ""),
    ],
)
def test_what_a_turn_has_had_is_not_new_in_whatever_form_it_comes_again(taken: str, came: str, new: str) -> None:
    assert " ".join(new_words(came.split(), taken.split())) == new


@pytest.mark.parametrize("revised", [0, 1, 5, 3 * MOST])
def test_long_transcripts_are_compared_at_their_end(revised: int) -> None:
    words = [f"w{number}" for number in range(10 * MOST)]
    taken = words.copy()
    taken[revised] = "other"
    assert new_words([*words, "and", "more"], taken) == ["and", "more"]
    assert new_words([*words, "and", "more"], [*words, "end"]) == ["and", "more"]
