"""The corpus of the JSON carriers against their codecs alone."""

from __future__ import annotations

import pytest

from link.errors import ClientError
from server.call.events import Dtmf, Gone
from server.protocols.wire import Audio as Heard
from server.protocols.wire import Complaint, Counted, Incoming, Opened
from tests.corpus.carrier_dialects import ALL
from tests.corpus.carriers import CHUNK, Case, Dialect
from tests.corpus.native import Audio, Many, Step, Text

PAIRS = [(by, case) for by, cases in ALL for case in cases]
ALONE = [(by, case) for by, case in PAIRS if case.alone]


def names(pairs: list[tuple[Dialect, Case]]) -> list[str]:
    return [f"{by.name}: {case.name}" for by, case in pairs]


def test_each_carrier_has_a_large_corpus_and_each_case_its_own_name() -> None:
    assert all(len(cases) >= 150 for _, cases in ALL)
    assert len(set(names(PAIRS))) == len(PAIRS)


def test_only_what_is_too_big_is_over_the_limit_of_the_socket() -> None:
    sizes = {
        (by.name, case.name): max((size(step) for step in case.steps if not isinstance(step, Many)), default=0)
        for by, case in PAIRS
    }
    over = {(by.name, case.name) for by, case in PAIRS if sizes[by.name, case.name] > by.limit}
    assert over <= {(by.name, case.name) for by, case in PAIRS if case.closes == 1009}


@pytest.mark.parametrize(("by", "case"), ALONE, ids=names(ALONE))
def test_codec(by: Dialect, case: Case) -> None:
    wire = by.wire()
    out: list[Incoming] = []
    closes = None
    try:
        for step in (*(by.opening() if case.start else ()), *case.steps):
            out += wire.receive(content(step))
    except ClientError as error:
        closes = error.code
        assert len(str(error)) < 500, "what is logged of a message has a bound"
    opened = [each for each in out if isinstance(each, Opened)]
    complaints = [each for each in out if isinstance(each, Complaint)]
    assert closes == case.closes
    assert tuple(each.code for each in complaints) == case.complaints
    assert all(len(each.message) < 500 for each in complaints)
    assert len(opened) <= 1
    assert counts(out) == dict(case.counts)
    assert "".join(each.digits for each in out if isinstance(each, Dtmf)) == case.keys
    assert any(isinstance(each, Gone) for each in out) == case.ends
    heard = b"".join(each.pcm for each in out if isinstance(each, Heard))
    assert case.chunks is None or len(heard) == case.chunks * len(CHUNK)


def content(step: Step) -> str | bytes:
    assert isinstance(step, Text | Audio), "the codec takes whole messages"
    return step.text if isinstance(step, Text) else step.pcm


def size(step: Step) -> int:
    """Of a message, in bytes."""
    said = content(step)
    return len(said.encode() if isinstance(said, str) else said)


def counts(out: list[Incoming]) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in out:
        if isinstance(each, Counted):
            found[each.kind] = found.get(each.kind, 0) + each.count
    return found
