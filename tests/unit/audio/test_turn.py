"""The caller's turn: when it is over, and with what."""

from __future__ import annotations

import math

import pytest

from audio.endpoint import Rule, TurnOptions
from audio.turn import LOST_S, Turn

OPTIONS = TurnOptions()


def spoken(text: str = "", until: float = 1.0, final: bool = True) -> Turn:
    turn = Turn(OPTIONS)
    turn.begin(0.0)
    turn.stop(until)
    if text or final:
        turn.hear(text, final, 0.0)
    return turn


def test_nobody_has_spoken() -> None:
    turn = Turn(OPTIONS)
    assert (turn.verdict(5.0), turn.active, turn.deadline()) == ("none", False, math.inf)


def test_a_turn_is_over_after_the_silence_that_its_text_asks_for() -> None:
    turn = spoken("what time is it")
    assert turn.deadline() == pytest.approx(1.3)
    assert turn.verdict(1.29) == "open"
    assert turn.verdict(1.3) == "said"
    assert turn.take() == "what time is it"
    assert turn.verdict(1.3) == "none"


def test_speech_that_goes_on_makes_one_turn() -> None:
    turn = spoken("tell me", until=1.0)
    turn.begin(1.2)
    assert turn.verdict(9.0) == "open"
    turn.stop(2.0)
    turn.hear("a story", True, 0.0)
    assert turn.verdict(2.3) == "said"
    assert turn.take() == "tell me a story"


def test_a_final_transcript_that_does_not_come_is_waited_for_so_long_and_no_longer() -> None:
    turn = spoken("tell me a", final=False)
    assert turn.deadline() == pytest.approx(2.5)
    assert turn.verdict(2.49) == "open"
    assert turn.verdict(2.5) == "said"


@pytest.mark.parametrize(
    ("seconds", "verdict"), [(0.2, "nothing"), (0.69, "nothing"), (0.7, "unclear"), (3.0, "unclear")]
)
def test_a_short_sound_without_words_is_nothing_and_a_long_one_is_unclear(seconds: float, verdict: str) -> None:
    turn = spoken("", until=seconds)
    assert turn.verdict(turn.deadline() - 0.01) == "open", "they may go on"
    assert turn.verdict(turn.deadline()) == verdict


def test_who_was_not_understood_is_given_more_time_than_a_short_sound() -> None:
    assert spoken("", until=1.0).deadline() == pytest.approx(1.0 + OPTIONS.unfinished_delay_ms / 1000)
    assert spoken("", until=0.2).deadline() == pytest.approx(0.2 + OPTIONS.min_delay_ms / 1000)


def test_a_final_that_was_lost_in_silence_delays_its_own_turn_only() -> None:
    turn = spoken("one", final=False)
    assert turn.deadline() == pytest.approx(1.0 + OPTIONS.final_timeout_ms / 1000)
    turn.take()
    turn.begin(1.0 + LOST_S)
    turn.stop(7.0)
    turn.hear("two", True, 7.1)
    assert turn.deadline() == pytest.approx(7.0 + OPTIONS.min_delay_ms / 1000)


def test_words_that_were_taken_are_those_of_the_newest_late_final() -> None:
    turn = spoken("", final=False)
    turn.begin(1.2)
    turn.hear("two", False, 1.5)
    turn.stop(2.0)
    assert turn.verdict(3.5) == "said"
    assert turn.take() == "two"
    turn.hear("one", True, 3.6)
    assert turn.verdict(3.6) == "said"
    assert turn.take() == "one"
    turn.hear("two please", True, 3.7)
    assert turn.text == "please"


def test_words_taken_twice_of_a_voice_in_the_room_are_both_left_out() -> None:
    turn = Turn(OPTIONS)
    turn.begin(0.0)
    turn.hear("one", False, 1.0)
    for words, at in (("one two", 20.0), ("one two three", 40.0)):
        turn.watch(at - 1)
        turn.take()
        turn.hear(words, False, at)
    turn.stop(41.0)
    turn.hear("one two three four", True, 41.1)
    assert turn.take() == "three four"


def test_a_late_final_does_not_stand_for_the_one_that_is_waited_for() -> None:
    turn = spoken("one", final=False)
    turn.hear("one", False, 0.5)
    assert turn.verdict(2.5) == "said"
    turn.take()
    turn.begin(3.5)
    turn.stop(4.0)
    turn.hear("one", True, 4.1)
    assert turn.verdict(4.4) == "open", "the final of this turn is still to come"
    turn.hear("two", True, 4.5)
    assert turn.verdict(4.5) == "said"
    assert turn.take() == "two"


def test_several_short_sounds_count_together() -> None:
    turn = spoken("", until=0.4)
    turn.begin(0.5)
    turn.stop(0.9)
    turn.hear("", True, 0.0)
    assert turn.verdict(turn.deadline()) == "unclear"


def test_a_transcript_that_comes_too_late_for_its_turn_gives_only_what_is_new() -> None:
    turn = spoken("what time", final=False)
    assert turn.verdict(2.5) == "said"
    assert turn.take() == "what time"
    turn.hear("what time is it", True, 0.0)
    assert turn.text == "is it"
    assert turn.verdict(3.0) == "said"


def test_a_late_transcript_that_says_nothing_new_makes_no_turn() -> None:
    turn = spoken("hello", final=False)
    turn.take()
    turn.hear("hello", True, 0.0)
    assert turn.verdict(5.0) == "none"


def test_other_ears_that_hear_it_again_have_as_much_time_as_the_first() -> None:
    turn = spoken("what time is", final=False)
    turn.heard_again(2.4)
    assert turn.deadline() == pytest.approx(2.4 + OPTIONS.final_timeout_ms / 1000)
    turn.hear("what time is it", True, 3.0)
    assert turn.verdict(3.0) == "said"


def test_other_ears_that_owe_nothing_keep_nobody_waiting() -> None:
    turn = spoken("what time is it")
    turn.heard_again(1.1)
    assert turn.deadline() == pytest.approx(1.0 + OPTIONS.min_delay_ms / 1000)


def test_the_words_of_a_late_transcript_are_compared_whole() -> None:
    turn = spoken("q", final=False)
    turn.take()
    turn.hear("q1 please", True, 0.0)
    assert turn.text == "q1 please"


def test_lost_ears_owe_nothing() -> None:
    turn = Turn(OPTIONS)
    turn.begin(0.0)
    turn.stop(0.3)
    assert turn.verdict(0.4) == "open"
    turn.lost()
    assert turn.verdict(0.7) == "nothing"


def test_a_partial_transcript_replaces_the_one_before() -> None:
    turn = Turn(OPTIONS)
    turn.begin(0.0)
    for text in ("wh", "what", "what time"):
        turn.hear(text, False, 0.0)
    assert (turn.text, turn.words) == ("what time", 2)
    turn.hear("what time is it", True, 0.0)
    assert turn.text == "what time is it"


def test_the_text_of_a_turn_is_bounded() -> None:
    turn = spoken("word " * 10_000)
    assert len(turn.text) == 16 * 1024


# --- rules ------------------------------------------------------------------------------------------------------------


def ruled(*rules: Rule, text: str = "what time is it") -> Turn:
    turn = Turn(TurnOptions(rules=rules))
    turn.begin(1.0)
    turn.stop(2.0)
    turn.hear(text, True, 2.1)
    return turn


def test_a_turn_that_the_speech_to_text_follows_is_over_when_it_says_so_also_without_its_final() -> None:
    turn = Turn(TurnOptions(rules=("stt",)))
    turn.hint("started", 1.0)
    turn.begin(1.0)
    turn.hear("what time is it", False, 1.9)
    turn.stop(2.0)
    assert turn.deadline() == pytest.approx(5.0)
    turn.hint("eager", 2.2)
    turn.hint("resumed", 2.3)
    assert turn.verdict(4.9) == "open"
    turn.hint("ended", 2.6)
    assert turn.verdict(2.6) == "said"
    turn.take()
    assert turn.verdict(2.6) == "none"


def test_a_voice_that_goes_on_when_the_turn_has_ended_is_another() -> None:
    turn = Turn(TurnOptions(rules=("stt",)))
    turn.begin(1.0)
    turn.hear("what time is it", True, 1.9)
    turn.hint("ended", 2.0)
    assert (turn.speaking, turn.background, turn.verdict(2.0)) == (False, True, "said")
    turn.take()
    turn.hear("and now", False, 3.0)
    assert turn.speaking, "it has words after all"
    other = Turn(OPTIONS)
    other.begin(1.0)
    other.hint("ended", 2.0)
    assert other.speaking, "the rule is not wanted"


def test_what_the_acoustic_model_said_holds_for_its_pause_only() -> None:
    turn = ruled("acoustic")
    turn.judge(0.1)
    assert turn.deadline() == pytest.approx(5.0)
    turn.begin(2.5)
    turn.stop(3.0)
    turn.hear("please", True, 3.1)
    assert turn.deadline() == pytest.approx(3.5), "there is time for a judgement"
    turn.judge(0.9)
    assert turn.deadline() == pytest.approx(3.3)


def test_who_speaks_was_not_judged() -> None:
    turn = ruled("acoustic")
    turn.begin(2.2)
    turn.judge(0.1)
    turn.stop(3.0)
    turn.hear("please", True, 3.1)
    assert turn.deadline() == pytest.approx(3.5)


def test_nothing_is_asked_early_before_the_pause_was_judged() -> None:
    turn = ruled("acoustic")
    pausing = [turn.pausing]
    for complete in (0.9, 0.1):
        turn.judge(complete)
        pausing.append(turn.pausing)
    assert pausing == [False, True, False]


def test_a_key_that_is_let_go_ends_the_turn() -> None:
    turn = Turn(TurnOptions())
    turn.press("held")
    assert (turn.active, turn.keyed, turn.verdict(0.5)) == (True, True, "open"), "the caller is about to speak"
    turn.begin(1.0)
    turn.stop(2.0)
    turn.hear("what time", True, 2.1)
    assert turn.deadline() == math.inf
    turn.press("released")
    assert (turn.verdict(2.2), turn.keyed) == ("said", True)
    turn.take()
    assert not turn.keyed


def test_a_key_with_which_nothing_was_said_leaves_nothing_behind() -> None:
    turn = Turn(TurnOptions())
    turn.press("held")
    turn.press("released")
    assert (turn.active, turn.keyed, turn.verdict(5.0)) == (False, False, "none")
    turn.begin(6.0)
    turn.stop(7.0)
    turn.hear("so I", True, 7.0)
    assert turn.verdict(7.2) == "open", "spoken without the key"


def test_who_lets_the_key_go_before_the_words_are_known_is_waited_for() -> None:
    turn = Turn(TurnOptions())
    turn.press("held")
    turn.begin(1.0)
    turn.stop(2.0)
    turn.press("released")
    assert turn.verdict(2.5) == "open"
    turn.hear("yes", True, 2.6)
    assert turn.verdict(2.6) == "said"


def test_an_engine_is_known_to_punctuate_once_it_has() -> None:
    turn = ruled("sentence", text="I want a pizza")
    assert turn.deadline() == pytest.approx(2.3)
    turn.take()
    turn.begin(5.0)
    turn.hear("Hello. I want", False, 5.5)
    turn.hear("Hello.", False, 5.4)
    turn.hear("Hello. I want", False, 5.5)
    turn.stop(6.0)
    turn.hear("Hello. I want", True, 6.1)
    assert turn.deadline() == pytest.approx(6.8)


def test_a_caller_who_pauses_is_given_time_and_the_bots_pauses_teach_nothing() -> None:
    turn = ruled("pauses")
    turn.begin(2.8, alone=True)
    turn.stop(3.5)
    turn.hear("in the morning", True, 3.6)
    assert turn.deadline() == pytest.approx(3.5 + 0.6), "a quarter of 800 ms, and twice as far as it strays"
    deaf = ruled("pauses")
    deaf.begin(2.8)
    deaf.stop(3.5)
    deaf.hear("in the morning", True, 3.6)
    assert deaf.deadline() == pytest.approx(3.8)
    for at in range(10, 600, 10):
        turn.take()
        turn.begin(at)
        turn.stop(at + 1.0)
        turn.hear("yes", True, at + 1.1)
    assert turn.deadline() == pytest.approx(591.3), "what is not seen again is forgotten"


@pytest.mark.parametrize(("goes_on_at", "over_at"), [(2.9, 3.5 + 0.675), (3.4, 3.5 + 0.3)])
def test_who_goes_on_soon_after_their_turn_was_over_was_cut_off_in_a_pause(goes_on_at: float, over_at: float) -> None:
    turn = ruled("pauses")
    assert turn.verdict(2.4) == "said"
    turn.take()
    turn.begin(goes_on_at, alone=True)
    turn.stop(3.5)
    turn.hear("in the morning", True, 3.6)
    assert turn.deadline() == pytest.approx(over_at)


def test_a_partial_for_which_no_voice_was_noticed_is_not_taken_twice() -> None:
    turn = Turn(TurnOptions())
    turn.hear("stop it", False, 1.0)
    assert turn.verdict(2.0) == "said"
    assert turn.take() == "stop it"
    turn.hear("stop it please", True, 2.1)
    assert turn.text == "please"
    turn.take()
    turn.hear("stop it", True, 4.0)
    assert turn.text == "stop it", "said again"
