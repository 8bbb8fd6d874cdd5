"""Ears on this machine by name: from a table of the configuration to words, through a real process."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from audio.services import SpeechToText
from link.errors import ConfigError
from server.agent import Agent
from server.factories import Engine
from server.services.names import make_ears
from tests.unit.audio.stt.booth import Booth
from tests.unit.audio.stt.moonshine_model import TinyMoonshine
from tests.unit.audio.stt.whisper_model import write_whisper
from tests.unit.server.services.given import given

AGENT = Agent(vocabulary=["puncture", "what time do you open on monday"])


def engine(name: str, **options: Any) -> Engine[SpeechToText]:
    """The engine of a table."""
    place = msgspec.structs.replace(given("stt", AGENT), spawn=asyncio.create_task)
    return make_ears({"name": name, **options}, place)


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["faster-whisper", "moonshine"])
async def test_a_model_in_a_folder_listens(tmp_path: Path, name: str) -> None:
    if name == "moonshine":
        TinyMoonshine(1).write(tmp_path)
    else:
        write_whisper(tmp_path)
    made = engine(name, model=str(tmp_path), cpu_threads=1, language="en")
    async with asyncio.timeout(20):
        await made.start()
        try:
            async with Booth(made.open()) as booth:
                booth.say_at_once(1, 2, 3)
                await booth.until(1)
                assert not booth.lost
        finally:
            await made.close()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("faster-whisper", "stt.model: the folder nowhere/at/all has no model.bin; make one with"),
        ("moonshine", "stt.model: the folder nowhere/at/all has no encoder_model.onnx; put the merged"),
    ],
)
async def test_a_model_that_is_not_there_stops_the_start(name: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        await engine(name, model="nowhere/at/all").start()
    assert str(caught.value).startswith(words)


@pytest.mark.parametrize("name", ["faster-whisper", "moonshine"])
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "stt.model is missing"),
        ({"model": " "}, "stt.model is empty: say which model"),
        ({"model": "m", "slots": 0}, "stt.slots must be from 1 to 64, not 0"),
        ({"model": "m", "colour": 1}, "there is no key stt.colour"),
    ],
)
def test_what_is_wrong_is_named(name: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        engine(name, **options)
    assert str(caught.value) == words
