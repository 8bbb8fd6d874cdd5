"""Sums in words: "what is nine plus five times two". Pure."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from llm.local.skills.numbers import parse_number, say_number

MAX_OPERANDS = 12
LARGEST = 10**12

_OPERATORS = (
    (("divided", "by"), "/"),
    (("multiplied", "by"), "*"),
    (("take", "away"), "-"),
    (("times",), "*"),
    (("plus",), "+"),
    (("minus",), "-"),
    (("less",), "-"),
    (("over",), "/"),
    (("x",), "*"),
)
_SPOKEN = {"+": "plus", "-": "minus", "*": "times", "/": "divided by"}
# What a speech-to-text writes for a number that stands where only a number can stand.
_HOMOPHONES = {"to": 2, "too": 2, "for": 4, "ate": 8, "won": 1, "oh": 0}


def answer_sum(words: Sequence[str]) -> str | None:
    """The sentence that answers the first sum in `words`; None if there is none."""
    for start in range(len(words)):
        chain = _chain(words, start)
        if chain is not None:
            return _answer(*chain)
    return None


def looks_like_sum(words: Sequence[str]) -> bool:
    """Whether a number stands beside an operator, although the sum may be incomplete."""
    for index in range(len(words)):
        operator = _operator(words, index)
        if operator is None or operator[1] - index == len(words):
            continue
        after = parse_number(words, operator[1])
        before = any(end == index for start in range(index) if (end := (parse_number(words, start) or (0, -1))[1]))
        if after is not None or before:
            return True
    return False


def _answer(numbers: list[Fraction], operators: list[str]) -> str:
    spoken = say_number(numbers[0])
    for operator, number in zip(operators, numbers[1:], strict=True):
        spoken += f" {_SPOKEN[operator]} {say_number(number)}"
    spoken = spoken[0].upper() + spoken[1:]
    value = _evaluate(numbers, operators)
    if value is None:
        return f"{spoken}? Nobody can divide by zero, and neither can I."
    if abs(value) > LARGEST:
        return f"{spoken} is too large a number for me to say."
    exact = (value * 1000).denominator == 1
    return f"{spoken} is {'' if exact else 'about '}{say_number(value)}."


def _evaluate(numbers: list[Fraction], operators: list[str]) -> Fraction | None:
    """The value, times and divided by first; None for a division by zero."""
    total, term, sign = Fraction(0), numbers[0], 1
    for operator, number in zip(operators, numbers[1:], strict=True):
        if operator == "*":
            term *= number
        elif operator == "/":
            if number == 0:
                return None
            term /= number
        else:
            total, term, sign = total + sign * term, number, 1 if operator == "+" else -1
    return total + sign * term


def _chain(words: Sequence[str], start: int) -> tuple[list[Fraction], list[str]] | None:
    first = _operand(words, start, guess=False)
    if first is None:
        return None
    numbers, operators, index = [first[0]], list[str](), first[1]
    while len(numbers) < MAX_OPERANDS:
        operator = _operator(words, index)
        operand = _operand(words, operator[1], guess=True) if operator else None
        if operator is None or operand is None:
            break
        operators.append(operator[0])
        numbers.append(operand[0])
        index = operand[1]
    return (numbers, operators) if operators else None


def _operand(words: Sequence[str], start: int, *, guess: bool) -> tuple[Fraction, int] | None:
    if words[start : start + 1] and words[start] == "minus":
        number = parse_number(words, start + 1)
        return (-number[0], number[1]) if number else None
    number = parse_number(words, start)
    if number is None and guess and start < len(words) and words[start] in _HOMOPHONES:
        return Fraction(_HOMOPHONES[words[start]]), start + 1
    return number


def _operator(words: Sequence[str], start: int) -> tuple[str, int] | None:
    for spoken, operator in _OPERATORS:
        if tuple(words[start : start + len(spoken)]) == spoken:
            return operator, start + len(spoken)
    return None
