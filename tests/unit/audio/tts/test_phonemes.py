"""Where a model's phonemes stand in the text: by clauses, then by words, else by letters."""

# ruff: noqa: RUF001  (phonemes look like letters)

from __future__ import annotations

import pytest

from audio.tts.phonemes import Phoneme, word_times


def phonemes(text: str, each_ms: float = 10.0) -> list[Phoneme]:
    """One for each character, one after the other."""
    return [Phoneme(char, at * each_ms) for at, char in enumerate(text)]


def times(text: str, spoken: str, length_ms: float = 0.0) -> dict[str, float]:
    """When each word of a text begins."""
    found = word_times(text, phonemes(spoken), length_ms or len(spoken) * 10.0)
    assert [ms for _, ms in found] == sorted(ms for _, ms in found)
    return {text[place:].split(maxsplit=1)[0]: ms for place, ms in found}


def test_as_many_groups_as_words_are_each_others() -> None:
    assert times("Hello you there.", "həlo ju ðɛɹ.") == {"Hello": 0, "you": 50, "there.": 80}


def test_words_that_are_run_together_share_the_time_of_their_clause_only() -> None:
    found = times("One of the men, he said.", "wʌn ʌvðə mɛn, hi sɛd.")
    assert (found["One"], found["he"], found["said."]) == (0, 140, 170)
    assert 0 < found["of"] < found["the"] < found["men,"] < 140


def test_the_clauses_after_it_are_right_whatever_one_is_read_as() -> None:
    found = times("It is 42; yes!", "ɪɾ ɪz fɔɹɾi tu; jɛs!")
    assert found["yes!"] == 160
    assert 0 == found["It"] < found["is"] < found["42;"] < 160


def test_without_marks_the_whole_is_shared() -> None:
    found = times("One two, three.", "wʌn tu θɹi")
    assert found == {"One": 0, "two,": 40, "three.": 70}
    found = times("One two, three.", "wʌntu θɹi", 110)
    assert found == {"One": 0, "two,": 30, "three.": 60}


def test_without_phonemes_words_are_as_long_as_their_letters_are_many() -> None:
    assert word_times("ab c, defg", [], 700.0) == [(0, 0.0), (3, 200.0), (6, 300.0)]


def test_marks_without_a_space_and_quotes_around_words() -> None:
    assert times('He said "no."', "hi sɛd noʊ.") == {"He": 0, "said": 30, '"no."': 70}
    assert times("Yes. No.", "jɛs.noʊ.") == {"Yes.": 0, "No.": 40}


@pytest.mark.parametrize("text", ["", " ", "…", "?!"])
def test_nothing_to_say(text: str) -> None:
    assert word_times(text, phonemes("a b"), 30.0) == []
