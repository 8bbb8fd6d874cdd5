"""Facts of the telephone line of a call, and what is wanted of it. Pure: nothing but names."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Transfer(Struct, frozen=True, tag=True):
    """The caller is to be connected to somebody else, once what was said is heard.

    `words` are said to whoever answers, before the caller is there (a warm transfer).
    """

    to: str
    words: str = ""


class Transferred(Struct, frozen=True, tag=True):
    """The carrier has taken the call from us."""


class TransferFailed(Struct, frozen=True, tag=True):
    """The carrier did not take the call: we go on with it."""

    reason: str


class AnsweredBy(Struct, frozen=True, tag=True):
    """The carrier tells who answered a call that we made. Handlers are told the same.

    `may_speak`: the machine's own words are over, so a message can be left.
    """

    who: Literal["human", "machine", "fax", "unknown"]
    may_speak: bool = False


class SendDigits(Struct, frozen=True, tag=True):
    """Keys are to be pressed, after what was said; `w` is a pause of half a second."""

    digits: str


Fact = Transfer | Transferred | TransferFailed | AnsweredBy | SendDigits


class Redirect(Struct, frozen=True, tag=True):
    """Have the carrier connect the caller to somebody else; one Transferred or TransferFailed comes of it."""

    to: str
    words: str = ""


class PlayDigits(Struct, frozen=True, tag=True):
    """Make tones of keys: the sound of a frame."""

    frame: int
    digits: str


Command = Redirect | PlayDigits
