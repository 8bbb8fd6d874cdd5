"""Sums: an utterance that is a sum as a whole is done, and of everything else it is said that it is not."""

from __future__ import annotations

import pytest

from llm.local.skills.arithmetic import answer_sum, looks_like_sum
from tests.unit.llm.local.talk import DEMO, once

NO_SUM = "I cannot do that sum. You could say, what is nine plus five."
NO_SUMS = """\
nine plus
plus five
nine plus the hat
what is 9,5 + 1
0,500 + 1
(2+3)*4
2 + (3 * 4)
6/2(1+2)
2**3
5! + 1
2e3 + 1
5 plus 3 apples
9 999 + 1
1.2.3 + 4
9:30 + 1
5+3=8
what is 20% of 50
what is nine squared
what is the square root of nine
what is 2 to the power of 8
what is half of ten
what is two plus two and what is nine
five times what is two plus two
one two three plus four
""".splitlines()
OTHER = """\
minus
less is more
set a timer for nine seconds
i am over nine thousand
nine over the hill
i want five percent
what is half past nine
a plus
""".splitlines()


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
        ("nine multiplied by nine equals", "Nine times nine is eighty-one."),
        ("three plus for", "Three plus four is seven."),
        ("five take away to", "Five minus two is three."),
        ("four divided by zero", "Four divided by zero? Nobody can divide by zero, and neither can I."),
        ("one billion times one billion", "One billion times one billion is too large a number for me to say."),
        ("1,000,000 x 1,000,000", "One million times one million is one trillion."),
        ("999,000,000,000 + 1,000,000,000", "Nine hundred and ninety-nine billion plus one billion is one trillion."),
        ("900 trillion times 2", "Nine hundred trillion times two is too large a number for me to say."),
        ("9000 trillion plus 1", "Such large numbers are more than I can say."),
        ("-5 + 3", "Minus five plus three is minus two."),
        ("what is -5 - -3", "Minus five minus minus three is minus two."),
        ("5-7", "Five minus seven is minus two."),
        ("what is 100-50", "One hundred minus fifty is fifty."),
        ("2x3", "Two times three is six."),
        ("2*3/4", "Two times three divided by four is one point five."),
        (".5 + .25", "Zero point five plus zero point two five is zero point seven five."),
        ("3.14159 times 2", "Three point one four one five nine times two is six point two eight three one eight."),
        ("twenty-five plus one hundred and five", "Twenty-five plus one hundred and five is one hundred and thirty."),
        ("okay, and what is 2 + 2 = ?", "Two plus two is four."),
        ("could you please tell me how much is two plus two", "Two plus two is four."),
        ("I am done with the first question, what is 2 plus 2", "Two plus two is four."),
    ],
)  # fmt: skip
def test_sums(said: str, answer: str) -> None:
    assert answer_sum(said) == answer == once(said, *DEMO)


@pytest.mark.parametrize("said", [*NO_SUMS, "one plus " * 12 + "one"])
def test_what_is_not_a_plain_sum_as_a_whole_is_not_answered_with_a_number(said: str) -> None:
    assert answer_sum(said) is None and looks_like_sum(said)
    assert once(said, *DEMO).endswith(NO_SUM)


@pytest.mark.parametrize("said", OTHER)
def test_what_has_nothing_to_do_with_sums(said: str) -> None:
    assert answer_sum(said) is None and not looks_like_sum(said)


@pytest.mark.parametrize(
    ("said", "digits"),
    [
        ("555-1234", "five, five, five, one, two, three, four"),
        ("030-12", "zero, three, zero, one, two"),
        ("12-34-56", "one, two, three, four, five, six"),
        ("+49 30 123", "four, nine, three, zero, one, two, three"),
        ("(030) 12-34", "zero, three, zero, one, two, three, four"),
        ("my number is 20-30", "two, zero, three, zero"),
    ],
)
def test_a_telephone_number_is_no_sum(said: str, digits: str) -> None:
    assert answer_sum(said) is None
    assert once(said, *DEMO) == f"I heard {digits}."


def test_words_that_are_no_whole_sum_are_said_back() -> None:
    assert once("nine plus", *DEMO) == f"I heard: nine plus. {NO_SUM}"
    assert once("(2+3)*4", *DEMO) == NO_SUM
