"""The ledger of function calls: when the model is asked."""

from __future__ import annotations

from itertools import permutations

import pytest

from llm.events import Outcome
from llm.function_calls import (
    CallOptions,
    Ledger,
)
from tests.unit.llm.ledger_stand import BLOCKING, finish, ledger, made, start


@pytest.mark.parametrize("order", list(permutations("abc")))
@pytest.mark.parametrize("outcome", ["completed", "failed", "timed_out"])
def test_a_group_asks_once_after_its_last_result(order: tuple[str, ...], outcome: Outcome) -> None:
    book = ledger(*((each, BLOCKING) for each in "abc"))
    start(book)
    for each in order[:-1]:
        finish(book, each, outcome=outcome)
        assert not book.settle(None)
    finish(book, order[-1], outcome=outcome)
    assert book.settle(None)
    assert not book.settle(None)


@pytest.mark.parametrize(
    ("results", "asks"),
    [
        ([("completed", None)], True),
        ([("completed", True)], True),
        ([("completed", False)], False),
        ([("failed", None)], True),
        ([("failed", False)], False),
        ([("timed_out", None)], True),
        ([("cancelled", None)], False),
        ([("cancelled", True)], False),
        ([("cancelled", None), ("cancelled", None)], False),
        ([("cancelled", None), ("completed", None)], True),
        ([("completed", None), ("cancelled", None)], True),
        ([("completed", False), ("completed", False)], False),
        ([("completed", False), ("completed", None)], True),
        ([("completed", None), ("completed", False)], True),
        ([("completed", True), ("completed", False)], True),
    ],
)
def test_which_results_ask(results: list[tuple[Outcome, bool | None]], asks: bool) -> None:
    book = ledger(*((str(number), BLOCKING) for number in range(len(results))))
    start(book)
    for number, (outcome, run_llm) in enumerate(results):
        finish(book, str(number), outcome=outcome, run_llm=run_llm)
    assert book.settle(None) is asks
    assert not book.settle(None)


def test_a_group_is_not_settled_while_its_response_is_coming() -> None:
    book = ledger(("a", BLOCKING), group=7)
    finish(book, "a")
    assert not book.settle(7)
    book.dispatch(made("b", 7), BLOCKING, 7)
    assert not book.settle(None)
    finish(book, "b")
    assert not book.settle(7)
    assert book.settle(8)


def test_groups_are_settled_each_for_itself() -> None:
    book = ledger(("a", BLOCKING), group=1)
    book.dispatch(made("b", 2), BLOCKING, 2)
    finish(book, "b")
    assert book.settle(None), "group 2 has all its results, whatever group 1 does"
    assert not book.settle(None)
    finish(book, "a", run_llm=False)
    assert not book.settle(None)


@pytest.mark.parametrize("silent", ["a", "b"])
def test_groups_that_end_together_ask_once(silent: str) -> None:
    book = ledger(("a", BLOCKING), group=1)
    book.dispatch(made("b", 2), BLOCKING, 2)
    for each in "ab":
        finish(book, each, run_llm=False if each == silent else None)
    assert book.settle(None)
    assert not book.settle(None)


def test_a_refused_call_waits_for_the_others_of_its_group() -> None:
    book = ledger(("a", BLOCKING))
    book.refuse(1)
    assert not book.settle(None)
    finish(book, "a", outcome="cancelled")
    assert book.settle(None)


def test_a_book_without_calls_asks_nobody() -> None:
    assert not Ledger(CallOptions()).settle(None)
