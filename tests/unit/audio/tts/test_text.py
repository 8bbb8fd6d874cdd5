"""What is said for a text, and the way back to the text."""

# ruff: noqa: RUF001  (typographic marks are meant)

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from audio.tts.text import Spoken, speakable

SAID = [
    ("Hello, this is the shop.", "Hello, this is the shop."),
    # numbers
    (
        "0 7 13 20 21 100 101 999",
        "zero seven thirteen twenty twenty-one one hundred one hundred one nine hundred ninety-nine",
    ),
    ("1,234 and 1000000", "one thousand two hundred thirty-four and one million"),
    ("3.14 .5 007", "three point one four point five zero zero seven"),
    ("-5 to 5-7, 5–7, 5 - 3", "minus five to five to seven, five to seven, five minus three"),
    ("1234567890 is long", "one two three four five six seven eight nine zero is long"),
    ("1st 2nd 3rd 12th 20th 21st 112th", "first second third twelfth twentieth twenty-first one hundred twelfth"),
    ("1/2 3/4 24/7 2½ ½", "one half three quarters twenty-four seven two and a half one half"),
    ("B2B, mp3, v1.2.3", "B two B, mp three, v one point two point three"),
    (
        "2 + 2 = 4, 3 * 4, 3x4, 2^8",
        "two plus two equals four, three times four, three times four, two to the power of eight",
    ),
    # money and measures
    (
        "$3.14 $1 $0.50 $1.01 $2.00",
        "three dollars and fourteen cents one dollar fifty cents one dollar and one cent two dollars",
    ),
    (
        "€1,200.50, £3.5 million, $5k",
        "one thousand two hundred euros and fifty cents, three point five million pounds, five thousand dollars",
    ),
    ("5€ or 5.5 €", "five euros or five point five euros"),
    ("15% 1% 2.5 %", "fifteen percent one percent two point five percent"),
    (
        "-5°C 1 km 60 mph 100 km/h",
        "minus five degrees Celsius one kilometer sixty miles per hour one hundred kilometers per hour",
    ),
    # dates and times
    ("9:30 9:05 9:00 14:00 0:15", "nine thirty nine oh five nine o'clock fourteen hundred zero fifteen"),
    ("9:30 a.m. Then 5pm, 10 p.m.", "nine thirty A M. Then five P M, ten P M."),
    (
        "in 1984, 2005, 2024 and 1900",
        "in nineteen eighty-four, two thousand five, twenty twenty-four and nineteen hundred",
    ),
    ("the 1990s", "the nineteen nineties"),
    ("2024-12-25", "December twenty-fifth, twenty twenty-four"),
    ("3/4/2023 and 25/12/2023", "March fourth, twenty twenty-three and December twenty-fifth, twenty twenty-three"),
    ("March 5, 2024, Sep. 3rd", "March fifth, twenty twenty-four, September third"),
    ("May 10,000 come", "May ten thousand come"),
    # addresses
    ("bob.smith42@example.com!", "bob dot smith four two at example dot com!"),
    ("See https://www.example.com/a/b?c=1. Now", "See example dot com. Now"),
    ("(555) 123-4567", "five five five, one two three, four five six seven"),
    ("+1 555 123 4567", "one, five five five, one two three, four five six seven"),
    ("192.168.0.1", "one hundred ninety-two point one hundred sixty-eight point zero point one"),
    # abbreviations and signs
    (
        "Mr. Smith vs. Dr. Who of St. Louis, etc. No. 5",
        "Mister Smith versus Doctor Who of Saint Louis, et cetera. number five",
    ),
    ("e.g. tea & A&B, AT&T, C++", "for example tea and A and B, AT and T, C plus plus"),
    # typographic marks
    ("It’s “fine” — really… don't worry...  He said: ‘hi’.", "It's fine, really, don't worry. He said: hi."),
    ("Wait... what?! No!!", "Wait, what? No!"),
    ("(hello) word(s) f() a/b [x]", "hello, words f a b x"),
    ("a\u00a0b\u200bc\u00adde ﬁne e\u0301 ＡＢ", "a bcde fine é AB"),
    # markup
    ("**Bold**, *it*, `code`, _under_, snake_case, ~~gone~~", "Bold, it, code, under, snake case, gone"),
    ("# Title\n\n- one\n- [x] two\n\n1. First\n2) Second", "Title. one. two. one, First. two, Second"),
    ("> quoted\n---\n```python\nx = 1\n```\nDone", "quoted. x equals one. Done"),
    ("See [our site](https://x.y/z) ![logo](a.png)<br>now", "See our site logo now"),
    ("| a | b |\n|---|---|\n| c | d |", "a, b, c, d,"),
    ("Hello, this is\n    the shop.\nBye", "Hello, this is the shop. Bye"),
    # nothing to say
    ("Hi 👋🏽 there 👨‍👩‍👧!", "Hi there!"),
    ("👋", ""),
    ("", ""),
    (" \n ", ""),
    ("**", ""),
    ("...", ""),
    ("a\0b\x07c", "a b c"),
]


@pytest.mark.parametrize(("text", "said"), SAID)
def test_english(text: str, said: str) -> None:
    assert speakable(text).text == said


def test_other_languages_keep_their_numbers_and_lose_markup() -> None:
    assert speakable("**Um** 9:30 für 3,14 € & so – ja… 👋", "de").text == "Um 9:30 für 3,14 € & so, ja."


def test_the_way_back() -> None:
    text = "“It’s $3.50 — **really**… (B2B) 👋"
    spoken = speakable(text)
    assert spoken.text == "It's three dollars and fifty cents, really. B two B,"
    assert ends(spoken) == ["“It’s", " $3.50", " — **really**…", " (B2B)"]


def test_a_word_is_found_behind_marks_and_not_inside_of_words() -> None:
    spoken = speakable("one -- two, 3.14")
    assert spoken.text == "one, two, three point one four"
    assert spoken.word_at(3) == spoken.word_at(5) == 5
    assert spoken.word_at(6) is None
    assert spoken.word_at(spoken.text.index("three")) is not None
    assert spoken.word_at(spoken.text.index("point")) is None
    assert spoken.word_at(1000) is None


FRAGMENTS = [
    "Hello", " world", "it’s", ".", ". ", "! ", "...", "…", ", ", ": ", " — ", "\n", "\n\n- ",
    "\n1. ", "\n# ", " ", "   ", "Mr. ", "e.g. ", "etc.", "3.14", "1,000", "$5.50", "€3", "15%",
    "9:30", " a.m.", "1st", "2024-12-25", "May 5", "1990s", "1/2", "½", "°C", "km", "B2B", "-7",
    "007", "1" * 30, "a@b.com", "https://x.org/a?b=1", "(", ")", "[a](b)", "**", "_", "`", "<br>",
    "|", "😀", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "e\u0301", "ﬁ", "你好。", "\x00", "\u200b",
    "\xa0", "\"", "“", "”", "'", "&", "@", "#", "+", "=", "/", "\\", "~", "^", "½", "²", "™",
    "\ud800", "x" * 50,
]  # fmt: skip


@pytest.mark.parametrize("seed", range(200))
def test_any_text_has_a_way_back(seed: int) -> None:
    random = Random(seed)
    text = "".join(random.choices(FRAGMENTS, k=random.randrange(1, 40)))
    for language in ("en", "fr"):
        spoken = speakable(text, language)
        assert spoken.original == text
        assert len(spoken.text) == len(spoken.starts) == len(spoken.ends)
        assert spoken.starts == sorted(spoken.starts)
        assert spoken.ends == sorted(spoken.ends)
        assert all(0 <= start < end <= len(text) for start, end in zip(spoken.starts, spoken.ends, strict=True))
        assert spoken.text == spoken.text.strip()
        assert "  " not in spoken.text
        words = ends(spoken)
        assert all(any(not char.isspace() for char in word) for word in words)
        assert bool(words) == any(char.isalnum() for char in spoken.text)
    assert not any(char in "0123456789*`_\n" for char in speakable(text).text)


def ends(spoken: Spoken) -> list[str]:
    """The original in parts, each up to the end of one word; the words as a perfect voice reports them."""
    reported = [spoken.word_at(position) for position in range(len(spoken.text))]
    places = sorted({place for place in reported if place is not None})
    found = [spoken.said(place, until) for place, until in pairwise([*places, len(spoken.text)])]
    assert found == sorted(set(found)), "ends rise"
    return [spoken.original[start:end] for start, end in pairwise([0, *found])]
