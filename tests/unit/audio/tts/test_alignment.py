"""Where a provider's words stand in the text: marks, numbers, other pieces, other scripts."""

from __future__ import annotations

from itertools import pairwise

import pytest

from audio.tts.alignment import Follower, Placed
from audio.tts.wire import Timed


def words_of(spoken: str) -> list[Timed]:
    """Words as a provider tells them, one each 100 ms."""
    return [Timed(f"{word} ", n * 100.0, n * 100.0 + 90) for n, word in enumerate(spoken.split())]


def letters_of(spoken: str) -> list[Timed]:
    """Characters, one each 10 ms."""
    return [Timed(char, n * 10.0, n * 10.0 + 10) for n, char in enumerate(spoken)]


def places(text: str, spoken: list[Timed]) -> list[tuple[str, float]]:
    """What of the text is found, and when it begins."""
    follower = Follower(text)
    found = [*follower.feed(spoken), *follower.flush()]
    assert all(a.end <= b.begin for a, b in pairwise(found))
    return [(text[each.begin : each.end], each.start_ms) for each in found]


@pytest.mark.parametrize(
    ("text", "spoken", "expected"),
    [
        ("Hello, world!", "Hello world", "Hello,@0 world!@1"),
        ("Hello, world!", "hello , world !", "Hello,@0 world!@2"),
        ("It's (roughly) done.", "It 's roughly done", "It@0 's@1 (roughly)@2 done.@3"),
        ("I have 42 apples.", "I have forty two apples", "I@0 have@1 42@2 apples.@4"),
        ("From 10 to 20.", "from ten to twenty", "From@0 10@1 to@2 20.@3"),
        ("That is $5.50 a day", "that is five dollars fifty a day", "That@0 is@1 $5.50@2 a@5 day@6"),
        ("Call 10 20 now", "call ten twenty now", "Call@0 10@1 20@3 now@3"),
        ("half a loaf", "half loaf", "half@0 a@1 loaf@1"),
        ("Çava cafe\u0301 straße", "Çava café STRASSE", "Çava@0 cafe\u0301@1 straße@2"),
        ("こんにちは。元気ですか", "こんにちは 元気 ですか", "こんにちは@0 。元気@1 ですか@2"),
        ("Да, 👍 конечно!", "да конечно", "Да,@0 👍_конечно!@1"),
        ("one two", "one two three four", "one@0 two@1"),
        ("one two", "... — !", ""),
        ("👍 …", "thumbs up", ""),
    ],
)
def test_words_are_found(text: str, spoken: str, expected: str) -> None:
    found = places(text, words_of(spoken))
    assert " ".join(f"{part.replace(' ', '_')}@{start / 100:g}" for part, start in found) == expected


def test_characters_become_words_at_white_space() -> None:
    assert places("Hi, it is 7!", letters_of(" Hi, it is 7! ")) == [
        ("Hi,", 10.0),
        ("it", 50.0),
        ("is", 80.0),
        ("7!", 110.0),
    ]


def test_a_word_in_two_messages_is_one() -> None:
    follower = Follower("Good morning")
    assert follower.feed(letters_of("Good mor")) == [Placed(0, 4, 0.0, 40.0)]
    assert [follower.begun_ms] == [50.0]
    assert follower.feed([Timed(char, 80.0, 90.0) for char in "ning"]) == []
    assert follower.flush() == [Placed(5, 12, 50.0, 90.0)]
    assert [follower.begun_ms] == [None]
    assert follower.end == 12


def test_it_can_begin_in_the_middle() -> None:
    follower = Follower("the cat and the dog", 11)
    assert follower.feed(words_of("the dog")) == [Placed(12, 15, 0.0, 90.0), Placed(16, 19, 100.0, 190.0)]


def test_a_word_that_comes_twice_is_found_in_order() -> None:
    assert places("the 3 the 4 the", words_of("the three the four the")) == [
        ("the", 0.0),
        ("3", 100.0),
        ("the", 200.0),
        ("4", 300.0),
        ("the", 400.0),
    ]
