"""The deliberate faults still stand in the code as it is: one that does not would stop `make mutants` hours later."""

from __future__ import annotations

import pytest

from tests.sim.mutants import ROOT, Mutant, all_mutants

MUTANTS = all_mutants()


@pytest.mark.parametrize("file", sorted({mutant.file for mutant in MUTANTS}))
def test_each_fault_has_its_place(file: str) -> None:
    text = (ROOT / file).read_text("utf-8")
    lost = [mutant.name for mutant in _of(file) if text.count(mutant.old) != 1 or mutant.old == mutant.new]
    assert not lost, f"change their `old` in mutations*.toml, so that it stands once in {file}"


def test_each_has_its_name() -> None:
    names = [mutant.name for mutant in MUTANTS]
    assert len(names) == len(set(names)) > 300


def _of(file: str) -> list[Mutant]:
    return [mutant for mutant in MUTANTS if mutant.file == file]
