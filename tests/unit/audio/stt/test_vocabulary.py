"""From what a user writes down to what the recogniser needs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, product

import pytest

from audio.stt.pronunciation import PHONES, Dictionary
from audio.stt.vocabulary import DIGITS, GARBAGE, Language, Phones, build, words_of

EVEN = Phones(dict.fromkeys(PHONES, 1 / 39), dict.fromkeys(product(PHONES, PHONES), 1 / 39))


def spelled(words: Sequence[str]) -> Dictionary:
    """Every word but those with a "q" is in the dictionary."""
    return {word: ["AH"] for word in words if "q" not in word}


def language(*entries: str) -> Language:
    return build(entries, spelled, EVEN)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("What time is it?", "what time is it"),
        ("set it to 5!", "set it to five"),
        ("25 minutes", "twenty five minutes"),
        ("it costs $2.50", "it costs two dollars and fifty cents"),
        ("Café  Zürich", "cafe zurich"),
        ("don’t 'quote' o'clock dogs'", "don't quote o'clock dogs"),  # noqa: RUF001
        ("well-known re-enter", "well known re enter"),
        ("opening_hours", "opening hours"),
        ("what is <number> plus <number>?", "what is <number> plus <number>"),
        ("<digits>", "<digits>"),
        ("<b>bold</b> <unknown>", "bold unknown"),
        ("Привет 你好 🎉", ""),
        ("", ""),
        ("...", ""),
        ("a\x00b\ud800c", "a bc"),
    ],
)
def test_the_words_of_an_entry(entry: str, words: str) -> None:
    assert words_of(entry) == words.split()


def test_numbers_of_all_kinds_are_written_out() -> None:
    pairs = language("set a timer for <number> seconds").pairs
    for number in ("seven", "twenty five", "one hundred", "three hundred and two", "two hundred forty"):
        words = ["for", *number.split(), "seconds"]
        assert set(pairwise(words)) <= pairs, number


def test_every_digit_may_follow_every_digit() -> None:
    assert set(product(DIGITS, repeat=2)) <= language("my number is <digits>").pairs


def test_two_numbers_in_a_sentence_are_not_always_the_same() -> None:
    lm = language("<number> plus <number>").lm
    assert " nine plus " in lm
    assert " nine plus nine" not in lm


def test_the_dictionary_has_all_words_and_garbage_and_marks_guesses() -> None:
    made = language("Hello there", "quuxify it")
    lines = [line.split(" ", 1) for line in made.dictionary.splitlines()]
    words = [word for word, _ in lines]
    assert words[:4] == ["hello", "there", "quuxify", "it"]
    assert words[4:] == [GARBAGE + phone for phone in PHONES]
    assert made.guessed == {"quuxify": dict(lines)["quuxify"]}


def test_further_pronunciations_are_numbered() -> None:
    made = build(["the"], lambda words: {"the": ["DH AH", "DH IY"]}, EVEN)
    assert made.dictionary.splitlines()[:2] == ["the DH AH", "the(2) DH IY"]


def test_entries_without_a_word_are_named_and_doubles_count_once() -> None:
    made = language("Привет", "yes", "yes", "!")
    assert made.unusable == ("Привет", "!")
    assert made.lm == language("yes").lm


def test_garbage_may_stand_everywhere_and_goes_on_more_easily_than_it_begins() -> None:
    lm = language("yes").lm
    (alone,) = [
        line.split() for line in lm.splitlines() if line.split()[1:2] == [f"{GARBAGE}AA"] and len(line.split()) == 3
    ]
    (after,) = [line.split() for line in lm.splitlines() if line.split()[1:3] == [f"{GARBAGE}AA", f"{GARBAGE}B"]]
    assert float(alone[0]) == pytest.approx(-1.5)
    assert float(after[0]) == pytest.approx(-0.7)


def test_an_empty_vocabulary_is_an_error() -> None:
    for entries in ([], ["", "Привет"]):
        with pytest.raises(ValueError, match="at least one word"):
            build(entries, spelled, EVEN)
