"""Other ears than the embedded ones are made of a table and measured in the same way."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from bench import ears, stt
from bench.ears import measure, service_of
from bench.speech import RECORDINGS
from bench.words import error_rate, plain
from link.errors import ConfigError


def test_a_table_or_a_configuration_names_them(tmp_path: Path) -> None:
    assert service_of('{name = "deepgram", model = "m"}', None) == {"name": "deepgram", "model": "m"}
    assert service_of('"scripted"', None) == "scripted"
    file = tmp_path / "voicewire.toml"
    file.write_text('port = 1\n[stt]\nname = "scripted"\n')
    assert service_of(None, file) == {"name": "scripted"}
    file.write_text("port = 1\n")
    for table, config in (("{", None), (None, file), (None, tmp_path / "nothing")):
        with pytest.raises(ConfigError):
            service_of(table, config)


def test_what_is_understood_is_counted(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    listed = [each for each in json.loads((RECORDINGS / "speech.json").read_text()) if each["kind"] == "synthetic"]
    first, second = (each["text"] for each in listed[:2])
    monkeypatch.setattr(ears, "SETS", (("callers", "synthetic", [first]),))
    service = {"name": "scripted", "lines": [f"{first.capitalize()}!"]}  # whatever is said
    asyncio.run(measure(service, quick=True, show=True, real_time=False))
    count = len(first.split()) + len(second.split())
    wrong = 100 * error_rate([(first, first), (second, first)])
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("callers, no vocabulary")
    assert f"{wrong:3.0f} % of {count:2} words wrong, final p50" in printed[0]
    assert printed[1] == f"    said        {first}"
    assert printed[5].startswith("callers, fitting vocabulary")
    assert len("synthetic callers, fitting vocabulary") < stt.NAME


def test_capitals_and_signs_are_no_errors() -> None:
    assert plain("Well, it's 5 O'Clock — isn't it?") == "well it's 5 o'clock isn't it"
