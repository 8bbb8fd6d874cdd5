"""The measurement of what an answer of the model costs."""

from __future__ import annotations

import asyncio

from bench.llm import CALLS, DELTAS, GOAL, OUTPUTS, Cost, measure, table
from llm.local.connection import deltas
from llm.local.request import Text


def test_an_answer_is_as_long_as_it_says() -> None:
    text, *calls = OUTPUTS
    assert isinstance(text, Text)
    assert (len(deltas(text.text)), len(calls)) == (DELTAS, CALLS) == (200, 2)


def test_both_clients_hold_their_exchanges() -> None:
    """Each fails where an answer is not whole."""
    own, other = asyncio.run(measure(1, 1))
    assert (len(own.rounds), len(other.rounds)) == (1, 1)
    assert min(own.rounds + other.rounds) > 0


def test_the_table_says_whether_the_goal_is_reached() -> None:
    assert GOAL == 0.5
    told = table(Cost("ours", [0.001, 0.002, 0.009]), Cost("theirs", [0.004]))
    assert "2.00ms" in told
    assert told.endswith("ours is 0.50 of theirs: within the goal of 0.5")
    assert "ABOVE" in table(Cost("ours", [0.003]), Cost("theirs", [0.004]))
