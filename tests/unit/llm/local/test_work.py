"""How much work an answer is: it does not grow with what a caller types, and it stays small with a long log.

Counted are calls of functions, not time; what would take for ever would hang here.
"""

from __future__ import annotations

import re
import sys
from types import CodeType, FrameType
from typing import Any

import pytest

from llm.local.brain import REPLAYED, respond
from llm.local.exchanges import MAX_MESSAGES, MAX_TURN, exchanges
from llm.local.request import Assistant, Item, Request, User
from llm.local.skills import arithmetic, durations, numbers, rules
from llm.local.skills.course import BACKCHANNEL, GO_ON, GOODBYE, STOP, THINKING
from llm.local.vocabulary import write_out
from tests.unit.llm.local.talk import DEMO, NOW
from tests.unit.llm.local.test_tools import ALL


class Calls:
    """Counts the calls of a function while it is entered."""

    def __init__(self, function: Any) -> None:
        self.count = 0
        self._code: CodeType = function.__code__

    def __enter__(self) -> Calls:
        sys.setprofile(self._seen)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _seen(self, frame: FrameType, event: str, _: object) -> None:
        self.count += event == "call" and frame.f_code is self._code


def forget() -> None:
    """Nothing is known of earlier requests."""
    for cached in (numbers.numbers_in, durations.parse_duration, arithmetic._words):
        cached.cache_clear()


PHRASES = "telling the story|wait a minute|thank you very much|okay|good bye|you too|let me think|hm".split("|")
LONG = [
    "x " * 499,
    "one plus " * 110,
    "one " * 250,
    "point one " * 99,
    "set a timer a " * 70,
    "1 h 30 " * 140,
    "a " * 499,
]


@pytest.mark.parametrize("said", LONG)
def test_each_word_is_read_as_a_number_a_few_times_only(said: str) -> None:
    words = len(said[:MAX_TURN].split())
    forget()
    with Calls(numbers.parse_number) as calls:
        list(respond(Request((User(said),), "", DEMO), NOW))
    assert 0 < calls.count <= 5 * words + 50


@pytest.mark.parametrize("said", LONG)
def test_messages_that_were_not_answered_yet_cost_no_more_than_a_turn(said: str) -> None:
    counted = []
    for messages in (1, 2, 200):
        forget()
        with Calls(numbers.parse_number) as calls:
            list(respond(Request((User(said),) * messages, "", DEMO), NOW))
        counted.append(calls.count)
    assert counted[1] == counted[2] <= counted[0] + 50


def test_the_last_messages_of_a_turn_are_read() -> None:
    (few,) = exchanges([User(f"{number}") for number in range(20)])
    assert few.users == [f"{number}" for number in range(20 - MAX_MESSAGES, 20)]
    half = MAX_TURN // 2
    (long,) = exchanges([User("a" * half), User("b" * half), User("c" * half)])
    assert long.users == ["b" * half, "c" * half]
    (longest,) = exchanges([User("a" * half), User("b" * 4000)])
    assert longest.users == ["b" * MAX_TURN]


def test_a_long_log_is_not_answered_again_and_again() -> None:
    log: list[Item] = []
    for sentence in write_out() * 4:
        log += [User(sentence), Assistant("Words that nobody would answer with.")]
    request = Request((*log, User("what time is it")), "", ALL)
    with Calls(rules.answer) as answers:
        list(respond(request, NOW))
    with Calls(rules.again) as again:
        list(respond(request, NOW))
    assert answers.count == REPLAYED + 1
    assert again.count == 2 * REPLAYED, "digits are said in one wording: that is found out, and that no time is told"


@pytest.mark.parametrize("pattern", [STOP, GO_ON, BACKCHANNEL, GOODBYE, THINKING])
def test_what_repeats_itself_is_refused_in_one_pass(pattern: re.Pattern[str]) -> None:
    for start in ("", "go on ", "stop ", "bye ", "let me think "):
        for phrase in PHRASES:
            assert not pattern.match(start + f"{phrase} " * 100 + "the hat")
