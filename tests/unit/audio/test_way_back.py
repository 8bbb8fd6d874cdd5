"""The way from what is said back to what is written, exact to the word: texts of random parts whose way is known."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random

import pytest

from audio.pieces import Pieces
from audio.pronunciation import Pronunciations
from audio.speakable import speakable
from audio.spoken import unchanged

TABLE = Pronunciations({"SQL": "sequel", "Nguyen": "win", "New York": "the Big Apple"})

Said = tuple[str, str]  # a word that is said, and what is shown once it was heard


def each(written: str, said: str) -> tuple[str, list[Said]]:
    """A part that is changed as one: with its first word all of it is shown."""
    return written, [(word, written) for word in said.split()]


def plain(*words: str) -> list[tuple[str, list[Said]]]:
    return [(word, [(word, word)]) for word in words]


PARTS: list[tuple[str, list[Said]]] = [
    *plain("Hello", "don't", "3.14", "$5.50", "1,000", "(really)", "“so”", "well-known", "U.S.", "é", "你好", "हिन्दी"),
    *plain("10:30", "e.g.", "v2.0.1", "192.168.0.1", "Straße", "مرحبا", "e\u0301t"),
    each("**Hello**", "Hello"),
    each("~~no~~", "no"),
    each("<b>bold</b>", "bold"),
    each("***`x`***", "x"),
    each("Nguyen's", "win's"),
    each("**SQL**", "sequel"),
    each("New York", "the Big Apple"),
    each("ann@a.org", "ann at a dot org"),
    each("www.a.org/x", "a dot org slash x"),
    ("**big time**", [("big", "**big"), ("time", "**big time**")]),
    ("[the docs](https://a.org/b)", [("the", "[the"), ("docs", "[the docs](https://a.org/b)")]),
    ("`get_price`", [("get", "`get_"), ("price", "`get_price`")]),
    ("R & D", [("R", "R"), ("and", "R &"), ("D", "R & D")]),
    ("3 &lt; 5", [("3", "3"), ("less", "3 &lt;"), ("than", "3 &lt;"), ("5", "3 &lt; 5")]),
    ("2*3", [("2", "2"), ("times", "2*"), ("3", "2*3")]),
    ("#1", [("number", "#"), ("1", "#1")]),
    ("press *", [("press", "press"), ("star", "press *")]),
    ("x^2", [("x", "x"), ("squared", "x^2")]),
]
BETWEEN = [" ", " ", " ", "  ", "\n", "\n\n", "\n- ", "\n1. ", " 😀 ", " — ", ", ", "... ", "! ", "? ", ". "]
MARKS = ".,!?… "


def composed(random: Random) -> tuple[str, list[Said]]:
    """A text, and each word that is said of it with what is shown then."""
    text, said = "", []
    for _ in range(random.randrange(1, 9)):
        written, words = random.choice(PARTS)
        between = random.choice(BETWEEN) if text else ""
        said += [("1", text + between)] if "1" in between else []
        text += between
        said += [(word, text + shown) for word, shown in words]
        text += written
    return text, said


def heard(text: str, *, speaks: bool) -> Iterator[tuple[str, str, str]]:
    """Each word that is said, what is shown then, and all up to the end of its piece."""
    pieces, before = Pieces(), ""
    for piece in (*pieces.feed(text), *pieces.flush()):
        ours = speakable(piece, before) if speaks else unchanged(piece)
        ours = ours.then(TABLE.apply(ours.text))
        for word in re.finditer(r"\S+", ours.text):
            yield word.group(), before + piece[: ours.said(word.end())], before + piece
        before += piece


def with_marks(text: str, place: int) -> str:
    """The text up to there, with the marks that hang on it."""
    following = re.compile(r"\S*").match(text, place)
    return text[: following.end() if following else place]


@pytest.mark.parametrize("seed", range(400))
def test_what_is_shown_ends_with_the_word_that_was_said(seed: int) -> None:
    text, expected = composed(Random(seed))
    found = list(heard(text, speaks=True))
    assert [word.strip(MARKS) for word, _, _ in found] == [word.strip(MARKS) for word, _ in expected]
    for (_, shown, piece), (word, until) in zip(found, expected, strict=True):
        last = not any(char.isalnum() for char in piece[len(until) :])
        exact = {until, with_marks(text, len(until))} | ({piece} if last else set())
        assert shown.rstrip() in {each.rstrip() for each in exact}, word


@pytest.mark.parametrize("seed", range(50))
def test_all_is_shown_in_the_end(seed: int) -> None:
    text, _ = composed(Random(seed))
    for speaks in (True, False):
        *_, (_, shown, _) = heard(text, speaks=speaks)
        assert shown == text
