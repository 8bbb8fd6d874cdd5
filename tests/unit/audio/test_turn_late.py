"""Words that come late: after their turn was over, or in a voice of the room."""

from __future__ import annotations

import pytest

from audio.endpoint import Rule, TurnOptions
from audio.turn import LOST_S, Turn
from tests.unit.audio.test_turn import spoken


def test_what_is_final_has_signs_and_capitals_and_is_not_taken_twice() -> None:
    turn = spoken("what time is it", final=False)
    assert turn.verdict(2.5) == "said"
    assert turn.take() == "what time is it"
    turn.hear("What time is it?", True, 3.0)
    assert turn.text == ""


def test_words_that_come_late_come_in_a_row_and_are_one_turn() -> None:
    turn = spoken("", final=False)
    for at, words in ((4.0, "what"), (4.2, "what time"), (4.4, "what time is it")):
        turn.hear(words, False, at)
        assert turn.verdict(at) == "open"
    assert turn.deadline() == pytest.approx(4.7)
    assert turn.verdict(4.7) == "said"
    assert turn.take() == "what time is it"


def test_words_taken_of_two_late_partials_are_both_left_out_of_the_final() -> None:
    turn = spoken("what time", final=False)
    assert turn.verdict(2.5) == "said"
    turn.take()
    turn.hear("what time is it", False, 3.0)
    assert turn.verdict(3.3) == "said"
    assert turn.take() == "is it"
    turn.hear("what time is it", True, 4.0)
    assert turn.text == ""


def test_words_taken_from_an_engine_that_owed_no_final_are_left_out_of_it_and_forgotten_in_time() -> None:
    for wait_s, text in ((1.0, ""), (LOST_S + 1.0, "yes")):
        turn = spoken("hello")
        turn.take()
        turn.hear("yes", False, 2.0)
        assert turn.verdict(2.3) == "said"
        assert turn.take() == "yes"
        turn.begin(1.0 + wait_s)
        turn.stop(1.5 + wait_s)
        turn.hear("yes", True, 1.6 + wait_s)
        assert turn.text == text


def test_a_voice_in_the_room_that_has_words_is_no_pause_of_the_caller() -> None:
    turn = Turn(TurnOptions(rules=("pauses",), max_speech_ms=1000.0))
    turn.begin(0.0)
    turn.watch(1.0)
    turn.hear("hello", False, 2.0)
    turn.stop(2.5)
    turn.hear("hello", True, 2.6)
    assert turn.deadline() == pytest.approx(2.8), "nothing was learned"


def test_words_that_a_final_revises_are_not_taken_twice_and_none_of_it_is_lost() -> None:
    turn = spoken("book a flight two", final=False)
    assert turn.verdict(2.5) == "said"
    assert turn.take() == "book a flight two"
    turn.hear("book a flight to", False, 3.0)
    assert turn.verdict(3.3) == "said"
    assert turn.take() == "to"
    turn.hear("Book a flight to Rome.", True, 4.0)
    assert turn.text == "Rome."


def test_a_word_that_is_taken_back_is_no_turn() -> None:
    turn = spoken("hello there", final=False)
    turn.take()
    turn.hear("hello", True, 3.0)
    assert turn.text == ""


@pytest.mark.parametrize("rule", ["transcript", "stt"])
def test_the_end_of_a_turn_before_does_not_end_one_whose_words_are_not_known_yet(rule: Rule) -> None:
    """The speech-to-text, a second late, says of a cough that it is over, while the caller has said something more."""
    turn = Turn(TurnOptions(rules=(rule,)))
    turn.begin(1.0)
    turn.stop(1.2)
    turn.begin(2.0)
    turn.stop(2.3)
    turn.hear("", True, 2.6)
    turn.hint("ended", 2.6)
    assert turn.verdict(2.9) == "open"
    turn.hear("what time is it", True, 3.0)
    assert turn.verdict(3.0) == "said"


def test_an_end_that_is_told_just_before_the_final_ends_nothing_without_its_words() -> None:
    turn = Turn(TurnOptions(rules=("stt",)))
    turn.begin(1.0)
    turn.stop(2.0)
    turn.hint("ended", 2.4)
    assert turn.verdict(2.4) == "open"
    assert turn.deadline() == pytest.approx(3.5)
    turn.hear("what time is it", True, 2.41)
    assert turn.verdict(2.41) == "said"
