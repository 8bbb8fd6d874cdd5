"""Answers that are asked for at the first pause: used when the turn is over, without a trace when it is not."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from audio.endpoint import TurnOptions
from audio.events import SpeechFailed, SpeechStarted, SpeechStopped, Synthesised, Transcript, TurnHint
from llm.events import (
    Ask,
    Cancel,
    Delta,
    FunctionCall,
    LinkDown,
    LinkUp,
    Progress,
    ReplyDone,
    ReplyFailed,
    Thought,
    ToolDone,
)
from llm.items import DeveloperMessage, Reasoning, UserMessage
from llm.turn_completion import TurnCompletionOptions
from server.call import events as e
from server.call import model_events as of_model
from server.call.policy import Policy
from tests.unit.server.call.core_stand import Stand, spec

EARLY = Policy(early_start="llm")
SLOW = TurnOptions(min_delay_ms=1000)


def pausing(text: str = "what time is it", turn: TurnOptions = SLOW) -> Stand:
    """A caller who has just paused."""
    stand = Stand(policy=EARLY, turn=turn, tools=(spec("look"),))
    stand.post(SpeechStarted(64.0))
    stand.wait(0.5)
    stand.post(SpeechStopped(200.0))
    stand.post(Transcript(text, True))
    return stand


def test_the_model_is_asked_at_the_pause_and_nothing_is_said_before_the_turn_is_over() -> None:
    stand = pausing()
    assert stand.request.items == (UserMessage("what time is it"),)
    assert (stand.core.log.items(), stand.told(e.UserTurn)) == ((), [])
    stand.post(Delta(1, "It is nine. "))
    stand.post(ReplyDone(1))
    assert stand.commands(e.Speak) == []
    stand.wait(1.4)
    assert len(stand.commands(Ask)) == 1, "it is the answer"
    assert [each.text for each in stand.commands(e.Speak)] == ["It is nine."]
    assert stand.told(of_model.EarlyAnswer) == [of_model.EarlyAnswer(1, True, 2)]
    [metrics] = stand.told(of_model.ReplyMetrics)
    assert metrics.outcome == "done"
    assert metrics.duration_s == pytest.approx(0.8)


def test_what_comes_after_the_turn_is_over_goes_on_as_ever() -> None:
    stand = pausing()
    stand.post(Delta(1, "It is "))
    stand.wait(1.4)
    stand.post(Delta(1, "nine. Good"))
    assert [each.text for each in stand.commands(e.Speak)] == ["It is nine."]


def test_a_mark_that_came_early_is_waited_for_as_ever() -> None:
    marks = TurnCompletionOptions(filter_incomplete_user_turns=True, short_s=5.0)
    stand = Stand(policy=EARLY, turn=SLOW, turn_completion=marks)
    stand.post(SpeechStarted(64.0))
    stand.post(SpeechStopped(0.0), 0.5)
    stand.post(Transcript("i want a bicycle", True))
    stand.post(Delta(1, "\u25cb"))
    stand.post(ReplyDone(1))
    stand.wait(8.0)
    assert stand.request.items[-1] == DeveloperMessage(marks.prompt("short"))


def test_a_caller_who_goes_on_never_hears_of_it() -> None:
    stand = pausing("tell me")
    stand.post(Delta(1, "What? "))
    stand.post(FunctionCall(1, "c1", "look", "{}"))
    stand.post(SpeechStarted(64.0), 0.7)
    assert stand.commands(Cancel) == [Cancel(1)]
    stand.post(Delta(1, "Late."))
    stand.post(SpeechStopped(200.0), 1.5)
    stand.post(Transcript("a story", True))
    assert stand.reply == 2
    stand.wait(2.6)
    assert stand.request.items == (UserMessage("tell me a story"),)
    assert (stand.commands(e.RunTool), stand.commands(e.Speak)) == ([], [])
    assert [each.used for each in stand.told(of_model.EarlyAnswer)] == [False, True]
    assert stand.core.answering.stale == 1


def test_other_words_are_another_question() -> None:
    stand = Stand(policy=EARLY, turn=TurnOptions(rules=("stt",), min_delay_ms=1000))
    stand.post(SpeechStarted(64.0))
    stand.post(Transcript("what time", False))
    stand.post(SpeechStopped(200.0), 0.5)
    assert stand.commands(Ask) == [], "what was said is not known yet"
    stand.post(TurnHint("eager"))
    assert stand.request.items == (UserMessage("what time"),)
    stand.post(Transcript("what time is it", True))
    assert stand.commands(Cancel) == [Cancel(1)]
    stand.post(TurnHint("ended"))
    assert stand.request.items == (UserMessage("what time is it"),)
    order = [type(each).__name__ for each in stand.all if isinstance(each, Ask | Cancel)]
    assert order == ["Ask", "Cancel", "Ask"], "the second is asked early too, and used"


def test_nobody_is_asked_while_the_caller_seems_to_go_on() -> None:
    stand = pausing("i want a pizza and")
    assert stand.commands(Ask) == []


@pytest.mark.parametrize("what", ["the log", "the settings"])
def test_what_would_be_asked_otherwise_is_asked_otherwise(what: str) -> None:
    stand = pausing()
    stand.post(Delta(1, "It is nine. "))
    if what == "the log":
        stand.post(e.Append(UserMessage("(a note)")))
    else:
        stand.post(e.Configure(type(stand.core.settings)(instructions="Be brief.", policy=EARLY, turn=SLOW)))
    stand.wait(1.4)
    assert stand.commands(Cancel) == [Cancel(1)]
    assert stand.reply == 2
    assert stand.commands(e.Speak) == []


@pytest.mark.parametrize("fact", [LinkDown("reset"), ReplyFailed(1, "429"), ReplyFailed(1, "no", "blocked")])
def test_one_that_fails_is_asked_again_when_the_turn_is_over(fact: e.Fact) -> None:
    stand = pausing()
    stand.post(fact)
    stand.post(LinkUp())
    stand.wait(1.4)
    stand.post(Delta(stand.reply, "It is nine. Good"))
    assert stand.reply >= 2
    assert [each.text for each in stand.commands(e.Speak)] == ["It is nine."]
    assert stand.told(e.Problem) == []


@pytest.mark.parametrize("fact", [ReplyFailed(1, "500"), Delta(1, "word " * 2000)])
def test_what_was_asked_in_vain_is_not_asked_again_in_the_same_pause(fact: Delta | ReplyFailed) -> None:
    stand = pausing()
    stand.core.settings = structs.replace(stand.core.settings, policy=structs.replace(EARLY, max_answer_bytes=2000))
    stand.post(fact)
    stand.wait(1.2)
    assert len(stand.commands(Ask)) == 1
    stand.post(SpeechStarted(64.0))
    stand.post(SpeechStopped(200.0), 1.5)
    stand.post(Transcript("", True))
    assert len(stand.commands(Ask)) == 2, "the next pause is another"


def test_a_provider_that_wants_to_be_left_alone_is() -> None:
    stand = pausing()
    stand.post(ReplyFailed(1, "429", retry_after_s=5.0))
    stand.wait(5.4)
    assert len(stand.commands(Ask)) == 1
    stand.wait(5.6)
    assert len(stand.commands(Ask)) == 2


@pytest.mark.parametrize(
    "fact",
    [
        Delta(1, "word " * 100),
        FunctionCall(1, "c1", "look", '{"what": "%s"}' % ("x" * 500)),
        Thought(1, Reasoning("s", "x" * 500)),
        Progress(1),
    ],
)
def test_what_is_held_has_a_bound_whatever_it_is_made_of(fact: e.Fact) -> None:
    stand = pausing()
    stand.core.settings = structs.replace(stand.core.settings, policy=structs.replace(EARLY, max_answer_bytes=2000))
    for _ in range(5 if not isinstance(fact, Progress) else 2001):
        stand.post(fact)
    assert stand.commands(Cancel) == [Cancel(1)]


def test_a_sound_that_was_nothing_leaves_no_trace() -> None:
    stand = pausing("")
    stand.wait(3.0)
    assert stand.commands(Ask) == []


def test_it_stands_in_the_way_of_nothing() -> None:
    stand = Stand(policy=EARLY, tools=(spec("look"),), turn=SLOW)
    stand.post(e.UserText("look it up"))
    stand.post(FunctionCall(1, "c1", "look", "{}"))
    stand.post(ReplyDone(1))
    stand.post(SpeechStarted(64.0))
    stand.post(SpeechStopped(0.0), 0.3)
    stand.post(Transcript("quick", True))
    assert stand.reply == 1, "a call of the model runs"
    stand.post(ToolDone("c1", "completed", "found"))
    assert stand.reply == 1
    stand.wait(2.0)
    assert stand.reply == 2


def test_the_end_of_the_call_ends_it() -> None:
    stand = pausing()
    stand.post(e.Gone("hung up"))
    assert stand.commands(Cancel) == [Cancel(1)]


def test_it_is_off_unless_it_is_switched_on() -> None:
    stand = Stand(turn=SLOW)
    stand.post(SpeechStarted(64.0))
    stand.post(SpeechStopped(0.0), 0.5)
    stand.post(Transcript("what time is it", True))
    assert stand.commands(Ask) == []


# --- spoken ahead -----------------------------------------------------------------------------------------------------

AHEAD = Policy(early_start="llm+tts")


def ahead(*deltas: str, policy: Policy = AHEAD, **settings: Any) -> Stand:
    """A caller who has just paused, and a model that has said this since."""
    stand = Stand(policy=policy, turn=SLOW, tools=(spec("look"),), **settings)
    stand.post(SpeechStarted(64.0))
    stand.wait(0.5)
    stand.post(SpeechStopped(200.0))
    stand.post(Transcript("what time is it", True))
    for delta in deltas:
        stand.post(Delta(1, delta))
    return stand


def spoken(stand: Stand) -> list[str]:
    return [each.text for each in stand.commands(e.Speak)]


def test_the_voice_speaks_ahead_and_sound_leaves_in_the_moment_in_which_the_turn_is_over() -> None:
    stand = ahead("It is nine. ", "Good ", "night. And")
    assert spoken(stand) == ["It is nine.", " Good night."]
    stand.voice()
    assert (stand.playout.busy, stand.playout.take(stand.now)) == (False, [])
    assert (stand.core.log.items(), stand.told(e.AssistantTranscript)) == ((), [])
    stand.wait(1.29)
    assert not stand.playout.busy
    stand.wait(1.31)
    assert stand.playout.head is not None
    assert stand.playout.head.sent > 0, "it was there"
    assert len(spoken(stand)) == 2, "and is not spoken again"
    assert stand.told(of_model.EarlyAnswer) == [of_model.EarlyAnswer(1, True, 3, 23)]
    stand.post(Delta(1, " now."))
    stand.post(ReplyDone(1))
    stand.voice()
    stand.wait(4.0)
    assert stand.told(e.AssistantTurn)[-1].text == "It is nine. Good night. And now."


def test_of_a_caller_who_goes_on_the_voice_learns_at_once_and_nobody_else_ever() -> None:
    stand = ahead("It is nine. ", "Good")
    [speak] = stand.commands(e.Speak)
    assert stand.playout.get(speak.frame) is not None
    stand.post(SpeechStarted(64.0), 0.7)
    assert stand.playout.get(speak.frame) is None
    assert not stand.hub.audio(speak.frame, 100, (), bytes(200)), "the voice is told that it is not wanted"
    stand.post(Synthesised(speak.frame))
    stand.post(SpeechFailed(speak.frame, "aborted"))
    stand.post(SpeechStopped(200.0), 1.0)
    stand.post(Transcript("in rome", True))
    stand.wait(3.0)
    assert [type(each) for each in stand.told(e.AssistantTranscript)] == []
    assert (stand.told(e.Problem), stand.told(e.BotSpeech), stand.commands(e.Flush)) == ([], [], [])
    assert stand.request.items == (UserMessage("what time is it in rome"),)


def test_so_many_pieces_and_no_more_are_spoken_ahead() -> None:
    stand = ahead(*(f"This is sentence number {n}. " for n in range(9)))
    assert len(spoken(stand)) == 2
    stand.wait(1.4)
    assert len(spoken(stand)) == 8
    one = ahead("One. ", "Two. ", "Three. ", policy=Policy(early_start="llm+tts", early_pieces=1))
    assert spoken(one) == ["One."]


def test_what_is_said_before_a_piece_is_known_of_one_that_is_spoken_ahead() -> None:
    stand = ahead("It is nine. ", "Good night. And")
    first, second = stand.commands(e.Speak)
    assert stand.core.speaking.said_before(first.frame) == ""
    assert stand.core.speaking.said_before(second.frame) == "It is nine."
    stand.wait(1.4)
    assert stand.core.speaking.said_before(second.frame) == "It is nine."


@pytest.mark.parametrize("silent", [False, True])
def test_a_voice_that_fails_ahead_or_says_nothing_gets_the_piece_again_when_it_is_wanted(silent: bool) -> None:
    policy = Policy(early_start="llm+tts", speech_first_s=0.3)
    stand = ahead("It is nine. ", "Good", policy=policy)
    if not silent:
        stand.post(SpeechFailed(1, "no voice"))
        stand.post(Delta(1, " night. And"))
        assert spoken(stand) == ["It is nine."], "nothing more of it"
    stand.wait(1.4)
    assert spoken(stand)[:2] == ["It is nine."] * 2
    stand.voice()
    stand.wait(3.0)
    assert stand.told(e.Problem) == []


def test_marks_are_not_spoken_ahead() -> None:
    marks = TurnCompletionOptions(filter_incomplete_user_turns=True)
    assert spoken(ahead("✓ It is nine. ", "Good", turn_completion=marks)) == ["It is nine."]
    assert spoken(ahead("○", " It is nine. ", "Good", turn_completion=marks)) == []


def test_what_comes_before_a_call_is_spoken_ahead_and_the_tool_waits() -> None:
    stand = ahead("Let me look")
    stand.post(FunctionCall(1, "c1", "look", "{}"))
    assert (spoken(stand), stand.commands(e.RunTool)) == (["Let me look"], [])
    stand.wait(1.4)
    assert len(stand.commands(e.RunTool)) == len(spoken(stand)) == 1


def test_words_of_the_application_never_take_the_place_of_a_piece_that_was_spoken_ahead() -> None:
    stand = ahead("It is nine. ", "Good")
    stand.post(e.Say("It is nine.", interruptible=False))
    assert spoken(stand) == ["It is nine."] * 2
    assert stand.playout.has_uninterruptible


def test_answers_to_be_read_are_not_spoken_ahead() -> None:
    assert spoken(ahead("It is nine. ", "Good", skip_tts=True)) == []


def test_the_end_of_the_call_leaves_nothing_ahead() -> None:
    stand = ahead("It is nine. ", "Good")
    stand.post(e.HangUp("enough"))
    assert stand.playout.get(1) is None
