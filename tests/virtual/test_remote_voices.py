"""A sample of what `make drops` tries: voices at a provider's, one fault in each conversation."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.audio.tts.provider import DIALECTS
from tests.unit.link.faults import DOORS
from tests.virtual.remote_ears import sample
from tests.virtual.remote_voices import cells, faults_of, hold

KINDS = [(name, fault) for name in DIALECTS for fault in (*DOORS, *faults_of(name))]


@pytest.mark.parametrize(("name", "fault"), KINDS)
def test_a_fault_costs_no_word_in_silence_and_says_none_twice(tmp_path: Path, name: str, fault: str) -> None:
    mine = [cell for cell in cells() if (cell.service, cell.fault) == (name, fault)]
    found = sample(mine, 3)
    assert {cell: hold(cell, tmp_path) for cell in found} == {cell: [] for cell in found}
