"""The door: which carrier has to show what, on its socket and on its webhooks. Pure: time and randomness come in.

| carrier | socket | webhooks |
|---|---|---|
| twilio | signature | signature |
| telnyx, plivo | ticket | signature |
| vonage | token, once | token |
| genesys | key and signature, once | none |
| exotel | Basic, or addresses, or ticket | Basic, or addresses |
| asterisk | Basic, or ticket | Basic |
| carrier (any of them) | ticket | none |

A path whose secrets are missing is closed, except for tickets, which need none. `insecure` opens it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from msgspec import Struct

from server.door import basic, genesys, plivo, telnyx, twilio, vonage
from server.door.request import Refused, Request
from server.door.tickets import NONCE_BYTES, Facts, Spent, Tickets
from server.phones.options import Phones

Carrier = Literal["twilio", "telnyx", "plivo", "exotel", "vonage", "genesys", "asterisk"]
Path = Literal[Carrier, "carrier"]
"""A carrier's own, or the one of all: `/twilio`, `/carrier`."""
NEEDS: dict[Carrier, tuple[str, ...]] = {
    "twilio": ("phones.twilio.auth_token", "public_url"),
    "telnyx": ("phones.telnyx.public_key", "public_url"),
    "plivo": ("phones.plivo.auth_token", "public_url"),
    "exotel": ("phones.exotel.username", "phones.exotel.password"),  # or addresses
    "vonage": ("phones.vonage.signature_secret", "public_url"),
    "genesys": ("phones.genesys.api_key", "phones.genesys.client_secret", "public_url"),
    "asterisk": ("phones.asterisk.username", "phones.asterisk.password"),
}
"""The keys without which nothing of a carrier can be checked, or no address be given to it."""
BY_TICKET = frozenset({"telnyx", "plivo", "exotel", "asterisk", "carrier"})


class Proof(Struct, frozen=True):
    """Somebody may come in; what is `once` must be spent first. `facts` are what a ticket said of the call."""

    once: str = ""
    until_s: float = 0.0
    facts: Facts = Facts()
    shown: bool = True
    """False: nothing was, `insecure` opened the path."""


class Door:
    """Checks who comes in, and makes the tickets."""

    def __init__(
        self,
        phones: Phones,
        public_url: str,
        tickets: Tickets,
        spent: Spent,
        *,
        insecure: bool,
        now: Callable[[], float],
        entropy: Callable[[int], bytes],
    ) -> None:
        """`now` gives Unix time, `entropy` so many random bytes."""
        self._phones = phones
        self._public_url = public_url.removesuffix("/")
        self._tickets = tickets
        self._spent = spent
        self._insecure = insecure
        self._now = now
        self._entropy = entropy

    def load(self) -> None:
        """Import what checks the signatures of those who are configured, so that no call has to wait for it."""
        if not self.lacks("telnyx"):
            telnyx.load()
        if not self.lacks("vonage"):
            vonage.load()

    def lacks(self, carrier: Carrier) -> list[str]:
        """The keys that are to be set before a carrier's path is open."""
        if carrier == "exotel" and self._phones.exotel.addresses:
            return []
        return [key for key in NEEDS[carrier] if not self._value(key)]

    def _value(self, key: str) -> str:
        _, *place = key.split(".")
        return str(getattr(getattr(self._phones, place[0]), place[1])) if place else self._public_url

    def open_to_all(self) -> list[Carrier]:
        """The paths that `insecure` opens: those that would be closed."""
        return [carrier for carrier in NEEDS if self._insecure and self.lacks(carrier)]

    def address(self, path: Path, facts: Facts) -> str:
        """Where a carrier is to connect to, for one call; with a ticket where it shows nothing else."""
        base = self._public_url.replace("http", "ws", 1)
        return f"{base}/{path}/{self.issue(path, facts)}" if path in BY_TICKET else f"{base}/{path}"

    def issue(self, path: Path, facts: Facts) -> str:
        """A ticket: for `/{path}/{ticket}` or `/{path}?ticket={ticket}`."""
        return self._tickets.issue(path, facts, self._now(), self._entropy(NONCE_BYTES))

    def admit(self, path: Path, request: Request, ticket: str = "") -> Proof:
        """Whether a socket may come in; the proof is to be spent before it does. Raises Refused."""
        if path in BY_TICKET and ticket:
            shown = self._tickets.read(ticket, path, self._now())
            return Proof(shown.nonce.hex(), shown.until_s, shown.facts)
        if path == "carrier":
            raise Refused("its address has no ticket")
        if not self._must_prove(path):
            return Proof(shown=False)
        if path in ("telnyx", "plivo"):
            raise Refused("its address has no ticket")
        return self._prove(path, request)

    def check_webhook(self, carrier: Carrier, request: Request) -> None:
        """Whether a webhook is the carrier's. Raises Refused."""
        if self._must_prove(carrier):
            self._prove(carrier, request)

    def spend(self, proof: Proof) -> None:
        """Raises Refused for what was shown before."""
        if proof.once:
            self._spent.spend(proof.once, proof.until_s, self._now())

    def _must_prove(self, carrier: Carrier) -> bool:
        """Whether it has to show anything. Raises Refused where nothing could be checked."""
        lacking = self.lacks(carrier)
        if lacking and not self._insecure:
            raise Refused(f"it is closed until {are(lacking)} set")
        return not lacking

    def _prove(self, carrier: Carrier, request: Request) -> Proof:
        phones, now_s = self._phones, self._now()
        match carrier:
            case "twilio":
                twilio.check(request, phones.twilio.auth_token)
            case "telnyx":
                telnyx.check(request, phones.telnyx.public_key, now_s)
            case "plivo":
                plivo.check(request, phones.plivo.auth_token)
            case "vonage":
                own, app = phones.vonage, phones.vonage.application_id
                return Proof(vonage.check(request, own.signature_secret, app, now_s), now_s + 2 * vonage.MAX_AGE_S)
            case "genesys":
                keys = phones.genesys
                nonce = genesys.check(request, keys.api_key, keys.client_secret, now_s)
                return Proof(nonce, now_s + 2 * genesys.MAX_AGE_S)
            case "exotel":
                self._prove_exotel(request)
            case "asterisk":
                basic.check(request, phones.asterisk.username, phones.asterisk.password)
        return Proof()

    def _prove_exotel(self, request: Request) -> None:
        """All that is configured must fit: all of Exotel's customers share its addresses."""
        exotel = self._phones.exotel
        if exotel.addresses:
            basic.check_address(request, exotel.addresses)
        if exotel.username:
            basic.check(request, exotel.username, exotel.password)


def are(keys: Sequence[str]) -> str:
    """`a is`, or `a and b are`."""
    return f"{' and '.join(keys)} {'are' if keys[1:] else 'is'}"
