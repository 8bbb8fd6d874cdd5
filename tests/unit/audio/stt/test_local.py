"""Ears in worker processes, with real processes and a small model that understands the words of `booth`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from audio.events import SpokenWord, Transcript
from audio.stt.local import LocalEngine, LocalOptions
from link import worker
from link.errors import ConfigError, Overloaded
from tests.unit.audio.stt.booth import Booth
from tests.unit.audio.stt.word_job import DEADLY, UNBEARABLE

TARGET = "tests.unit.audio.stt.word_job:word_job"
PATIENCE_S = 20.0


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start again at once."""
    monkeypatch.setattr(worker, "RESTART_FIRST_S", 0.0)
    monkeypatch.setattr(worker, "RESTART_CAP_S", 0.0)


def nothing() -> None:
    """Nothing is missing."""


def engine_of(folder: Path, options: LocalOptions, target: str = TARGET) -> LocalEngine:
    made_of = {"folder": str(folder)}
    return LocalEngine("stt", target, made_of, options=options, spawn=asyncio.create_task, check=nothing)


@asynccontextmanager
async def started(folder: Path, options: LocalOptions | None = None) -> AsyncIterator[LocalEngine]:
    engine = engine_of(folder, options or LocalOptions(final_s=PATIENCE_S))
    async with asyncio.timeout(PATIENCE_S):
        await engine.start()
        try:
            yield engine
        finally:
            await engine.close()


@pytest.mark.asyncio
async def test_speech_is_understood_in_order_through_the_end_of_the_process_and_bad_words(tmp_path: Path) -> None:
    async with started(tmp_path) as engine, Booth(engine.open()) as booth, Booth(engine.open()) as other:
        for words in ((1, 2), (3,), (DEADLY, 4), (UNBEARABLE,), (5, 6)):
            booth.say_at_once(*words)
        other.say_at_once(7)
        await booth.until(5)
        await other.until(1)
        assert booth.finals == ["w1 w2", "w3", f"w{DEADLY} w4", "", "w5 w6"]
        spoken = (SpokenWord("w1", 0, 200, None), SpokenWord("w2", 200, 400, None))
        assert booth.facts[0] == Transcript("w1 w2", True, 0.5, spoken, "en")
        assert [reason.partition(": ")[2] for reason in booth.lost] == ["ValueError: what a word"]
        assert other.finals == ["w7"]


@pytest.mark.asyncio
async def test_looks_are_partials(tmp_path: Path) -> None:
    async with (
        started(tmp_path, LocalOptions(partial_s=0.2, final_s=PATIENCE_S)) as engine,
        Booth(engine.open()) as booth,
    ):
        booth.begin()
        booth.hear_at_once(1, 2)
        await booth.until_posted(1)
        booth.hear_at_once(3)
        booth.finish()
        await booth.until(1)
        assert booth.partials[0] == "w1 w2"
        assert booth.finals == ["w1 w2 w3"]


@pytest.mark.asyncio
async def test_places_are_given_back(tmp_path: Path) -> None:
    async with started(tmp_path, LocalOptions(slots=1)) as engine:
        assert engine.free == 1
        ears = engine.open()
        with pytest.raises(Overloaded):
            engine.open()
        ears.close()
        assert engine.free == 1
        assert len(engine.pids()) == 1


@pytest.mark.asyncio
async def test_what_the_worker_finds_wrong_is_the_operators(tmp_path: Path) -> None:
    engine = engine_of(tmp_path, LocalOptions(), "tests.unit.audio.stt.word_job:wrong_job")
    with pytest.raises(ConfigError, match=r"^stt: there is no such folder$"):
        await engine.start()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"workers": 0}, "workers must be from 1 to 64, not 0"),
        ({"slots": 65}, "slots must be from 1 to 64, not 65"),
        ({"cpu_threads": -1}, "cpu_threads must be 0 or more"),
        ({"final_s": 0}, "final_s must be above zero"),
        ({"partial_s": -1}, "partial_s must be 0 or more"),
    ],
)
def test_numbers_out_of_range(options: dict[str, int], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        LocalOptions(**options)


def test_the_threads_of_a_process() -> None:
    assert LocalOptions(cpu_threads=3).threads == 3
    assert LocalOptions(workers=64).threads == 1
