"""Numbers in words, both ways. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()
TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()
SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
LARGEST = 10**15
"""What is as large is said in figures."""

_SMALL = {word: value for value, word in enumerate(SMALL)}
_TENS = {word: 10 * value for value, word in enumerate(TENS) if value > 1}
_BEGIN = frozenset({*SMALL, *TENS, "a"})
_FIGURES = re.compile(r"\d{1,15}(\.\d{1,6})?")
_DIGITS = {**{word: str(value) for word, value in _SMALL.items() if value < 10}, "oh": "0", "o": "0", "nought": "0"}
_REPEATS = {"double": 2, "triple": 3}


def parse_number(words: Sequence[str], start: int = 0) -> tuple[Fraction, int] | None:
    """The number that begins at `start`, and where it ends; None if there is none there."""
    if start >= len(words) or not (words[start] in _BEGIN or words[start][:1].isdigit()):
        return None
    if _FIGURES.fullmatch(words[start]):
        scale = SCALES.get(words[start + 1], 1) if start + 1 < len(words) else 1
        return Fraction(words[start]) * scale, start + (1 if scale == 1 else 2)
    found = _whole_number(words, start)
    if found is None:
        return None
    value, end = found
    return _decimals(words, end, Fraction(value))


@lru_cache(64)  # the words of a turn are asked for several times
def numbers_in(words: tuple[str, ...]) -> tuple[tuple[Fraction, int, int], ...]:
    """Every number with its first word and the word after it."""
    found = []
    index = 0
    while index < len(words):
        number = parse_number(words, index)
        if number is None:
            index += 1
            continue
        found.append((number[0], index, number[1]))
        index = number[1]
    return tuple(found)


def is_number(words: tuple[str, ...]) -> bool:
    """Whether the words are one number and nothing else."""
    number = parse_number(words)
    return number is not None and number[1] == len(words)


def digits_in(words: Sequence[str]) -> str:
    """The digits that were said one by one or in groups: "double five twelve" is 5512."""
    digits = ""
    index = 0
    while index < len(words):
        word = words[index]
        if word in _REPEATS and index + 1 < len(words) and words[index + 1] in _DIGITS:
            digits += _DIGITS[words[index + 1]] * _REPEATS[word]
            index += 2
        elif word in _DIGITS:
            digits += _DIGITS[word]
            index += 1
        elif word.isdecimal():
            digits += word
            index += 1
        elif number := _whole_number(words, index):
            digits += str(number[0])
            index = number[1]
        else:
            index += 1
    return digits


def is_digit_word(word: str) -> bool:
    """Whether a word belongs to a number that is read out digit by digit."""
    return word in _DIGITS or word in _REPEATS or word in _SMALL or word in _TENS or word.isdecimal()


def say_digits(digits: str) -> str:
    """Digits one by one: 512 is "five, one, two"."""
    return ", ".join(SMALL[int(digit)] for digit in digits)


def say_number(value: Fraction | int, decimals: int = 3) -> str:
    """A number in words, with so many decimals at the most."""
    rounded = round(Fraction(value) * 10**decimals)
    whole, rest = divmod(abs(rounded), 10**decimals)
    words = ("minus " if rounded < 0 else "") + _say_whole(whole)
    if rest:
        words += " point " + " ".join(SMALL[int(digit)] for digit in f"{rest:0{decimals}}".rstrip("0"))
    return words


def _say_whole(value: int) -> str:
    if value < 20:
        return SMALL[value]
    if value < 100:
        tens, rest = divmod(value, 10)
        return TENS[tens] + (f"-{SMALL[rest]}" if rest else "")
    if value < 1000:
        hundreds, rest = divmod(value, 100)
        return f"{SMALL[hundreds]} hundred" + (f" and {_say_whole(rest)}" if rest else "")
    for word, scale in reversed(SCALES.items()):
        if scale <= value < scale * 1000:
            count, rest = divmod(value, scale)
            join = " and " if 0 < rest < 100 else " "
            return f"{_say_whole(count)} {word}" + (join + _say_whole(rest) if rest else "")
    return str(value)


def _whole_number(words: Sequence[str], start: int) -> tuple[int, int] | None:
    """A whole number in words: groups of up to 999, each with its scale."""
    total, index = 0, start
    ceiling = LARGEST
    while group := _group(words, index):
        value, end = group
        scale = SCALES.get(words[end], 1) if end < len(words) else 1
        if scale >= ceiling:
            break
        total, index, ceiling = total + value * scale, end + (scale > 1), scale
        if scale == 1:
            break
        if index + 1 < len(words) and words[index] == "and" and _group(words, index + 1):
            index += 1
    return (total, index) if index > start else None


def _group(words: Sequence[str], start: int) -> tuple[int, int] | None:
    """A number below a thousand: "two hundred and five", "twenty five", "a hundred"."""
    found = _below_hundred(words, start)
    if found is None:
        if start + 1 >= len(words) or words[start] != "a" or words[start + 1] not in {"hundred", *SCALES}:
            return None
        found = (1, start + 1)
    value, index = found
    if index < len(words) and words[index] == "hundred" and 0 < value < 100:
        value, index = value * 100, index + 1
        join = index + (index < len(words) and words[index] == "and")
        if rest := _below_hundred(words, join):
            return value + rest[0], rest[1]
    return value, index


def _below_hundred(words: Sequence[str], start: int) -> tuple[int, int] | None:
    if start >= len(words):
        return None
    word = words[start]
    if word in _SMALL:
        return _SMALL[word], start + 1
    if word in _TENS:
        unit = _SMALL.get(words[start + 1], 0) if start + 1 < len(words) else 0
        return (_TENS[word] + unit, start + 2) if 0 < unit < 10 else (_TENS[word], start + 1)
    return None


def _decimals(words: Sequence[str], start: int, value: Fraction) -> tuple[Fraction, int]:
    """What follows a whole number: "point one four", or nothing."""
    if start + 1 >= len(words) or words[start] != "point" or words[start + 1] not in _DIGITS:
        return value, start
    index, place = start + 1, Fraction(1, 10)
    while index < len(words) and words[index] in _DIGITS:
        value += int(_DIGITS[words[index]]) * place
        place /= 10
        index += 1
    return value, index
