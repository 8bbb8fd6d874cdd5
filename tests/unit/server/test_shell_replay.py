"""`voicewire replay --show … | head`: whoever read has gone, and nobody complains."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from audio.playout import Playout, PlayoutOptions
from server import __version__
from server.call import events as e
from server.call.core import Core
from server.call.hub import Hub
from server.call.journal import Header, JournalFile
from server.call.policy import CallSettings

ROOT = Path(__file__).parents[3]
PATIENCE_S = 30.0


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """The journal of a call in which more was typed than a pipe holds."""
    file = tmp_path / "call.journal"
    settings, options = CallSettings(), PlayoutOptions(rate_hz=1000)
    kept = JournalFile(file.open("wb"), Header(__version__, "c1", settings, options))
    playout = Playout(options)
    hub = Hub(Core(settings, playout), playout, lambda: 1.0, lambda _: None, kept)
    hub.post(e.Ready())
    for _ in range(20):
        hub.post(e.UserText("x" * 10_000))
    kept.close()
    return file


@pytest.mark.parametrize("lines", ["0", "1"])
def test_a_reader_that_has_seen_enough_is_no_error(journal: Path, lines: str) -> None:
    command = f'"{sys.executable}" -m server replay --show "{journal}" | head -n {lines}; echo "${{PIPESTATUS[0]}}"'
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, env=environment, timeout=PATIENCE_S, check=False
    )
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "1"
    assert len(done.stdout.splitlines()) == int(lines) + 1
