"""The corpus of each carrier whose audio is binary, against its codec alone."""

from __future__ import annotations

import pytest

from tests.corpus import asterisk, genesys, vonage
from tests.corpus.binary_carriers import CarrierCase, Corpus, messages, outcome
from tests.corpus.native import LIMIT

CORPORA: dict[str, Corpus] = {"vonage": vonage.CORPUS, "genesys": genesys.CORPUS, "asterisk": asterisk.CORPUS}
ALONE = [
    pytest.param(corpus, case, id=f"{wire}: {case.name}")
    for wire, corpus in CORPORA.items()
    for case in corpus.cases
    if case.alone
]


@pytest.mark.parametrize("wire", CORPORA)
def test_the_corpus_is_large_and_each_case_has_its_own_name(wire: str) -> None:
    cases = CORPORA[wire].cases
    assert len(cases) >= 100
    assert len({case.name for case in cases}) == len(cases)


@pytest.mark.parametrize("wire", CORPORA)
def test_what_begins_a_call_opens_it_once_and_nothing_else(wire: str) -> None:
    found = outcome(CORPORA[wire], CarrierCase("the start alone", ()))
    assert (found.opened, found.complaints, found.closes) == (1, (), None)


@pytest.mark.parametrize(("corpus", "case"), ALONE)
def test_codec(corpus: Corpus, case: CarrierCase) -> None:
    found = outcome(corpus, case)
    assert (found.complaints, found.counted, found.closes) == (case.complaints, case.counted, case.closes)
    assert (found.hangs_up, found.keys) == (case.hangs_up, case.keys)
    assert case.samples in (None, found.samples)
    if case.start:
        assert found.opened == 1


@pytest.mark.parametrize("wire", CORPORA)
def test_what_the_socket_lets_through_is_within_its_limit(wire: str) -> None:
    for case in CORPORA[wire].cases:
        sizes = [
            len(each.encode("utf-8", "surrogatepass") if isinstance(each, str) else each)
            for each in messages(case.steps)
        ]
        assert (max(sizes, default=0) <= LIMIT) == (case.closes != 1009), case.name
