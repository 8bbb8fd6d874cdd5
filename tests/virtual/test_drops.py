"""A fixed sample of `make drops`: over 60 call-minutes of real sessions, with links that break in every way."""

from __future__ import annotations

from random import Random

import pytest

from tests.virtual.conversations import CONVERSATIONS, judge
from tests.virtual.drops import known_reference, matrix, several, try_case
from tests.virtual.link import FLAVOURS

PARTS = 5
SINGLE, SEVERAL = 35, 15  # calls in a part: some 16 call-minutes
MINUTES = 62.5


@pytest.mark.parametrize("number", range(len(CONVERSATIONS)), ids=[each.name for each in CONVERSATIONS])
def test_a_conversation_without_a_drop_is_as_it_should_be(number: int) -> None:
    outcome = known_reference(number)
    assert judge(CONVERSATIONS[number], outcome, outcome) == []


@pytest.mark.parametrize("part", range(PARTS))
def test_a_broken_link_is_not_heard(part: int) -> None:
    random = Random(part)
    verdicts = [try_case(case) for case in random.sample(matrix(), SINGLE) + several(SEVERAL, random)]
    assert [verdict for verdict in verdicts if verdict.wrong] == []
    assert sum(verdict.seconds for verdict in verdicts) >= MINUTES * 60 / PARTS
    assert sum(verdict.struck for verdict in verdicts) >= SINGLE
    assert {drop.how for verdict in verdicts for drop in verdict.case.drops} == set(FLAVOURS)
