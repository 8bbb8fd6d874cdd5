"""How a server starts: it can be stopped meanwhile, says for how many calls it has room, and keeps journals private."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from link.errors import ConfigError
from server.__main__ import main
from server.agent import Agent
from server.commands import serve
from server.config import Settings
from tests.unit.server import shell_parts
from tests.unit.server.call.session_stand import virtual
from tests.unit.server.logbook import Logbook
from tests.unit.server.server_stand import SERVICES, ServerStand


def settings(**more: Any) -> Settings:
    """Settings with services of tests."""
    return msgspec.convert({**SERVICES, "port": 0, **more}, Settings)


def ears(kind: str) -> dict[str, str]:
    """Ears that do not start."""
    return {"name": "tests.unit.server.shell_parts:engine", "kind": kind}


# --- stopping a start -------------------------------------------------------------------------------------------------


def test_a_server_that_hangs_in_its_start_is_stopped_by_a_signal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shell_parts.Stuck, "closed", 0)
    with Logbook() as log:
        assert asyncio.run(serve._serve(settings(stt=ears("stuck")), Agent(), {})) == 0
    assert log.said("stopped before it was ready", "INFO")
    assert log.failures == []
    assert capsys.readouterr().out == "", "it never was ready"
    assert shell_parts.Stuck.closed == 1, "what was started is released"


def test_a_start_that_fails_by_itself_is_not_taken_for_a_stop() -> None:
    with Logbook(), pytest.raises(TimeoutError, match="the ears are late"):
        asyncio.run(serve._serve(settings(stt=ears("late")), Agent(), {}))


# --- room -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("free", "max_calls", "told"), [(12, 100, True), (100, 100, False), (12, 12, False)])
@virtual
async def test_a_server_says_when_it_has_room_for_fewer_calls_than_it_may_take(
    free: int, max_calls: int, told: bool
) -> None:
    ears = {"name": "tests.unit.server.parts:ears", "free": free}
    async with ServerStand(stt=ears, max_calls=max_calls) as stand:
        assert stand.log.said("room for 12 calls at once, not for max_calls = 100: stt has no more", "INFO") is told
        assert stand.log.said("room for") is told


# --- journals ---------------------------------------------------------------------------------------------------------


def mode(path: Path) -> str:
    """Who may do what with a file, in octal."""
    return oct(stat.S_IMODE(path.stat().st_mode))


@pytest.fixture
def generous() -> Iterator[None]:
    """A process that lets everybody read what it writes."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_a_journal_can_be_read_by_nobody_else(tmp_path: Path, generous: None) -> None:
    @virtual
    async def call() -> None:
        async with ServerStand(journal=str(tmp_path)) as stand:
            await (await stand.call()).say("end")
            await stand.over()

    call()
    (journal,) = tmp_path.iterdir()
    assert mode(journal) == "0o600"
    assert main(["replay", str(journal)]) == 0


def test_the_folder_of_journals_is_made_for_the_server_alone(tmp_path: Path, generous: None) -> None:
    serve._make_folder(tmp_path / "of" / "journals")
    assert mode(tmp_path / "of" / "journals") == "0o700"
    serve._make_folder(tmp_path / "of" / "journals")  # it may be there


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"the journal folder .*/file cannot be made: File exists"):
        serve._make_folder(tmp_path / "file")
