"""Words of which the voice makes no sound, such as an emoji's: nothing waits for them, wherever they stand."""

from __future__ import annotations

from audio.endpoint import TurnOptions
from audio.events import SpeechStarted, SpeechStopped, Synthesised, Transcript
from llm.events import Delta, FunctionCall, ReplyDone
from server.call import events as e
from server.call.policy import Policy
from tests.unit.server.call.core_stand import Stand, spec

EMOJI = "\U0001f44d"
IDLE = Policy(idle_ms=3000, early_start="llm+tts")


def ahead(stand: Stand) -> None:
    """A caller who has just paused, and a model that has answered with an emoji, of which the voice is done."""
    stand.post(SpeechStarted(64.0))
    stand.post(SpeechStopped(200.0), 0.5)
    stand.post(Transcript("is it done", True))
    stand.post(Delta(1, EMOJI))


def soundless(stand: Stand) -> None:
    """The voice makes nothing of what it has."""
    for speak in stand.commands(e.Speak):
        if (frame := stand.playout.get(speak.frame)) and not frame.done:
            stand.post(Synthesised(speak.frame))


def test_a_caller_who_says_nothing_to_an_answer_that_was_made_ahead_is_asked() -> None:
    stand = Stand(policy=IDLE, turn=TurnOptions(min_delay_ms=1000))
    ahead(stand)
    stand.post(ReplyDone(1))
    soundless(stand)
    stand.wait(5.0)
    assert [each.text for each in stand.told(e.AssistantTurn)] == [EMOJI]
    assert stand.told(e.Idle) == [e.Idle(1)]


def test_a_tool_that_waits_for_the_words_before_it_starts() -> None:
    stand = Stand(policy=IDLE, turn=TurnOptions(min_delay_ms=1000), tools=(spec("last", when="after_speech"),))
    ahead(stand)
    stand.post(FunctionCall(1, "c1", "last", "{}"))
    stand.post(ReplyDone(1))
    soundless(stand)
    stand.wait(1.4)
    assert [each.name for each in stand.commands(e.RunTool)] == ["last"]


def test_a_caller_is_asked_who_stopped_what_stood_before_it() -> None:
    stand = Stand(policy=IDLE)
    stand.post(e.Say("The shop is closed today."))
    stand.post(e.Say(EMOJI, interruptible=False))
    stand.post(Synthesised(stand.commands(e.Speak)[-1].frame))
    stand.post(e.Interrupt(), 0.5)
    stand.wait(4.0)
    assert stand.told(e.Idle) == [e.Idle(1)]
