"""Numbers, sums, times and durations in words."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction

import pytest

from llm.local.skills.arithmetic import answer_sum, looks_like_sum
from llm.local.skills.clock import is_duration, parse_duration, say_date, say_duration, say_time
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
    assert [value for value, _, _ in numbers_in("five five twenty three fifty five twelve".split())] == [
        5,
        5,
        23,
        55,
        12,
    ]
    assert parse_number(["and"]) is None and parse_number(["a", "dog"]) is None and parse_number([], 0) is None


@pytest.mark.parametrize("value", [*range(0, 1200, 7), 10_000, 123_456, 999_999, 1_000_001, 20_000_020, 7_000_000_000])
def test_numbers_there_and_back(value: int) -> None:
    words = say_number(value).replace("-", " ").split()
    assert parse_number(words) == (Fraction(value), len(words))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (Fraction(-7, 2), "minus three point five"),
        (Fraction(1, 3), "zero point three three three"),
        (10**12, str(10**12)),
    ],
)
def test_say_number(value: Fraction, words: str) -> None:
    assert say_number(value) == words


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("what is nine plus five", "Nine plus five is fourteen."),
        ("what's 9+5?", "Nine plus five is fourteen."),
        ("what is two plus three times four", "Two plus three times four is fourteen."),
        ("ten minus four minus three", "Ten minus four minus three is three."),
        ("twelve divided by four times two", "Twelve divided by four times two is six."),
        ("five minus nine", "Five minus nine is minus four."),
        ("seven divided by three", "Seven divided by three is about two point three three three."),
        ("1,000 times 2.5", "One thousand times two point five is two thousand five hundred."),
        ("six times minus two", "Six times minus two is minus twelve."),
        (
            "nine multiplied by nine equals",
            "Nine times nine is eighty-one.",
        ),
        ("three plus for", "Three plus four is seven."),
        ("five take away to", "Five minus two is three."),
        ("four divided by zero", "Four divided by zero? Nobody can divide by zero, and neither can I."),
        ("one billion times one billion", "One billion times one billion is too large a number for me to say."),
        ("nine plus", None),
        ("plus five", None),
        ("set a timer for nine seconds", None),
        ("555-1234", None),
    ],
)
def test_sums(said: str, answer: str | None) -> None:
    assert answer_sum(plain(said).split()) == answer


def test_a_sum_of_any_length_is_cut() -> None:
    spoken = answer_sum(("one plus " * 500 + "one").split())
    assert spoken is not None and spoken.endswith(" is twelve.")


@pytest.mark.parametrize(
    ("said", "looks"),
    [("nine plus", True), ("plus five", True), ("nine plus the hat", True), ("minus", False), ("less is more", False)],
)
def test_half_a_sum(said: str, looks: bool) -> None:
    assert looks_like_sum(said.split()) is looks


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


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("three seconds", 3),
        ("a minute and a half", 90),
        ("one and a half minutes", 90),
        ("two minutes thirty seconds", 150),
        ("two minutes and thirty seconds", 150),
        ("half an hour", 1800),
        ("an hour", 3600),
        ("0.5 seconds", Fraction(1, 2)),
        ("in ten minutes please", 600),
        ("a dog", None),
        ("twelve", None),
    ],
)
def test_durations(said: str, seconds: Fraction | None) -> None:
    assert parse_duration(said.split()) == seconds


def test_what_is_only_a_duration() -> None:
    assert is_duration("for ten seconds".split()) and is_duration("half a minute".split())
    assert not is_duration("ten dogs".split()) and not is_duration("tell me in ten seconds".split())


@pytest.mark.parametrize(
    ("seconds", "spoken"),
    [
        (1, "one second"),
        (90, "one minute and thirty seconds"),
        (3661, "one hour, one minute and one second"),
        (0.5, "zero point five seconds"),
        (0, "no time"),
    ],
)
def test_say_duration(seconds: float, spoken: str) -> None:
    assert say_duration(seconds) == spoken


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
