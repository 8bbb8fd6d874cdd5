"""Tickets: what lets somebody in once, at one path, for a short time, and what we already know of the call. Pure.

A socket that its carrier does not sign has one in its address. It is `<what it says>.<HMAC-SHA256 of that>`, so whoever
has the key reads it with no store; only which ones were spent must be remembered, for as long as they would be good.
Processes that share a port have to share these two: the key, and a `Spent`.
"""

from __future__ import annotations

import binascii
import hmac
from hashlib import sha256
from heapq import heappop, heappush
from typing import Protocol

import msgspec
from msgspec import Struct

from server.door.request import Refused, encoded
from server.phones.options import from_base64

LIFE_S = 30.0
KEY_BYTES = 32
NONCE_BYTES = 16
MAX_FACT = 256
"""Characters of one fact; what is longer is cut."""
MAX_TICKET = 8192
"""Characters; four facts of the longest kind need less."""
MAX_SPENT = 20_000
"""Remembered at once. Carriers would have to connect 600 calls a second by ticket, or 33 by Vonage's tokens."""


class Facts(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What a webhook knew of a call; the socket's own messages may not say it. Empty: unknown."""

    agent: str = ""
    call_id: str = ""
    caller: str = ""
    called: str = ""


class Ticket(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One ticket, as it is signed."""

    path: str
    until_s: float
    """Unix time."""
    nonce: bytes
    facts: Facts


class Spent(Protocol):
    """Remembers what was shown once, until it would not be good any more."""

    def spend(self, name: str, until_s: float, now_s: float) -> None:
        """Raises Refused for what was spent before, and when no more can be remembered."""


class SpentHere:
    """Meets `Spent`, for one process. Bounded by time and by count; while it is full nobody else comes in."""

    def __init__(self, most: int = MAX_SPENT) -> None:
        self._most = most
        self._names: set[bytes] = set()
        self._by_end: list[tuple[float, bytes]] = []  # a heap

    def __len__(self) -> int:
        return len(self._names)

    def spend(self, name: str, until_s: float, now_s: float) -> None:
        """Raises Refused."""
        while self._by_end and self._by_end[0][0] < now_s:
            self._names.remove(heappop(self._by_end)[1])
        digest = sha256(encoded(name)).digest()  # a carrier's own name may be long
        if digest in self._names:
            raise Refused("its ticket or signature was shown before")
        if len(self._names) >= self._most:
            raise Refused("more tickets are being shown than can be remembered")
        self._names.add(digest)
        heappush(self._by_end, (until_s, digest))


class Tickets:
    """Makes and reads tickets with one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def issue(self, path: str, facts: Facts, now_s: float, nonce: bytes) -> str:
        """A ticket for a path, in letters that any address takes. `nonce` is NONCE_BYTES at random."""
        short = Facts(*(value[:MAX_FACT] for value in msgspec.structs.astuple(facts)))
        said = _text(msgspec.msgpack.encode(Ticket(path, now_s + LIFE_S, nonce, short)))
        return f"{said}.{_text(self._sign(said))}"

    def read(self, text: str, path: str, now_s: float) -> Ticket:
        """What a ticket of ours says, if it is good here and now; it is not spent by that. Raises Refused."""
        said, _, signature = text.partition(".")
        if len(text) > MAX_TICKET or not hmac.compare_digest(encoded(signature), _text(self._sign(said)).encode()):
            raise Refused("its ticket is not one of ours")
        ticket = msgspec.msgpack.decode(_bytes(said), type=Ticket)
        if ticket.path != path:
            raise Refused("its ticket is for another path")
        if ticket.until_s < now_s:
            raise Refused(f"its ticket was good for {LIFE_S:g} s, and they are over")
        return ticket

    def _sign(self, said: str) -> bytes:
        return hmac.digest(self._key, encoded(said), "sha256")


def _text(data: bytes) -> str:
    """As base64 for addresses, without its padding."""
    return binascii.b2a_base64(data, newline=False).decode().rstrip("=").translate(str.maketrans("+/", "-_"))


def _bytes(text: str) -> bytes:
    return from_base64(text.translate(str.maketrans("-_", "+/")) + "=" * (-len(text) % 4)) or b""
