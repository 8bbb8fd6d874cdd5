"""What the brain does not know it does not make up; what was not wanted it does not do."""

from __future__ import annotations

import pytest

from tests.unit.llm.local.talk import DEMO, SET_TIMER, Talk, once, tool

CALENDAR = "I only know the days around today, and no calendar. Today is Monday, the second of November."
TIME, DATE = "It is four thirty-one in the afternoon.", "Today is Monday, the second of November."

NO_STORY = """\
no more stories
I hate stories
I do not want a story
don't tell me a story
I'd rather not hear a story
please no story
enough stories for today
stop telling me stories
not another story
dont tell me a tale
""".splitlines()
A_STORY = """\
tell me a story
a story
no, tell me a story
why don't you tell me a story
how about a story
I liked that story, tell me another one
don't you know a story
I would like a story
""".splitlines()


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("what day is it", DATE),
        ("what is today", DATE),
        ("what day of the week is it", DATE),
        ("what day is tomorrow", "Tomorrow is Tuesday, the third of November."),
        ("what is tomorrow's date", "Tomorrow is Tuesday, the third of November."),
        ("what is the date the day after tomorrow", "The day after tomorrow is Wednesday, the fourth of November."),
        ("what day was yesterday", "Yesterday was Sunday, the first of November."),
        (
            "which day was the day before yesterday",
            "The day before yesterday was Saturday, the thirty-first of October.",
        ),
        ("is today monday", DATE),
        ("is it friday tomorrow", "Tomorrow is Tuesday, the third of November."),
        ("what year is it", f"{DATE} The year is 2026."),
        ("what day of the week is christmas", CALENDAR),
        ("what day is it in three days", CALENDAR),
        ("what's the time and date", f"{TIME} {DATE}"),
        ("tell me the date and the time", f"{TIME} {DATE}"),
        ("what time is it in tokyo", "It is four thirty-one in the afternoon here."),
        ("do you know what time it is now", TIME),
    ],
)
def test_the_clock(said: str, answer: str) -> None:
    assert once(said, *DEMO) == answer


@pytest.mark.parametrize("said", ["what is the time difference to rome", "do you know what time the shop closes"])
def test_a_question_with_time_in_it_is_not_always_for_the_time(said: str) -> None:
    assert TIME not in once(said, *DEMO)


@pytest.mark.parametrize(
    ("said", "topic"),
    [
        ("how tall is the tower of london", "the tower of london"),
        ("how far away is the moon", "the moon"),
        ("who was Ada Lovelace", "Ada Lovelace"),
        ("who invented the telephone", "the telephone"),
        ("look the moon up", "the moon"),
        ("look up the moon for me", "the moon"),
        ("why is the sky blue", "why is the sky blue"),
        ("how many legs does a spider have", "how many legs does a spider have"),
    ],
)
def test_topics_are_looked_up_without_the_verb_before_them(said: str, topic: str) -> None:
    assert once(said, *DEMO) == f'Let me look that up. | look_up({{"topic": "{topic}"}})'


@pytest.mark.parametrize(
    "said",
    ["look at that", "look after my dog", "what's up", "why are you so slow", "what is it", "wait a few seconds"],
)
def test_not_everything_is_looked_up(said: str) -> None:
    assert "look_up" not in once(said, *DEMO)


def test_a_topic_is_asked_for() -> None:
    talk = Talk(*DEMO)
    assert talk.user("can you look something up for me") == "What should I look up?"
    assert talk.user("the moon").endswith(' | look_up({"topic": "moon"})')
    assert "look up" not in once("look something up")


@pytest.mark.parametrize("said", ["what's up", "what is up", "hey whats up"])
def test_what_is_up_is_small_talk(said: str) -> None:
    assert once(said, *DEMO) == "I am fine, thank you. What can I do for you?"


@pytest.mark.parametrize("said", ["which llm are you", "what model are you", "which AI is this", "are you an llm"])
def test_it_is_no_language_model(said: str) -> None:
    assert "no language model" in once(said, *DEMO)


@pytest.mark.parametrize("said", NO_STORY)
def test_no_story_for_who_wants_none(said: str) -> None:
    assert once(said, *DEMO) == "All right, no story."


@pytest.mark.parametrize(
    "said", ["I have heard this story", "that was a nice story", "did you like the story", "what is the story about"]
)
def test_a_story_that_is_spoken_of_is_not_told(said: str) -> None:
    assert once(said, *DEMO).startswith("I can tell stories, but I cannot talk about them.")


@pytest.mark.parametrize("said", A_STORY)
def test_a_story_for_who_wants_one(said: str) -> None:
    assert "This is the story of" in once(said, *DEMO)


def test_a_story_that_it_does_not_know_is_not_promised() -> None:
    other = "I have none about that, but I know another. This is the story of the lighthouse cat."
    assert once("tell me a story about a dragon").startswith(other)
    assert once("tell me a story about the sea").startswith("Gladly. This is the story of the lighthouse cat.")


@pytest.mark.parametrize("said", ["who am I talking to", "tell me about yourself", "introduce yourself"])
def test_it_says_who_it_is(said: str) -> None:
    assert once(said, *DEMO).startswith("I am the demo voice of voicewire.")


def test_a_tool_that_is_not_wanted_is_not_called() -> None:
    pizza = tool("order_pizza", "Order a pizza.")
    assert once("do not order a pizza", pizza) == "All right, I will not."
    assert once("order a pizza", pizza).endswith("order_pizza({})")


def test_digits_beyond_what_is_read_back_are_not_passed_over() -> None:
    assert once("my number is " + "12" * 16) == "I heard " + ", ".join(["one, two"] * 16) + "."
    assert once("my number is " + "12" * 17) == "I heard " + ", ".join(["one, two"] * 16) + ", and so on."
    assert once("9" * 400) == "I heard " + ", ".join(["nine"] * 32) + ", and so on."


def test_a_number_may_be_below_zero() -> None:
    level = tool("set_level", "", {"level": {"type": "integer"}})
    assert once("set the level to minus five", level) == 'One moment. | set_level({"level": -5})'
    assert once("set the level to -5", level) == 'One moment. | set_level({"level": -5})'
    assert "level" not in once("set a timer for minus five seconds", SET_TIMER)
