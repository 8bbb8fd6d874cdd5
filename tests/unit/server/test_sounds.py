"""The files of background sounds: read at the start, or named with their key when they cannot be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from loguru import logger

from audio.background import Ambience, HoldMusic
from link.errors import ConfigError
from server.agent import Agent
from server.app import Server
from server.config import Settings
from server.sounds import LONGEST_S, RATES_HZ, SoundFiles
from tests.unit.server.call.session_stand import virtual


def wave(folder: Path, seconds: float, rate_hz: int = 8000) -> str:
    """A file of some tone."""
    file = folder / "tone.wav"
    soundfile.write(file, np.full(int(seconds * rate_hz), 0.25, np.float32), rate_hz)
    return str(file)


def test_without_files_there_are_no_sounds() -> None:
    assert SoundFiles(Ambience(), HoldMusic()).at(16000) is None


@pytest.mark.parametrize("rate_hz", [8000, 16000, 48000])
def test_a_file_is_read_once_at_each_rate(tmp_path: Path, rate_hz: int) -> None:
    files = SoundFiles(Ambience(wave(tmp_path, 2.0)), HoldMusic())
    sounds = files.at(rate_hz)
    assert sounds is not None
    assert sounds is files.at(rate_hz)
    assert sounds.music is None
    assert sounds.ambience is not None
    assert len(sounds.ambience[1]) == pytest.approx(1.5 * rate_hz, abs=100)  # the seam is a part of it


def test_a_client_at_an_odd_rate_costs_nobody_a_file_and_is_told_of(tmp_path: Path) -> None:
    said: list[str] = []
    sink = logger.add(said.append, level="WARNING", format="{message}")
    try:
        files = SoundFiles(Ambience(wave(tmp_path, 2.0)), HoldMusic())
        assert [files.at(rate_hz) for rate_hz in (11025, 44101)] == [None, None]
        assert SoundFiles(Ambience(), HoldMusic()).at(11025) is None
    finally:
        logger.remove(sink)
    assert [line.strip() for line in said] == [
        f"no background: it is kept at {RATES_HZ} Hz, and this client plays at {rate_hz}" for rate_hz in (11025, 44101)
    ]


@pytest.mark.parametrize("key", ["background", "hold_music"])
def test_a_file_that_cannot_be_used_is_named_with_its_key(tmp_path: Path, key: str) -> None:
    for file, why in (
        ("nowhere.wav", "does not exist"),
        (__file__, "cannot be read"),
        (wave(tmp_path, 0), "is empty"),
    ):
        options = {"background": Ambience(), "hold_music": HoldMusic()}
        options[key] = Ambience(file) if key == "background" else HoldMusic(file)
        with pytest.raises(ConfigError, match=rf"^{key}\.file: the sound file .* {why}"):
            SoundFiles(options["background"], options["hold_music"])  # type: ignore[arg-type]


def test_a_file_has_a_bound(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^background.file: .* is longer than 5 minutes"):
        SoundFiles(Ambience(wave(tmp_path, LONGEST_S + 1)), HoldMusic())


@virtual
async def test_the_server_does_not_start_with_a_file_that_is_missing() -> None:
    with pytest.raises(ConfigError, match=r"^hold_music.file: the sound file nowhere.wav does not exist"):
        Server(Settings(), Agent(hold_music=HoldMusic("nowhere.wav")))
