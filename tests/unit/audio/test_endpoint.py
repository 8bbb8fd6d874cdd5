"""The rules that decide which silence ends a turn."""

from __future__ import annotations

import math
from typing import Any

import pytest

from audio.endpoint import Evidence, Rule, TurnOptions, silence_ms
from link.errors import ConfigError

OPTIONS = TurnOptions()


def silence(*rules: Rule, **known: Any) -> float:
    return silence_ms(Evidence(**known), TurnOptions(rules=rules))


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("what time is it", 300),
        ("i want a pizza and", 1200),
        ("um", 1200),
        ("my number is five five", 1200),
        ("my number is 5 5", 1200),
        ("My number is 5, 5.", 1200),
        ("set a timer for five", 300),
        ("what is nine plus five", 300),
        ("My number is 555.", 1200),
        ("It is 030-555", 1200),
        ("(030) 555", 1200),
        ("twenty two fifty", 1200),
        ("my number is twenty two fifty five", 1200),
        ("at five thirty", 300),
        ("I am twenty two.", 300),
        ("A table for 12.", 300),
        ("At 10:30.", 300),
        ("It costs $500.", 300),
        ("In May 2026.", 300),
        ("-", 300),
        ("i would like to,", 1200),
        ("", 300),
    ],
)
def test_a_trailing_word_or_dictated_digits_ask_for_more_silence(text: str, ms: float) -> None:
    assert silence("transcript", text=text) == ms
    assert silence(text=text) == 300, "silence alone"


def test_who_was_not_understood_is_given_more_time() -> None:
    assert silence("transcript", unclear=True) == 1200


@pytest.mark.parametrize(
    ("text", "punctuates", "ms"),
    [
        ("I want a pizza", True, 800),
        ("I want a pizza", False, 300),
        ("I want a pizza.", True, 300),
        ('She said "go!"', True, 300),
        ("\u4f60\u597d\u3002", True, 300),
        ("", True, 300),
    ],
)
def test_an_open_sentence_of_an_engine_that_punctuates(text: str, punctuates: bool, ms: float) -> None:
    assert silence("sentence", text=text, punctuates=punctuates) == ms


@pytest.mark.parametrize(("complete", "ms"), [(None, 500), (0.49, 3000), (0.5, 300), (0.99, 300)])
def test_the_sound_of_a_turn(complete: float | None, ms: float) -> None:
    assert silence("acoustic", text="i want", complete=complete) == ms
    assert silence("acoustic", complete=complete) == 300, "of what was no word no more is to come"


@pytest.mark.parametrize(
    ("hint", "ms"), [("", 300), ("started", 3000), ("eager", 3000), ("resumed", 3000), ("ended", 0)]
)
def test_the_speech_to_texts_own_opinion(hint: Any, ms: float) -> None:
    assert silence("stt", hint=hint) == ms
    assert silence("transcript", hint=hint, text="go") == 300


def test_the_longest_silence_that_a_rule_wants_holds() -> None:
    assert silence("transcript", "sentence", "acoustic", text="I want a", punctuates=True, complete=0.9) == 1200
    assert silence("transcript", "stt", text="I want a", hint="ended") == 0, "who follows turns knows best"


@pytest.mark.parametrize(("pause_ms", "ms"), [(0, 300), (299, 300), (900, 900), (9000, 3000)])
def test_pauses_lie_between_the_floor_and_the_ceiling(pause_ms: float, ms: float) -> None:
    assert silence("pauses", pause_ms=pause_ms) == ms


@pytest.mark.parametrize(("key", "ms"), [("", 300), ("held", math.inf), ("released", 0)])
def test_a_key(key: Any, ms: float) -> None:
    assert silence("key", "stt", key=key, text="hello") == ms
    assert silence("transcript", key=key, text="and") == (ms if key else 1200)


def test_the_ceiling_holds() -> None:
    assert silence_ms(Evidence("and"), TurnOptions(max_delay_ms=500)) == 500


def test_a_probability_is_one() -> None:
    with pytest.raises(ConfigError, match="complete_probability"):
        TurnOptions(complete_probability=1.5)
