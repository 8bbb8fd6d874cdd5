"""When the caller is not to be heard, as the agent wants it; and that they always are afterwards."""

from __future__ import annotations

import pytest

from audio.endpoint import TurnOptions
from audio.events import SpeechLost, SpeechStarted, SpeechStopped, Transcript, TurnJudged
from audio.turn import Turn
from llm.events import Delta, FunctionCall, ReplyDone, ToolDone
from server.call import events as e
from server.call.listening import Listening
from server.call.outbox import Outbox
from server.call.policy import Mute, Policy
from tests.unit.server.call.core_stand import Stand, spec

WORDS = "One two three four five six seven eight nine ten."


def stand(*mute: Mute, greeting: str = "") -> Stand:
    return Stand(greeting=greeting, policy=Policy(mute=mute), tools=(spec("look"),))


def turns(stand: Stand) -> list[str]:
    return [each.text for each in stand.told(e.UserTurn)]


def answered(*mute: Mute) -> Stand:
    made = stand(*mute)
    made.hear("tell me")
    made.post(Delta(1, WORDS))
    made.post(ReplyDone(1))
    made.voice()
    made.wait(made.now + 0.2)
    return made


def test_while_the_bot_speaks_nothing_is_heard_and_what_was_said_is_told() -> None:
    made = answered("speaking")
    made.hear("wait stop", seconds=0.3)
    assert made.told(e.NotHeard) == [e.NotHeard("wait stop")]
    assert (made.told(e.Interrupted), made.playout.held, turns(made)) == ([], False, ["tell me"])
    made.wait(made.now + 2.0)
    assert made.told(e.AssistantTurn)[-1].text == WORDS
    made.hear("thank you")
    assert turns(made) == ["tell me", "thank you"]


def test_who_still_speaks_when_the_bot_is_done_is_heard_from_the_beginning() -> None:
    made = answered("speaking")
    made.wait(made.now + 0.4)
    made.post(SpeechStarted(64.0))
    made.post(Transcript("and then", False))
    assert made.told(e.UserTranscript)[-1].text == "tell me"
    made.wait(made.now + 1.0)
    assert made.told(e.UserTranscript)[-1].text == "and then"
    made.post(Transcript("and then what", False))
    made.post(SpeechStopped(200.0))
    made.post(Transcript("and then what", True))
    made.wait(made.now + 0.5)
    assert turns(made) == ["tell me", "and then what"]


def test_the_sound_of_what_nobody_hears_is_not_that_of_the_turn_before() -> None:
    turn, out = Turn(TurnOptions(rules=("acoustic",))), Outbox()
    listening = Listening(turn, out)
    for fact in (SpeechStarted(), SpeechStopped(), Transcript("when do you open", True), TurnJudged(0.9)):
        listening.record(fact, 1.0, deaf=False, alone=True)
    for fact in (SpeechStarted(), SpeechStopped(), TurnJudged(0.1)):
        listening.record(fact, 1.1, deaf=True, alone=True)
    assert turn.deadline() == pytest.approx(1.3)


def test_until_its_first_words_were_spoken() -> None:
    made = stand("first_words", greeting="Welcome to the shop.")
    made.voice()
    made.wait(0.1)
    made.hear("hello", seconds=0.1)
    assert turns(made) == []
    made.wait(2.0)
    made.hear("hello")
    made.post(Delta(1, WORDS))
    made.post(ReplyDone(1))
    made.voice()
    made.wait(made.now + 0.2)
    made.hear("wait")
    assert turns(made) == ["hello", "wait"]


def test_a_bot_without_first_words_listens() -> None:
    made = stand("first_words")
    made.hear("hello")
    assert turns(made) == ["hello"]


def test_while_a_tool_runs() -> None:
    made = stand("tool")
    made.hear("look it up")
    made.post(FunctionCall(1, "c1", "look", "{}"))
    made.post(ReplyDone(1))
    made.hear("never mind")
    assert made.commands(e.CancelTool) == []
    made.post(ToolDone("c1", "completed", "found"))
    assert made.reply == 2
    made.hear("thank you")
    assert turns(made) == ["look it up", "thank you"]


def test_while_it_says_what_nobody_may_interrupt() -> None:
    made = stand("protected")
    made.post(e.Say("This call may be recorded by us.", interruptible=False))
    made.voice()
    made.wait(0.1)
    made.hear("hello", seconds=0.2)
    assert [each.text for each in made.told(e.NotHeard)] == ["hello"]
    made.wait(2.0)
    made.hear("hello again")
    assert turns(made) == ["hello again"]


def test_without_a_wish_what_is_said_meanwhile_is_kept() -> None:
    made = stand()
    made.post(e.Say("This call may be recorded by us.", interruptible=False))
    made.voice()
    made.wait(0.1)
    made.hear("hello", seconds=0.2)
    made.wait(2.0)
    assert turns(made) == ["hello"]


def test_a_final_of_speech_before_is_heard_though_it_comes_late() -> None:
    made = answered("speaking")
    made.wait(made.now + 2.0)
    made.post(SpeechStarted(64.0))
    made.post(SpeechStopped(0.0), made.now + 0.3)
    made.post(e.Say("By the way, we are closed today.", interruptible=False))
    made.voice()
    made.wait(made.now + 0.1)
    made.post(SpeechStarted(64.0))
    made.post(SpeechStopped(0.0), made.now + 0.2)
    made.post(Transcript("what time", True))
    made.post(Transcript("is it", True))
    made.wait(made.now + 1.0)
    assert turns(made) == ["tell me", "what time"]
    assert [each.text for each in made.told(e.NotHeard)] == ["is it"]


def test_finals_that_never_come_leave_nobody_deaf() -> None:
    made = answered("speaking")
    made.post(SpeechStarted(64.0))
    made.post(SpeechStopped(0.0), made.now + 0.2)
    made.wait(made.now + 4.0)
    made.hear("hello")
    assert turns(made)[-1] == "hello"
    made.post(Delta(made.reply, WORDS))
    made.post(ReplyDone(made.reply))
    made.voice()
    made.wait(made.now + 0.1)
    made.post(SpeechStarted(64.0))
    made.post(SpeechStopped(0.0), made.now + 0.2)
    made.post(SpeechLost("the ears are gone"))
    made.wait(made.now + 1.0)
    made.hear("still there")
    assert turns(made)[-1] == "still there"
