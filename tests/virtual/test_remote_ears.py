"""A sample of what `make drops` tries: ears at a provider's, one fault in each conversation. And who is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.audio.stt.booth import Booth
from tests.unit.link.faults import DOORS
from tests.unit.link.peer import Peer, refusing
from tests.unit.link.stage import play
from tests.virtual.remote_ears import EARS, Cell, cells, hold, sample

LAST = 1 << 30
EACH = {"nova": 3, "openai": 3, "flux": 2}


@pytest.mark.parametrize(("name", "fault"), [(name, fault) for name in EARS for fault in (*DOORS, *EARS[name].faults)])
def test_a_fault_loses_no_word_and_doubles_none(tmp_path: Path, name: str, fault: str) -> None:
    mine = [cell for cell in cells() if (cell.service, cell.fault) == (name, fault)]
    found = sample(mine, EACH[name])
    assert {cell: hold(cell, tmp_path) for cell in found} == {cell: [] for cell in found}


@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize("name", EARS)
def test_whoever_is_refused_says_so_once_and_answers_each_finish_with_nothing(
    tmp_path: Path, name: str, status: int
) -> None:
    async def scene() -> None:
        async with Peer(tmp_path, admit=refusing(status)) as peer, Booth(EARS[name].at(peer)) as booth:
            for number in (1, 2, 3):
                await booth.say(number)
            await booth.until(3)
            await booth.be_silent(5)
            assert booth.finals == ["", "", ""]
            assert len(booth.lost) == 1
            assert str(status) in booth.lost[0]
            assert "sesame" not in booth.lost[0]
            assert len(peer.tried_at) == 1

    play(scene())


@pytest.mark.parametrize("name", EARS)
def test_a_conversation_without_a_fault(tmp_path: Path, name: str) -> None:
    assert hold(Cell(name, "none", LAST), tmp_path) == []
