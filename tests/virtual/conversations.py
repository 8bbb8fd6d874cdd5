"""Eight conversations, and what must be heard in them whatever happens to the link.

Of each it is said what a turn's answer must contain; and in none is a sentence heard twice, a tool run twice, or the
call left open. The story is also compared word by word with the story as it is without drops.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher
from pathlib import Path

from msgspec import Struct

from server.agent import Agent, load_agent
from tests.virtual.caller import Step, script
from tests.virtual.stand import Outcome

EXAMPLES = Path(__file__).parents[2] / "examples"


class Conversation(Struct, frozen=True):
    """A script, what must be heard (regular expressions, in this order), and how often tools run at the most."""

    name: str
    agent: str
    lines: tuple[str, ...]
    heard: tuple[str, ...]
    tools: dict[str, int]
    ends_with: int = 1000

    def make_agent(self) -> Agent:
        """The agent of the conversation, fresh."""
        return load_agent(EXAMPLES / f"{self.agent}.py")

    def steps(self) -> list[Step]:
        """What the caller does."""
        return script(self.lines)


CONVERSATIONS = (
    Conversation(
        "small talk",
        "demo",
        (
            "wait",
            "say 1.0 hello there",
            "wait",
            "say 1.2 what time is it",
            "wait",
            "say 2.0 what is nine plus five",
            "wait",
            "say 1.0 goodbye",
        ),
        ("Hi there!", "twelve o'clock", "fourteen", "Goodbye|Bye!"),
        {"end_call": 1},
    ),
    Conversation(
        "a story, interrupted and taken up again",
        "demo",
        (
            "wait",
            "say 1.2 tell me a story",
            "words 25",
            "say 0.8 wait stop",
            "wait",
            "say 0.8 go on",
            "words 50",
            "say 1.0 goodbye",
        ),
        ("the lighthouse cat", "go on", "Where was I", "Pepper", "Goodbye|Bye!"),
        {"end_call": 1},
    ),
    Conversation(
        "a timer that comes back",
        "demo",
        (
            "wait",
            "say 2.4 please set a timer for three seconds",
            "until (?i)timer.* is over",
            "wait",
            "say 1.0 goodbye",
        ),
        ("is over", "Goodbye|Bye!"),
        {"set_timer": 1, "end_call": 1},
    ),
    Conversation(
        "a timer that is stopped and never rings",
        "demo",
        (
            "wait",
            "say 2.4 please set a timer for thirty seconds",
            "until is running",
            "wait",
            "say 1.2 stop the timer",
            "until stopped your timer",
            "pause 30",
            "say 1.0 goodbye",
        ),
        ("is running", r"I have stopped your timer of thirty seconds\.(?!.* is over).*(Goodbye|Bye!)"),
        {"set_timer": 1, "end_call": 1},
    ),
    Conversation(
        "two lookups, the second given up",
        "demo",
        (
            "wait",
            "say 1.2 look up the moon",
            "until kilometres",
            "wait",
            "say 1.5 look up the weather",
            "words 2",
            "say 1.2 what time is it",
            "until twelve",
            "wait",
            "say 1.0 goodbye",
        ),
        ("three hundred and eighty four thousand kilometres", "twelve o'clock", "Goodbye|Bye!"),
        {"look_up": 2, "end_call": 1},
    ),
    Conversation(
        "a lookup and a timer in one answer",
        "demo",
        (
            "wait",
            "type look up the moon",
            "type set a timer for ten seconds",
            "until (?i)timer.* is over",
            "wait",
            "say 1.0 goodbye",
        ),
        ("thousand kilometres", "is over", "Goodbye|Bye!"),
        {"look_up": 1, "set_timer": 1, "end_call": 1},
    ),
    Conversation(
        "typed, keys, a cough",
        "demo",
        (
            "wait",
            "type what is two times three",
            "wait",
            "keys 12#",
            "wait",
            "say 1.2 what time is it",
            "words 3",
            "cough 0.2",
            "wait",
            "say 1.0 goodbye",
        ),
        ("six", "one, two", "twelve o'clock", "Goodbye|Bye!"),
        {"end_call": 1},
    ),
    Conversation(
        "a shop with an announcement",
        "bike_shop",
        (
            "wait",
            "say 1.5 when are you open on monday",
            "until nine to five",
            "wait",
            "say 1.2 are you open on sunday",
            "until Closed",
            "wait",
            "end",
        ),
        ("This call may be recorded.", "nine to five", "Closed"),
        {"opening_hours": 2},
    ),
)


def sentences(text: str) -> Counter[str]:
    """The sentences of a text with at least three words."""
    found = [each.strip() for each in re.split(r"(?<=[.!?])\s+", text)]
    return Counter(each for each in found if len(each.split()) >= 3)


def judge(conversation: Conversation, outcome: Outcome, reference: Outcome) -> list[str]:
    """What is wrong with a call; nothing, if all is well."""
    wrong: list[str] = []
    heard = " ".join(outcome.heard)
    at = 0
    for part in conversation.heard:
        place = re.compile(part).search(heard, at)
        if place is None:
            wrong.append(f"not heard (in its place): {part!r}")
        else:
            at = place.end()
    usual = sentences(" ".join(reference.heard))
    twice = [each for each, count in sentences(heard).items() if count > max(usual[each], 1)]
    wrong += [f"heard more often than it should be: {each!r}" for each in twice]
    wrong += differences(" ".join(outcome.turns).split(), outcome.heard, outcome.cuts)
    for tool, count in Counter(name for name, _ in outcome.tools).items():
        if count > conversation.tools.get(tool, 0):
            wrong.append(f"{tool} was called {count} times")
    missing = [tool for tool in conversation.tools if tool not in dict(outcome.tools)]
    wrong += [f"{tool} was never called" for tool in missing]
    if outcome.end is None or outcome.end.code != conversation.ends_with:
        wrong.append(f"the call ended with {outcome.end}")
    wrong += story_out_of_order(outcome.heard, STORY)
    return wrong


def differences(logged: list[str], heard: list[str], allowed: int) -> list[str]:
    """Where the log and the ear differ by more than a word for each cut: one that had just begun cannot be made out."""
    changes = [
        each for each in SequenceMatcher(None, logged, heard, autojunk=False).get_opcodes() if each[0] != "equal"
    ]
    words = sum(max(to - at, to2 - at2) for _, at, to, at2, to2 in changes)
    if words <= allowed:
        return []
    return [f"the log has {logged[at:to]}, the ear {heard[at2:to2]}" for _, at, to, at2, to2 in changes]


STORY: list[str] = []
"""The words of the story, in order: filled from a call without drops in which nobody interrupts."""


def story_out_of_order(heard: Sequence[str], story: Sequence[str]) -> list[str]:
    """Runs of the story that go back: the words that are heard of it must go forward only."""
    places = {tuple(story[n : n + 4]): n for n in range(len(story) - 3)}
    last, wrong = -1, []
    for n in range(len(heard) - 3):
        place = places.get(tuple(heard[n : n + 4]))
        if place is not None:
            if place <= last:
                wrong.append(f"the story goes back to {' '.join(story[place : place + 4])!r}")
            last = place
    return wrong
