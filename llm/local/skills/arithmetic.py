"""Sums: "what is nine plus five times two". An utterance is one sum as a whole, or it is not done at all. Pure."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

from llm.local.skills.numbers import LARGEST, numbers_in, parse_number, say_number
from llm.local.skills.wording import written_out

MAX_OPERANDS = 12

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
_BEGIN = frozenset(spoken[:1] for spoken, _ in _OPERATORS)
_EVERYDAY = frozenset({"less", "over", "x"})  # these are operators between two numbers only
_SPOKEN = {"+": "plus", "-": "minus", "*": "times", "/": "divided by"}
# What a speech-to-text writes for a number that stands where only a number can stand.
_HOMOPHONES = {"to": 2, "too": 2, "for": 4, "ate": 8, "won": 1, "oh": 0}
_MARKS = {
    **dict.fromkeys("-\u2013\u2212", ("minus",)),
    **dict.fromkeys("*\u00d7\u22c5", ("times",)),
    **dict.fromkeys("/\u00f7", ("divided", "by")),
    "+": ("plus",),
    "=": ("equals",),
}
_TOKEN = re.compile(
    r"(?P<figures>[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
    r"|(?P<word>[a-z]+(?:'[a-z]+)?)"
    r"|(?P<passed>(?<=[a-z])-(?=[a-z])|[\"\u201c\u201d]|(?<!\d)!|!+\s*$|[.,;:?]+(?!\S))"
    r"|(?P<mark>\S)"
)
_FILLERS = frozenset("please um uh er erm just kindly".split())
_LEAD = (
    "what is|what are|what does|what do|what would|how much is|how much are|how much does|how much do|how many is"
    "|how many are|calculate|compute|work out|add up|solve|tell me|do you know|can you|could you|would you|will you"
    "|i want to know|i would like to know|i mean|i meant|i said|let us see|that is|it is|is|if|what if|say|and|but|so"
    "|well|now|then|okay|ok|yes|no|right|hey|hi|hello|oh|the|result of|answer to|value of|what"
)
_TAIL = "equals|equal|makes|make|is|come to|now|then|again|thank you|thanks|for me|in total|altogether|together|exactly"
_ASKED = re.compile(r"(?:what|how (?:much|many)|calculate|compute|work out|solve)\b")
_LEAD_IN = re.compile(rf"(?>(?:{_LEAD}) )*+")
_REST = re.compile(rf"(?>(?:{_TAIL})(?: |$))*+(?:what|what is)?$")
_BEFORE_LAST_CLAUSE = re.compile(r".*[.,;:!?]\s+(?=\S)", re.DOTALL)
_BEYOND = re.compile(
    r"[()\[\]^%\u221a\u00b2\u00b3]|\b(?:percent|squared|cubed|root|to the power|factorial|modulo|mod|twice|double"
    r"|(?:sum|product|difference|half|third|quarter) of)\b"
)
_DIALLED = re.compile(r"\s*(?=[0+]|(?:\d+-){2}|(?:-?\d){7})\+?\d[\d-]*\d[\s.]*")


def answer_sum(raw: str) -> str | None:
    """The sentence that answers an utterance, or its last clause, that is a sum and nothing else; None if it is not."""
    if _DIALLED.fullmatch(raw):
        return None  # 555-1234 is a telephone number
    chain = _whole_chain(_words(raw))
    if chain is None and (before := _BEFORE_LAST_CLAUSE.match(raw)):
        clause = _words(raw[before.end() :])
        chain = _whole_chain(clause) if _ASKED.match(" ".join(clause)) else None
    return _answer(*chain) if chain else None


def looks_like_sum(raw: str) -> bool:
    """Whether an utterance has to do with a sum, although it may be incomplete or too hard."""
    words = _words(raw)
    text = " ".join(words)
    operators = [(index, found[1]) for index in range(len(words)) if (found := _operator(words, index))]
    beyond = _BEYOND.search(text) is not None and _ASKED.search(_lead(text)) is not None
    numbers = numbers_in(words) if operators or beyond else []
    starts, ends = {start for _, start, _ in numbers}, {end for _, _, end in numbers}
    sides = {index: (index in ends) + (end in starts) for index, end in operators}
    return (beyond and bool(numbers)) or any(sides[index] > (words[index] in _EVERYDAY) for index in sides)


@lru_cache(32)  # it is asked twice, and again with each request
def _words(raw: str) -> tuple[str, ...]:
    """The words of a sum: figures without commas, operators as words; what cannot be read stays as the mark it is."""
    words: list[str] = []
    for token in _TOKEN.finditer(written_out(raw)):
        match token.lastgroup:
            case "figures":
                words.append(("0" if token[0][0] == "." else "") + token[0].replace(",", ""))
            case "word" if token[0] not in _FILLERS:
                words.append(token[0])
            case "mark":
                words += _MARKS.get(token[0], (token[0],))
    return tuple(words)


def _whole_chain(words: tuple[str, ...]) -> tuple[list[Fraction], list[str]] | None:
    """The sum that the words are, but for a known lead and tail."""
    found = _chain(words, len(_lead(" ".join(words)).split()))
    if found is None or not _REST.match(" ".join(words[found[2] :])):
        return None
    return found[0], found[1]


def _lead(text: str) -> str:
    """The words that may stand before a sum."""
    found = _LEAD_IN.match(text)
    return found[0] if found else ""


def _chain(words: tuple[str, ...], start: int) -> tuple[list[Fraction], list[str], int] | None:
    """The numbers and operators that begin at `start`, and where they end."""
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
    return (numbers, operators, index) if operators else None


def _operand(words: tuple[str, ...], start: int, *, guess: bool) -> tuple[Fraction, int] | None:
    if words[start : start + 1] == ("minus",):
        number = parse_number(words, start + 1)
        return (-number[0], number[1]) if number else None
    number = parse_number(words, start)
    if number is None and guess and start < len(words) and words[start] in _HOMOPHONES:
        return Fraction(_HOMOPHONES[words[start]]), start + 1
    return number


def _operator(words: tuple[str, ...], start: int) -> tuple[str, int] | None:
    if words[start : start + 1] not in _BEGIN:
        return None
    for spoken, operator in _OPERATORS:
        if words[start : start + len(spoken)] == spoken:
            return operator, start + len(spoken)
    return None


def _answer(numbers: list[Fraction], operators: list[str]) -> str:
    if max(map(abs, numbers)) >= LARGEST:
        return "Such large numbers are more than I can say."
    spoken = say_number(numbers[0], 6)
    for operator, number in zip(operators, numbers[1:], strict=True):
        spoken += f" {_SPOKEN[operator]} {say_number(number, 6)}"
    spoken = spoken[0].upper() + spoken[1:]
    value = _evaluate(numbers, operators)
    if value is None:
        return f"{spoken}? Nobody can divide by zero, and neither can I."
    if abs(value) >= LARGEST:
        return f"{spoken} is too large a number for me to say."
    if (value * 10**6).denominator == 1:
        return f"{spoken} is {say_number(value, 6)}."
    return f"{spoken} is about {say_number(value)}."


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
