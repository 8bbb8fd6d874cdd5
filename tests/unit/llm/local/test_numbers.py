"""Numbers, digits, times and dates in words, and the plain form of what was said."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction

import pytest

from llm.local.skills.clock import say_date, say_time
from llm.local.skills.numbers import digits_in, numbers_in, parse_number, say_digits, say_number
from llm.local.skills.wording import plain, sentence, verbatim


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("nine", 9),
        ("twenty five", 25),
        ("one hundred and five", 105),
        ("a hundred", 100),
        ("two hundred twelve", 212),
        ("three thousand and one", 3001),
        ("two million three hundred thousand and forty", 2_300_040),
        ("three point one four", Fraction(314, 100)),
        ("12.5", Fraction(25, 2)),
        ("3 thousand", 3000),
    ],
)
def test_parse_number(words: str, value: Fraction) -> None:
    parts = words.split()
    assert parse_number(parts) == (value, len(parts))


def test_numbers_that_follow_each_other_are_not_one() -> None:
    assert [value for value, _, _ in numbers_in(tuple("five five twenty three fifty five twelve".split()))] == [
        5,
        5,
        23,
        55,
        12,
    ]
    assert parse_number(["and"]) is None and parse_number(["a", "dog"]) is None and parse_number([], 0) is None


@pytest.mark.parametrize(
    "value", [*range(0, 1200, 7), 10_000, 123_456, 999_999, 1_000_001, 20_000_020, 7_000_000_000, 10**13]
)
def test_numbers_there_and_back(value: int) -> None:
    words = say_number(value).replace("-", " ").split()
    assert parse_number(words) == (Fraction(value), len(words))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (Fraction(-7, 2), "minus three point five"),
        (Fraction(1, 3), "zero point three three three"),
        (10**12, "one trillion"),
        (10**15, str(10**15)),
        (Fraction(-1, 10**6), "zero"),
    ],
)
def test_say_number(value: Fraction, words: str) -> None:
    assert say_number(value) == words


@pytest.mark.parametrize(
    ("hour", "minute", "spoken"),
    [
        (0, 0, "twelve o'clock at night"),
        (5, 5, "five oh five in the morning"),
        (12, 30, "twelve thirty in the afternoon"),
        (18, 59, "six fifty-nine in the evening"),
        (22, 10, "ten ten at night"),
    ],
)
def test_time(hour: int, minute: int, spoken: str) -> None:
    assert say_time(datetime(2026, 1, 1, hour, minute)) == spoken


def test_date() -> None:
    spoken = [say_date(datetime(2026, 1, day)).split("the ")[1].split(" of")[0] for day in range(1, 32)]
    assert len(set(spoken)) == 31
    assert (
        spoken[0] == "first" and spoken[11] == "twelfth" and spoken[19] == "twentieth" and spoken[30] == "thirty-first"
    )
    assert say_date(datetime(2026, 12, 24)) == "Thursday, the twenty-fourth of December"


def test_a_number_with_more_decimals() -> None:
    assert say_number(Fraction(314159, 100000), 6) == "three point one four one five nine"


def test_digits() -> None:
    assert digits_in("my number is double five one oh twenty three".split()) == "551023"
    assert say_digits("50") == "five, zero"


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("What\u2019s the time?", "what is the time"),
        ("Um, could you please tell me a story?", "tell me a story"),
        ("Uh-huh.", "uh huh"),
        ("I'd like to order", "order"),
        ("So, well, okay then", "then"),
        ("No, thank you!", "no thank you"),
        ("don't", "do not"),
        ("dont do that im fine", "do not do that i am fine"),
        ("no more stories", "no more stories"),
        ("no, what time is it", "what time is it"),
        ("-5 seconds", "minus 5 seconds"),
        ("3.5 % of 1,000", "3.5 percent of 1000"),
        ("", ""),
        ("?!", ""),
    ],
)
def test_plain(said: str, text: str) -> None:
    assert plain(said) == text


def test_words_as_they_were_said() -> None:
    assert verbatim("Hello, (you) there! At 3.5.") == "Hello you there At 3.5"
    assert sentence("  done  now ") == "Done now." and sentence("") == ""
