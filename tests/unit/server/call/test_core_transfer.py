"""A transfer: after the words, once, and back to the conversation when nobody takes the call."""

from __future__ import annotations

from audio.events import SpeechStarted
from llm.events import Ask, Cancel, Delta, FunctionCall, ToolDone
from llm.items import DeveloperMessage
from server.call import events as e
from server.call import line_events as line
from server.call.states import CallState
from tests.unit.server.call.core_stand import Stand, spec

TO = "+49301234567"


def transferring() -> Stand:
    """A call of which the carrier is about to be told."""
    stand = Stand()
    stand.post(line.Transfer(TO, "A caller."))
    assert stand.commands(line.Redirect) == [line.Redirect(TO, "A caller.")]
    return stand


def test_the_carrier_is_told_once_the_words_were_heard() -> None:
    stand = Stand()
    stand.post(e.Say("I will connect you."))
    stand.post(line.Transfer(TO))
    stand.voice()
    stand.wait(stand.now + 0.3)
    assert stand.commands(line.Redirect) == [], "words are still to be heard"
    stand.wait(stand.now + 1.0)
    assert stand.commands(line.Redirect) == [line.Redirect(TO)]
    stand.wait(stand.now + 100.0)
    assert len(stand.commands(line.Redirect)) == 1
    assert stand.core.state is CallState.TRANSFERRING


def test_a_voice_that_says_nothing_does_not_hold_a_transfer_up() -> None:
    stand = Stand()
    stand.post(e.Say("I will connect you."))
    stand.post(line.Transfer(TO))
    stand.wait(stand.now + 60.0)
    assert stand.commands(line.Redirect) == [line.Redirect(TO)]


def test_a_call_that_was_taken_is_over_and_nobody_hangs_up() -> None:
    stand = transferring()
    stand.post(line.Transferred())
    assert stand.commands(e.End) == [e.End("the call was transferred", 1000)]
    assert not stand.core.hung_up


def test_nobody_answers_the_caller_meanwhile() -> None:
    stand = Stand()
    stand.hear("connect me")
    stand.post(Delta(stand.reply, "One mo"))
    stand.post(line.Transfer(TO))
    assert stand.commands(Cancel)
    asked = len(stand.commands(Ask))
    stand.hear("hello?")
    stand.wait(stand.now + 5.0)
    assert len(stand.commands(Ask)) == asked


def test_a_call_that_nobody_took_goes_on_and_model_and_application_know_why() -> None:
    stand = transferring()
    stand.post(line.TransferFailed("the line is busy"))
    assert stand.told(e.Problem) == [e.Problem("transfer_failed", "the line is busy")]
    assert stand.core.state is CallState.READY
    last = stand.request.items[-1]
    assert isinstance(last, DeveloperMessage)
    assert "the line is busy" in str(last)
    stand.post(line.Transfer("+1"))
    assert stand.commands(line.Redirect)[-1] == line.Redirect("+1")


def test_what_the_caller_said_meanwhile_is_answered_after_a_failure() -> None:
    stand = transferring()
    stand.hear("are you there")
    stand.post(line.TransferFailed("no"))
    stand.wait(stand.now + 3.0)
    assert "are you there" in str(stand.request.items)


def test_the_tool_that_transfers_has_its_result_before_the_model_is_asked_again() -> None:
    stand = Stand(tools=(spec("connect"),))
    stand.hear("connect me")
    stand.post(FunctionCall(stand.reply, "c1", "connect", "{}"))
    stand.post(line.Transfer(TO))
    stand.post(ToolDone("c1", "completed", "You are being connected."))
    asked = len(stand.commands(Ask))
    stand.post(line.TransferFailed("no"))
    assert len(stand.commands(Ask)) == asked + 1
    assert "You are being connected." in str(stand.request.items)


def test_only_a_call_that_goes_on_is_transferred() -> None:
    stand = Stand()
    stand.post(e.HangUp("bye"))
    stand.post(line.Transfer(TO))
    assert stand.commands(line.Redirect) == []
    again = transferring()
    again.post(line.Transfer("+2"))
    assert [each.code for each in again.told(e.Problem)] == ["too_late"]
    assert again.commands(line.Redirect) == [line.Redirect(TO, "A caller.")]


def test_what_comes_of_a_transfer_that_nobody_waits_for_is_nothing() -> None:
    stand = Stand()
    stand.post(line.Transferred())
    stand.post(line.TransferFailed("no"))
    assert stand.core.state is CallState.READY
    assert stand.told(e.Problem) == []


def test_a_caller_who_hangs_up_meanwhile_is_gone() -> None:
    stand = transferring()
    stand.post(e.Gone("the caller hung up"))
    assert stand.commands(e.End) == [e.End("the caller hung up", 1000)]


def test_a_caller_who_speaks_does_not_stop_the_words_before_a_transfer() -> None:
    stand = Stand()
    stand.post(e.Say("I will connect you."))
    stand.post(line.Transfer(TO))
    stand.voice()
    stand.post(SpeechStarted(64.0))
    stand.wait(stand.now + 2.0)
    assert stand.commands(line.Redirect) == [line.Redirect(TO)]
    assert stand.commands(e.Flush) == []


def test_the_agent_is_told_who_answered() -> None:
    stand = Stand()
    stand.post(line.AnsweredBy("machine", may_speak=True))
    assert stand.told(line.AnsweredBy) == [line.AnsweredBy("machine", may_speak=True)]
