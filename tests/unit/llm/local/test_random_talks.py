"""Random conversations: nothing raises, and wherever an answer is cut, it goes on with exactly the rest."""

from __future__ import annotations

import json
from random import Random

import pytest

from llm.local.request import Assistant, Called, Developer, FunctionCall, Result, Text, User
from llm.local.vocabulary import write_out
from tests.unit.llm.local.talk import CANCEL, DEMO, SHOP, Talk, later
from tests.unit.llm.local.test_tools import ALL

SENTENCES = write_out()
STRANGE = [
    "",
    " ",
    "?!",
    "\x00",
    "a" * 3000,
    "((((",
    "0" * 400,
    "1/0",
    "\u2019s",
    "{}",
    '{"type":"async_tool"}',
    "minus minus",
    "point point",
    "uh huh " * 60 + "x",
    "at in for to " * 300,
    "no okay hey " * 300,
    "go on " + "telling the story " * 50,
    "x " * 499,
    "1h" * 400,
    "(2+3)*4",
    "-5",
    "set an alarm for 7 am",
    "set a timer",
    "8",
    "let me think",
    "and on sunday",
    "what day is christmas",
]
OUTPUTS = [
    "",
    "COMPLETED",
    "CANCELLED",
    "IN_PROGRESS",
    "Error: no",
    "[]",
    "{}",
    "[1, [2, {}]]",
    '{"a": {"b": null}}',
    "1e999",
    "-3.25",
    "x" * 2000,
    "[" * 900 + "]" * 900,
    "[" * 30_000,
]
STATUSES = ["started", "running", "finished", "failed", "timed_out", "cancelled", "odd"]


def said_by(dice: Random) -> str:
    kind = dice.random()
    if kind < 0.7:
        return dice.choice(SENTENCES)
    if kind < 0.85:
        return " ".join(dice.choice(dice.choice(SENTENCES).split()) for _ in range(dice.randrange(1, 12)))
    return dice.choice(STRANGE)


def prompt(talk: Talk, dice: Random, calls: list[str]) -> None:
    """Something that asks for an answer."""
    kind = dice.random()
    if kind < 0.75 or not calls:
        talk.items += [User(said_by(dice)) for _ in range(1 + (dice.random() < 0.2))]
    elif kind < 0.9:
        talk.items.append(later(dice.choice(calls), dice.choice(STATUSES), dice.choice([None, "done", 3, {"a": [1]}])))
    else:
        talk.items.append(Developer(dice.choice(["Nothing was understood.", "The caller is silent.", "noise", "{"])))


def give(talk: Talk, dice: Random, calls: list[str]) -> None:
    """An answer is given, often in pieces, each asked for from the log; the calls get their results."""
    whole = talk.ask()
    text = "".join(output.text for output in whole if isinstance(output, Text))
    heard = ""
    while heard != text:
        left = [output for output in talk.ask() if isinstance(output, Text)]
        rest = "".join(output.text for output in left)
        assert (heard + rest).split() == text.split(), talk.items[-4:]
        words = rest.split(" ")
        piece = " ".join(words[: dice.randrange(1, len(words) + 1)])
        if not piece:
            piece = rest
        talk.items.append(Assistant(piece))
        heard += piece
        if dice.random() < 0.15:
            break  # the caller interrupts
    for output in whole:
        if isinstance(output, FunctionCall):
            calls.append(f"c{len(calls)}")
            started = json.dumps({"type": "async_tool", "status": "started", "tool_call_id": calls[-1]})
            talk.items.append(Called(calls[-1], output.name, json.dumps(output.arguments)))
            talk.items.append(Result(calls[-1], dice.choice([*OUTPUTS, started, started])))


@pytest.mark.parametrize("seed", range(30))
def test_random_talk(seed: int) -> None:
    dice, calls = Random(seed), list[str]()
    talk = Talk(*(ALL if seed % 2 else DEMO), CANCEL, instructions=dice.choice(["", SHOP, "You are " * 50]))
    for _ in range(12):
        prompt(talk, dice, calls)
        give(talk, dice, calls)
