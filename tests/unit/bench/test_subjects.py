"""How what is measured is started."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from bench.subjects import SPARE, command
from server.config import load


@pytest.mark.parametrize("kind", ["scripted", "embedded"])
def test_the_configuration_is_one_that_the_server_takes(kind: str, tmp_path: Path) -> None:
    *_, option, file = command(kind, 100, 8123, tmp_path)
    settings = load(Path(file), {}, {})
    assert option == "--config"
    assert (settings.port, settings.max_calls) == (8123, 100 + SPARE)
    assert (settings.turn.min_delay_ms, settings.limits.lead_ms) == (300, 200)  # what the callers take off


def test_only_the_services_differ_from_what_a_user_gets(tmp_path: Path) -> None:
    def written(kind: str) -> dict[str, object]:
        return tomllib.loads(Path(command(kind, 1, 8123, tmp_path)[-1]).read_text())

    assert set(written("scripted")) - set(written("embedded")) == {"stt", "llm", "tts"}
    assert set(written("embedded")) == {"port", "max_calls"}


def test_the_floor_is_a_program_of_its_own(tmp_path: Path) -> None:
    assert command("floor", 10, 8123, tmp_path)[1:] == ["-m", "bench.floor", "--port", "8123"]
    assert command("floor", 10, 8123, tmp_path, 0.2)[-2:] == ["--back", "0.2000"]
    assert not list(tmp_path.iterdir())
