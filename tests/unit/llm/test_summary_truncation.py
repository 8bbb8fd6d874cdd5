"""Truncation instead of a summary: what is dropped and when; in the end, thousands of random conversations."""

from __future__ import annotations

from itertools import dropwhile

import pytest
from msgspec import structs

from llm.items import Item, UserMessage
from llm.messages import call_ids, is_pinned, note_of, running_calls
from llm.summary import Plan, SummaryOptions, plan
from tests.unit.llm.test_summary import (
    LEAD,
    SOON,
    SUMMARY,
    TALK,
    done,
    note,
    of_tokens,
    planned,
    said,
    started,
    user,
    waiting,
)
from tests.unit.llm.test_summary_random import CASES, Case, not_leading

SHORT = structs.replace(SOON, mode="truncate", max_context_tokens=100, max_unsummarized_messages=3)
"""All of the lists below are too long for it; the newest 2 stay."""


# --- what is dropped ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keep", "letters"),
    [(0, "cccc.."), (1, "cccc.."), (2, "cccc.."), (3, "cc...."), (4, "cc...."), (5, ""), (6, ""), (7, "")],
)
def test_what_stays_begins_with_a_turn_and_the_newest_one_always_stays(keep: int, letters: str) -> None:
    assert planned(TALK, structs.replace(SHORT, min_messages_to_keep=keep)) == letters


@pytest.mark.parametrize(
    ("items", "letters"),
    [
        ([LEAD, LEAD, *TALK], "..cccc.."),
        ([LEAD, said(), *TALK], ".ccccc.."),
        ([SUMMARY, *TALK], "ccccc.."),
        ([user(1), LEAD, *TALK[1:], said()], "ccccc..."),
        # without a turn of the caller there is no edge
        ([said()] * 8, ""),
        ([user(1), *[said()] * 8], ""),
        ([said(), user(1), *[said()] * 8], "c........."),
        # a blocking call, its turn, and all that follows it
        ([user(1), said(), user(2), said(waiting("a")), user(3), said(), user(4), said()], "cc......"),
        ([user(1), said(waiting("a")), user(2), said(), user(3), said()], ""),
        # an async call that runs stays, what stands around it goes
        ([user(1), said(started("a")), *TALK], "ckcccc.."),
        ([user(1), said(started("a")), note("a", "running"), *TALK], "ckccccc.."),
        ([user(1), said(started("a"), started("b")), note("a", "completed"), *TALK], "ckkcccc.."),
        # calls go with their results, unless one of these stands in what stays
        ([user(1), said(done("a"), started("b")), note("b", "completed"), *TALK], "ccccccc.."),
        ([*TALK[:1], said(started("a")), *TALK[:4], note("a", "failed"), said()], "ckcc...."),
    ],
)
def test_what_is_dropped(items: list[Item], letters: str) -> None:
    assert planned(items, SHORT) == letters


@pytest.mark.parametrize(
    ("pinned", "letters"), [("x", ".ccc.."), ("  x", "cckc.."), ("    x", "cccc.."), ("x x", ".ckc..")]
)
def test_a_pinned_message_stays(pinned: str, letters: str) -> None:
    options = structs.replace(SHORT, max_context_tokens=65, max_unsummarized_messages=2)
    assert planned(TALK, options, pinned=pinned) == letters


@pytest.mark.parametrize(
    ("changing", "letters"), [("    x", "cccc.."), ("   x", "cc...."), ("  x", "cc...."), (" x", "")]
)
def test_the_turn_of_a_message_that_changes_stays_and_all_that_follows_it(changing: str, letters: str) -> None:
    assert planned(TALK, SHORT, changing=changing) == letters


# --- when -----------------------------------------------------------------------------------------------------------

MANY = SummaryOptions(mode="truncate")


@pytest.mark.parametrize(("messages", "letters"), [(20, ""), (21, "c" * 17 + "....")])
def test_many_messages_are_too_many_however_short(messages: int, letters: str) -> None:
    items: list[Item] = [UserMessage("")] * messages
    assert planned(items, MANY) == letters
    assert planned([LEAD] * 9 + items, MANY) == ("." * 9 + letters if letters else "")
    assert planned(items, MANY, pinned="x") == ""


@pytest.mark.parametrize(
    ("tokens", "letters"),
    [([1000] * 8, ""), ([1001] + [1000] * 7, "cccc...."), ([10, 9000, 10, 10, 10], "c...."), ([9000, 10, 10, 10], "")],
)
def test_a_large_log_is_cut_also_when_little_can_go(tokens: list[int], letters: str) -> None:
    assert planned(list(map(of_tokens, tokens)), MANY) == letters


# --- at random ------------------------------------------------------------------------------------------------------


def truncation(case: Case) -> Plan | None:
    return plan(case.items, case.finished, structs.replace(case.options, mode="truncate"))


DROPPED = [(case, made) for case in CASES if (made := truncation(case))]


def left(case: Case, made: Plan) -> tuple[Item, ...]:
    return (*case.items[: made.start], *made.staying(), *case.items[made.stop :])


def test_what_stays_of_random_conversations_begins_with_a_turn() -> None:
    """But for what leads, is pinned, or belongs to calls that stay."""
    assert len(DROPPED) > 800
    assert sum(bool(made.kept) for _, made in DROPPED) > 200
    for case, made in DROPPED:
        rest = case.items[made.stop :]
        lead = next(at for at, item in enumerate(case.items) if not_leading(item))
        assert made.start >= lead
        assert len(rest) >= case.options.min_messages_to_keep
        free = (item for item in rest if not (call_ids(item) or note_of(item)))
        turn_or_pinned = dropwhile(lambda item: is_pinned(item) and not isinstance(item, UserMessage), free)
        assert isinstance(next(turn_or_pinned), UserMessage)


def test_nothing_that_must_stay_is_dropped() -> None:
    for case, made in DROPPED:
        running = running_calls(case.items)
        assert not any(is_pinned(item) or call_ids(item) & running for item in made.going())
        assert running_calls(left(case, made)) == running
        assert all(case.finished[made.start + at] for at in range(len(made.part)) if at not in made.kept)


def test_no_result_is_left_without_its_call() -> None:
    for case, made in DROPPED:
        known = {call_id for item in case.items for call_id in call_ids(item)}
        there = {call_id for item in left(case, made) for call_id in call_ids(item)}
        assert {each.tool_call_id for item in left(case, made) if (each := note_of(item))} & known <= there


def test_it_is_not_dropped_twice() -> None:
    """What is left is left alone until something is said, unless it was still changing."""
    calm = [(case, left(case, made)) for case, made in DROPPED if all(case.finished)]
    assert len(calm) > 400
    for case, items in calm:
        assert plan(items, [True] * len(items), structs.replace(case.options, mode="truncate")) is None
