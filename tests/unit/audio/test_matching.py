"""Matching: where the words of a changed text stand in the one that it was made of."""

from __future__ import annotations

import re
from random import Random
from time import thread_time

import pytest

from audio.matching import matched


def shown(original: str, text: str) -> list[str]:
    """What the log shows after each word of the changed text."""
    spoken = matched(original, text)
    return [original[: spoken.said(word.end())] for word in re.finditer(r"\S+", text)]


@pytest.mark.parametrize(
    ("original", "text", "expected"),
    [
        ("It is 5 % off.", "It is five percent off.", ["It", "It is", "It is 5", "It is 5 %", "It is 5 % off."]),
        ("Card 1234, ok?", "Card one two three four, ok?", ["Card", *["Card 1234,"] * 4, "Card 1234, ok?"]),
        ("a b c", "please a b c now", ["a", "a", "a b", "a b c", "a b c"]),
        ("a very long b", "a b", ["a", "a very long b"]),
        ("One, TWO.", "one two!", ["One,", "One, TWO."]),
        ("one two three four", "eins zwei drei vier", ["one", "one two", "one two three", "one two three four"]),
        ("one two three four", "x y", ["one two", "one two three four"]),
        (" one  two\n", "one two", [" one", " one  two\n"]),
        ("a b", "x", ["a b"]),
    ],
)
def test_what_is_shown(original: str, text: str, expected: list[str]) -> None:
    assert shown(original, text) == expected


def test_of_a_script_without_spaces_each_character_is_a_word() -> None:
    spoken = matched("我有5只猫。", "我有五只猫。")
    assert [spoken.said(end) for end in range(1, 7)] == [1, 2, 3, 4, 6, 6]


def test_what_was_not_changed_is_exact() -> None:
    spoken = matched("don't stop", "don't stop")
    assert spoken.text is spoken.original
    assert [spoken.said(end) for end in (3, 5)] == [4, 5]


def test_nothing_may_be_left() -> None:
    assert matched("a b", "").text == ""
    assert matched("a b", " \n").said(2) == 0


WORDS = ["a", "b", "two", "three", "5", "%", "é", "你", "好。", "x-y", "...", "TWO", "-", " ", "\n", "  "]


@pytest.mark.parametrize("seed", range(200))
def test_whatever_a_filter_does_the_way_back_never_falls_and_never_leaves_the_text(seed: int) -> None:
    random = Random(seed)
    original = " ".join(["w", *random.choices(WORDS, k=random.randrange(12))])
    text = "".join(random.choices(WORDS, k=random.randrange(12)))
    spoken = matched(original, text)
    said = [spoken.said(end) for end in range(len(text) + 1)]
    assert said == sorted(said)
    assert all(0 <= end <= len(original) for end in said)
    assert said[-1] == len(original) or not any(char.isalnum() for char in text)


@pytest.mark.parametrize("seed", range(100))
def test_words_around_a_change_are_exact(seed: int) -> None:
    random = Random(seed)
    words = [f"w{n}" for n in range(random.randrange(2, 30))]
    place = random.randrange(len(words) - 1)
    text = " ".join([*words[:place], *["other"] * random.randrange(1, 9), *words[place + 1 :]])
    original = " ".join(words)
    for spoken, written in zip(text.split(), shown(original, text), strict=True):
        if spoken != "other":
            assert written.endswith(spoken)


def test_the_work_is_bounded() -> None:
    begun = thread_time()
    for one, other in (("a ", "b "), ("a b ", "b a "), ("a ", "a b "), ("你", "好你")):
        matched((one * 300)[:300], (other * 300)[:600])
    assert thread_time() - begun < 2.0  # of the processor; it takes 0.1
