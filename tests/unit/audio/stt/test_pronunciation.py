"""How words sound that no dictionary has."""

from __future__ import annotations

import pytest

from audio.stt.pronunciation import PHONES, guess, read_dictionary

LINES = [
    "voice V OY S",
    "wire W AY ER",
    "read R EH D",
    "read(2) R IY D",
    "mary M EH R IY",
    "a AH",
    "a. EY",
    "bad_line",
    "",
]


def test_only_what_is_asked_for_is_read_with_all_pronunciations() -> None:
    assert read_dictionary(LINES, ["read", "unknown"]) == {"read": ["R EH D", "R IY D"]}


def test_a_compound_is_put_together_from_its_parts() -> None:
    assert guess("voicewire", read_dictionary(LINES, ["voicewire"])) == "V OY S W AY ER"


def test_a_genitive_sounds_like_its_stem() -> None:
    assert guess("mary's", read_dictionary(LINES, ["mary's"])) == "M EH R IY Z"


def test_what_cannot_be_spoken_is_spelled() -> None:
    assert guess("xkcd", {}) == "EH K S K EY S IY D IY"


@pytest.mark.parametrize(
    ("word", "sound"),
    [
        ("zorbify", "Z AO R B IH F IY"),
        ("kubernetes", "K AH B ER N EH T Z"),
        ("blime", "B L AY M"),
        ("phroggle", "F R AA G AH L"),
        ("knarch", "N AA R CH"),
        ("yation", "Y EY SH AH N"),
        ("quax", "K W AE K S"),
        ("dogge", "D AA JH"),
    ],
)
def test_the_rest_is_sounded_out(word: str, sound: str) -> None:
    assert guess(word, {}) == sound


@pytest.mark.parametrize("word", ["a", "e", "ee", "x", "'", "b'c'd", "rhythms", "a" * 200, "aeiouyaeiouy", "eeeee'eee"])
def test_every_word_gets_phones_that_exist(word: str) -> None:
    sound = guess(word, {})
    assert set(sound.split()) <= set(PHONES)
    assert sound or not word.strip("'")
