"""The conversation log."""

from __future__ import annotations

from itertools import permutations

import pytest

from llm.context import DROPPED, IN_PROGRESS, Log
from llm.entry import Entry
from llm.items import AssistantMessage, Call, DeveloperMessage, UserMessage


def call(call_id: str, output: str = IN_PROGRESS) -> Call:
    return Call(call_id, f"tool_{call_id}", '{"a": 1}', output)


def texts(log: Log) -> list[str]:
    return [item.text for item in log.items()]


def said(*pieces: str) -> tuple[Log, Entry]:
    """A log with one answer; its frames are 1, 2, …"""
    log = Log()
    entry = log.assistant()
    for frame, piece in enumerate(pieces, 1):
        log.say(entry, frame, piece)
    return log, entry


# --- order ----------------------------------------------------------------------------------------------------------


def test_messages_stand_in_the_order_of_their_beginning() -> None:
    log = Log()
    log.user("What time is it?")
    answer = log.assistant()
    log.developer("The line is bad.")
    log.user("Hello?")
    log.say(answer, 1, "It is noon.")
    assert log.items() == (
        UserMessage("What time is it?"),
        AssistantMessage("It is noon."),
        DeveloperMessage("The line is bad."),
        UserMessage("Hello?"),
    )


def test_a_message_without_a_word_is_not_seen_and_can_leave() -> None:
    log = Log()
    log.user("Hello?")
    entry = log.assistant()
    assert log.items() == (UserMessage("Hello?"),)
    assert len(log) == 2
    log.forget(entry)
    assert len(log) == 1
    log.forget(entry)
    assert len(log) == 1


def test_a_message_with_something_in_it_is_not_forgotten() -> None:
    log, spoken = said("Yes.")
    log.forget(spoken)
    calling = log.assistant()
    log.call(calling, call("c"))
    log.forget(calling)
    assert log.items() == (AssistantMessage("Yes."), AssistantMessage("", (call("c"),)))


def test_nothing_said_is_no_message() -> None:
    log = Log()
    log.user("")
    log.developer("")
    assert log.items() == ()
    assert log.size_bytes == 0


@pytest.mark.parametrize("order", list(permutations("abc")))
def test_all_calls_of_a_response_stand_in_one_message_with_the_text_before_them(order: tuple[str, ...]) -> None:
    """Results take their call's place, whatever their order."""
    log = Log()
    log.user("Look three things up.")
    entry = log.assistant()
    log.say(entry, 1, "Let me see.")
    for each in "abc":
        log.call(entry, call(each))
    assert log.items()[1] == AssistantMessage("Let me see.", (call("a"), call("b"), call("c")))
    for each in order:
        log.result(each, f"result {each}")
    outputs = tuple(call(each, f"result {each}") for each in "abc")
    assert log.items()[1:] == (AssistantMessage("Let me see.", outputs),)


def test_a_result_that_comes_late_stands_with_its_call() -> None:
    log = Log()
    entry = log.assistant()
    log.call(entry, call("a"))
    log.user("Never mind.")
    later = log.assistant()
    log.user("What else?")
    log.say(later, 2, "All right.")
    log.result("a", "42")
    assert log.items() == (
        AssistantMessage("", (call("a", "42"),)),
        UserMessage("Never mind."),
        AssistantMessage("All right."),
        UserMessage("What else?"),
    )


def test_an_async_call_keeps_its_placeholder_and_its_result_is_a_message() -> None:
    log = Log()
    entry = log.assistant()
    log.call(entry, call("timer", "started"))
    log.user("Thanks.")
    log.result("timer", None)
    log.developer("it rang")
    assert log.items() == (
        AssistantMessage("", (call("timer", "started"),)),
        UserMessage("Thanks."),
        DeveloperMessage("it rang"),
    )


def test_words_after_a_call_join_the_words_before_it() -> None:
    log, entry = said("One.")
    log.call(entry, call("a"))
    log.say(entry, 2, " Two.")
    assert log.items() == (AssistantMessage("One. Two.", (call("a"),)),)


# --- cutting --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "heard", "left"),
    [
        (1, "One", "One Two three. Four."),
        (2, "Two", "One. TwoFour."),
        (2, "", "One. Four."),
        (3, "", "One. Two three. "),
        (4, "x", "One. Two three. Four."),
    ],
)
def test_a_cut_leaves_what_was_heard_of_a_frame(frame: int, heard: str, left: str) -> None:
    log, _ = said("One. ", "Two three. ", "Four.")
    log.cut(frame, heard + (" " if frame == 1 else ""))
    assert texts(log) == [left]


def test_a_frame_can_be_shortened_again_until_it_is_over() -> None:
    log, entry = said("One two three four.")
    log.shorten(1, "One two three")
    log.shorten(1, "One two")
    assert log.entry_of(1) is entry
    assert entry.speaking == {1}
    log.cut(1, "One")
    assert log.entry_of(1) is None
    assert entry.speaking == set()
    log.cut(1, "")
    log.shorten(1, "")
    assert texts(log) == ["One"]


def test_what_was_heard_cannot_be_cut() -> None:
    log, entry = said("One. ", "Two.")
    log.heard(1)
    assert (log.entry_of(1), log.entry_of(2)) == (None, entry)
    log.cut(1, "")
    log.cut(2, "")
    assert texts(log) == ["One. "]
    log.heard(7)


def test_a_message_that_was_cut_whole_is_not_seen_but_keeps_its_place() -> None:
    log, entry = said("One.")
    log.user("Stop.")
    log.cut(1, "")
    assert texts(log) == ["Stop."]
    assert entry.empty
    log.say(entry, 2, "Again.")
    assert texts(log) == ["Again.", "Stop."]


def test_a_request_is_not_changed_by_what_comes_after_it() -> None:
    log, entry = said("One. ", "Two.")
    log.call(entry, call("a"))
    before = log.items()
    log.cut(2, "")
    log.result("a", "42")
    assert before == (AssistantMessage("One. Two.", (call("a"),)),)
    assert log.items() == (AssistantMessage("One. ", (call("a", "42"),)),)


def test_what_is_heard_so_far() -> None:
    _, entry = said("One. ", "Two three. ", "Four.")
    assert entry.heard_text(1, "On") == "On"
    assert entry.heard_text(2, "Two") == "Two", "frame 1 is not over: nobody said that it was heard"
    log, entry = said("One. ", "Two three. ", "Four.")
    log.heard(1)
    assert entry.heard_text(2, "Two") == "One. Two"
    log.heard(2)
    log.heard(3)
    assert entry.heard_text(9, "x") == "One. Two three. Four."


# --- taking up again ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "whole"),
    [
        ("One two", "three.", "One two three."),
        ("One two ", "three.", "One two three."),
        ("One two", " three.", "One two three."),
        ("One two\n", "three.", "One two\nthree."),
    ],
)
def test_an_answer_that_goes_on_joins_with_one_space(before: str, after: str, whole: str) -> None:
    log, entry = said(before)
    assert log.assistant(entry) is entry
    log.say(entry, 2, after)
    log.say(entry, 3, "x")
    assert texts(log) == [whole + "x"]
    assert log.size_bytes == len(whole) + 1


def test_an_answer_that_goes_on_is_set_off_also_when_the_words_before_it_are_cut() -> None:
    log, entry = said("One two")
    log.assistant(entry)
    log.say(entry, 2, "three.")
    log.shorten(1, "One")
    assert texts(log) == ["One three."]
    assert log.size_bytes == len("One three.")
    assert entry.heard_text(2, "three.") == "three.", "frame 1 is still to be heard"
    log.heard(1)
    assert entry.heard_text(2, "three.") == "One three."


def test_an_answer_that_goes_on_from_nothing_has_no_space_before_it() -> None:
    log, entry = said("One.")
    log.cut(1, "")
    assert log.assistant(entry) is entry
    log.say(entry, 2, "Two.")
    assert texts(log) == ["Two."]


def test_only_the_newest_message_goes_on() -> None:
    log, entry = said("One")
    log.user("Go on.")
    assert log.assistant(entry) is not entry


def test_a_message_with_a_call_does_not_go_on() -> None:
    log, entry = said("One")
    log.call(entry, call("a"))
    log.result("a", "42")
    assert log.assistant(entry) is not entry


def test_a_forgotten_message_does_not_go_on() -> None:
    log = Log()
    entry = log.assistant()
    log.forget(entry)
    assert log.assistant(entry) is not entry
    log.user("Hello.")
    assert log.assistant(entry) is not entry


# --- the bound ------------------------------------------------------------------------------------------------------


def ten_bytes(log: Log, *turns: str) -> None:
    for turn in turns:
        log.user(f"user {turn:5}")
        log.say(log.assistant(), ord(turn[0]), f"bot {turn:6}")


def test_the_oldest_turn_goes_whole() -> None:
    log = Log(limit_bytes=50)
    ten_bytes(log, "a", "b")
    assert (log.size_bytes, log.truncated) == (40, 0)
    ten_bytes(log, "c")
    assert (log.size_bytes, log.truncated) == (40, 2)
    assert [text.split()[1] for text in texts(log)] == ["b", "b", "c", "c"]


def test_exactly_the_limit_is_within_it() -> None:
    log = Log(limit_bytes=40)
    ten_bytes(log, "a", "b")
    assert (log.size_bytes, log.truncated) == (40, 0)


def test_size_is_counted_in_utf8_over_text_arguments_and_results() -> None:
    log = Log()
    log.user("é€")
    entry = log.assistant()
    log.say(entry, 1, "ü")
    log.call(entry, Call("id that does not count", "nor does a name", "{}", "é"))
    assert log.size_bytes == 5 + 2 + 2 + 2
    log.result("id that does not count", "€")
    assert log.size_bytes == 5 + 2 + 2 + 3


def test_a_call_without_its_result_stays_while_newer_turns_go() -> None:
    log = Log(limit_bytes=60)
    log.user("old turn")
    entry = log.assistant()
    log.call(entry, Call("a", "f", "{}", IN_PROGRESS))
    ten_bytes(log, "b", "c", "d", "e")
    assert log.items()[0] == AssistantMessage("", (Call("a", "f", "{}", IN_PROGRESS),))
    assert [text.split()[1] for text in texts(log)[1:]] == ["d", "d", "e", "e"]
    log.result("a", "42")
    ten_bytes(log, "f")
    assert [text.split()[1] for text in texts(log)] == ["d", "d", "e", "e", "f", "f"], (
        "with its result it is the oldest"
    )


def test_an_open_call_stays_whatever_its_size() -> None:
    log = Log(limit_bytes=10)
    entry = log.assistant()
    log.call(entry, Call("a", "f", "x" * 100, IN_PROGRESS))
    log.user("b")
    assert len(log.items()) == 2
    assert log.size_bytes == 100 + len(IN_PROGRESS) + 1
    log.result("a", "x" * 50)
    assert texts(log) == ["b"]
    assert log.size_bytes == 1


def test_the_newest_message_stays_whatever_its_size() -> None:
    log = Log(limit_bytes=10)
    log.user("hello")
    log.user("x" * 100)
    assert texts(log) == ["x" * 100]
    assert log.truncated == 1
    log.user("y")
    assert texts(log) == ["y"]


def test_the_question_that_is_being_answered_stays_and_the_oldest_results_are_shortened() -> None:
    log = Log(limit_bytes=190)
    log.user("the question")
    for number in range(3):
        entry = log.assistant()
        log.call(entry, Call(f"c{number}", "f", "{}", IN_PROGRESS))
        log.result(f"c{number}", str(number) * 60)
    log.assistant()  # the next reply, that has no words yet
    assert texts(log)[0] == "the question"
    outputs = [call.output for item in log.items() if isinstance(item, AssistantMessage) for call in item.calls]
    assert outputs == [DROPPED, "1" * 60, "2" * 60]
    assert log.size_bytes <= 190
    log.developer("y" * 200)
    log.assistant()
    assert texts(log) == ["the question", "y" * 200], "the newest message stays whatever its size"


def test_a_message_that_was_dropped_and_goes_on_is_the_newest() -> None:
    log = Log(limit_bytes=20)
    entry = log.assistant()
    log.say(entry, 1, "One. ")
    log.developer("x" * 18)
    assert texts(log) == ["x" * 18]
    log.say(entry, 2, "Two.")
    assert texts(log) == ["One. Two."]
    assert log.size_bytes == 9
