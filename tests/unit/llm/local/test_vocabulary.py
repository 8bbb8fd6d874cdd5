"""What the brain offers to a speech-to-text, it understands."""

from __future__ import annotations

import re

import pytest

from llm.local.skills.wording import plain
from llm.local.vocabulary import VOCABULARY, write_out
from tests.unit.llm.local.talk import DEMO, once

UNFINISHED = {"my name is"}  # the name is the caller's


@pytest.mark.parametrize("sentence", [each for each in write_out() if each not in UNFINISHED])
def test_each_sentence_is_understood(sentence: str) -> None:
    answer = once(sentence, *DEMO)
    assert answer and "I heard: " + sentence not in answer and "did not catch" not in answer


def test_the_sentences_are_plain() -> None:
    for sentence in VOCABULARY:
        assert re.fullmatch(r"([a-z]+|<number>|<digits>)( ([a-z]+|<number>|<digits>))*", sentence), sentence
    assert len(set(VOCABULARY)) == len(VOCABULARY)
    assert not [each for each in write_out() if "<" in each]
    assert len(write_out()) > len(VOCABULARY)


def test_the_recorded_callers_are_in_it() -> None:
    """The phrases of shared/audio/caller."""
    recorded = {
        "hello there",
        "what time is it",
        "tell me a story",
        "what is nine plus five",
        "please set a timer for three seconds",
        "goodbye",
        "wait stop",
        "uh huh",
    }
    assert recorded <= set(VOCABULARY)
    assert all(plain(each) for each in recorded)
