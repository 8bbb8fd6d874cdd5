"""What the codecs of carriers share beside their messages: keys that are pressed, sound in pieces. Pure."""

from __future__ import annotations

from server.call.events import Dtmf
from server.protocols.wire import Complaint, Incoming

KEYS = frozenset("0123456789*#ABCDabcd")


def pieces(pcm: bytes, size: int) -> list[bytes]:
    """Sound in pieces of exactly `size` bytes; silence fills up the last."""
    return [pcm[at : at + size].ljust(size, b"\0") for at in range(0, len(pcm), size)]


def pressed(digit: str) -> list[Incoming]:
    """The caller pressed a key; carriers tell of one at a time."""
    if digit not in KEYS:
        return [Complaint("bad_value", f"{digit[:40]!r} is no key; it was ignored")]
    return [Dtmf(digit)]
