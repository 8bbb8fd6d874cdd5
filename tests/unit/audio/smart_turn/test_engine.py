"""The model in a real process of its own, which many calls share; it dies, and it stalls."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from audio.pcm import to_pcm
from audio.smart_turn import engine as module
from audio.smart_turn.engine import SmartTurn, SmartTurnEngine
from audio.smart_turn.features import RATE_HZ, log_mel
from audio.smart_turn.questions import MAX_WAITING
from link import worker
from link.errors import ConfigError
from tests.unit.audio.smart_turn import nets
from tests.unit.audio.smart_turn.voices import voice

PATIENCE_S = 20.0
CALLS = 100
LATE_S = -1.0

PCM = {fades: to_pcm(voice(fades=fades)) for fades in (True, False)}


@asynccontextmanager
async def started(tmp_path: Path) -> AsyncIterator[SmartTurnEngine]:
    """An engine with a small model."""
    engine = SmartTurnEngine(path=str(nets.save(tmp_path / "net.onnx")), spawn=asyncio.create_task)
    async with asyncio.timeout(PATIENCE_S):
        await engine.start()
        try:
            yield engine
        finally:
            await engine.close()


def ask(judge: SmartTurn, *, fades: bool = True, within_s: float = PATIENCE_S) -> asyncio.Future[float | None]:
    """The judgement that is to come."""
    answer: asyncio.Future[float | None] = asyncio.get_running_loop().create_future()
    judge.judge(PCM[fades], RATE_HZ, within_s, answer.set_result)
    return answer


@pytest.mark.asyncio
async def test_calls_are_judged_each_by_its_own_sound(tmp_path: Path) -> None:
    async with started(tmp_path) as engine:
        answers = [ask(engine.open(), fades=fades) for fades in (True, False)]
        for fades, complete in zip((True, False), await asyncio.gather(*answers), strict=True):
            assert complete == pytest.approx(nets.judgement(log_mel(voice(fades=fades))), abs=1e-3)
        judge = engine.open()
        first, second = ask(judge, fades=True), ask(judge, fades=False)
        assert await second == pytest.approx(nets.judgement(log_mel(voice(fades=False))), abs=1e-3)
        assert not first.done(), "a pause that is over is not answered"
        assert await ask(judge, within_s=LATE_S) is None
        judge.close()


@pytest.mark.asyncio
async def test_when_a_hundred_calls_pause_at_once_all_but_a_few_go_on_unjudged(tmp_path: Path) -> None:
    async with started(tmp_path) as engine:
        [pid] = engine.pids()
        os.kill(pid, signal.SIGSTOP)
        answers = [ask(engine.open()) for _ in range(CALLS)]
        told = [answer.result() for answer in answers if answer.done()]
        assert told == [None] * (CALLS - MAX_WAITING - 1), "at once"
        os.kill(pid, signal.SIGCONT)
        judged = [complete for complete in await asyncio.gather(*answers) if complete is not None]
        assert len(judged) == MAX_WAITING + 1


@pytest.mark.asyncio
async def test_a_process_that_dies_is_started_again_and_nobody_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "RESTART_FIRST_S", 0.0)
    async with started(tmp_path) as engine:
        [pid] = engine.pids()
        os.kill(pid, signal.SIGSTOP)
        answer, waiting = ask(engine.open()), ask(engine.open())
        os.kill(pid, signal.SIGKILL)
        assert await answer is None
        assert await waiting is None
        assert await ask(engine.open()) is None, "it is not back yet"
        while not engine.pids():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert await ask(engine.open()) is not None
        assert engine.pids() != [pid]


@pytest.mark.asyncio
async def test_a_process_that_stalls_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "RESTART_FIRST_S", 0.0)
    async with started(tmp_path) as engine:
        [pid] = engine.pids()
        os.kill(pid, signal.SIGSTOP)
        stuck = ask(engine.open())
        assert not ask(engine.open()).done(), "not at once"
        monkeypatch.setattr(module, "STALLED_S", 0.0)
        ask(engine.open())
        assert await stuck is None
        while not engine.pids():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        monkeypatch.undo()
        assert await ask(engine.open()) is not None


@pytest.mark.asyncio
async def test_a_file_that_is_no_model_stops_the_start(tmp_path: Path) -> None:
    file = tmp_path / "none.onnx"
    engine = SmartTurnEngine(path=str(file), spawn=asyncio.create_task)
    with pytest.raises(ConfigError, match=f"^turn_model: there is no file {file}; such models are at Hugging Face"):
        await engine.start()
    await engine.close()


@pytest.mark.asyncio
async def test_options_that_cannot_be() -> None:
    with pytest.raises(ConfigError, match="turn_model: path must name the ONNX file"):
        SmartTurnEngine(spawn=asyncio.create_task)
    for workers in (0, -1, 65):
        with pytest.raises(ConfigError, match=f"^turn_model: workers must be from 1 to 64, not {workers}$"):
            SmartTurnEngine(path="a.onnx", spawn=asyncio.create_task, workers=workers)
