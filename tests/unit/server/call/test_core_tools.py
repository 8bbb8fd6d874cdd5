"""The core and the tools: what waits for what, who is cancelled, what is told."""

from __future__ import annotations

from audio.events import SpeechStarted, SpeechStopped, Transcript
from llm.events import (
    Ask,
    Delta,
    FunctionCall,
    LinkDown,
    LinkUp,
    ReplyDone,
    ToolDone,
    ToolUpdate,
)
from llm.items import AssistantMessage, Call, DeveloperMessage
from server.call import events as e
from server.call.policy import Sentences
from tests.unit.server.call.core_stand import Stand, spec


def test_words_before_a_call_are_said_at_once() -> None:
    stand = Stand(tools=(spec("look"),))
    stand.hear("look it up")
    stand.post(Delta(1, "Let me look that up"))
    commands = stand.post(FunctionCall(1, "c1", "look", "{}"))
    assert any(isinstance(each, e.Speak) for each in commands), "not only when the answer is complete"


def test_a_blocking_tool_holds_the_answer_back_and_its_result_asks_once() -> None:
    stand = Stand(tools=(spec("look"),))
    stand.hear("look it up")
    stand.post(FunctionCall(1, "c1", "look", "{}"))
    stand.post(FunctionCall(1, "c2", "look", "{}"))
    stand.post(ReplyDone(1))
    assert len(stand.commands(e.RunTool)) == 2
    stand.post(ToolDone("c1", "completed", "one"))
    assert len(stand.commands(Ask)) == 1
    stand.post(ToolDone("c2", "failed", "Error: two"))
    assert len(stand.commands(Ask)) == 2
    calls = (Call("c1", "look", "{}", "one"), Call("c2", "look", "{}", "Error: two"))
    assert stand.request.items[-1] == AssistantMessage("", calls)


def test_a_result_that_comes_while_the_caller_speaks_is_neither_answered_nor_lost() -> None:
    stand = Stand(tools=(spec("look"),))
    stand.hear("look it up")
    stand.post(FunctionCall(1, "c1", "look", "{}"))
    stand.post(ReplyDone(1))
    stand.post(SpeechStarted(64.0))
    stand.post(ToolDone("c1", "completed", "found"))
    assert len(stand.commands(Ask)) == 1
    stand.post(SpeechStopped(200.0), stand.now + 0.2)
    stand.post(Transcript("", True))
    stand.wait(stand.now + 0.3)
    assert len(stand.commands(Ask)) == 2


def test_a_turn_of_the_caller_cancels_a_blocking_tool_and_not_an_async_one() -> None:
    stand = Stand(tools=(spec("look"), spec("timer", cancel_on_interruption=False)))
    stand.hear("both please")
    stand.post(FunctionCall(1, "c1", "look", "{}"))
    stand.post(FunctionCall(1, "c2", "timer", "{}"))
    stand.post(ReplyDone(1))
    stand.post(e.UserText("never mind"))
    assert stand.commands(e.CancelTool) == [e.CancelTool("c1")]
    assert [each.outcome for each in stand.told(e.ToolFinished)] == ["cancelled"]
    assert stand.reply == 2
    stand.post(ToolDone("c1", "completed", "too late"))
    assert stand.core.calling.ledger.late == 1


def test_a_cough_cancels_no_tool() -> None:
    stand = Stand(tools=(spec("look"),))
    stand.hear("look it up")
    stand.post(FunctionCall(1, "c1", "look", "{}"))
    stand.post(ReplyDone(1))
    stand.hear("", seconds=0.3)
    assert stand.commands(e.CancelTool) == []


def test_an_async_result_waits_until_the_answer_being_spoken_is_over() -> None:
    stand = Stand(tools=(spec("timer", cancel_on_interruption=False),))
    stand.hear("set a timer")
    stand.post(FunctionCall(1, "c1", "timer", "{}"))
    stand.post(ReplyDone(1))
    assert stand.reply == 2, "the model goes on at once"
    stand.post(Delta(2, "The timer runs for some time now."))
    stand.post(ReplyDone(2))
    stand.voice()
    stand.wait(stand.now + 0.1)
    stand.post(ToolUpdate("c1", "half way"))
    stand.post(ToolDone("c1", "completed", "it rang"))
    assert stand.reply == 2
    stand.wait(stand.now + 1.0)
    assert stand.reply == 3
    texts = [item.text for item in stand.request.items if isinstance(item, DeveloperMessage)]
    assert '"status":"running"' in texts[0].replace(" ", "")
    assert '"status":"finished"' in texts[1].replace(" ", "")


def test_a_result_is_answered_while_the_words_before_its_call_are_spoken_and_heard_after_them() -> None:
    stand = Stand(tools=(spec("look"),))
    stand.hear("look it up")
    stand.post(Delta(1, "Let me look that up for you now."))
    stand.post(FunctionCall(1, "c1", "look", "{}"))
    stand.post(ReplyDone(1))
    stand.voice()
    stand.wait(stand.now + 0.1)
    stand.post(ToolDone("c1", "completed", "nine"))
    assert (stand.reply, stand.playout.busy) == (2, True), "the model thinks while the bot speaks"
    stand.post(Delta(2, "It is nine."))
    stand.post(ReplyDone(2))
    stand.voice()
    stand.wait(stand.now + 2.0)
    said = [each.text for each in stand.told(e.AssistantTurn)]
    assert said == ["Let me look that up for you now.", "It is nine."]


def broken_after_a_call() -> Stand:
    """The link broke between two calls of one answer, or after the last: nobody knows."""
    stand = Stand(tools=(spec("look"), spec("note")))
    stand.hear("look it up and write it down")
    stand.post(FunctionCall(1, "c1", "look", "{}"))
    stand.post(LinkDown("reset"))
    stand.post(LinkUp())
    stand.post(ToolDone("c1", "completed", "nine"))
    return stand


def test_a_model_whose_answer_broke_off_after_a_call_is_told_that_others_were_not_made() -> None:
    stand = broken_after_a_call()
    assert (stand.reply, stand.request.note) == (2, Sentences().more_calls)
    stand.post(LinkDown("reset"))
    stand.post(LinkUp())
    assert (stand.reply, stand.request.note) == (3, Sentences().more_calls), "also when it has to be asked again"
    stand.post(Delta(3, "It is nine. And"))
    stand.post(LinkDown("reset"))
    stand.post(LinkUp())
    assert stand.request.note == f"{Sentences().go_on} {Sentences().more_calls}"
    stand.post(FunctionCall(4, "c2", "note", "{}"))
    stand.post(ReplyDone(4))
    stand.post(ToolDone("c2", "completed", "written"))
    assert (stand.reply, stand.request.note) == (5, ""), "an answer has come to its end"


def test_a_new_turn_of_the_caller_is_answered_without_looking_back() -> None:
    stand = broken_after_a_call()
    stand.post(e.UserText("never mind"))
    assert (stand.reply, stand.request.note) == (3, "")


def test_async_results_that_come_while_the_bot_speaks_are_told_to_the_model_together() -> None:
    stand = Stand(tools=(spec("timer", cancel_on_interruption=False),))
    stand.hear("set two timers")
    for call_id in ("c1", "c2"):
        stand.post(FunctionCall(1, call_id, "timer", "{}"))
    stand.post(ReplyDone(1))
    stand.post(Delta(2, "Both timers run for some time now."))
    stand.post(ReplyDone(2))
    stand.voice()
    stand.wait(stand.now + 0.1)
    for call_id in ("c1", "c2"):
        stand.post(ToolDone(call_id, "completed", f"{call_id} rang"))
    assert stand.reply == 2
    stand.wait(stand.now + 1.0)
    assert stand.reply == 3
    notes = [item.text for item in stand.request.items if isinstance(item, DeveloperMessage)]
    assert [any(f"{call_id} rang" in note for note in notes) for call_id in ("c1", "c2")] == [True, True]
    stand.post(ReplyDone(3))
    stand.wait(stand.now + 2.0)
    assert stand.reply == 3


def test_a_turn_is_answered_at_once_although_an_async_result_waits_for_silence() -> None:
    stand = Stand(tools=(spec("timer", cancel_on_interruption=False),))
    stand.hear("set a timer")
    stand.post(FunctionCall(1, "c1", "timer", "{}"))
    stand.post(ReplyDone(1))
    stand.post(ReplyDone(2))
    stand.post(e.Say("Some protected words are being said just now.", interruptible=False))
    stand.voice()
    stand.post(LinkDown("reset"))
    stand.post(e.UserText("hello"))
    stand.post(ToolDone("c1", "completed", "it rang"))
    stand.post(LinkUp())
    assert stand.reply == 3, "the stronger reason counts"
    assert stand.playout.busy


def test_a_hung_tool_is_given_up_and_says_so() -> None:
    stand = Stand(tools=(spec("look", timeout_s=2.0),))
    stand.hear("look it up")
    stand.post(FunctionCall(1, "c1", "look", "{}"))
    stand.post(ReplyDone(1))
    stand.wait(stand.now + 2.1)
    assert stand.told(e.ToolFinished)[-1].outcome == "timed_out"
    call = stand.request.items[-1]
    assert isinstance(call, AssistantMessage)
    assert call.calls[0].output == "Error: timed out after 2 seconds."


def test_an_unknown_tool_is_answered_to_the_model() -> None:
    stand = Stand()
    stand.hear("do magic")
    stand.post(FunctionCall(1, "c1", "magic", "{}"))
    stand.post(ReplyDone(1))
    call = stand.request.items[-1]
    assert isinstance(call, AssistantMessage)
    assert call.calls[0].output == "Error: function 'magic' is not registered."


def test_a_tool_after_speech_waits_for_the_words_before_it() -> None:
    stand = Stand(tools=(spec("end_call", when="after_speech"),))
    stand.hear("goodbye")
    stand.post(Delta(1, "Goodbye my friend."))
    stand.post(FunctionCall(1, "c1", "end_call", "{}"))
    stand.post(ReplyDone(1))
    assert stand.commands(e.RunTool) == []
    stand.voice()
    stand.wait(stand.now + 0.2)
    assert stand.commands(e.RunTool) == []
    stand.wait(stand.now + 0.2)
    assert len(stand.commands(e.RunTool)) == 1
