"""Timers run for lengths of time; what they cannot do is said."""

from __future__ import annotations

from fractions import Fraction

import pytest

from llm.local.skills.durations import is_duration, parse_duration, say_duration
from tests.unit.llm.local.talk import DEMO, END_CALL, LOOK_UP, Talk, once, tool

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
