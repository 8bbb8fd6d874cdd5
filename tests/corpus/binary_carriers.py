"""What is bad on the wires of carriers whose audio is binary, as data, and how a case is told to a codec alone.

A `CarrierCase` is a sequence of steps on one connection and its outcome: what was ignored with a complaint (its code),
what was only counted (its kind), whether the carrier hung up, and the close code, or None where the call goes on.
Carriers are told nothing of complaints. Over a real connection the same outcome is seen as the close code, in the
counters, and in that the call goes on.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from link.errors import ClientError
from server.call.events import Dtmf, Gone
from server.protocols.wire import Audio as Sound
from server.protocols.wire import Complaint, Counted, Incoming, Message, Opened, Wire
from tests.corpus import native
from tests.corpus.native import LIMIT, Audio, Many, Step, Text


class CarrierCase(Struct, frozen=True):
    """What a carrier sends, and what comes of it."""

    name: str
    steps: tuple[Step, ...]
    complaints: tuple[str, ...] = ()
    counted: tuple[tuple[str, int], ...] = ()
    """Kinds, and how many in all."""
    closes: int | None = None
    hangs_up: bool = False
    start: bool = True
    """What opens a call goes before the steps."""
    alone: bool = True
    """The codec alone gives the same outcome."""
    keys: str = ""
    """What the caller pressed."""
    samples: int | None = None
    """What is heard of the caller; None: not looked at."""


class Corpus(Struct, frozen=True):
    """The cases of one wire."""

    wire: Callable[[], Wire]
    start: tuple[Text, ...]
    cases: tuple[CarrierCase, ...]


class Outcome(Struct, frozen=True):
    """What came of a case."""

    complaints: tuple[str, ...]
    counted: tuple[tuple[str, int], ...]
    closes: int | None
    hangs_up: bool
    keys: str
    samples: int
    opened: int


def outcome(corpus: Corpus, case: CarrierCase) -> Outcome:
    """A case told to a codec alone."""
    wire = corpus.wire()
    meant: list[Incoming] = []
    closes: int | None = None
    try:
        for message in messages((*corpus.start, *case.steps) if case.start else case.steps):
            meant += wire.receive(message)
    except ClientError as error:
        closes = error.code
        assert len(str(error)) < 500, "what is logged of a message has a bound"
    assert all(len(each.message) < 500 for each in meant if isinstance(each, Complaint))
    counted: dict[str, int] = {}
    for each in meant:
        if isinstance(each, Counted):
            counted[each.kind] = counted.get(each.kind, 0) + each.count
    return Outcome(
        tuple(each.code for each in meant if isinstance(each, Complaint)),
        tuple(sorted(counted.items())),
        closes,
        any(isinstance(each, Gone) for each in meant),
        "".join(each.digits for each in meant if isinstance(each, Dtmf)),
        sum(len(each.pcm) // 2 for each in meant if isinstance(each, Sound)),
        sum(isinstance(each, Opened) for each in meant),
    )


def messages(steps: tuple[Step, ...]) -> list[Message]:
    """The whole messages of these steps."""
    out: list[Message] = []
    for step in steps:
        match step:
            case Text(text):
                out.append(text)
            case Audio(pcm):
                out.append(pcm)
            case Many(again, count):
                out += messages((again,)) * count
            case _:
                raise AssertionError("the codec takes whole messages")
    return out


# --- what is bad on all wires -----------------------------------------------------------------------------------------


def no_messages(field: str) -> list[CarrierCase]:
    """Texts that are no JSON object, or have no `field` that says what they are."""
    bad = [case for case in native.MESSAGES if case.name.startswith(("no JSON", "no message"))]
    return [
        CarrierCase(case.name, (Text(step.text.replace('"type"', f'"{field}"')),), closes=1007)
        for case in bad
        for step in case.steps
        if isinstance(step, Text)
    ]


def unknown_kinds(make: Callable[[str], Text]) -> list[CarrierCase]:
    """Messages of a kind that nobody knows. `make` writes one of a kind."""
    kinds = {
        "a word": "news",
        "nothing": "",
        "of the native wire": "transcript",
        "of another provider": "session.update",
        "with a blank": "media ",
        "with NUL": "media\0",
        "a long one": "x" * 5000,
        "beyond ASCII": "téxt",
        "with markup": "<b>text</b>",
        "with format characters": "%s{0}{type}",
        "with line breaks": "a\nERROR forged line",
        "with colour": "\x1b[31mred",
    }
    return [CarrierCase(f"unknown: {name}", (make(kind),), ("unknown_type",)) for name, kind in kinds.items()]


def too_big() -> list[CarrierCase]:
    """Messages over the socket's limit: the socket closes."""
    steps: dict[str, Step] = {
        "text, one byte over the limit": Text('"' + "x" * (LIMIT - 1) + '"'),
        "text, over the limit in bytes and not in characters": Text('"' + "é" * (LIMIT // 2) + '"'),
        "text, a megabyte": Text("x" * (1 << 20)),
        "binary, one byte over the limit": Audio(bytes(LIMIT + 1)),
        "binary, two bytes over the limit": Audio(bytes(LIMIT + 2)),
        "binary, a megabyte": Audio(bytes(1 << 20)),
    }
    return [CarrierCase(f"too big: {name}", (step,), closes=1009, alone=False) for name, step in steps.items()]


def padded(text: str, size: int = LIMIT) -> Text:
    """A JSON object, made as long as this by a field that nobody knows."""
    return Text(text[:-1] + ',"pad":"' + "y" * (size - len(text) - 9) + '"}')
