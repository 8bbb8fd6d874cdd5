"""A fixed sample of `make sim`: 4,000 simulated calls, and that a seed is a call to the byte."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.sim.oracles import Violation
from tests.sim.run import kept_seeds, run_many, run_seed
from tests.sim.swarm import KINDS
from tests.sim.world import World

PARTS, CALLS = 8, 350
FIRST = 1_000_000
LIVELY = (
    "Hold",
    "carriers",
    "link drops",
    "stalls",
    "refusals",
    "interruptions",
    "tool runs",
    "apologies",
    "answers taken up again",
    "early answers used",
    "told: Idle 1",
    "ears: started",
    "ears: eager",
    "ears: ended",
    "ears: judgements",
    "ears: outages",
    "voice: failures",
)
RARER = (
    "told: Backchannel",
    "told: EarlyAnswer",
    "told: FalseInterruption",
    "told: Idle 2",
    "told: Idle 3",
    "told: NotHeard",
    "line: not taken",
    "line: taken",
    "caller: mute",
    "caller: television",
    "ears: resumed",
    "ears: double hints",
    "ears: hints that never came",
    "ears: late hints",
    "ears: late judgements",
    "ears: double finals",
    "ears: late finals",
    "ears: lost",
    "ears: nothing came",
    "ears: revised partials",
    "voice: audio that nobody wanted",
    "voice: frames that began late",
    "voice: frames that were begun again",
    "voice: nothing for words",
    "voice: silent pieces",
    "voice: stalls before the first audio",
    "voice: stalls within a frame",
)
"""At least so often in a part of the sample: a switch that is never on is noticed."""
RARELY = 3


@pytest.mark.parametrize("part", range(PARTS))
def test_every_oracle_is_content(part: int) -> None:
    counts, failed = run_many(range(FIRST + part * CALLS, FIRST + (part + 1) * CALLS))
    assert failed == []
    assert counts["calls"] == CALLS
    for what in LIVELY:
        assert counts[what] > CALLS / 50, f"the world has become tame: {what}"
    for what in RARER:
        assert counts[what] >= RARELY, f"the world has become tame: {what}"


def test_seeds_that_failed_once_do_not_fail_again() -> None:
    _, failed = run_many(kept_seeds())
    assert failed == []


def test_the_same_seed_gives_the_same_journal() -> None:
    for seed in range(FIRST, FIRST + 20):
        journals = []
        for _ in range(2):
            world = World(seed)
            world.run()
            journals.append(world.journal.text())
        assert journals[0] == journals[1]
        assert len(journals[0]) > 500


def test_every_kind_of_fault_is_drawn_and_spared() -> None:
    drawn = Counter(kind for seed in range(200) for kind in KINDS if World(seed).swarm_has(kind))
    for kind in KINDS:
        assert 20 < drawn[kind] < 200 or kind == "drop", kind


def test_an_oracle_that_is_not_content_is_told() -> None:
    world = World(1)
    world.tools.runs["t1c0"] = 2
    with pytest.raises(Violation, match="executed twice"):
        world.run()


def test_a_call_is_counted() -> None:
    counts: Counter[str] = Counter()
    run_seed(FIRST, counts)
    assert counts["calls"] == 1
    assert counts["events"] > 50
