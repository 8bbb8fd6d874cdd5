"""An answer of which a part was heard goes on with exactly the rest, wherever it was cut."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from llm.local.request import Assistant, Called, Developer, FunctionCall, Item, Output, Result, Text, User
from llm.local.resume import remaining
from server.call.policy import Sentences
from tests.unit.llm.local.talk import DEMO, NOW, SHOP, Talk, later, tool

HOURS = tool("opening_hours", "When the shop is open.", {"day": {"type": "string", "description": "a weekday"}})
TABLES = tool("free_tables", "Which tables are free.")
CALL = Called("c1", "look_up", '{"topic":"the moon"}')
TIMER = Called("c2", "set_timer", '{"seconds":3}')
STARTED = '{"type":"async_tool","status":"started","tool_call_id":"c2","description":"Sets a timer."}'

# Each log ends where an answer is wanted.
LOGS: dict[str, list[Item]] = {
    "nothing": [],
    "hello": [Assistant("Hello, this is the bicycle shop."), User("hello there")],
    "time": [User("what time is it")],
    "sum": [User("what is nine plus five")],
    "story": [User("hello there"), Assistant("Hi there! What would you like?"), User("tell me a story")],
    "another story": [User("tell me a story"), Assistant("Gladly. This is the story of the"), User("another story")],
    "go on": [User("tell me a story"), Assistant("Gladly. This is the story of the"), User("go on")],
    "uh huh": [User("tell me a story"), Assistant("Gladly. This is the story of the"), User("uh huh")],
    "stop": [User("tell me a story"), Assistant("Gladly. This is the story of the"), User("wait stop")],
    "digits": [User("my number is five five five one two")],
    "abilities": [User("what can you do")],
    "lost": [User("the hat in the rain")],
    "lost again": [User("the hat"), Assistant("I heard: the hat."), User("the hat in the rain")],
    "look up": [User("look up the moon")],
    "looked up": [
        User("look up the moon"),
        Assistant("Let me look that up."),
        CALL,
        Result("c1", "It is made of rock. Mostly."),
    ],
    "cut before the call": [User("look up the moon"), Assistant("Let me"), CALL, Result("c1", "It is made of rock.")],
    "failed": [User("look up the moon"), CALL, Result("c1", "Error: function 'look_up' is not registered.")],
    "dictionary": [User("look up the moon"), CALL, Result("c1", '{"distance": 384400, "made_of": ["rock", "dust"]}')],
    "timer runs": [User("set a timer for three seconds"), TIMER, Result("c2", STARTED)],
    "timer is over": [
        User("set a timer for three seconds"),
        TIMER,
        Result("c2", STARTED),
        Assistant("Okay, your timer for three seconds is running."),
        later("c2", "finished", "rung"),
    ],
    "timer is stopped": [
        User("set a timer for three seconds"),
        TIMER,
        Result("c2", STARTED),
        Assistant("Okay, your timer for three seconds is running."),
        User("stop the timer"),
        Called("c3", "cancel_async_tool_call", '{"tool_call_id":"c2"}'),
        Result("c3", '{"tool_call_id":"c2","status":"cancelled"}'),
        later("c2", "cancelled", "CANCELLED"),
    ],
    "two results": [
        User("set a timer for three seconds"),
        TIMER,
        Result("c2", STARTED),
        Assistant("Okay."),
        later("c2", "running", "one second left"),
        later("c2", "finished"),
        later("c9", "failed", "no such thing"),
    ],
    "result and turn": [User("look up the moon"), CALL, Result("c1", "It is made of rock."), User("what time is it")],
    "several messages": [User("what time is it"), User("what is nine plus five"), User("my number is five five one")],
    "tool": [User("when are you open on monday")],
    "asks back": [User("what are your opening hours")],
    "asked back": [User("what are your opening hours"), Assistant("Which day?"), User("monday")],
    "goodbye": [User("goodbye")],
    "not understood": [Developer("The caller said something that was not understood.")],
    "silence": [User("hello"), Assistant("Hello!"), Developer("The caller has been silent for 15 s.")],
    "repeat": [User("what time is it"), Assistant("It is four thirty-one in the afternoon."), User("say that again")],
}


def words_of(outputs: list[Output]) -> str:
    return "".join(output.text for output in outputs if isinstance(output, Text))


def calls_of(outputs: list[Output]) -> list[FunctionCall]:
    return [output for output in outputs if isinstance(output, FunctionCall)]


def ask(*items: Item) -> list[Output]:
    talk = Talk(*DEMO, HOURS, TABLES, instructions=SHOP)
    talk.items = list(items)
    return talk.ask()


@pytest.mark.parametrize("name", LOGS)
def test_every_cut_of_every_answer(name: str) -> None:
    whole = ask(*LOGS[name])
    text = words_of(whole)
    assert text
    for cut in [found.end() for found in re.finditer(r"\S+", text)]:
        outputs = ask(*LOGS[name], Assistant(text[:cut]))
        assert text[:cut] + words_of(outputs) == text
        assert calls_of(outputs) == calls_of(whole)


@pytest.mark.parametrize("name", LOGS)
def test_cuts_with_white_space_and_a_note(name: str) -> None:
    text = words_of(ask(*LOGS[name]))
    note = Developer("Something that was not understood interrupted you. Continue where you stopped.")
    for cut in [found.start() for found in re.finditer(r"\S+", text)][1::7]:
        outputs = ask(*LOGS[name], Assistant(text[:cut]), note)
        assert text[:cut] + words_of(outputs) == text
        loose = "  " + " \n".join(text[:cut].split())
        assert words_of(ask(*LOGS[name], Assistant(loose))).strip() == text[cut:].strip()


@pytest.mark.parametrize("name", LOGS)
def test_an_answer_in_several_messages(name: str) -> None:
    """After a second drop the log may hold the first part, and the part that came after the first drop."""
    text = words_of(ask(*LOGS[name]))
    words = text.split(" ")
    for first in range(1, len(words), 5):
        parts = [" ".join(words[:first]), " ".join(words[first : first + 3])]
        outputs = ask(*LOGS[name], *(Assistant(part) for part in parts if part))
        assert words_of(outputs).strip() == " ".join(words[first + 3 :])


@pytest.mark.parametrize("name", LOGS)
def test_nothing_is_said_or_called_twice(name: str) -> None:
    whole = ask(*LOGS[name])
    text, calls = words_of(whole), calls_of(whole)
    made = [Called(f"new{index}", call.name, "{}") for index, call in enumerate(calls)]
    assert ask(*LOGS[name], Assistant(text), *made) == []
    assert words_of(ask(*LOGS[name], *made)) == text


def test_a_note_alone_answers_the_turn() -> None:
    assert ask(User("what time is it"), Developer("Please continue.")) == ask(User("what time is it"))


def test_a_greeting_that_the_agent_said_needs_no_answer() -> None:
    assert ask(Assistant("Hello, this is the bicycle shop.")) == []


def test_words_of_the_application_are_not_taken_for_the_answer() -> None:
    answer = ask(User("what time is it"))
    assert ask(User("what time is it"), Assistant("This call may be recorded.")) == answer
    outputs = ask(User("what time is it"), Assistant("This call may be recorded."), Assistant("It is four"))
    assert words_of(outputs) == " thirty-one in the afternoon."


def test_the_time_goes_on_as_it_was_begun() -> None:
    talk = Talk(now=NOW + timedelta(minutes=2))
    talk.items = [User("what time is it"), Assistant("It is four thirty-one")]
    assert words_of(talk.ask()) == " in the afternoon."


def test_a_log_that_lost_its_oldest_turns_still_finds_the_wording() -> None:
    log: list[Item] = [
        User("hello"),
        Assistant("Hello!"),
        User("hello"),
        Assistant("Hi!"),
        User("tell me another story"),
    ]
    text = words_of(ask(*log))
    for lost in (2, 4):
        outputs = ask(*log[lost:], Assistant(text[:200]))
        assert text[:200] + words_of(outputs) == text


@pytest.mark.parametrize(
    ("text", "said", "left"),
    [
        ("One two. Three.", "", "One two. Three."),
        ("One two. Three.", "One", " two. Three."),
        ("One two. Three.", "One ", "two. Three."),
        ("One two. Three.", "One two. Three.", ""),
        ("One two. Three.", " One  two.\nThree. ", ""),
        ("One two. Three.", "On", "e two. Three."),
        ("One two. Three.", "Recorded. One", " two. Three."),
        ("One two. Three.", "Recorded. One two. Three. And more.", ""),
        ("One two. Three.", "Three.", None),
        ("One two. Three.", "Something else", None),
    ],
)
def test_remaining(text: str, said: str, left: str | None) -> None:
    assert remaining(text, said) == left


# --- calls that were not made -----------------------------------------------------------------------------------------

BOTH: list[Item] = [User("look up the moon"), User("set a timer for three seconds"), CALL, Result("c1", "It is rock.")]
MORE_CALLS = Developer(Sentences().more_calls)


def calls(items: list[Item]) -> list[str]:
    """The functions that the brain calls for."""
    return [output.name for output in ask(*items) if isinstance(output, FunctionCall)]


def test_calls_that_were_lost_with_the_line_are_made_when_the_application_says_so() -> None:
    assert calls(BOTH[:2]) == ["look_up", "set_timer"]
    assert calls(BOTH) == [], "nobody says that one is missing"
    assert calls([*BOTH, MORE_CALLS]) == ["set_timer"]
    assert "rock" in words_of(ask(*BOTH, MORE_CALLS))


def test_calls_that_were_made_already_are_not_made_again() -> None:
    again: list[Item] = [*BOTH, TIMER, Result("c2", STARTED), MORE_CALLS]
    assert calls(again) == []
    assert calls([*again[:-1], User("what time is it"), MORE_CALLS]) == []
