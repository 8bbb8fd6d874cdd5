"""Turn completion by the model: marks, silence after an unfinished turn, the prompt."""

from __future__ import annotations

from msgspec import structs

from audio.events import SpeechStarted
from llm.events import Ask, Delta, FunctionCall, ReplyDone
from llm.items import AssistantMessage, DeveloperMessage
from llm.turn_completion import TurnCompletionOptions
from server.call import events as e
from tests.unit.server.call.core_stand import Stand, spec

MARKS = TurnCompletionOptions(filter_incomplete_user_turns=True)


def asked(answer: str) -> Stand:
    """A stand whose caller said something, and this is the model's answer."""
    stand = Stand(instructions="Be brief.", turn_completion=MARKS, tools=(spec("look"),))
    stand.hear("I want a bicycle")
    for letter in answer:
        stand.post(Delta(1, letter))
    stand.post(ReplyDone(1))
    return stand


def last(stand: Stand) -> AssistantMessage:
    """The newest message of the bot."""
    item = stand.core.log.items()[-1]
    assert isinstance(item, AssistantMessage)
    return item


def test_the_model_is_told_of_the_marks_and_of_nothing_when_they_are_off() -> None:
    stand = asked("✓ Yes.")
    assert stand.request.instructions == f"Be brief.\n\n{MARKS.instruction()}"
    settings = structs.replace(stand.core.settings, turn_completion=TurnCompletionOptions())
    stand.post(e.Configure(settings))
    stand.hear("hello")
    assert stand.request.instructions == "Be brief."


def test_the_marks_are_switched_on_in_the_middle_of_the_call() -> None:
    stand = Stand(instructions="Be brief.")
    stand.hear("hello")
    stand.post(Delta(1, "○ is a circle."))
    stand.post(ReplyDone(1))
    assert [each.text for each in stand.commands(e.Speak)] == ["○ is a circle."], "nobody asked for marks yet"
    stand.voice()
    stand.wait(stand.now + 1.0)
    stand.post(e.Configure(structs.replace(stand.core.settings, turn_completion=MARKS)))
    stand.hear("I want a bicycle")
    assert stand.request.instructions == f"Be brief.\n\n{MARKS.instruction()}"
    stand.post(Delta(2, "○"))
    stand.post(ReplyDone(2))
    assert (last(stand).text, len(stand.commands(e.Speak))) == ("○", 1)
    stand.wait(stand.now + 6.0)
    assert stand.request.items[-1] == DeveloperMessage(MARKS.prompt("short"))


def test_a_complete_turn_is_answered_without_its_mark_and_the_log_has_it() -> None:
    stand = asked("✓ Of course. ✓ What is it?")
    assert [each.text.strip() for each in stand.commands(e.Speak)] == ["Of course.", "What is it?"]
    assert last(stand).text == "✓ Of course.  What is it?"


def test_an_answer_without_a_mark_is_spoken() -> None:
    stand = asked("Of course.")
    assert [each.text for each in stand.commands(e.Speak)] == ["Of course."]


def test_after_a_turn_that_was_cut_off_nothing_is_said_for_a_while() -> None:
    stand = asked("○ and more that nobody wants")
    assert stand.commands(e.Speak) == []
    assert last(stand).text == "○"
    stand.wait(stand.now + 4.9)
    assert len(stand.commands(Ask)) == 1
    stand.wait(stand.now + 0.2)
    assert stand.request.items[-1] == DeveloperMessage(MARKS.prompt("short"))


def test_a_caller_who_thinks_has_more_time() -> None:
    stand = asked("◐")
    stand.wait(stand.now + 9.9)
    assert len(stand.commands(Ask)) == 1
    stand.wait(stand.now + 0.2)
    assert stand.request.items[-1] == DeveloperMessage(MARKS.prompt("long"))
    stand.post(Delta(2, "✓ Do you need more time?"))
    stand.post(ReplyDone(2))
    stand.voice()
    stand.wait(stand.now + 14.0)
    assert len(stand.commands(Ask)) == 2, "prompted once"


def test_a_caller_who_goes_on_is_not_prompted() -> None:
    stand = asked("○")
    stand.hear("order a bicycle")
    assert [item.text for item in stand.request.items] == ["I want a bicycle", "○", "order a bicycle"]
    stand.post(Delta(2, "✓ Which one?"))
    stand.post(ReplyDone(2))
    stand.voice()
    stand.wait(stand.now + 12.0)
    assert len(stand.commands(Ask)) == 2


def test_the_silence_begins_anew_when_the_caller_makes_a_sound() -> None:
    stand = asked("○")
    stand.wait(stand.now + 4.0)
    stand.hear("", seconds=0.3)
    stand.wait(stand.now + 4.5)
    assert len(stand.commands(Ask)) == 1
    stand.wait(stand.now + 1.0)
    assert len(stand.commands(Ask)) == 2


def test_a_caller_who_speaks_is_not_prompted() -> None:
    stand = asked("○")
    stand.post(SpeechStarted(64.0))
    stand.wait(stand.now + 6.0)
    assert len(stand.commands(Ask)) == 1


def test_the_stop_button_ends_the_waiting() -> None:
    stand = asked("○")
    stand.post(e.Interrupt())
    stand.wait(stand.now + 12.0)
    assert len(stand.commands(Ask)) == 1


def test_nobody_is_asked_whether_they_are_there_while_they_are_waited_for() -> None:
    stand = Stand(turn_completion=TurnCompletionOptions(filter_incomplete_user_turns=True, long_s=60.0))
    stand.hear("let me think")
    stand.post(Delta(1, "◐"))
    stand.post(ReplyDone(1))
    stand.wait(stand.now + 30.0)
    assert stand.told(e.Idle) == []


def test_a_mark_before_a_call_does_not_stop_it() -> None:
    stand = Stand(turn_completion=MARKS, tools=(spec("look"),))
    stand.hear("look it up")
    stand.post(Delta(1, "✓"))
    stand.post(FunctionCall(1, "c1", "look", "{}"))
    stand.post(ReplyDone(1))
    assert len(stand.commands(e.RunTool)) == 1
    assert last(stand).text == "✓"


def test_a_call_without_a_word_has_no_mark() -> None:
    stand = Stand(turn_completion=MARKS, tools=(spec("look"),))
    stand.hear("look it up")
    stand.post(FunctionCall(1, "c1", "look", "{}"))
    stand.post(ReplyDone(1))
    assert last(stand).text == ""


def test_an_answer_of_nothing_is_asked_for_again() -> None:
    stand = asked("")
    assert [each.code for each in stand.told(e.Problem)] == ["reply_empty"]
