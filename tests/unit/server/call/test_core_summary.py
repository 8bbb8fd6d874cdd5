"""The context summary, from the core's side; which part is condensed is told in tests/unit/llm/test_summary.py."""

from __future__ import annotations

from audio.events import SpeechStarted
from llm.events import Ask, Delta, FunctionCall, Infer, InferenceFailed, Inferred, ReplyDone, ToolDone
from llm.items import AssistantMessage, DeveloperMessage, Item, UserMessage
from llm.summary import PREFIX, SummaryOptions
from server.call import events as e
from server.call import model_events as of_model
from tests.unit.server.call.core_stand import Stand, spec

OPTIONS = SummaryOptions(mode="summary", max_unsummarized_messages=6, min_messages_to_keep=2, timeout_s=30.0)


def talk(turns: int, options: SummaryOptions = OPTIONS) -> Stand:
    """A stand after so many turns, all heard to the end."""
    stand = Stand(summary=options, tools=(spec("look"),), context=(DeveloperMessage("The caller is Ann."),))
    for number in range(turns):
        turn(stand, number)
    return stand


def turn(stand: Stand, number: int) -> None:
    """A turn of some length, and its answer."""
    stand.post(e.UserText(f"This is question number {number}, and it has quite a number of words in it."))
    stand.post(Delta(stand.reply, f"This is answer number {number}, and it has quite a number of words as well."))
    stand.post(ReplyDone(stand.reply))
    stand.voice()
    stand.wait(stand.now + 3.0)


def texts(items: tuple[Item, ...]) -> list[str]:
    return [item.text for item in items]


def test_a_log_that_is_too_long_is_condensed_beside_the_conversation() -> None:
    stand = talk(3)
    assert stand.commands(Infer) == []
    turn(stand, 3)
    [infer] = stand.commands(Infer)
    assert infer.limit_s == 30.0
    assert "question number 0" in infer.request.items[0].text
    assert infer.request.tools == ()
    before = stand.core.log.items()
    turn(stand, 4)
    assert len(stand.commands(Ask)) == 5, "turns do not wait for it"
    stand.post(Inferred(infer.job, "They talked about numbers."))
    after = texts(stand.core.log.items())
    assert after[:2] == ["The caller is Ann.", f"{PREFIX}They talked about numbers."]
    assert after[-2:] == texts(stand.core.log.items())[-2:]
    assert len(after) < len(before)
    assert stand.told(of_model.Summarised)[0].messages >= 4


def test_only_one_runs_at_a_time() -> None:
    stand = talk(8)
    assert len(stand.commands(Infer)) == 1


def test_a_failure_leaves_the_log_as_it_was_and_is_told() -> None:
    stand = talk(4)
    before = stand.core.log.items()
    stand.post(InferenceFailed(1, "overloaded"))
    assert stand.core.log.items() == before
    assert stand.told(of_model.SummaryFailed) == [of_model.SummaryFailed("overloaded")]
    turn(stand, 4)
    assert len(stand.commands(Infer)) == 2, "it is tried again with the next turn"


def test_a_summary_of_nothing_is_a_failure() -> None:
    stand = talk(4)
    before = stand.core.log.items()
    stand.post(Inferred(1, " \n"))
    assert stand.core.log.items() == before
    assert len(stand.told(of_model.SummaryFailed)) == 1


def test_one_that_comes_twice_or_too_late_is_ignored() -> None:
    stand = talk(4)
    stand.post(InferenceFailed(1, "overloaded"))
    turn(stand, 4)
    before = stand.core.log.items()
    stand.post(Inferred(1, "The first one, late."))
    assert stand.core.log.items() == before
    stand.post(Inferred(2, "The second."))
    assert f"{PREFIX}The second." in texts(stand.core.log.items())
    stand.post(Inferred(2, "The second again."))
    assert f"{PREFIX}The second again." not in texts(stand.core.log.items())


def test_a_service_that_says_nothing_is_given_up() -> None:
    stand = talk(4)
    stand.wait(stand.now + 40.0)
    assert stand.told(of_model.SummaryFailed) == [of_model.SummaryFailed("no summary came in time")]


def test_what_the_application_changed_meanwhile_is_not_replaced() -> None:
    stand = talk(4)
    stand.post(e.Rewrite((UserMessage("A new beginning."),)))
    stand.post(Inferred(1, "The old days."))
    assert texts(stand.core.log.items()) == ["A new beginning."]
    assert len(stand.told(of_model.SummaryFailed)) == 1


def test_a_call_without_its_result_is_never_condensed() -> None:
    stand = talk(2)
    stand.post(e.UserText("look something up"))
    stand.post(FunctionCall(stand.reply, "c1", "look", "{}"))
    stand.post(ReplyDone(stand.reply))
    for number in range(6):
        stand.post(e.Append(DeveloperMessage(f"Note {number} of the application, which is here for its length.")))
    [infer] = stand.commands(Infer)
    stand.post(Inferred(infer.job, "Early days."))
    stand.post(ToolDone("c1", "completed", "found"))
    message = next(item for item in stand.request.items if isinstance(item, AssistantMessage) and item.calls)
    assert message.calls[0].output == "found"


def test_what_is_being_said_is_not_condensed() -> None:
    stand = talk(3)
    stand.post(e.UserText("and now"))
    stand.post(Delta(stand.reply, "This is being said at this very moment. And"))
    for number in range(8):
        stand.post(e.Append(DeveloperMessage(f"Note {number} of the application, which is here for its length.")))
    for infer in stand.commands(Infer):
        assert "at this very moment" not in infer.request.items[0].text
        stand.post(Inferred(infer.job, "Early days."))
    stand.post(SpeechStarted(64.0))
    assert any("at this very moment" in text for text in texts(stand.core.log.items()))


def test_it_is_off_unless_it_is_switched_on() -> None:
    assert talk(8, SummaryOptions()).commands(Infer) == []


def test_a_pinned_message_stands_after_the_summary() -> None:
    stand = talk(1)
    pinned = DeveloperMessage("They are deaf in one ear.", pinned=True)
    stand.post(e.Append(pinned))
    for number in range(1, 4):
        turn(stand, number)
    [infer] = stand.commands(Infer)
    assert "deaf" not in infer.request.items[0].text
    stand.post(Inferred(infer.job, "Numbers."))
    assert stand.core.log.items()[1:3] == (DeveloperMessage(f"{PREFIX}Numbers."), pinned)
