"""A voice in which there is no word, such as a television's: nobody waits for it."""

from __future__ import annotations

import math

import pytest

from audio.endpoint import TurnOptions
from audio.turn import Turn

OPTIONS = TurnOptions()


def test_a_voice_without_a_new_word_for_long_is_part_of_the_room() -> None:
    turn = Turn(OPTIONS)
    turn.begin(0.0)
    turn.hear("turn it down please", False, 2.0)
    assert turn.deadline() == pytest.approx(17.0)
    turn.watch(16.9)
    assert (turn.speaking, turn.background) == (True, False)
    turn.watch(17.0)
    assert (turn.speaking, turn.background) == (False, True)
    assert turn.verdict(turn.deadline()) == "said"
    assert turn.take() == "turn it down please"
    assert (turn.active, turn.deadline()) == (False, math.inf)


def test_a_television_is_not_asked_what_it_said() -> None:
    turn = Turn(OPTIONS)
    turn.begin(0.0)
    turn.watch(15.0)
    assert turn.verdict(turn.deadline()) == "nothing"
    turn.take()
    turn.stop(60.0)
    assert not turn.active
    turn.hear("and now the weather", True, 60.1)
    assert turn.verdict(61.0) == "said", "what was understood after all is a turn"


def test_a_new_word_makes_a_voice_in_the_room_a_caller_again() -> None:
    turn = Turn(OPTIONS)
    turn.begin(0.0)
    turn.watch(15.0)
    turn.take()
    turn.hear("hello", False, 20.0)
    assert (turn.speaking, turn.background, turn.text) == (True, False, "hello")
    turn.stop(21.0)
    turn.hear("hello there", True, 21.1)
    assert turn.verdict(21.3) == "said"
    assert turn.take() == "hello there"


def test_pauses_make_no_caller_of_a_voice_in_the_room() -> None:
    turn = Turn(OPTIONS)
    for second in range(15):
        assert not turn.background
        turn.begin(second + 0.0)
        turn.stop(second + 0.8)
    turn.begin(14.9)
    turn.watch(15.0)
    turn.stop(15.8)
    turn.begin(16.0)
    assert (turn.background, turn.verdict(16.5)) == (True, "nothing"), "a new sound is not waited for"
    turn.take()
    turn.stop(17.0)
    turn.begin(19.9)
    assert (turn.active, turn.background) == (False, True)
    turn.stop(20.0)
    turn.begin(23.1)
    assert turn.speaking, "three seconds later it is somebody again"


def test_a_key_and_words_make_a_caller_of_a_voice_in_the_room() -> None:
    for how in ("key", "words", "it was the caller's"):
        turn = Turn(TurnOptions(rules=("stt",)))
        turn.begin(0.0)
        if how == "it was the caller's":
            turn.hear("hello", True, 0.5)
            turn.hint("ended", 1.0)
        turn.watch(15.0)
        turn.take()
        turn.stop(16.0)
        if how == "key":
            turn.press("held")
        turn.begin(16.5)
        if how == "words":
            assert not turn.speaking
            turn.hear("hello", False, 16.8)
        assert turn.speaking, how
