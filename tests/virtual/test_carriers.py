"""A fixed sample of `python -m tests.virtual.carriers`: every carrier, 200 barge-ins, lines that break."""

from __future__ import annotations

from functools import cache
from random import Random

import pytest
from msgspec.structs import replace

from tests.virtual.carrier_stand import Outcome, Played
from tests.virtual.carriers import (
    CARRIERS,
    NOTICE,
    Case,
    Verdict,
    barge_ins,
    call_of,
    cuts,
    judge,
    path_of,
    reference,
    slips,
    try_case,
    whole,
)

INTERRUPTED = {name: barge_ins(name, (number, number + len(CARRIERS))) for number, name in enumerate(CARRIERS)}
DROPS = 2  # of each carrier


@cache
def interrupted(carrier: str) -> tuple[list[Verdict], list[Outcome]]:
    """Calls with barge-ins at random instants."""
    outcomes = [call_of(case) for case in INTERRUPTED[carrier]]
    verdicts = [
        Verdict(case, judge(case, outcome), len(outcome.cuts))
        for case, outcome in zip(INTERRUPTED[carrier], outcomes, strict=True)
    ]
    return verdicts, outcomes


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_conversation_goes_as_it_should(carrier: str) -> None:
    assert judge(Case(carrier, path_of(carrier, 0)), reference(carrier)) == []


def test_the_caller_may_hang_up_too() -> None:
    assert try_case(whole("genesys", 0)[1]).wrong == []


@pytest.mark.parametrize("carrier", CARRIERS)
def test_barge_ins_lose_and_repeat_nothing_that_is_protected_and_the_log_has_what_was_heard(carrier: str) -> None:
    verdicts, _ = interrupted(carrier)
    assert [each for each in verdicts if each.wrong] == []


def test_the_barge_ins_are_200_and_more() -> None:
    assert sum(each.cuts for carrier in CARRIERS for each in interrupted(carrier)[0]) >= 200


@pytest.mark.xfail(
    strict=True,
    reason="barge_in.holds() holds nothing while a protected frame is at the head, so what stands behind it and was"
    " interrupted leaves within the lead, and is heard for a moment before the turn is over",
)
def test_nothing_that_was_interrupted_slips_out_behind_a_notice() -> None:
    assert [each for carrier in CARRIERS for outcome in interrupted(carrier)[1] for each in slips(outcome)] == []


@pytest.mark.xfail(
    strict=True,
    reason="Genesys has no marks and lags behind the clock: a clear just behind a notice, as the clock has it, empties"
    " the last of it; Playout._clears_too_late() looks at carriers with marks only, and not behind a frame",
)
def test_a_clear_just_behind_a_notice_takes_nothing_of_it_where_there_are_no_marks() -> None:
    assert try_case(barge_ins("genesys", (33,))[0]).wrong == []


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_line_that_breaks_ends_the_call_in_order(carrier: str) -> None:
    verdicts = [try_case(case) for case in Random(carrier).sample(cuts(carrier), DROPS)]
    assert [each for each in verdicts if each.wrong] == []


# --- the oracles themselves -------------------------------------------------------------------------------------------


def with_notice(change: bytes | None) -> Outcome:
    """The notice was played otherwise; None: not at all."""
    outcome = reference("twilio")
    number = next(frame for frame, said in outcome.said.items() if said[0].strip() == NOTICE)
    heard = outcome.played[number]
    played = {frame: each for frame, each in outcome.played.items() if frame != number}
    if change is not None:
        played[number] = Played(change, heard.stretches)
    return replace(outcome, played=played)


def wrong_with(outcome: Outcome) -> str:
    """What the judge says."""
    return "; ".join(judge(Case("twilio", path_of("twilio", 0)), outcome))


def test_the_oracles_notice_what_they_are_for() -> None:
    outcome = reference("twilio")
    pcm = next(said[2] for said in outcome.said.values() if said[0].strip() == NOTICE)
    assert wrong_with(outcome) == ""
    assert "is lost after 320 of" in wrong_with(with_notice(pcm[:320]))
    assert "is lost after 0 of" in wrong_with(with_notice(None))
    assert "twice" in wrong_with(with_notice(pcm + pcm[-320:]))
    assert "with gaps" in wrong_with(with_notice(pcm[:3200] + pcm[3520:]))
    assert "the log has" in wrong_with(replace(outcome, turns=[*outcome.turns, "two words"]))
    assert "the log has" in wrong_with(replace(outcome, turns=outcome.turns[:-1]))
    assert "s of what was interrupted" in wrong_with(replace(outcome, stale_s=-1.0))
    assert "fault" in wrong_with(replace(outcome, faults={"half a sample": 1}))
