"""Addresses, headers and keys: what can be sent, and what must not be seen."""

from __future__ import annotations

from random import Random
from urllib.parse import quote, quote_plus, unquote, unquote_plus, urlencode

import pytest

from link.addresses import can_be_key, fault_of, fault_of_headers, hidden, secrets_of
from link.websocket import Endpoint

WS = ("ws", "wss")
ODD = "aZ09 +%&=/?#@:;,\"'<>[]{}|\\^`~é漢\N{GRINNING FACE}"


# --- what can be sent -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url", ["ws://host", "wss://host:8443/v1?a=b&c", "ws://[::1]:1/", "wss://me:word@host/", "wss://müller.example/ü"]
)
def test_an_address(url: str) -> None:
    assert fault_of(url, WS) == ""


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("http://host", "must begin with ws:// or wss://"),
        ("host", "must begin with ws:// or wss://"),
        ("ws://", "must be an address like wss://host/path"),
        ("ws://:80/", "must be an address like wss://host/path"),
        ("wss://[::1", "must be an address like wss://host/path"),
        ("ws://host:99999/", "must be an address like wss://host/path"),
        ("ws://host:0/", "must be an address like wss://host/path"),
        ("ws://host/#f", "must not have a fragment (#…)"),
        ("ws://ho st/", "must hold no white space and no control characters"),
        ("ws://host/\n", "must hold no white space and no control characters"),
        ("ws://me@host/", "must have a password where it has a user (user:password@host)"),
    ],
)
def test_what_is_no_address(url: str, fault: str) -> None:
    assert fault_of(url, WS) == fault


def test_the_schemes_are_those_that_are_asked_for() -> None:
    assert fault_of("http://host", ("http", "https")) == ""
    assert fault_of("http://", ("http", "https")) == "must be an address like https://host/path"


def test_headers_are_told_without_their_values() -> None:
    assert fault_of_headers([("api-key", "k"), ("X", ""), ("Y", 'a b; c="d"')]) == ""
    assert "no header can have" in fault_of_headers([("Authorization: Bearer s3cret", "")])
    assert "s3cret" not in fault_of_headers([("Authorization: Bearer s3cret", "")])
    assert fault_of_headers([("X", "s3cret\n")]).endswith("under 'X'")


def test_a_key_is_one_line() -> None:
    assert can_be_key("sk-0123_=/+")
    assert not any(map(can_be_key, ("", " k", "k ", "k\n", "k\r\nX: y", "é", "\x00", "\x7f")))


# --- what must not be seen --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("bad key sk/abc+defgh==", "bad key ***"),
        ("bad key sk%2Fabc%2Bdefgh%3D%3D", "bad key ***"),
        ("bad key sk%2fabc%2bdefgh%3d%3d", "bad key ***"),
        ("bad key sk/abc%2Bdefgh%3D%3D", "bad key ***"),
        ("bad password super secret", "bad password ***"),
        ("bad password super%20secret or super+secret", "bad password *** or ***"),
        ("bad user user:super%20secret", "bad user ***"),
        ("Basic dXNlcjpzdXBlciBzZWNyZXQ= is wrong", "Basic *** is wrong"),
        ("no such user: user", "no such user: user"),
    ],
)
def test_the_spellings_of_a_secret(said: str, told: str) -> None:
    endpoint = Endpoint("wss://user:super%20secret@h/p?api-key=sk%2Fabc%2Bdefgh%3D%3D")
    assert endpoint.without_secrets(said) == told


@pytest.mark.parametrize("seed", range(200))
def test_no_odd_value_is_seen_however_it_is_quoted(seed: int) -> None:
    dice = Random(seed)
    value, password, header = ("".join(dice.choices(ODD, k=dice.randint(8, 20))) for _ in range(3))
    way = dice.choice((urlencode({"key": value}), f"key={quote(value)}", f"key={quote(value, safe='')}&b=1"))
    url = f"wss://me:{quote(password, safe='')}@host/v1?a=1&{way}"
    sent = way.removesuffix("&b=1").partition("=")[2]
    secrets = {sent, unquote(sent), unquote_plus(sent), value, password, header}
    forms = secrets | {form(each) for each in (value, password) for form in (quote, quote_plus)}
    forms |= {quote(each, safe="").lower() for each in (value, password)}
    for form in forms:
        assert hidden(f"it says <{form}>.", secrets_of(url, [header])) == "it says <***>."


def test_nothing_secret_is_in_the_repr_of_an_endpoint() -> None:
    endpoint = Endpoint("wss://me:s3cret@host/p?key=s3cret", (("Authorization", "Bearer s3cret"),))
    assert repr(endpoint) == f"{endpoint}" == "Endpoint('wss://host/p')"
