"""The core and a language model that is lost, late, silent or endless."""

from __future__ import annotations

import pytest

from llm.events import (
    Ask,
    Cancel,
    Delta,
    FunctionCall,
    LinkDown,
    LinkUp,
    ReplyDone,
    ReplyFailed,
)
from llm.items import AssistantMessage, UserMessage
from server.call import events as e
from server.call.policy import Policy, Sentences
from tests.unit.server.call.core_stand import Stand


def test_a_lost_link_in_an_answer_goes_on_from_the_words_that_were_given_to_the_voice() -> None:
    stand = Stand()
    stand.hear("tell me a story")
    stand.post(Delta(stand.reply, "Once there was a king. He lived in a ca"))
    stand.post(LinkDown("reset"))
    stand.post(LinkUp())
    assert stand.request.items[-1] == AssistantMessage("Once there was a king.")
    assert stand.request.note
    stand.post(Delta(stand.reply, "He lived in a castle."))
    stand.post(ReplyDone(stand.reply))
    assert stand.core.log.items()[-1] == AssistantMessage("Once there was a king. He lived in a castle.")


def test_a_lost_link_before_the_first_word_asks_again_as_before() -> None:
    stand = Stand()
    stand.hear("hello")
    stand.post(LinkDown("1011"))
    stand.post(LinkUp())
    assert [each.request for each in stand.commands(Ask)] == [stand.request] * 2
    assert stand.request.note == ""


def test_output_of_an_abandoned_answer_is_refused_and_counted() -> None:
    stand = Stand()
    stand.hear("hello")
    old = stand.reply
    stand.post(e.UserText("never mind"))
    assert Cancel(old) in stand.commands(Cancel)
    stand.post(Delta(old, "Too late."))
    stand.post(FunctionCall(old, "c1", "look", "{}"))
    stand.post(ReplyDone(old))
    assert stand.core.answering.stale == 3
    assert stand.commands(e.Speak) == []
    assert stand.commands(e.RunTool) == []


def test_a_silent_provider_is_noticed_and_asked_again_on_a_new_connection() -> None:
    stand = Stand()
    stand.hear("hello")
    stand.wait(stand.now + Policy().first_output_s + 0.1)
    assert stand.commands(Cancel) == [Cancel(1, stalled=True)]
    assert stand.reply == 2


def test_a_provider_that_goes_silent_in_the_middle_is_noticed_sooner() -> None:
    stand = Stand()
    stand.hear("hello")
    stand.post(Delta(1, "Well, "))
    stand.wait(stand.now + Policy().next_output_s + 0.1)
    assert stand.commands(Cancel) == [Cancel(1, stalled=True)]


def test_after_some_failures_each_asked_again_later_the_caller_is_told_and_the_call_goes_on() -> None:
    stand = Stand()
    stand.hear("hello")
    waited: list[float] = []
    while not waited or stand.reply > len(waited):
        began = stand.now
        stand.post(ReplyFailed(stand.reply, "overloaded"))
        while stand.reply == len(waited) + 1 and stand.told(e.Problem)[-1].code != "no_answer":
            stand.wait(stand.now + 0.05)
        waited.append(stand.now - began)
    assert waited == pytest.approx([0.25, 0.5, 1.0, 0.0], abs=0.06)
    assert stand.told(e.Problem)[-1].code == "no_answer"
    assert "".join(each.text for each in stand.commands(e.Speak)) == Sentences().apology
    stand.hear("hello again")
    assert stand.request.items[-1] == UserMessage("hello again")


def test_the_patience_counts_from_the_turn_however_often_it_was_tried() -> None:
    stand = Stand(policy=Policy(max_attempts=99))
    stand.hear("hello")
    began = stand.now
    while not stand.told(e.Problem) or stand.told(e.Problem)[-1].code != "no_answer":
        stand.post(LinkDown("flapping"), stand.now + 1.0)
        stand.post(LinkUp(), stand.now + 1.0)
        assert stand.now < began + 40, "it never gives up"
    assert stand.now - began == pytest.approx(Policy().give_up_s, abs=2.5)


def test_a_provider_wish_to_wait_is_kept() -> None:
    stand = Stand()
    stand.hear("hello")
    stand.post(ReplyFailed(1, "429", retry_after_s=2.0))
    stand.wait(stand.now + 1.9)
    assert len(stand.commands(Ask)) == 1
    stand.wait(stand.now + 0.2)
    assert len(stand.commands(Ask)) == 2


def test_a_refusing_provider_ends_the_call_with_a_word() -> None:
    stand = Stand()
    stand.post(LinkDown("401", fatal=True))
    stand.voice()
    stand.wait(3.0)
    assert stand.told(e.AssistantTurn)[-1].text == Sentences().fatal
    assert isinstance(stand.all[-1], e.End)


def test_an_endless_answer_is_cut_off_and_told() -> None:
    stand = Stand(policy=Policy(max_answer_bytes=1000))
    stand.hear("go on for ever")
    for _ in range(30):
        stand.post(Delta(1, "And then he said this and that again. "))
    assert stand.told(e.Problem)[-1].code == "answer_too_long"
    assert Cancel(1) in stand.commands(Cancel)
