"""Timers run for lengths of time; what they cannot do is said."""

from __future__ import annotations

from fractions import Fraction

import pytest

from llm import cancel_tool
from llm.function_calls import CANCELLED
from llm.local.exchanges import CANCEL_ASYNC
from llm.local.request import Called, Item, Result
from llm.local.skills.durations import is_duration, parse_duration, say_duration
from llm.local.skills.turn import Persona, persona
from llm.local.vocabulary import write_out
from tests.unit.llm.local.talk import CANCEL, DEMO, END_CALL, LOOK_UP, Talk, later, once, tool

BOUNDED = tool("set_timer", "Set a timer.", {"seconds": {"type": "number", "exclusiveMinimum": 0, "maximum": 3600}})
ONLY_DURATIONS = "I only know durations, no times of day. You could say, set a timer for ten minutes."
HOW_LONG = "For how long? You could say, for ten seconds."
NO_TIME = "A timer needs some time to run. You could say, set a timer for ten seconds."
TOO_LONG = "A timer here runs for one hour at the most."


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("three seconds", 3),
        ("a minute and a half", 90),
        ("one and a half minutes", 90),
        ("two minutes thirty seconds", 150),
        ("two minutes and thirty seconds", 150),
        ("half an hour", 1800),
        ("half hour", 1800),
        ("an hour", 3600),
        ("an hour and a quarter", 4500),
        ("a quarter of an hour", 900),
        ("a quarter hour", 900),
        ("three quarters of an hour", 2700),
        ("a couple of minutes", 120),
        ("0.5 seconds", Fraction(1, 2)),
        ("in ten minutes please", 600),
        ("10s", 10),
        ("90 sec", 90),
        ("5m", 300),
        ("1h", 3600),
        ("2 hrs", 7200),
        ("1h30", 5400),
        ("1 h 30", 5400),
        ("1h30m10s", 5410),
        ("1 hour and 30", 5400),
        ("two minutes thirty", 150),
        ("one week", 604_800),
        ("minus 5 seconds", -5),
        ("zero seconds", 0),
        ("a second timer for ten minutes", 600),
        ("a dog", None),
        ("twelve", None),
        ("half", None),
        ("a second one", None),
        ("10th", None),
    ],
)
def test_durations(said: str, seconds: Fraction | None) -> None:
    assert parse_duration(tuple(said.split())) == seconds


def test_what_is_only_a_duration() -> None:
    for said in ("for ten seconds", "half a minute", "10s", "1 h 30", "a quarter of an hour"):
        assert is_duration(tuple(said.split())), said
    for said in ("ten dogs", "tell me in ten seconds", "ten", "half", "one minute " * 20):
        assert not is_duration(tuple(said.split())), said


@pytest.mark.parametrize(
    ("seconds", "spoken"),
    [
        (1, "one second"),
        (90, "one minute and thirty seconds"),
        (3661, "one hour, one minute and one second"),
        (0.5, "zero point five seconds"),
        (0, "no time"),
    ],
)
def test_say_duration(seconds: float, spoken: str) -> None:
    assert say_duration(seconds) == spoken


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("set an alarm for 7 am", ONLY_DURATIONS),
        ("set an alarm for seven", ONLY_DURATIONS),
        ("set a timer for 7:30", ONLY_DURATIONS),
        ("wake me up at seven", ONLY_DURATIONS),
        ("wake me at 7 a.m.", ONLY_DURATIONS),
        ("remind me at half past nine", ONLY_DURATIONS),
        ("set an alarm for ten o'clock", ONLY_DURATIONS),
        ("remind me tomorrow", ONLY_DURATIONS),
        ("set an alarm for monday", ONLY_DURATIONS),
        ("remind me on may 3", ONLY_DURATIONS),
        ("good morning, set a timer for ten seconds", 'set_timer({"seconds": 10})'),
        ("you may set a timer for ten seconds", 'set_timer({"seconds": 10})'),
        ("at least set a timer for ten seconds", 'set_timer({"seconds": 10})'),
        ("set a timer at ten seconds", 'set_timer({"seconds": 10})'),
        ("wake me up in an hour", 'set_timer({"seconds": 3600})'),
        ("a quarter of an hour timer", 'set_timer({"seconds": 900})'),
        ("set a second timer for ten minutes", 'set_timer({"seconds": 600})'),
        ("10s", 'set_timer({"seconds": 10})'),
        ("set a timer for 1h", 'set_timer({"seconds": 3600})'),
        ("set a timer for -5 seconds", NO_TIME),
        ("set a timer for minus five seconds", NO_TIME),
        ("set a timer for 0 seconds", NO_TIME),
        ("set a timer for 1 h 30", TOO_LONG),
        ("set a timer for two days", TOO_LONG),
        ("set a timer for ten", HOW_LONG),
        ("how do I set a timer", HOW_LONG),
        ("do you have a timer", HOW_LONG),
        ("do not set a timer", "All right, no timer."),
        ("don't set a timer for ten seconds", "All right, no timer."),
        ("no timer please", "All right, no timer."),
        ("I do not want an alarm", "All right, no timer."),
        ("don't forget to set a timer for ten seconds", 'set_timer({"seconds": 10})'),
        ("cancel the timer", "I am afraid I cannot stop a timer."),
        ("stop my ten second timer", "I am afraid I cannot stop a timer."),
        ("turn the alarm off", "I am afraid I cannot stop a timer."),
        ("is the timer still running", "I cannot look at a timer while it runs. I will tell you when it is over."),
        ("how long is left on the timer", "I cannot look at a timer while it runs. I will tell you when it is over."),
    ],
)
def test_a_timer_is_set_or_it_is_said_why_not(said: str, answer: str) -> None:
    assert once(said, BOUNDED, LOOK_UP, END_CALL) == answer


@pytest.mark.parametrize("said", ["there is no timer", "thanks for the timer", "does this remind you of something"])
def test_not_everything_that_speaks_of_a_timer_wants_one(said: str) -> None:
    assert "set_timer" not in once(said, *DEMO) and "For how long" not in once(said, *DEMO)


@pytest.mark.parametrize(
    ("answer", "then"),
    [
        ("ten", 'set_timer({"seconds": 10})'),
        ("I want half an hour", 'set_timer({"seconds": 1800})'),
        ("make it twenty five please", 'set_timer({"seconds": 25})'),
        ("ten minutes", 'set_timer({"seconds": 600})'),
        ("1h", 'set_timer({"seconds": 3600})'),
        ("seven am", ONLY_DURATIONS),
        ("two hours", TOO_LONG),
        ("5000", TOO_LONG),
        ("minus five", NO_TIME),
    ],
)
def test_a_bare_number_is_a_length_for_who_was_asked_for_one(answer: str, then: str) -> None:
    talk = Talk(BOUNDED)
    assert talk.user("set a timer") == HOW_LONG
    assert talk.user(answer) == then


@pytest.mark.parametrize(
    "said", ["what is nine plus five", "nine plus five", "two cats please", "how many seconds has a minute"]
)
def test_not_every_number_is_a_length_even_then(said: str) -> None:
    talk = Talk(BOUNDED)
    talk.user("set a timer")
    assert "set_timer" not in talk.user(said)


def test_a_timer_that_needs_more_than_a_length() -> None:
    talk = Talk(tool("set_timer", "", {"minutes": {"type": "integer"}, "label": {"type": "string"}}))
    assert talk.user("set a timer") == HOW_LONG
    assert talk.user("ten") == "Which label?"
    assert talk.user("tea") == 'set_timer({"minutes": 10, "label": "tea"})'


def test_an_agent_that_can_stop_timers_does() -> None:
    cancel = tool("cancel_timer", "Stop a timer.")
    assert once("cancel the timer", *DEMO, cancel).endswith(" | cancel_timer({})")


def test_a_running_timer_cannot_be_stopped() -> None:
    talk = Talk(*DEMO)
    talk.user("set a timer for three seconds")
    talk.started()
    assert talk.user("stop the timer") == "I am afraid I cannot stop a timer."
    assert talk.later("finished", call=1) == "Your timer of three seconds is over."


def test_a_timer_that_failed_says_why() -> None:
    talk = Talk(*DEMO)
    talk.user("set a timer for three seconds")
    talk.started()
    failed = "Sorry, your timer of three seconds did not work. The clock stands still."
    assert talk.later("failed", "Error: the clock stands still") == failed


# --- stopping a timer, where the agent lets its functions be cancelled ------------------------------------------------


def running(*lengths: str) -> Talk:
    """A talk in which timers of these lengths run: call_1, call_2, ..."""
    talk = Talk(*DEMO, CANCEL)
    for length in lengths:
        talk.user(f"set a timer for {length}")
        talk.started()
    return talk


def cancels(call: int) -> str:
    """What is shown of the call that cancels another one."""
    return f'cancel_async_tool_call({{"tool_call_id": "call_{call}"}})'


def cancelled(talk: Talk, canceller: int, call: int, *, note_first: bool = False) -> None:
    """The server does what the last call wants, and tells it twice."""
    told: list[Item] = [
        Result(f"call_{canceller}", cancel_tool.result(f"call_{call}", found=True)),
        later(f"call_{call}", "cancelled", CANCELLED),
    ]
    talk.items += told[::-1] if note_first else told


@pytest.mark.parametrize(
    "said", ["stop the timer", "cancel my timer", "can you please turn the timer off", "stop the three second timer"]
)
@pytest.mark.parametrize("note_first", [False, True])
def test_a_running_timer_is_stopped_and_that_is_said_once(said: str, note_first: bool) -> None:
    talk = running("three seconds")
    assert talk.user(said) == cancels(1)
    cancelled(talk, 2, 1, note_first=note_first)
    assert talk.answer() == "I have stopped your timer of three seconds."
    assert talk.ask() == []
    assert talk.user("stop the timer") == "No timer is running."


def test_a_note_that_comes_later_still_says_nothing_new() -> None:
    talk = running("three seconds")
    talk.user("stop the timer")
    assert talk.result(cancel_tool.result("call_1", found=True)) == "I have stopped your timer of three seconds."
    assert talk.later("cancelled", CANCELLED, call=1) == ""


@pytest.mark.parametrize(
    ("said", "call"),
    [("stop the timer", 3), ("stop my ten second timer", 1), ("cancel the timer for three seconds", 3)],
)
def test_of_several_timers_the_one_that_was_named_or_the_newest_is_stopped(said: str, call: int) -> None:
    assert running("ten seconds", "three seconds", "three seconds").user(said) == cancels(call)


def test_one_timer_is_stopped_after_the_other() -> None:
    talk = running("ten seconds", "three seconds")
    assert talk.user("stop the timer") == cancels(2)
    cancelled(talk, 3, 2)
    assert talk.answer() == "I have stopped your timer of three seconds."
    assert talk.user("stop the timer") == cancels(1)
    cancelled(talk, 4, 1)
    assert talk.answer() == "I have stopped your timer of ten seconds."


def test_no_other_timer_is_stopped_than_the_one_that_was_named() -> None:
    assert running("ten seconds").user("stop the timer of five minutes") == "No timer of that length is running."


@pytest.mark.parametrize("status", ["finished", "failed", "timed_out", "cancelled"])
def test_a_timer_that_is_over_is_not_stopped(status: str) -> None:
    talk = running("three seconds")
    talk.later(status)
    assert talk.user("stop the timer") == "No timer is running."


def test_a_timer_that_rang_before_this_was_answered_is_not_stopped() -> None:
    talk = running("three seconds")
    talk.items.append(later("call_1", "finished"))
    assert talk.user("stop the timer") == "Your timer of three seconds is over. No timer is running."


def test_other_functions_in_the_background_are_no_timers() -> None:
    talk = Talk(*DEMO, CANCEL)
    assert talk.user("stop the timer") == "No timer is running."
    talk.user("look up the moon")
    talk.started()
    assert talk.user("stop the timer") == "No timer is running."


def test_a_timer_that_tells_how_far_it_is_still_runs() -> None:
    talk = running("three seconds")
    assert talk.later("running", "two seconds left") == "Your timer of three seconds is still running."
    assert talk.user("stop the timer") == cancels(1)


@pytest.mark.parametrize("output", [cancel_tool.result("call_1", found=False), '{"status": "refused"}'])
def test_a_timer_that_could_not_be_stopped(output: str) -> None:
    talk = running("three seconds")
    talk.user("stop the timer")
    talk.items += [Result("call_2", output), later("call_1", "finished")]
    sorry = "Sorry, I could not stop your timer of three seconds."
    assert talk.answer() == f"{sorry} Your timer of three seconds is over."


def test_who_goes_on_speaking_still_hears_that_the_timer_is_stopped() -> None:
    talk = running("three seconds")
    talk.user("stop the timer")
    cancelled(talk, 2, 1)
    assert talk.user("thank you").startswith("I have stopped your timer of three seconds. ")


def test_a_function_that_another_model_cancelled() -> None:
    talk = Talk(*DEMO, CANCEL)
    talk.user("look up the moon")
    talk.started()
    talk.items.append(Called("call_2", CANCEL.name, '{"tool_call_id": "call_1"}'))
    cancelled(talk, 2, 1)
    assert talk.answer() == "I have stopped that."


def test_a_tool_of_the_agent_for_it_goes_before() -> None:
    stop_timer = tool("stop_timer", "Stop a timer.")
    assert once("stop the timer", *DEMO, CANCEL, stop_timer).endswith(" | stop_timer({})")


def test_the_built_in_function_is_for_timers_only_and_nothing_else_changes() -> None:
    sentences = [
        "cancel the async tool call",
        "cancel the function in the background",
        "cancel my call",
        "I do not want the result any more",
        *write_out(),
    ]
    for said in sentences:
        without = once(said, *DEMO)
        assert once(said, *DEMO, CANCEL) == without.replace(
            "I am afraid I cannot stop a timer.", "No timer is running."
        )


def test_the_brain_knows_the_function_as_the_server_offers_it() -> None:
    assert cancel_tool.NAME == CANCEL_ASYNC
    assert list(cancel_tool.SCHEMA.parameters["properties"]) == ["tool_call_id"]
    assert persona(cancel_tool.PARAGRAPH) == Persona()
