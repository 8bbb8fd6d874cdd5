"""A few words that make sense only after what was said before: an answer, a choice, another weekday."""

from __future__ import annotations

import json

import pytest

from llm.local.request import Assistant, Called, Developer, Item, Result, User
from tests.unit.llm.local.talk import DEMO, END_CALL, LOOK_UP, Talk, once, tool

TOPIC = {"type": "string", "enum": ["geography", "nature", "old music"]}
ASK = tool("ask_question", "Ask a quiz question.", {"topic": TOPIC})
CHECK = tool("check_answer", "Check the answer to the quiz question.", {"answer": {"type": "string"}})
HOURS = tool("opening_hours", "When the shop is open.", {"day": {"type": "string", "description": "a weekday"}})
GREETING = "Welcome to the quiz. Do you want a question about geography or nature?"


def quiz(*items: Item) -> Talk:
    """A quiz that has got so far."""
    talk = Talk(ASK, CHECK, *DEMO)
    talk.items += [Assistant(GREETING), *items]
    return talk


def asked(heard: str = "What is the capital of France?") -> Talk:
    """A quiz in which a question was asked, and heard as far as that."""
    talk = quiz()
    talk.user("geography")
    talk.result("What is the capital of France?")
    talk.cut(heard)
    return talk


@pytest.mark.parametrize("said", ["geography", "Geography, please.", "a question about geography", "I want geography"])
def test_a_choice_picks_its_tool(said: str) -> None:
    assert quiz().user(said).endswith(' | ask_question({"topic": "geography"})')


@pytest.mark.parametrize("said", ["not geography", "geography is what I hate", "music", "old"])
def test_a_choice_is_a_whole_utterance_where_nothing_was_asked(said: str) -> None:
    assert "|" not in once(said, ASK, CHECK)


def test_a_choice_of_two_tools_is_for_the_one_that_was_called_last() -> None:
    other = tool("tell_fact", "", {"topic": TOPIC})
    assert "|" not in once("nature", ASK, other)
    talk = Talk(ASK, other)
    talk.items += [
        User("tell fact geography"),
        Called("c", "tell_fact", '{"topic":"geography"}'),
        Result("c", "It is."),
    ]
    talk.answer()
    assert talk.user("nature").endswith(' | tell_fact({"topic": "nature"})')


def test_a_choice_with_other_words_is_an_answer_where_something_was_asked() -> None:
    assert quiz().user("I know most of nature").endswith(' | ask_question({"topic": "nature"})')


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("paris", "paris"),
        ("It is Paris!", "Paris"),
        ("I think it's Paris", "Paris"),
        ("is it paris", "paris"),
        ("8", "8"),
    ],
)
def test_what_answers_a_question_goes_to_the_tool_that_takes_text(said: str, answer: str) -> None:
    assert asked().user(said).endswith(f" | check_answer({json.dumps({'answer': answer})})")


def test_a_question_that_was_cut_short_may_be_answered() -> None:
    assert asked("What is the capital of").user("paris").endswith(' | check_answer({"answer": "paris"})')


def test_a_question_stays_open_while_the_caller_thinks() -> None:
    talk = asked()
    assert talk.user("let me think") == "Take your time."
    assert talk.user("um").startswith("I heard: um.")
    assert talk.user("paris").endswith(' | check_answer({"answer": "paris"})')


@pytest.mark.parametrize("said", ["what time is it", "who are you", "tell me a story", "nine plus five", "thank you"])
def test_what_fits_elsewhere_is_no_answer(said: str) -> None:
    assert "check_answer" not in asked().user(said)


@pytest.mark.parametrize("said", ["how many people live there", "can you say it in french", "do I win something"])
def test_a_question_is_no_answer(said: str) -> None:
    assert "check_answer" not in asked().user(said)


def test_where_nothing_was_asked_nothing_is_offered() -> None:
    talk = asked()
    talk.user("paris")
    talk.result("That is right!")
    assert "|" not in talk.user("the hat in the rain")


@pytest.mark.parametrize(
    "greeting", ["Hello, how can I help you?", "Hi! What can I do for you?", "What would you like?", "Hello there."]
)
def test_a_greeting_that_asks_for_anything_asks_for_nothing_certain(greeting: str) -> None:
    talk = Talk(CHECK)
    talk.items.append(Assistant(greeting))
    assert "|" not in talk.user("the hat in the rain")


def test_the_words_of_the_brain_are_no_question_of_a_tool() -> None:
    talk = Talk(CHECK, LOOK_UP, END_CALL)
    for said in ("hello", "how are you", "uh huh"):
        talk.user(said)
        assert "|" not in talk.user("the hat in the rain")
    talk.items.append(Developer("The caller has been silent."))
    assert "?" in talk.answer()
    assert "|" not in talk.user("the hat in the rain")


def test_of_two_tools_that_take_text_none_is_guessed() -> None:
    talk = Talk(CHECK, tool("leave_message", "", {"message": {"type": "string"}}))
    talk.items.append(Assistant("Which one was it?"))
    assert "|" not in talk.user("the hat in the rain")


@pytest.mark.parametrize(
    ("said", "day"),
    [
        ("and on sunday?", "sunday"),
        ("tuesday", "tuesday"),
        ("what about fridays", "friday"),
        ("and tomorrow", "tuesday"),
        ("and the day after tomorrow", "wednesday"),
    ],
)
def test_a_weekday_alone_asks_the_same_for_that_day(said: str, day: str) -> None:
    talk = Talk(HOURS, *DEMO)
    talk.user("are you open on monday")
    talk.result("open from nine to five")
    talk.user("thank you")
    assert talk.user(said).endswith(f' | opening_hours({{"day": "{day}"}})')


def test_a_weekday_needs_a_call_to_repeat() -> None:
    assert "|" not in once("and on sunday", HOURS)
    talk = Talk(HOURS)
    talk.items += [User("x"), Called("c", "opening_hours", "[1]"), Result("c", "closed")]
    talk.answer()
    assert "|" not in talk.user("and on sunday")


@pytest.mark.parametrize("said", ["sunday school", "on sunday I slept"])
def test_a_weekday_among_other_words_does_not(said: str) -> None:
    talk = Talk(HOURS)
    talk.user("are you open on monday")
    talk.result("open from nine to five")
    assert "|" not in talk.user(said)


def test_a_day_after_tomorrow_is_not_tomorrow() -> None:
    assert once("are you open the day after tomorrow", HOURS).endswith('{"day": "wednesday"})')
    assert once("were you open the day before yesterday", HOURS).endswith('{"day": "saturday"})')
