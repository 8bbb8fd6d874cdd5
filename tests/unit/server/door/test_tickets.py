"""Tickets: once, at one path, for half a minute; and what was spent is remembered within bounds."""

from __future__ import annotations

from random import Random

import pytest

from server.door.request import Refused
from server.door.tickets import LIFE_S, MAX_FACT, MAX_TICKET, Facts, SpentHere, Tickets

NOW_S = 1_800_000_000.0
NONCE = bytes(16)
FACTS = Facts("reception", "CA1", "+1555", "+49ü")


def tickets(key: bytes = b"k" * 32) -> Tickets:
    """With one key."""
    return Tickets(key)


def test_a_ticket_says_what_was_known() -> None:
    text = tickets().issue("telnyx", FACTS, NOW_S, NONCE)
    ticket = tickets().read(text, "telnyx", NOW_S + LIFE_S)
    assert (ticket.facts, ticket.nonce, ticket.until_s) == (FACTS, NONCE, NOW_S + LIFE_S)
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


def test_a_ticket_is_over_after_half_a_minute() -> None:
    text = tickets().issue("telnyx", FACTS, NOW_S, NONCE)
    with pytest.raises(Refused, match="its ticket was good for 30 s, and they are over"):
        tickets().read(text, "telnyx", NOW_S + LIFE_S + 0.001)


@pytest.mark.parametrize("path", ["plivo", "carrier", "telny", "telnyxx", ""])
def test_a_ticket_is_good_at_its_own_path_only(path: str) -> None:
    text = tickets().issue("telnyx", FACTS, NOW_S, NONCE)
    with pytest.raises(Refused, match="its ticket is for another path"):
        tickets().read(text, path, NOW_S)


def test_no_character_of_a_ticket_can_be_changed() -> None:
    text = tickets().issue("telnyx", FACTS, NOW_S, NONCE)
    dice = Random(1)
    for at in range(len(text)):
        for other in {"A", "_", ".", "=", "\udcff", dice.choice("bcdefgh")} - {text[at]}:
            with pytest.raises(Refused, match="its ticket is not one of ours"):
                tickets().read(text[:at] + other + text[at + 1 :], "telnyx", NOW_S)
    said, _, signature = text.partition(".")
    for forged in (
        "",
        ".",
        said,
        f"{said}.",
        f".{signature}",
        f"{text}=",
        f"{text}.",
        f" {text}",
        "x" * (MAX_TICKET + 1),
    ):
        with pytest.raises(Refused, match="its ticket is not one of ours"):
            tickets().read(forged, "telnyx", NOW_S)


def test_a_ticket_of_another_server_is_not_ours() -> None:
    with pytest.raises(Refused, match="its ticket is not one of ours"):
        tickets().read(tickets(b"x" * 32).issue("telnyx", FACTS, NOW_S, NONCE), "telnyx", NOW_S)


def test_facts_without_end_are_cut_and_the_ticket_can_be_read() -> None:
    long = Facts(*("\U0001f600" * 9999 for _ in range(4)))
    text = tickets().issue("telnyx", long, NOW_S, NONCE)
    assert len(text) <= MAX_TICKET
    assert tickets().read(text, "telnyx", NOW_S).facts.caller == "\U0001f600" * MAX_FACT


# --- what was spent ---------------------------------------------------------------------------------------------------


def test_a_name_is_spent_once_until_it_would_not_be_good_any_more() -> None:
    spent = SpentHere()
    spent.spend("a", NOW_S + 30, NOW_S)
    for at_s in (0, 29.9, 30):
        with pytest.raises(Refused, match="was shown before"):
            spent.spend("a", NOW_S + 30, NOW_S + at_s)
    spent.spend("a", NOW_S + 90, NOW_S + 30.1)
    assert len(spent) == 1


def test_what_is_over_is_forgotten_also_out_of_order() -> None:
    spent = SpentHere()
    for index in range(100):
        spent.spend(f"n{index}", NOW_S + (index * 37) % 100, NOW_S)
    spent.spend("last", NOW_S + 200, NOW_S + 49.5)
    assert len(spent) == 51
    spent.spend("after", NOW_S + 300, NOW_S + 250)
    assert len(spent) == 1


def test_when_it_is_full_nobody_comes_in_until_something_is_over() -> None:
    spent = SpentHere(most=3)
    for name in "abc":
        spent.spend(name, NOW_S + 30, NOW_S)
    for name in "defgh":
        with pytest.raises(Refused, match="more tickets are being shown than can be remembered"):
            spent.spend(name, NOW_S + 30, NOW_S + 1)
    with pytest.raises(Refused, match="was shown before"):
        spent.spend("a", NOW_S + 30, NOW_S + 1)
    assert len(spent) == 3
    spent.spend("d", NOW_S + 61, NOW_S + 31)


def test_a_name_of_any_length_and_kind_takes_as_little() -> None:
    spent = SpentHere()
    spent.spend("x" * 1_000_000 + "\udcff", NOW_S + 30, NOW_S)
    assert [len(name) for name in spent._names] == [32]
