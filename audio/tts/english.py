"""English words for numbers, dates, times, money, addresses and signs. Pure; the rules that `audio.tts.text` applies.

A rule is a pattern and a function from its match to the words that are said instead. The first rule that fits a place
wins, so the special ones stand before the general ones.
"""

# ruff: noqa: RUF001  (typographic signs are what this file is about)

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

Rule = tuple[str, Callable[[re.Match[str]], str]]

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()
_SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
_IRREGULAR = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth"}
_IRREGULAR |= {"twelve": "twelfth"}
_SENTENCE_END = re.compile(r"\s*\Z|\s+[A-Z]")
_MONTHS = "January February March April May June July August September October November December".split()

_NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_FREE = r"(?<![\w.])"  # not inside a word or a longer number


# --- numbers --------------------------------------------------------------------------------------------------------


def cardinal(value: int) -> str:
    """1234 -> "one thousand two hundred thirty-four"; `value` is below 10**15."""
    for size, name in _SCALES:
        if value >= size:
            rest = f" {cardinal(value % size)}" if value % size else ""
            return f"{cardinal(value // size)} {name}{rest}"
    if value < 20:
        return _ONES[value]
    return _TENS[value // 10] + (f"-{_ONES[value % 10]}" if value % 10 else "")


def ordinal(value: int) -> str:
    """21 -> "twenty-first"."""
    head, joint, last = _last_word(cardinal(value))
    if last in _IRREGULAR:
        return head + joint + _IRREGULAR[last]
    return head + joint + (last[:-1] + "ieth" if last.endswith("y") else last + "th")


def year(value: int) -> str:
    """1984 -> "nineteen eighty-four", 2005 -> "two thousand five", 1900 -> "nineteen hundred"."""
    century, rest = divmod(value, 100)
    if century % 10 == 0 and rest < 10:
        return cardinal(value)
    if rest == 0:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def digits(text: str) -> str:
    """The digits one by one, the groups set apart: (555) 0199 -> "five five five, zero one nine nine"."""
    return ", ".join(" ".join(_ONES[int(each)] for each in group) for group in re.findall(r"\d+", text))


def amount(text: str) -> str:
    """How many: "1,000", "3.14", ".5"; what a cardinal cannot hold, and "007", digit by digit."""
    whole, _, fraction = text.replace(",", "").partition(".")
    spelled = len(whole) > 15 or (len(whole) > 1 and whole.startswith("0")) or (len(whole) > 9 and "," not in text)
    words = digits(whole) if spelled or not whole else cardinal(int(whole))
    return f"{words} point {digits(fraction)}".lstrip() if fraction else words


def number(text: str) -> str:
    """As `amount`, but four digits from 1900 to 2099 are a year: nobody counts "in 1984"."""
    is_year = len(text) == 4 and text.isdigit() and 1900 <= int(text) < 2100
    return year(int(text)) if is_year else amount(text)


def _last_word(text: str) -> tuple[str, str, str]:
    cut = max(text.rfind(" "), text.rfind("-"))
    return text[: max(cut, 0)], text[cut] if cut >= 0 else "", text[cut + 1 :]


def _decade(match: re.Match[str]) -> str:
    head, joint, last = _last_word(year(int(match["decade"])))
    return head + joint + (last[:-1] + "ies" if last.endswith("y") else last + "s")


def _fraction(match: re.Match[str]) -> str:
    over, under = int(match["over"]), int(match["under"])
    names = {2: "half", 3: "third", 4: "quarter", 5: "fifth", 8: "eighth", 10: "tenth"}
    if not 0 < over < under or under not in names:
        return f"{amount(match['over'])} {amount(match['under'])}"  # 24/7, 9/11
    return f"{cardinal(over)} {names[under]}{'s' if over > 1 else ''}"


_VULGAR = {"½": "one half", "¼": "one quarter", "¾": "three quarters", "⅓": "one third", "⅔": "two thirds"}


def _mixed(match: re.Match[str]) -> str:
    part = _VULGAR[match["vulgar"]]
    if not match["units"]:
        return f" {part} "
    return f"{amount(match['units'])} and {part.replace('one ', 'a ', 1)} "


# --- money and measures ---------------------------------------------------------------------------------------------

_COINS = {"$": ("dollar", "cent"), "€": ("euro", "cent"), "£": ("pound", "penny"), "¥": ("yen", "sen")}
_LARGE = {"k": "thousand", "m": "million", "mn": "million", "b": "billion", "bn": "billion"}
_LARGE |= {word: word for word in ("thousand", "million", "billion", "trillion")}
_UNITS = {
    "%": "percent", "°c": "degree Celsius", "℃": "degree Celsius", "°f": "degree Fahrenheit", "℉": "degree Fahrenheit",
    "°": "degree", "km/h": "kilometer per hour", "kph": "kilometer per hour", "mph": "mile per hour",
    "km": "kilometer", "cm": "centimeter", "mm": "millimeter", "kg": "kilogram", "mg": "milligram", "ml": "milliliter",
    "lb": "pound", "lbs": "pound", "oz": "ounce", "ft": "foot", "khz": "kilohertz", "mhz": "megahertz",
    "ghz": "gigahertz", "kb": "kilobyte", "mb": "megabyte", "gb": "gigabyte", "tb": "terabyte", "ms": "millisecond",
    "min": "minute", "mins": "minute", "hr": "hour", "hrs": "hour",
}  # fmt: skip
_SAME = {"percent", "kilohertz", "megahertz", "gigahertz", "yen", "sen"}
_PLURALS = {"foot": "feet", "penny": "pence"}


def _counted(count: str, unit: str) -> str:
    name, *rest = unit.split(" ", 1)
    if count != "1" and name not in _SAME:
        name = _PLURALS.get(name, name + "s")
    return " ".join((name, *rest))


def _money(match: re.Match[str]) -> str:
    coin, cent = _COINS[match["before"] or match["behind"]]
    sum_, large = match["sum"] or match["sum_before"], match["large"]
    if large:
        return f"{amount(sum_)} {_LARGE[large.lower()]} {_counted('2', coin)}"
    whole, _, cents = sum_.partition(".")
    if len(cents) != 2:
        return f"{amount(sum_)} {_counted(sum_, coin)}"
    words = f"{amount(whole)} {_counted(whole, coin)}"
    small = f"{cardinal(int(cents))} {_counted(str(int(cents)), cent)}"
    if int(cents) == 0:
        return words
    return small if whole == "0" else f"{words} and {small}"


def _quantity(match: re.Match[str]) -> str:
    sign = "minus " if match["sign"] else ""
    unit = match["unit"]
    if not unit:
        return sign + number(match["number"])
    return f"{sign}{amount(match['number'])} {_counted(match['number'], _UNITS[unit.lower()])}"


def _version(match: re.Match[str]) -> str:
    """3.11.2, or an IP address."""
    return " " + " point ".join(map(amount, match.group().split(".")))


# --- dates and times ------------------------------------------------------------------------------------------------


def _date(month: int, day: int, the_year: str | None) -> str:
    words = f"{_MONTHS[month - 1]} {ordinal(day)}"
    return f"{words}, {year(int(the_year))}" if the_year else words


def _iso_date(match: re.Match[str]) -> str:
    return _date(int(match["iso_month"]), int(match["iso_day"]), match["iso_year"])


def _slash_date(match: re.Match[str]) -> str:
    first, second = int(match["slash_one"]), int(match["slash_two"])
    month, day = (second, first) if first > 12 else (first, second)  # 25/12 can only be a day first
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return digits(match.group())
    return _date(month, day, match["slash_year"])


def _month_day(match: re.Match[str]) -> str:
    month = next(index for index, name in enumerate(_MONTHS) if name.startswith(match["month"][:3]))
    return _date(month + 1, int(match["day"]), match["day_year"])


def _time(match: re.Match[str]) -> str:
    hour, minute, second = match["hour"], match["minute"], match["second"]
    words = cardinal(int(hour))
    if minute and int(minute):
        words += f" {'oh ' if int(minute) < 10 else ''}{cardinal(int(minute))}"
    elif minute and not match["half"]:
        words += " o'clock" if int(hour) <= 12 else " hundred"
    if second:
        words += f" and {cardinal(int(second))} second{'' if int(second) == 1 else 's'}"
    return words + _half_of_day(match, match["half"])


def _hour(match: re.Match[str]) -> str:
    return cardinal(int(match["bare_hour"])) + _half_of_day(match, match["bare_half"])


def _half_of_day(match: re.Match[str], half: str | None) -> str:
    return f" {half.upper()} M{_full_stop(match)}" if half else ""


def _full_stop(match: re.Match[str]) -> str:
    """The stop of "p.m." or "etc." that ends the sentence, too."""
    ends = _SENTENCE_END.match(match.string, match.end())
    return "." if match.group().endswith(".") and ends else ""


# --- addresses, abbreviations, signs --------------------------------------------------------------------------------


def _address(match: re.Match[str]) -> str:
    """https://www.example.com/a?b -> "example dot com": nobody writes a path down from a call."""
    text = re.sub(r"^(?:https?://)?(?:www\.)?", "", match.group())
    return f" {_spelled(re.split('[/?#:]', text)[0])} "


def _spelled(text: str) -> str:
    text = re.sub(r"\d+", lambda number: f" {digits(number.group())} ", text)
    for sign, word in ((".", "dot"), ("@", "at"), ("-", "dash"), ("_", "underscore"), ("+", "plus")):
        text = text.replace(sign, f" {word} ")
    return " ".join(text.split())


_TITLES = {"Mr": "Mister", "Mrs": "Missus", "Ms": "Miz", "Dr": "Doctor", "Prof": "Professor", "St": "Saint"}
_SHORT = {"vs": "versus", "approx": "approximately", "e.g": "for example", "i.e": "that is"}
_SIGNS = {
    "&": "and", "@": "at", "+": "plus", "=": "equals", "×": "times", "÷": "divided by", "±": "plus or minus",
    "≈": "about", "≠": "is not", "≤": "at most", "≥": "at least", "→": "to", "->": "to", "⇒": "to", "=>": "to",
    "%": "percent", "°": "degrees", "²": "squared", "³": "cubed", "§": "section",
}  # fmt: skip
_MONTH = "|".join(rf"{name[:3]}(?:{name[3:]})?" if name[3:] else name for name in _MONTHS)


def _either(words: Iterable[str]) -> str:
    """A pattern of any of these, the longest first."""
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


RULES: tuple[Rule, ...] = (
    (r"^[ \t]*(?P<item>\d{1,3})[.)][ \t]+(?=\S)", lambda match: f"{cardinal(int(match['item']))}, "),
    (r"(?:https?://|www\.)[^\s<>()\[\]\"'`]*[^\s<>()\[\]\"'`.,;:!?*_]", _address),
    (r"(?<![\w.+-])[\w.+-]*\w@[\w-]+(?:\.[\w-]+)+", lambda match: f" {_spelled(match.group())} "),
    (r"(?<![\w.-])[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|io|dev|ai|edu|gov)\b(?:/[\w/.?=&%#-]*\w)?", _address),
    (_FREE + r"(?P<iso_year>[12]\d{3})-(?P<iso_month>0[1-9]|1[0-2])-(?P<iso_day>0[1-9]|[12]\d|3[01])\b", _iso_date),
    (_FREE + r"(?P<slash_one>\d{1,2})/(?P<slash_two>\d{1,2})/(?P<slash_year>[12]\d{3})\b", _slash_date),
    (
        rf"\b(?P<month>{_MONTH})\.?\s(?P<day>[12]\d|3[01]|0?[1-9])(?:st|nd|rd|th)?\b(?![:%,.]\d|/)"
        r"(?:,?\s(?P<day_year>[12]\d{3})\b)?",
        _month_day,
    ),
    (
        _FREE + r"(?P<hour>[01]?\d|2[0-4]):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?(?![:\d])"
        r"(?:\s?(?P<half>[AaPp])\.?[Mm]\b\.?)?",
        _time,
    ),
    (_FREE + r"(?P<bare_hour>1[0-2]|0?[1-9])\s?(?P<bare_half>[AaPp])\.?[Mm]\b\.?", _hour),
    (
        rf"(?P<before>[$€£¥])\s?(?P<sum>{_NUMBER})"
        r"(?:\s?(?P<large>thousand|million|billion|trillion|[kK]|[mM]n?|[bB]n?)\b)?"
        rf"|{_FREE}(?P<sum_before>{_NUMBER})\s?(?P<behind>[€£])",
        _money,
    ),
    (_FREE + r"\+\d[\d ().-]{6,}\d\b|\(\d{3}\)\s?\d{3}[ .-]\d{4}\b", lambda match: digits(match.group())),
    (_FREE + r"(?:\d{3}[.-])?\d{3}-\d{4}\b|\d{3}\.\d{3}\.\d{4}\b", lambda match: digits(match.group())),
    (r"(?<![\d.])\d+(?:\.\d+){2,}(?!\w)", _version),
    (_FREE + r"(?P<rank>\d{1,6})(?:st|nd|rd|th)\b", lambda match: ordinal(int(match["rank"]))),
    (_FREE + r"(?P<decade>1[1-9]\d0|20[1-9]0)['’]?s\b", _decade),
    (_FREE + r"(?P<over>\d{1,4})[/⁄](?P<under>\d{1,4})(?![\w/⁄])", _fraction),
    (rf"(?P<units>\d+)?\s?(?P<vulgar>[{''.join(_VULGAR)}])", _mixed),
    (
        rf"(?P<sign>(?<![\w.)\]-])[-−](?=\.?\d))?(?P<number>{_NUMBER}|(?<![\w.])\.\d+)"
        rf"(?:\s?(?P<unit>(?i:{_either(_UNITS)}))(?!\w))?",
        lambda match: f" {_quantity(match)} " if match["unit"] else _set_apart(match),
    ),
    (r"(?<=\d)\s?[–]\s?(?=[$€£]?\d)|(?<=\d)-(?=[$€£]?\d)", lambda _: " to "),
    (r"(?<=\d)\s[-−]\s(?=\d)", lambda _: " minus "),
    (r"(?<=\d)\s?\*\s?(?=\d)|(?<=\d)\s?[xX]\s?(?=\d)", lambda _: " times "),
    (r"(?<=\d)\s?/\s?(?=\d)", lambda _: " divided by "),
    (r"(?<=\d):(?=\d)", lambda _: " to "),
    (r"#(?=\d)", lambda _: "number "),
    (r"[~≈]\s?(?=[$€£]?\d)", lambda _: "about "),
    (r"(?<=[\w)])\s?\^\s?(?=[\w(])", lambda _: " to the power of "),
    (r"(?<=[\w)])\s<\s(?=[\w(-])", lambda _: " is less than "),
    (r"(?<=[\w)])\s>\s(?=[\w(-])", lambda _: " is greater than "),
    (
        r"\b(?P<title>Mrs?|Ms|Dr|Prof|St(?=\.\s[A-Z]))\.(?=\s)",
        lambda match: _TITLES[match["title"]],
    ),
    (
        r"\b(?P<short>[Vv]s|[Aa]pprox|[Ee]\.g|[Ii]\.e)\.",
        lambda match: _SHORT[match["short"].lower()],
    ),
    (r"\b[Ee]tc\.", lambda match: "et cetera" + _full_stop(match)),
    (r"\bNos?\.(?=\s?\d)", lambda _: "number"),
    (
        _either(_SIGNS),
        lambda match: f" {_SIGNS[match.group()]} ",
    ),
)


def _set_apart(match: re.Match[str]) -> str:
    """A number inside a word ("mp3", "B2B") becomes a word of its own."""
    text, start, end = match.string, match.start(), match.end()
    before = " " if start and text[start - 1].isalpha() else ""
    after = " " if end < len(text) and text[end].isalpha() else ""
    return before + _quantity(match) + after
