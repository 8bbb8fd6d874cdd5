"""The core where something lasts longer than usual: obstacles, voices that stay on, endless rounds, the last words."""

from __future__ import annotations

import pytest

from audio.events import SpeechStarted, SpeechStopped, Transcript
from llm.events import Ask, Cancel, Delta, FunctionCall, LinkDown, LinkUp, Progress, ReplyDone, ToolDone
from llm.items import DeveloperMessage, UserMessage
from server.call import events as e
from server.call.policy import Policy, Sentences
from server.call.states import CallState
from tests.unit.server.call.core_stand import Stand, spec

TIMER = spec("timer", cancel_on_interruption=False)
LONG = " ".join(["word"] * 400)  # 40 s of speech


def talking(text: str, **settings: object) -> Stand:
    """A call in which the bot says `text`."""
    stand = Stand(**settings)  # type: ignore[arg-type]
    stand.hear("tell me")
    stand.post(Delta(stand.reply, text))
    return stand


def speak_all(stand: Stand, until: float) -> None:
    while stand.now < until - 1e-6:
        stand.voice()
        stand.wait(min(until, stand.now + 0.5))


# --- what is owed waits for us, not for the provider ------------------------------------------------------------------


def test_an_async_result_in_the_middle_of_a_long_answer_is_told_after_it() -> None:
    stand = talking(LONG, tools=(TIMER,))
    stand.post(FunctionCall(1, "c1", "timer", "{}"))
    stand.post(ReplyDone(1))
    stand.post(Delta(2, " It runs."))
    stand.post(ReplyDone(2))
    stand.post(ToolDone("c1", "completed", "it rang"))
    while stand.playout.busy:
        speak_all(stand, stand.now + 0.5)
    assert stand.now > Policy().give_up_s
    asked = stand.commands(Ask)
    assert len(asked) == 3, "the model is to tell it"
    assert "it rang" in str(asked[-1].request.items)
    assert [each.code for each in stand.told(e.Problem)] == []


def test_a_tool_may_take_longer_than_a_provider() -> None:
    stand = Stand(tools=(spec("look", timeout_s=90.0),))
    stand.hear("look it up")
    stand.post(FunctionCall(1, "c1", "look", "{}"))
    stand.post(LinkDown("gone"))
    stand.post(LinkUp())
    stand.wait(stand.now + 60)
    stand.post(ToolDone("c1", "completed", "found"))
    assert stand.told(e.Problem) == []
    assert len(stand.commands(Ask)) == 2


def test_an_answer_that_goes_on_tells_what_came_of_a_background_call_as_well() -> None:
    stand = talking("One two three four five six seven eight nine ten. ", tools=(TIMER,))
    stand.post(FunctionCall(1, "c1", "timer", "{}"))
    stand.post(ReplyDone(1))
    speak_all(stand, stand.now + 2)
    stand.post(Delta(stand.reply, "A second answer that is long. And "))
    stand.post(ToolDone("c1", "completed", "it rang"))
    stand.post(LinkDown("gone"))
    speak_all(stand, stand.now + 3)
    stand.post(LinkUp())
    assert stand.request.note == f"{Sentences().go_on} {Sentences().and_then}"


def test_a_model_that_works_is_not_taken_for_a_silent_one() -> None:
    stand = Stand()
    stand.hear("think")
    for _ in range(20):
        stand.post(Progress(1), stand.now + 1.0)
    assert stand.commands(Cancel) == []
    for _ in range(20):
        stand.post(Progress(1), stand.now + 1.0)
    assert stand.commands(Cancel) == [Cancel(1, stalled=True)], "but not for ever"


# --- voices that stay on ----------------------------------------------------------------------------------------------


def test_a_typed_turn_is_answered_although_a_television_is_on() -> None:
    stand = Stand()
    stand.post(SpeechStarted(64.0))
    stand.post(e.UserText("are you there"), stand.now + 5)
    assert stand.commands(Ask) == []
    stand.wait(stand.now + 11)
    assert stand.request.items == (UserMessage("are you there"),)


@pytest.mark.parametrize("final", ["", None])
def test_music_that_comes_and_goes_holds_the_bot_for_some_15_s_and_no_longer(final: str | None) -> None:
    stand = talking(" ".join(["word"] * 900) + ".")
    stand.post(ReplyDone(1))
    stand.voice()
    held_s = 0.0
    for _ in range(30):
        stand.post(SpeechStarted(64.0))
        for _ in range(4):
            stand.wait(stand.now + 0.25)
            held_s += 0.25 * stand.playout.held
        stand.post(SpeechStopped(200.0))
        if final is not None:
            stand.post(Transcript(final, True))
        stand.wait(stand.now + 0.1)
    assert 12 < held_s < 18
    stand.post(SpeechStarted(64.0))
    assert not stand.playout.held
    stand.post(Transcript("wait", False))
    assert stand.playout.held, "somebody speaks"


def test_words_before_a_voice_that_stays_on_are_answered() -> None:
    stand = Stand()
    stand.post(SpeechStarted(64.0))
    stand.post(Transcript("turn the television down please", False), stand.now + 2)
    stand.wait(stand.now + 16)
    assert stand.request.items == (UserMessage("turn the television down please"),)
    stand.post(SpeechStopped(200.0), stand.now + 60)
    stand.post(Transcript("turn the television down please", True))
    stand.wait(stand.now + 5)
    assert len(stand.told(e.UserTurn)) == 1


def test_who_is_not_understood_is_told_so_while_a_timer_runs() -> None:
    stand = talking("", tools=(TIMER,))
    stand.post(FunctionCall(1, "c1", "timer", "{}"))
    stand.post(ReplyDone(1))
    stand.post(Delta(2, "It runs."))
    stand.post(ReplyDone(2))
    speak_all(stand, stand.now + 2)
    stand.hear("", seconds=2.0)
    stand.wait(stand.now + 1.5)
    assert stand.request.items[-1] == DeveloperMessage(Sentences().unclear)


# --- rounds -----------------------------------------------------------------------------------------------------------


def test_a_model_that_only_ever_calls_tools_is_stopped() -> None:
    stand = Stand(tools=(spec("look"),))
    stand.hear("go")
    for number in range(1, 40):
        if stand.commands(Ask)[-1].reply != number:
            break
        stand.post(FunctionCall(number, f"c{number}", "look", "{}"))
        stand.post(ReplyDone(number))
        stand.post(ToolDone(f"c{number}", "completed", "more"))
    assert len(stand.commands(Ask)) == 1 + Policy().max_rounds
    assert stand.told(e.Problem)[-1].code == "no_answer"
    stand.hear("again")
    assert len(stand.commands(Ask)) == 2 + Policy().max_rounds, "a new turn begins anew"


def test_a_call_id_that_was_used_before_is_a_call_of_its_own() -> None:
    stand = Stand(tools=(spec("look"),))
    for number in (1, 2):
        stand.hear("look")
        stand.post(FunctionCall(stand.reply, "call_0", "look", "{}"))
        stand.post(ReplyDone(stand.reply))
        run = stand.commands(e.RunTool)[-1]
        stand.post(ToolDone(run.call_id, "completed", f"found {number}"))
        stand.post(ReplyDone(stand.reply))
    assert len({each.call_id for each in stand.commands(e.RunTool)}) == 2


def test_an_empty_answer_to_a_turn_is_asked_again_and_then_apologised_for() -> None:
    stand = Stand()
    stand.hear("hello")
    for _ in range(Policy().max_attempts):
        stand.post(ReplyDone(stand.reply))
        stand.wait(stand.now + 3)
    assert [each.code for each in stand.told(e.Problem)][-2:] == ["reply_empty", "no_answer"]
    assert len(stand.commands(Ask)) == Policy().max_attempts


def test_the_stop_button_asks_nobody() -> None:
    stand = Stand(tools=(spec("look"),))
    stand.hear("look twice")
    stand.post(FunctionCall(1, "c1", "look", "{}"))
    stand.post(FunctionCall(1, "c2", "look", "{}"))
    stand.post(ReplyDone(1))
    stand.post(ToolDone("c1", "completed", "one"))
    stand.post(e.Interrupt())
    stand.wait(stand.now + 5)
    assert len(stand.commands(Ask)) == 1


# --- the application's words ------------------------------------------------------------------------------------------


def test_what_the_application_says_into_the_callers_speech_is_said_after_it() -> None:
    stand = Stand()
    stand.post(SpeechStarted(64.0))
    stand.post(Transcript("I would like", False), stand.now + 0.5)
    stand.post(e.Say("Your taxi has arrived."))
    assert stand.commands(e.Speak) == []
    stand.post(SpeechStopped(200.0), stand.now + 1)
    stand.post(Transcript("I would like a taxi", True))
    stand.wait(stand.now + 0.5)
    assert [each.text for each in stand.commands(e.Speak)] == ["Your taxi has arrived."]
    assert stand.told(e.Interrupted) == []


def test_a_message_with_no_speech_before_it_leaves_although_the_caller_speaks() -> None:
    stand = Stand()
    stand.hear("hello", seconds=0.2)
    stand.post(SpeechStarted(64.0))
    stand.post(e.Send('{"a":1}'))
    assert stand.playout.take(stand.now) == ['{"a":1}']


def test_a_long_sentence_of_the_application_is_spoken_in_pieces() -> None:
    stand = Stand()
    stand.post(e.Say("This is one sentence. " * 300))
    speak_all(stand, stand.now + 5)
    assert max(len(each.text) for each in stand.commands(e.Speak)) < 400


# --- the last words ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("interruptible", [True, False])
def test_the_last_words_are_heard_however_long_they_are(interruptible: bool) -> None:
    stand = Stand()
    stand.post(e.Say(LONG, interruptible=interruptible))
    stand.post(e.HangUp("done"))
    speak_all(stand, stand.now + 39)
    assert stand.core.state is CallState.ENDING
    speak_all(stand, stand.now + 5)
    assert stand.commands(e.End) == [e.End("done")]
    assert stand.told(e.AssistantTurn)[-1].text == LONG


def test_last_words_that_nobody_hears_do_not_keep_the_call() -> None:
    stand = Stand()
    stand.post(e.Say("Goodbye."))
    stand.post(e.HangUp("done"))
    stand.wait(stand.now + Policy().ending_s + 0.1)
    assert stand.commands(e.End) == [e.End("done")]


def test_last_words_that_a_noise_had_cut_off_are_said_all_the_same() -> None:
    stand = talking("Thank you for calling and goodbye now my dear friend.")
    stand.post(ReplyDone(1))
    stand.voice()
    stand.wait(stand.now + 0.3)
    stand.post(SpeechStarted(64.0))
    stand.wait(stand.now + 0.6)
    assert stand.told(e.Interrupted)
    stand.post(e.HangUp("done"))
    speak_all(stand, stand.now + 3)
    assert stand.told(e.AssistantTurn)[-1].text == "Thank you for calling and goodbye now my dear friend."


def test_nobody_stops_the_last_words_and_nothing_is_added_to_them() -> None:
    stand = Stand()
    stand.post(e.Say("Thank you and goodbye."))
    stand.voice()
    stand.post(e.HangUp("done"))
    stand.post(e.Interrupt(), stand.now + 0.1)
    stand.post(e.Say("One more thing."))
    stand.wait(stand.now + 2)
    assert stand.told(e.AssistantTurn) == [e.AssistantTurn("Thank you and goodbye.")]
    assert stand.told(e.Problem)[-1].code == "too_late"
