"""What of the caller's is a turn while the bot speaks, thinks, waits for a tool, or says what nobody may interrupt."""

from __future__ import annotations

import pytest

from audio.events import SpeechStarted, SpeechStopped, Transcript
from llm.events import Delta, FunctionCall, ReplyDone
from server.call import events as e
from server.call.policy import Policy, WhileSpeaking, WhileThinking, WhileWaiting
from tests.unit.server.call.core_stand import Stand, spec

Rules = WhileSpeaking | WhileThinking | WhileWaiting
LONG = ", ".join(["One two three four five six seven eight nine ten"] * 4) + "."


def stand(**policy: Rules) -> Stand:
    return Stand(policy=Policy(**policy), tools=(spec("look"),))  # type: ignore[arg-type]


def turns(made: Stand) -> list[str]:
    return [each.text for each in made.told(e.UserTurn)][1:]


def speaking(**policy: Rules) -> Stand:
    made = stand(**policy)
    made.hear("tell me")
    made.post(Delta(1, LONG))
    made.post(ReplyDone(1))
    made.voice()
    made.wait(made.now + 0.3)
    return made


def waiting(**policy: Rules) -> Stand:
    made = stand(**policy)
    made.hear("look it up")
    made.post(FunctionCall(1, "c1", "look", "{}"))
    made.post(ReplyDone(1))
    return made


def thinking(**policy: Rules) -> Stand:
    made = stand(**policy)
    made.hear("look it up")
    return made


def announcing(**policy: Rules) -> Stand:
    made = stand(**policy)
    made.hear("hello")
    made.post(e.Say(LONG, interruptible=False))
    made.voice()
    made.wait(made.now + 0.3)
    return made


def test_fewer_words_than_count_do_not_stop_the_bot_and_it_goes_on_where_it_was() -> None:
    made = speaking(while_speaking=WhileSpeaking(min_words=3))
    made.hear("no stop", seconds=0.3)
    made.wait(made.now + 0.3)
    assert (turns(made), made.told(e.Backchannel)) == ([], [e.Backchannel("no stop")])
    assert (made.told(e.Interrupted), made.commands(e.Flush)) == ([], [])
    made.hear("no really stop")
    assert turns(made) == ["no really stop"]


def test_at_the_end_of_a_question_they_are_an_answer() -> None:
    made = stand(while_speaking=WhileSpeaking(min_words=3))
    made.hear("order it")
    made.post(Delta(1, "Do you want two?"))
    made.post(ReplyDone(1))
    made.voice()
    made.wait(made.now + 0.2)
    made.hear("yes")
    assert turns(made) == ["yes"]


def test_over_what_nobody_may_interrupt_one_word_is_a_turn_and_uh_huh_is_none() -> None:
    made = announcing(while_speaking=WhileSpeaking(min_words=3))
    made.hear("uh huh")
    assert turns(made) == []
    made.hear("no")
    assert turns(made) == ["no"]
    made.wait(made.now + 5.0)
    assert made.told(e.AssistantTurn)[0].text == LONG


@pytest.mark.parametrize("waits", [True, False])
def test_silence_of_the_bot_has_rules_of_its_own(waits: bool) -> None:
    if waits:
        made = waiting(while_waiting=WhileWaiting(min_words=2, backchannels=("hurry up",)))
    else:
        made = thinking(while_thinking=WhileThinking(min_words=2, backchannels=("hurry up",)))
    made.hear("hurry up")
    made.hear("hello")
    assert (turns(made), made.commands(e.CancelTool)) == ([], [])
    made.hear("forget it")
    assert turns(made) == ["forget it"]


def test_who_says_hello_to_a_bot_that_waits_for_a_tool_cancels_nothing() -> None:
    made = waiting()
    made.hear("hello are you there")
    assert (turns(made), made.commands(e.CancelTool)) == ([], [])
    made.hear("never mind")
    assert len(made.commands(e.CancelTool)) == 1


def test_who_says_hello_to_one_that_thinks_or_speaks_has_a_turn() -> None:
    for made in (thinking(), speaking()):
        made.hear("hello")
        assert turns(made) == ["hello"]


def test_words_of_which_the_rest_comes_late_are_not_counted_one_by_one() -> None:
    made = speaking(while_speaking=WhileSpeaking(min_words=2))
    made.post(SpeechStarted(64.0))
    made.post(Transcript("stop", False))
    made.post(SpeechStopped(200.0), made.now + 0.4)
    made.wait(made.now + 1.6)
    assert turns(made) == ["stop"], "it may be the first of many"
