"""The door: what each carrier has to show where, what is closed, and what `insecure` opens."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest
from msgspec.structs import replace

from server.door.door import BY_TICKET, NEEDS, Carrier, Door, Path, are
from server.door.request import Refused, Request
from server.door.tickets import Facts, SpentHere, Tickets
from server.phones.options import Phones
from tests.unit.server.door import signers
from tests.unit.server.door.signers import GENESYS_KEY, GENESYS_SECRET, NOW_S, SITE, SOCKET, TELNYX_PUBLIC, TOKEN

PHONES: dict[str, dict[str, Any]] = {
    "twilio": {"auth_token": TOKEN},
    "telnyx": {"public_key": TELNYX_PUBLIC},
    "plivo": {"auth_token": TOKEN},
    "exotel": {"username": "exo", "password": TOKEN},
    "vonage": {"signature_secret": TOKEN * 2},
    "genesys": {"api_key": GENESYS_KEY, "client_secret": GENESYS_SECRET},
    "asterisk": {"username": "pbx", "password": TOKEN},
}
EXOTEL_FROM = {"addresses": ["203.0.113.0/24"]}


class Stand:
    """A door with a clock that a test moves."""

    def __init__(self, phones: dict[str, Any] | None = None, *, insecure: bool = False, public_url: str = SITE) -> None:
        self.now_s = NOW_S
        self.dice = iter(range(1, 1000))
        self.door = Door(
            msgspec.convert(PHONES if phones is None else phones, Phones),
            public_url,
            Tickets(b"k" * 32),
            SpentHere(),
            insecure=insecure,
            now=lambda: self.now_s,
            entropy=lambda size: next(self.dice).to_bytes(size),
        )

    def enter(self, path: Path, request: Request, ticket: str = "") -> Facts:
        """Come in: the facts of the ticket. Raises Refused."""
        proof = self.door.admit(path, request, ticket)
        self.door.spend(proof)
        return proof.facts


def nothing(path: str) -> Request:
    """An upgrade that shows nothing."""
    return Request("GET", SOCKET, f"/{path}")


SOCKETS: dict[Carrier, Request] = {
    "twilio": signers.twilio(SOCKET, "/twilio"),
    "exotel": signers.basic("exo", TOKEN),
    "vonage": signers.vonage(),
    "genesys": signers.genesys(),
    "asterisk": signers.basic("pbx", TOKEN),
}
WEBHOOKS: dict[Carrier, Request] = {
    "twilio": signers.twilio(SITE, "/twilio/voice", [("CallSid", "CA1")]),
    "telnyx": signers.telnyx(b"{}"),
    "plivo": signers.plivo("/plivo/voice", {"CallUUID": "1"}),
    "exotel": signers.basic("exo", TOKEN),
    "vonage": signers.vonage(body=b"{}"),
    "asterisk": signers.basic("pbx", TOKEN),
}
PATHS: tuple[Path, ...] = (*NEEDS, "carrier")


@pytest.mark.parametrize("carrier", SOCKETS)
def test_a_socket_comes_in_with_its_own_proof_only(carrier: Carrier) -> None:
    stand = Stand()
    stand.enter(carrier, SOCKETS[carrier])
    with pytest.raises(Refused):
        stand.enter(carrier, nothing(carrier))
    for other in set(SOCKETS) - {carrier}:
        with pytest.raises(Refused):
            stand.enter(carrier, SOCKETS[other])


@pytest.mark.parametrize("path", sorted(BY_TICKET))
def test_a_ticket_lets_in_once_at_its_path_in_time(path: Path) -> None:
    stand = Stand()
    facts = Facts("reception", "c1", "+1", "+2")
    ticket = stand.door.issue(path, facts)
    assert stand.enter(path, nothing(path), ticket) == facts
    with pytest.raises(Refused, match="was shown before"):
        stand.enter(path, nothing(path), ticket)
    ticket = stand.door.issue(path, facts)
    for other in set(PATHS) - {path}:
        with pytest.raises(Refused):
            stand.enter(other, nothing(other), ticket)
    stand.now_s += 31
    with pytest.raises(Refused, match="they are over"):
        stand.enter(path, nothing(path), ticket)


@pytest.mark.parametrize("path", sorted({"twilio", "vonage", "genesys"}))
def test_who_signs_needs_its_signature_whatever_the_ticket(path: Path) -> None:
    stand = Stand()
    with pytest.raises(Refused, match="it has no header"):
        stand.enter(path, nothing(path), stand.door.issue(path, Facts()))


@pytest.mark.parametrize("path", ["telnyx", "plivo", "carrier"])
def test_who_does_not_sign_needs_a_ticket(path: Path) -> None:
    with pytest.raises(Refused, match="its address has no ticket"):
        Stand().enter(path, nothing(path))


@pytest.mark.parametrize("carrier", ["vonage", "genesys"])
def test_what_has_a_name_is_taken_once(carrier: Carrier) -> None:
    stand = Stand()
    for _ in range(2):  # until it is spent it may be shown again
        stand.door.admit(carrier, SOCKETS[carrier])
    stand.enter(carrier, SOCKETS[carrier])
    with pytest.raises(Refused, match="was shown before"):
        stand.enter(carrier, SOCKETS[carrier])
    stand.now_s = NOW_S + 25  # still good, and still remembered
    with pytest.raises(Refused, match="was shown before"):
        stand.enter(carrier, SOCKETS[carrier])


@pytest.mark.parametrize("carrier", WEBHOOKS)
def test_a_webhook_needs_its_carriers_proof(carrier: Carrier) -> None:
    stand = Stand()
    stand.door.check_webhook(carrier, WEBHOOKS[carrier])
    for other in set(WEBHOOKS) - {carrier}:
        with pytest.raises(Refused):
            stand.door.check_webhook(carrier, WEBHOOKS[other])
    with pytest.raises(Refused):
        stand.door.check_webhook(carrier, replace(WEBHOOKS[carrier], headers={}))


def test_of_exotel_all_that_is_configured_must_fit() -> None:
    at_home, elsewhere = (
        replace(nothing("exotel"), remote="203.0.113.5"),
        replace(nothing("exotel"), remote="192.0.2.1"),
    )
    Stand({"exotel": EXOTEL_FROM}).enter("exotel", at_home)
    both = Stand({"exotel": PHONES["exotel"] | EXOTEL_FROM})
    both.enter("exotel", signers.basic("exo", TOKEN, remote="203.0.113.5"))
    for stand, request in (
        (Stand({"exotel": EXOTEL_FROM}), elsewhere),
        (both, at_home),
        (both, signers.basic("exo", TOKEN, remote="192.0.2.1")),
        (both, signers.basic("exo", "other", remote="203.0.113.5")),
    ):
        with pytest.raises(Refused):
            stand.enter("exotel", request)


@pytest.mark.parametrize("carrier", NEEDS)
def test_without_its_secrets_a_path_is_closed_and_the_keys_are_named(carrier: Carrier) -> None:
    stand = Stand({}, public_url="")
    for knock in (
        lambda: stand.enter(carrier, nothing(carrier)),
        lambda: stand.door.check_webhook(carrier, nothing("")),
    ):
        with pytest.raises(Refused) as caught:
            knock()
        assert all(key in str(caught.value) for key in NEEDS[carrier])
    for key in NEEDS[carrier]:
        missing = key.rpartition(".")[2]
        table = {name: value for name, value in PHONES[carrier].items() if name != missing}
        without = Stand({carrier: table}, public_url="" if missing == "public_url" else SITE)
        assert without.door.lacks(carrier) == [key]
        with pytest.raises(Refused, match=f"it is closed until {key} is set"):
            without.enter(carrier, SOCKETS.get(carrier, nothing(carrier)))


def test_a_ticket_needs_no_secret() -> None:
    stand = Stand({}, public_url="")
    for path in sorted(BY_TICKET):
        stand.enter(path, nothing(path), stand.door.issue(path, Facts()))  # type: ignore[arg-type]


def test_insecure_opens_what_would_be_closed_and_nothing_else() -> None:
    stand = Stand({"twilio": PHONES["twilio"]}, insecure=True)
    assert stand.door.open_to_all() == [carrier for carrier in NEEDS if carrier != "twilio"]
    for carrier in stand.door.open_to_all():
        assert not stand.door.admit(carrier, nothing(carrier)).shown
        stand.door.check_webhook(carrier, nothing(carrier))
    for path in ("twilio", "carrier"):
        with pytest.raises(Refused):
            stand.enter(path, nothing(path))
    assert Stand(insecure=True).door.open_to_all() == []
    assert Stand({}).door.open_to_all() == []


def test_a_ticket_that_is_shown_must_be_good_also_where_all_is_open() -> None:
    with pytest.raises(Refused, match="its ticket is not one of ours"):
        Stand({}, insecure=True).enter("telnyx", nothing("telnyx"), "x.y")


def test_the_address_for_a_carrier_has_a_ticket_where_it_signs_nothing() -> None:
    stand = Stand(public_url=f"{SITE}/")
    assert stand.door.address("twilio", Facts()) == "wss://voice.example.org/twilio"
    address = stand.door.address("telnyx", Facts(called="+1"))
    beginning, _, ticket = address.rpartition("/")
    assert beginning == "wss://voice.example.org/telnyx"
    assert stand.enter("telnyx", nothing("telnyx"), ticket) == Facts(called="+1")
    assert Stand(public_url="http://127.0.0.1:1").door.address("vonage", Facts()) == "ws://127.0.0.1:1/vonage"


def test_every_carrier_has_a_table_and_says_what_it_needs() -> None:
    assert set(get_args(Carrier)) == set(NEEDS) == set(Phones().__struct_fields__) - {"numbers"}
    assert are(["a"]) == "a is"
    assert are(["a", "b"]) == "a and b are"


def test_a_request_does_not_show_what_it_holds() -> None:
    request = Request("GET", SOCKET, "/telnyx/the-ticket", {"authorization": "Basic c2VjcmV0"}, b"body", "203.0.113.1")
    assert repr(request) == "Request(GET)"
