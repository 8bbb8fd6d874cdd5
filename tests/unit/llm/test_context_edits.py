"""The conversation log, changed by the application and by the summary; marks, media and what the model thought."""

from __future__ import annotations

import pytest

from llm.context import IN_PROGRESS, Log
from llm.entry import Entry
from llm.items import AssistantMessage, Audio, Call, DeveloperMessage, Image, Item, Reasoning, UserMessage

SUMMARY = DeveloperMessage("summary")
THOUGHT = Reasoning("here", "{}")


def talk(turns: int = 3) -> Log:
    """A log of so many turns, all over."""
    log = Log()
    for number in range(turns):
        log.user(f"question {number}")
        entry = log.assistant()
        log.say(entry, number + 1, f"answer {number}")
        log.heard(number + 1)
    return log


def texts(log: Log) -> list[str]:
    return [item.text for item in log.items()]


# --- replace --------------------------------------------------------------------------------------------------------


def test_messages_are_replaced_where_they_stand() -> None:
    log = talk()
    assert log.replace(log.items()[1:4], (SUMMARY,))
    assert texts(log) == ["question 0", "summary", "question 2", "answer 2"]
    assert log.size_bytes == sum(map(len, texts(log)))


def test_what_stands_on_both_sides_keeps_its_place_and_its_state() -> None:
    log = talk(1)
    entry = log.assistant()
    log.call(entry, Call("c1", "timer", "{}", "started"))
    log.user("another")
    items = log.items()
    assert log.replace(items[:3], (SUMMARY, items[2]))
    assert texts(log) == ["summary", "", "another"]
    log.result("c1", "done")
    assert log.items()[1] == AssistantMessage("", (Call("c1", "timer", "{}", "done"),))


def test_what_was_appended_meanwhile_stays() -> None:
    log = talk()
    before = log.items()[:4]
    log.user("another")
    assert log.replace(before, (SUMMARY,))
    assert texts(log) == ["summary", "question 2", "answer 2", "another"]


def test_what_was_changed_meanwhile_is_not_replaced() -> None:
    log = Log()
    log.user("hello")
    entry = log.assistant()
    log.say(entry, 1, "Hello there, how are you?")
    before = log.items()
    log.cut(1, "Hello")
    assert not log.replace(before, (SUMMARY,))
    assert texts(log) == ["hello", "Hello"]


@pytest.mark.parametrize("edit", [Log.halve, lambda log: log.rewrite((), ())])
def test_what_is_gone_is_not_replaced(edit: object) -> None:
    log = talk()
    before = log.items()[:4]
    assert callable(edit)
    edit(log)
    after = texts(log)
    assert not log.replace(before, (SUMMARY,))
    assert texts(log) == after


def test_messages_that_look_alike_are_told_apart() -> None:
    log = Log()
    for _ in range(3):
        log.user("yes")
    assert log.replace(log.items()[1:2], (SUMMARY,))
    assert texts(log) == ["yes", "summary", "yes"]


def test_nothing_cannot_be_replaced() -> None:
    log = talk()
    assert not log.replace((), (SUMMARY,))
    assert len(log) == 6


# --- rewrite ----------------------------------------------------------------------------------------------------------


def unfinished() -> tuple[Log, Entry, Entry]:
    """A turn that is over, then words being said and a call that runs."""
    log = talk(1)
    speaking, calling = log.assistant(), log.assistant()
    log.say(speaking, 9, "I am saying")
    log.call(calling, Call("c1", "look", "{}", IN_PROGRESS))
    return log, speaking, calling


def test_a_rewritten_log_is_what_it_is_told_to_be_and_then_what_goes_on() -> None:
    log, speaking, _ = unfinished()
    log.rewrite((UserMessage("other"),), ())
    assert texts(log) == ["other", "I am saying", ""]
    log.cut(9, "I am")
    log.result("c1", "found")
    assert texts(log) == ["other", "I am", ""]
    assert log.entry_of(9) is None
    assert speaking.finished


def test_a_copy_that_is_written_back_changes_nothing() -> None:
    log, _, _ = unfinished()
    before = log.items()
    log.rewrite(before, ())
    assert log.items() == before


def test_a_message_of_which_more_will_come_stays() -> None:
    log = talk(1)
    coming = log.assistant()
    log.say(coming, 9, "One. ")
    log.heard(9)
    log.rewrite((), [coming])
    assert texts(log) == ["One. "]
    log.say(coming, 10, "Two.")
    assert texts(log) == ["One. Two."]


def test_a_place_for_words_to_come_stays() -> None:
    log = talk(1)
    coming = log.assistant()
    log.rewrite((UserMessage("other"),), ())
    log.user("newer")
    log.say(coming, 9, "words")
    assert texts(log) == ["other", "words", "newer"]


def test_which_messages_are_finished() -> None:
    log, speaking, _ = unfinished()
    assert log.finished(()) == (True, True, False, False)
    log.heard(9)
    log.result("c1", "found")
    assert log.finished(()) == (True,) * 4
    assert log.finished([speaking]) == (True, True, False, True)


def test_a_log_begins_with_what_it_is_given() -> None:
    items: tuple[Item, ...] = (
        DeveloperMessage("The caller is Ann.", pinned=True),
        UserMessage("Look", (Image(url="https://example.org/a.png"),), pinned=True),
        AssistantMessage("Yes.", (Call("c1", "f", "{}", "1"),), (THOUGHT,)),
    )
    log = Log(items)
    assert log.items() == items
    log.rewrite(log.items(), ())
    assert log.items() == items


def test_the_older_half_goes_at_a_turns_edge() -> None:
    log = talk(8)
    assert log.halve()
    assert texts(log)[0] == "question 4"
    assert log.size_bytes <= 8 * len("question 0answer 0") / 2
    log = Log()
    log.user("one long question")
    assert not log.halve()


# --- thoughts, marks, media -------------------------------------------------------------------------------------------


def test_thoughts_are_forgotten_with_the_next_turn_and_count_until_then() -> None:
    log = Log()
    log.user("hello")
    entry = log.assistant()
    log.think(entry, Reasoning("here", "x" * 100))
    log.call(entry, Call("c1", "f", "", "42"))
    assert log.size_bytes == len("hello") + 100 + len("42")
    log.user("thanks")
    assert log.items()[1] == AssistantMessage("", (Call("c1", "f", "", "42"),))
    assert log.size_bytes == len("hello42thanks")


def test_a_message_that_is_only_a_thought_is_not_shown() -> None:
    log = Log()
    log.think(log.assistant(), THOUGHT)
    assert log.items() == ()


def test_a_mark_stands_before_the_words_and_not_without_them() -> None:
    log = Log()
    entry = log.assistant()
    log.mark(entry, "✓")
    assert texts(log) == []
    log.say(entry, 1, " Hello. ")
    assert texts(log) == ["✓ Hello."]
    assert entry.text == " Hello. "
    log.cut(1, "")
    assert texts(log) == []


def test_a_mark_that_tells_something_stands_alone() -> None:
    log = Log()
    log.mark(log.assistant(), "○", tells=True)
    assert texts(log) == ["○"]


def test_the_oldest_media_are_replaced_by_notes() -> None:
    log = Log(media_limit_bytes=250)
    first, second, third = (Image(data=bytes(100)), Audio(bytes(100)), Image(data=bytes([1]) * 100))
    log.user("two", (first, second))
    log.user("", (third,))
    assert log.items() == (UserMessage("two [image left out]", (second,)), UserMessage("", (third,)))
    log.user("", (first,))
    assert [item.text for item in log.items()] == ["two [image left out] [audio left out]", "", ""]
    assert log.truncated == 2


def test_a_pinned_message_stays_pinned_without_its_picture() -> None:
    log = Log(media_limit_bytes=50)
    log.append(UserMessage("look", (Image(data=bytes(100)),), pinned=True))
    assert log.items() == (UserMessage("look [image left out]", (), pinned=True),)


def test_the_bound_holds_for_pinned_messages_too() -> None:
    log = Log([DeveloperMessage("x" * 30, pinned=True), UserMessage("y" * 30, pinned=True)], limit_bytes=50)
    log.user("z" * 30)
    assert log.items() == (UserMessage("z" * 30),)


def test_a_picture_that_is_too_large_by_itself_is_a_note() -> None:
    log = Log(media_limit_bytes=50)
    log.user("", (Image(data=bytes(100)),))
    assert log.items() == (UserMessage("[image left out]"),)


def test_a_url_takes_no_room() -> None:
    log = Log(media_limit_bytes=0)
    picture = Image(url="https://example.org/a.png")
    log.user("look", (picture,))
    assert log.items() == (UserMessage("look", (picture,)),)
