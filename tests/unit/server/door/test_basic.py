"""User names, passwords and lists of addresses."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from server.door import basic
from server.door.request import Refused, Request
from tests.unit.server.door import signers


@pytest.mark.parametrize(("username", "password"), [("u", "p"), ("u", "p:q"), ("ü", "pä ss"), ("u", "")])
def test_the_right_pair_is_let_in(username: str, password: str) -> None:
    basic.check(signers.basic(username, password), username, password)


WRONG = [
    "",
    "Basic",
    "Basic dTpx",
    "Basic dTpwcA==",
    "Bearer dTpw",
    "dTpw",
    "Basic \udcff",
    "Basic OnA=",
]


@pytest.mark.parametrize("header", WRONG)
def test_another_pair_is_not(header: str) -> None:
    basic.check(Request("GET", "", "/", {"authorization": "basic dTpw"}), "u", "p")
    with pytest.raises(Refused):
        basic.check(Request("GET", "", "/", {"authorization": header}), "u", "p")
    with pytest.raises(Refused, match="it has no header authorization"):
        basic.check(Request("GET", "", "/"), "u", "p")


def test_every_byte_of_the_password_counts() -> None:
    for at in range(5):
        other = "passw"[:at] + "x" + "passw"[at + 1 :]
        with pytest.raises(Refused, match="its user name or password is wrong"):
            basic.check(signers.basic("user", other), "user", "passw")


LISTED = ("203.0.113.0/24", "198.51.100.7", "2001:db8::/32")


@pytest.mark.parametrize("remote", ["203.0.113.1", "198.51.100.7", "::ffff:203.0.113.9", "2001:db8::1"])
def test_an_address_of_the_list_is_let_in(remote: str) -> None:
    basic.check_address(replace(signers.basic("", ""), remote=remote), LISTED)


@pytest.mark.parametrize(
    "remote", ["", "203.0.114.1", "198.51.100.8", "::ffff:198.51.100.8", "::1", "unix", "203.0.113"]
)
def test_another_address_is_not(remote: str) -> None:
    forwarded = {"x-forwarded-for": "203.0.113.1", "forwarded": "for=203.0.113.1", "x-real-ip": "203.0.113.1"}
    with pytest.raises(Refused, match="it comes from "):
        basic.check_address(Request("GET", "", "/", forwarded, remote=remote), LISTED)
