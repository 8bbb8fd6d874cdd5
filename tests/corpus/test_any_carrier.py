"""The corpora of all carriers against the wire that takes every carrier: it says what each one's own codec says."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from link.errors import ClientError
from server.protocols.any_carrier import AnyCarrierWire
from server.protocols.wire import Incoming, Message, Wire
from tests.corpus.binary_carriers import messages
from tests.corpus.carrier_dialects import ALL
from tests.corpus.test_binary_carriers import CORPORA

Said = tuple[list[Incoming], int | None]
Sequences = list[tuple[str, list[Message]]]
BINARY: dict[str, tuple[Callable[[], Wire], Sequences]] = {
    name: (
        corpus.wire,
        [(case.name, messages((*corpus.start, *case.steps))) for case in corpus.cases if case.alone and case.start],
    )
    for name, corpus in CORPORA.items()
}
JSON: dict[str, tuple[Callable[[], Wire], Sequences]] = {
    by.name: (
        by.wire,
        [(case.name, messages((*by.opening(), *case.steps))) for case in cases if case.alone and case.start],
    )
    for by, cases in ALL
}
CARRIERS = BINARY | JSON


def said(wire: Wire, sequence: list[Message]) -> Said:
    """What a codec makes of it, and the close code."""
    out: list[Incoming] = []
    try:
        for message in sequence:
            out += wire.receive(message)
    except ClientError as error:
        return out, error.code
    return out, None


def differences(make: Callable[[], Wire], sequences: Sequences) -> Iterator[str]:
    """The cases of which the two do not say the same."""
    for name, sequence in sequences:
        if said(make(), sequence) != said(AnyCarrierWire(), sequence):
            yield name


def test_every_carrier_is_there() -> None:
    assert len(CARRIERS) >= 7
    assert all(len(sequences) > 50 for _, sequences in CARRIERS.values())


@pytest.mark.parametrize("carrier", CARRIERS)
def test_it_says_what_the_carriers_own_codec_says(carrier: str) -> None:
    assert list(differences(*CARRIERS[carrier])) == []
