"""The rules of a fallback in a rude world: thousands of calls, each from a seed."""

from __future__ import annotations

import pytest

from tests.unit.llm.fallback_world import World

SEEDS = 3000
PARTS = 6


@pytest.mark.parametrize("part", range(PARTS))
def test_whatever_happens_an_answer_is_one_childs_and_ends_once(part: int) -> None:
    seen: set[str] = set()
    for seed in range(part, SEEDS, PARTS):
        world = World(seed).run()
        world.rest()
        seen |= world.seen
    assert seen >= {
        "Delta",
        "FunctionCall",
        "Progress",
        "Thought",
        "ReplyDone",
        "ReplyFailed",
        "Inferred",
        "InferenceFailed",
        "asked as number 2",
        "asked as number 3",
        "replaced while late",
        "cancelled",
        "link down",
        "link down, fatal",
    }, "a world in which that does not happen proves nothing"
