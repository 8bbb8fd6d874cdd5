"""The core: when it asks, yields and ends. The simulated world has the rest (tests/sim)."""

from __future__ import annotations

from typing import Any

import pytest

from audio.events import SpeechFailed, SpeechStarted, SpeechStopped, Synthesised, Transcript, Word
from llm.events import (
    Ask,
    Cancel,
    Delta,
    FunctionCall,
    LinkUp,
    ReplyDone,
)
from llm.items import AssistantMessage, DeveloperMessage, UserMessage
from server.call import events as e
from server.call.policy import Policy, Sentences
from server.call.states import CallState
from tests.unit.server.call.core_stand import Stand, spec


def answered(text: str = "It is noon.", **settings: Any) -> Stand:
    """A call in which the bot says `text` after a turn of the caller, all of it synthesised."""
    stand = Stand(**settings)
    stand.hear("what time is it")
    stand.post(Delta(stand.reply, text))
    stand.post(ReplyDone(stand.reply))
    stand.voice()
    return stand


def test_the_greeting_is_said_and_stands_in_the_log() -> None:
    stand = Stand(greeting="Hello there.")
    stand.voice()
    stand.wait(1.0)
    assert stand.told(e.AssistantTurn) == [e.AssistantTurn("Hello there.")]
    assert stand.core.log.items() == (AssistantMessage("Hello there."),)


def test_a_turn_is_asked_with_the_log_and_answered() -> None:
    stand = answered()
    assert stand.request.items == (UserMessage("what time is it"),)
    stand.wait(2.0)
    assert stand.told(e.AssistantTurn) == [e.AssistantTurn("It is noon.")]
    assert [each.on for each in stand.told(e.BotSpeech)] == [True, False]


def test_nothing_is_asked_before_the_link_is_up_and_then_at_once() -> None:
    stand = Stand(connected=False)
    stand.hear("hello")
    assert stand.commands(Ask) == []
    assert [type(each) for each in stand.post(LinkUp()) if isinstance(each, Ask)] == [Ask]


def test_a_cough_holds_and_resumes_and_loses_nothing() -> None:
    stand = answered("One two three four five six.")
    stand.wait(stand.now + 0.2)
    stand.post(SpeechStarted(64.0))
    assert isinstance(stand.all[-1], e.Hold)
    stand.wait(stand.now + 0.2)
    stand.post(SpeechStopped(200.0))
    stand.wait(stand.now + 0.2)
    assert stand.commands(e.Resume)
    stand.post(Transcript("", True))
    stand.wait(stand.now + 2.0)
    assert stand.told(e.Interrupted) == []
    assert stand.told(e.AssistantTurn)[-1].text == "One two three four five six."


def test_words_are_a_barge_in_at_once_and_the_log_is_cut_at_what_was_heard() -> None:
    stand = answered("One two three four five six.")
    stand.wait(stand.now + 0.25)
    stand.post(SpeechStarted(64.0))
    commands = stand.post(Transcript("wait", False))
    assert commands[-1] == e.Notify(e.Interrupted())
    stand.post(SpeechStopped(200.0), stand.now + 0.3)
    stand.post(Transcript("wait stop", True))
    stand.wait(stand.now + 0.4)
    said = [item.text for item in stand.request.items]
    assert said[0] == "what time is it"
    assert said[1] == "One two three four five", "what is with a client that cannot pause is heard"
    assert said[2] == "wait stop"


def test_a_long_sound_without_words_stops_the_bot_and_then_it_goes_on_in_the_middle_of_the_word() -> None:
    stand = answered("One two three four five six seven eight nine ten.")
    frame = stand.playout.head
    assert frame is not None
    stand.wait(stand.now + 0.2)
    stand.post(SpeechStarted(64.0))
    stand.wait(stand.now + 0.6)
    assert len(stand.told(e.Interrupted)) == 1
    heard = frame.heard
    assert 200 < heard <= 400, "and what was with the client then"
    assert stand.told(e.FalseInterruption) == []
    stand.post(SpeechStopped(200.0))
    stand.wait(stand.now + 0.2)
    assert frame.heard == heard, "words may come late"
    stand.post(Transcript("", True))
    stand.wait(stand.now + 0.35)
    assert len(stand.told(e.FalseInterruption)) == 1
    assert heard < frame.heard < heard + 400
    stand.wait(stand.now + 2.0)
    assert (stand.commands(e.Flush), len(stand.commands(e.Speak))) == ([], 1)
    assert len(stand.commands(Ask)) == 1, "no model is needed for words that are known"
    assert stand.told(e.AssistantTurn)[-1].text == "One two three four five six seven eight nine ten."


def test_a_very_long_sound_that_stopped_the_bot_is_not_asked_about() -> None:
    stand = answered("One two three four five six seven eight nine ten.")
    stand.wait(stand.now + 0.2)
    stand.hear("", seconds=1.5)
    stand.wait(stand.now + 1.0)
    stand.voice()
    stand.wait(stand.now + 2.0)
    assert len(stand.commands(Ask)) == 1
    assert stand.told(e.AssistantTurn)[-1].text == "One two three four five six seven eight nine ten."


def test_words_behind_protected_speech_are_not_lost_to_a_sound_that_lasts_into_them() -> None:
    stand = Stand()
    stand.post(e.Say("Protected words are six words long.", interruptible=False))
    stand.post(e.Say("One two three four."))
    stand.voice(frames=1)
    stand.hub.audio(2, 480, tuple(Word(20.0 + 100 * n, end) for n, end in enumerate((3, 7, 13, 19))), bytes(960))
    stand.post(Synthesised(2))
    stand.wait(0.05)
    stand.post(SpeechStarted(64.0))
    stand.wait(0.9)  # long enough while the first is heard, and still going on when the second begins
    stand.post(SpeechStopped(200.0))
    stand.post(Transcript("", True))
    stand.wait(2.0)
    stand.voice()
    stand.wait(3.0)
    assert len(stand.told(e.Interrupted)) == len(stand.told(e.FalseInterruption)) == 1
    said = [each.text for each in stand.told(e.AssistantTurn)]
    assert said == ["Protected words are six words long.", "One two three four."]


def test_words_that_were_none_in_an_answer_that_is_still_coming_let_the_model_go_on() -> None:
    stand = Stand()
    stand.hear("tell me a story")
    stand.post(Delta(stand.reply, "Once upon a time there was a king. He had "))
    stand.voice()
    stand.wait(stand.now + 0.2)
    stand.post(SpeechStarted(64.0))
    stand.post(Transcript("the", False))
    assert stand.commands(Cancel) == [Cancel(1)]
    stand.wait(stand.now + 0.6)
    stand.post(SpeechStopped(200.0))
    stand.post(Transcript("", True))
    stand.wait(stand.now + 0.2)
    assert len(stand.commands(Ask)) == 2
    assert stand.request.note == Sentences().go_on
    last = stand.request.items[-1]
    assert isinstance(last, AssistantMessage)
    assert "Once upon a time there was a king.".startswith(last.text)
    stand.post(Delta(stand.reply, "the end."))
    stand.post(ReplyDone(stand.reply))
    assert len(stand.core.log.items()) == 2, "the answer goes on in the same message"


def test_protected_speech_is_not_held_and_not_dropped() -> None:
    stand = Stand()
    stand.post(e.Say("This call may be recorded today and perhaps tomorrow as well.", interruptible=False))
    stand.voice()
    stand.wait(0.1)
    stand.hear("hello")
    assert stand.commands(e.Hold) == []
    assert stand.playout.busy
    stand.wait(2.0)
    assert stand.told(e.AssistantTurn)[0].text == "This call may be recorded today and perhaps tomorrow as well."


def test_speech_that_is_not_understood_is_said_so_by_the_model() -> None:
    stand = Stand()
    stand.hear("", seconds=1.5)
    assert stand.commands(Ask) == [], "they may go on"
    stand.wait(stand.now + 0.9)
    assert stand.request.items == (DeveloperMessage(Sentences().unclear),)
    assert stand.told(e.UserTurn)[-1].text == ""


def test_hanging_up_lets_the_words_be_heard_and_nobody_interrupts_them() -> None:
    stand = answered("One two three four five six.")
    stand.wait(stand.now + 0.1)
    stand.post(e.HangUp("done"))
    assert stand.core.state is CallState.ENDING
    stand.hear("wait a moment", seconds=0.2)
    assert stand.commands(e.End) == []
    stand.wait(stand.now + 0.5)
    assert stand.commands(e.End) == [e.End("done")]
    assert stand.told(e.AssistantTurn)[-1].text == "One two three four five six."


def test_a_caller_who_is_gone_ends_everything_at_once() -> None:
    stand = Stand(tools=(spec("look"), spec("timer", cancel_on_interruption=False)))
    stand.hear("both")
    stand.post(FunctionCall(1, "c1", "look", "{}"))
    stand.post(FunctionCall(1, "c2", "timer", "{}"))
    stand.post(e.Gone("hung up", 1001))
    assert {each.call_id for each in stand.commands(e.CancelTool)} == {"c1", "c2"}
    assert [each.outcome for each in stand.told(e.ToolFinished)] == ["cancelled", "cancelled"]
    assert stand.all[-1] == e.End("hung up", 1001)
    assert stand.core.deadline() is None
    assert stand.post(e.UserText("anybody?")) == []


def test_a_silent_caller_is_asked_and_asked_again_and_said_goodbye_to() -> None:
    stand = Stand(policy=Policy(idle_ms=1000, idle_again_ms=2000, idle_goodbye_ms=3000))
    for at_s, times in ((1.0, 1), (3.8, 2), (9.0, 3)):
        stand.wait(at_s)
        stand.voice()
        stand.wait(at_s + 0.1)
        stand.voice()
        assert [each.times for each in stand.told(e.Idle)] == list(range(1, times + 1)), at_s
    stand.wait(20.0)
    texts = (Sentences().idle, Sentences().idle_again, Sentences().idle_goodbye)
    assert " ".join(each.text for each in stand.told(e.AssistantTurn)) == " ".join(texts)
    assert stand.commands(e.End) == [e.End("the caller said nothing")]


@pytest.mark.parametrize("sentences", [Sentences(idle_goodbye=""), Sentences(idle_goodbye="", idle="", idle_again="")])
def test_without_a_goodbye_nobody_is_hung_up_on(sentences: Sentences) -> None:
    stand = Stand(policy=Policy(idle_ms=1000, idle_again_ms=1000, idle_goodbye_ms=1000), sentences=sentences)
    for at_s in range(1, 30):
        stand.wait(float(at_s))
        stand.voice()
    assert [each.times for each in stand.told(e.Idle)] == [1, 2]
    assert stand.commands(e.End) == []


def test_a_caller_who_says_something_is_asked_from_the_beginning() -> None:
    stand = Stand(policy=Policy(idle_ms=1000))
    stand.wait(1.1)
    stand.voice()
    stand.hear("yes")
    stand.post(Delta(stand.reply, "Good."))
    stand.post(ReplyDone(stand.reply))
    stand.voice()
    stand.wait(stand.now + 1.5)
    assert len(stand.told(e.Idle)) == 2


def test_a_muted_caller_is_not_asked() -> None:
    stand = Stand(policy=Policy(idle_ms=1000))
    stand.post(e.Muted(True))
    stand.wait(5.0)
    assert stand.told(e.Idle) == []


def test_a_call_has_a_longest_time() -> None:
    stand = Stand(policy=Policy(max_call_s=5.0))
    stand.wait(5.1)
    stand.voice()
    stand.wait(8.0)
    assert stand.told(e.AssistantTurn)[-1].text == Sentences().too_long
    assert stand.commands(e.End) == [e.End("the call reached its longest time")]


def test_a_frame_that_the_voice_refuses_is_tried_once_more() -> None:
    stand = Stand(greeting="Hello there.")
    assert stand.post(SpeechFailed(1, "no")) == [e.Speak(1, "Hello there.")]
    stand.post(SpeechFailed(1, "no"))
    assert stand.told(e.Problem)[-1].code == "speech_failed"
    assert not stand.playout.busy
    assert stand.core.log.items() == ()


def test_more_than_can_wait_is_dropped_and_told() -> None:
    stand = Stand(policy=Policy(max_frames=5))
    for _ in range(9):
        stand.post(e.Say("Again."))
    assert len(stand.playout) == 5
    assert [each.code for each in stand.told(e.Problem)] == ["playout_full"] * 4


def test_the_voice_gets_only_so_many_pieces_at_once() -> None:
    stand = Stand(policy=Policy(speak_ahead=2))
    for _ in range(5):
        stand.post(e.Say("Again."))
    assert len(stand.commands(e.Speak)) == 2
    stand.voice(frames=1)
    assert len(stand.commands(e.Speak)) == 3


def test_a_deadline_always_lies_ahead() -> None:
    stand = answered("One two three.")
    for _ in range(300):
        deadline = stand.core.deadline()
        assert deadline is None or deadline > stand.now
        stand.wait(stand.now + 0.05)
