"""Answers: to be read, measured, failed for good or for now; messages of the application; warming up."""

from __future__ import annotations

import pytest
from msgspec import structs

from audio.events import SpeechFailed
from llm.events import (
    Ask,
    Delta,
    FunctionCall,
    LinkDown,
    LinkUp,
    ModelSettings,
    Prepare,
    ReplyDone,
    ReplyFailed,
    Thought,
    ToolDone,
    Usage,
)
from llm.items import AssistantMessage, DeveloperMessage, Image, Reasoning, UserMessage
from server.call import events as e
from server.call import model_events as of_model
from tests.unit.server.call.core_stand import Stand, spec

THOUGHT = Reasoning("here", "{}")


# --- to be read ---------------------------------------------------------------------------------------------------


def read_turn(stand: Stand) -> None:
    """A typed turn, and an answer to it."""
    stand.post(e.UserText("what time is it", skip_tts=True))
    stand.post(Delta(stand.reply, "It is noon. Anything"))
    stand.post(Delta(stand.reply, " else?"))
    stand.post(ReplyDone(stand.reply))


def test_an_answer_to_be_read_is_told_and_not_spoken() -> None:
    stand = Stand()
    read_turn(stand)
    assert stand.commands(e.Speak) == []
    shown = [event.text for event in stand.told(e.AssistantTranscript) if not event.final]
    assert shown == ["It is noon.", "It is noon. Anything else?"]
    assert stand.told(e.AssistantTurn) == [e.AssistantTurn("It is noon. Anything else?")]
    assert stand.core.log.items()[-1] == AssistantMessage("It is noon. Anything else?")
    assert stand.told(e.BotSpeech) == []


def test_only_the_answers_to_that_turn_are_to_be_read() -> None:
    stand = Stand(tools=(spec("look"),))
    stand.post(e.UserText("look it up", skip_tts=True))
    stand.post(FunctionCall(1, "c1", "look", "{}"))
    stand.post(ReplyDone(1))
    stand.post(ToolDone("c1", "completed", "found"))
    stand.post(Delta(2, "It is found. "))
    stand.post(ReplyDone(2))
    assert stand.commands(e.Speak) == []
    stand.hear("thank you")
    stand.post(Delta(3, "You are welcome. "))
    stand.post(ReplyDone(3))
    assert len(stand.commands(e.Speak)) == 1


def test_until_further_notice_all_answers_are_to_be_read() -> None:
    stand = Stand(skip_tts=True)
    stand.hear("hello")
    stand.post(Delta(1, "Hello. "))
    stand.post(ReplyDone(1))
    assert stand.commands(e.Speak) == []
    assert stand.told(e.AssistantTurn) == [e.AssistantTurn("Hello. ")]


def test_what_was_read_is_not_cut_by_a_barge_in() -> None:
    stand = Stand()
    read_turn(stand)
    stand.post(e.UserText("and the date"))
    assert AssistantMessage("It is noon. Anything else?") in stand.request.items


# --- measured -----------------------------------------------------------------------------------------------------


def test_an_answer_is_measured() -> None:
    stand = Stand()
    stand.post(e.UserText("hello"))
    began = stand.now
    stand.post(Delta(1, "Hello"), began + 0.5)
    usage = Usage(100, 30, 80, 10)
    stand.post(ReplyDone(1, usage, "small-1"), began + 2.0)
    [metrics] = stand.told(of_model.ReplyMetrics)
    assert (metrics.first_token_s, metrics.duration_s, metrics.tokens_per_s) == pytest.approx((0.5, 2.0, 20.0))
    assert (metrics.reply, metrics.outcome, metrics.usage, metrics.retries) == (1, "done", usage, 0)
    assert metrics.model == "small-1"


def test_a_first_token_that_never_came_is_none() -> None:
    stand = Stand()
    stand.hear("hello")
    stand.post(LinkDown("reset"))
    stand.post(LinkUp())
    stand.post(ReplyFailed(2, "overloaded"))
    stand.wait(stand.now + 0.3)
    stand.wait(stand.now + 7.0)
    stand.hear("hello?")
    told = [(each.reply, each.outcome, each.first_token_s) for each in stand.told(of_model.ReplyMetrics)]
    assert told[:3] == [(1, "link_lost", None), (2, "failed", None), (3, "stalled", None)]
    assert [each.retries for each in stand.told(of_model.ReplyMetrics)][:3] == [0, 0, 1]
    assert stand.told(of_model.CompletionTimeout) == [of_model.CompletionTimeout(3)]
    assert stand.told(e.LinkFailed) == [e.LinkFailed("reset", False)]


def test_an_answer_that_the_caller_cut_off_is_cancelled() -> None:
    stand = Stand()
    stand.hear("hello")
    stand.post(Delta(1, "Hello"))
    stand.post(e.UserText("stop"))
    assert [(each.reply, each.outcome) for each in stand.told(of_model.ReplyMetrics)] == [(1, "cancelled")]


# --- failed -------------------------------------------------------------------------------------------------------


def test_what_the_model_will_never_answer_is_apologised_for_at_once() -> None:
    stand = Stand()
    stand.hear("something bad")
    stand.post(ReplyFailed(1, "content filter", "blocked"))
    assert next(each.text for each in stand.commands(e.Speak)).startswith("I am sorry")
    assert [each.code for each in stand.told(e.Problem)] == ["reply_blocked", "no_answer"]
    stand.hear("something good")
    assert stand.reply == 2, "the call goes on"


def test_a_picture_that_is_refused_does_not_stand_in_the_way_of_every_later_answer() -> None:
    stand = Stand()
    stand.post(e.Append(UserMessage("what is this", (Image(b"no picture"), Image(url="https://x.org/y"))), ask=True))
    stand.post(ReplyFailed(1, "invalid_image", "blocked"))
    assert [each.code for each in stand.told(e.Problem)] == ["reply_blocked"]
    stand.wait(stand.now + 0.5)
    assert stand.reply == 2, "it is asked again, for the caller's words"
    assert stand.request.items == (UserMessage("what is this [image left out] [image left out]"),)
    assert stand.core.log.truncated == 2
    stand.post(ReplyFailed(2, "content filter", "blocked"))
    assert [each.code for each in stand.told(e.Problem)][1:] == ["reply_blocked", "no_answer"]


def test_a_provider_that_refuses_this_server_ends_the_call_with_a_sentence() -> None:
    stand = Stand()
    stand.hear("hello")
    stand.post(ReplyFailed(1, "insufficient_quota: no", "fatal"))
    assert stand.told(e.Problem) == [e.Problem("llm_refused", "insufficient_quota: no", True)]
    assert next(each.text for each in stand.commands(e.Speak)).startswith("I am sorry, something is wrong")
    stand.voice()
    stand.wait(stand.now + 5.0)
    assert stand.commands(e.End) != []


def test_a_log_that_is_too_long_is_asked_again_without_its_oldest_half() -> None:
    stand = Stand()
    for number in range(6):
        stand.core.log.user(f"question {number}")
        stand.core.log.append(AssistantMessage(f"answer {number}"))
    stand.post(e.UserText("the last question"))
    before = stand.request.items
    stand.post(ReplyFailed(1, "context_length_exceeded", "too_long"))
    stand.wait(stand.now + 0.3)
    assert stand.reply == 2
    assert 0 < len(stand.request.items) < len(before)
    assert before[-len(stand.request.items) :] == stand.request.items
    assert isinstance(stand.request.items[0], UserMessage)


def test_a_turn_that_is_too_long_by_itself_is_apologised_for() -> None:
    stand = Stand()
    stand.hear("a very long question")
    stand.post(ReplyFailed(1, "context_length_exceeded", "too_long"))
    assert [each.code for each in stand.told(e.Problem)] == ["reply_failed", "no_answer"]


# --- the log ------------------------------------------------------------------------------------------------------


def test_what_the_model_thought_before_a_call_is_shown_to_it_until_the_next_turn() -> None:
    stand = Stand(tools=(spec("look"),))
    stand.hear("look it up")
    stand.post(Thought(1, THOUGHT))
    stand.post(FunctionCall(1, "c1", "look", "{}"))
    stand.post(ReplyDone(1))
    stand.post(ToolDone("c1", "completed", "found"))
    shown = stand.request.items[-1]
    assert isinstance(shown, AssistantMessage)
    assert shown.reasoning == (THOUGHT,)
    stand.hear("and now")
    assert not any(isinstance(item, AssistantMessage) and item.reasoning for item in stand.request.items)


def test_a_picture_that_is_to_be_answered_is_a_turn() -> None:
    stand = Stand()
    stand.hear("look at this")
    stand.post(Delta(1, "I am looking."))
    picture = UserMessage("", (Image(url="https://example.org/cat.png"),))
    stand.post(e.Append(picture, ask=True))
    assert stand.reply == 2
    assert stand.request.items[-1] == picture


def test_a_message_of_the_application_is_answered_if_it_asks() -> None:
    stand = Stand()
    stand.post(e.Append(DeveloperMessage("The caller's name is Ann.")))
    assert stand.commands(Ask) == []
    stand.post(e.Append(DeveloperMessage("Greet them."), ask=True, skip_tts=True))
    assert [item.text for item in stand.request.items] == ["The caller's name is Ann.", "Greet them."]
    stand.post(Delta(1, "Hello Ann. "))
    assert stand.commands(e.Speak) == []


def test_the_conversation_can_be_rewritten_but_not_what_is_being_said() -> None:
    stand = Stand()
    stand.hear("hello")
    stand.post(Delta(1, "Hello. How are you?"))
    stand.post(e.Rewrite((UserMessage("something else"),)))
    assert stand.core.log.items() == (UserMessage("something else"), AssistantMessage("Hello."))
    stand.post(ReplyDone(1))
    assert stand.core.log.items()[-1] == AssistantMessage("Hello. How are you?")


# --- settings and warming up ----------------------------------------------------------------------------------------


def test_settings_hold_from_the_next_request() -> None:
    stand = Stand()
    stand.hear("hello")
    assert stand.request.settings == ModelSettings()
    wanted = ModelSettings(temperature=0.2, service="smart")
    stand.post(e.Configure(structs.replace(stand.core.settings, model=wanted)))
    stand.hear("hello")
    assert stand.request.settings == wanted


def test_a_link_with_nothing_to_ask_warms_up() -> None:
    stand = Stand(instructions="Be brief.", tools=(spec("look"),), connected=False)
    stand.post(LinkUp())
    [prepare] = stand.commands(Prepare)
    stand.hear("hello")
    assert prepare.request.instructions == stand.request.instructions
    assert prepare.request.tools == stand.request.tools


def test_a_link_with_something_to_ask_does_not_warm_up() -> None:
    stand = Stand(connected=False)
    stand.post(e.UserText("hello"))
    stand.post(LinkUp())
    assert stand.commands(Prepare) == []
    assert stand.reply == 1


def test_the_seam_of_an_answer_that_went_on_is_said_again_with_its_space() -> None:
    stand = Stand()
    stand.hear("hello")
    stand.post(Delta(1, "One two three four. And"))
    stand.post(LinkDown("reset"))
    stand.post(LinkUp())
    stand.post(Delta(2, "Five six."))
    stand.post(ReplyDone(2))
    stand.voice()
    stand.wait(stand.now + 0.2)
    stand.hear("", seconds=1.5)  # a sound that cuts the answer off and was nothing
    stand.wait(stand.now + 1.0)
    stand.voice()
    stand.wait(stand.now + 2.0)
    assert len(stand.told(e.Interrupted)) == 1
    assert stand.told(e.AssistantTurn)[-1].text == "One two three four. Five six."


def test_an_answer_that_has_to_begin_again_may_not_be_empty() -> None:
    """Its words were lost to the voice while the link was down: the caller has heard nothing of it."""
    stand = Stand()
    stand.hear("hello")
    stand.post(Delta(1, "Hello there. And"))
    stand.post(LinkDown("reset"))
    [speak] = stand.commands(e.Speak)
    for _ in range(2):
        stand.post(SpeechFailed(speak.frame, "no voice"))
    stand.post(LinkUp())
    assert (stand.reply, stand.request.note) == (2, "")
    stand.post(ReplyDone(2))
    assert stand.told(e.Problem)[-1].code == "reply_empty"
    stand.wait(stand.now + 0.5)
    assert stand.reply == 3
