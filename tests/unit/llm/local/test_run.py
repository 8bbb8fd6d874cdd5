"""`voicewire brain`: the server alone."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from link.errors import ConfigError
from llm.local.run import run_brain


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.com"])
def test_beyond_this_machine_a_token_is_needed(host: str) -> None:
    with pytest.raises(ConfigError, match="only with a token"):
        run_brain(host)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_told_to_stop(number: signal.Signals) -> None:
    command = [sys.executable, "-c", "from llm.local.run import run_brain; run_brain(port=0)"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        assert "listening at ws://127.0.0.1:" in process.stderr.readline()
        process.send_signal(number)
        assert process.wait(10) == 0
        assert "Traceback" not in process.stderr.read()
