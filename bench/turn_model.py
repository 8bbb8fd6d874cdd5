"""What it costs to judge a pause by its sound: `python -m bench.turn_model`. Some twenty seconds.

The model has Smart Turn v3's size and random weights, as floats and in eight bits; `--model FILE` measures another.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from onnxruntime.quantization import QuantType, quantize_dynamic

from audio.blas import set_blas_threads
from audio.pcm import to_float
from audio.smart_turn.engine import SmartTurn, SmartTurnEngine
from audio.smart_turn.features import RATE_HZ, SAMPLES, log_mel
from audio.smart_turn.job import SmartTurnModel
from bench import tiny_encoder
from bench.measure import cpu_s, percentile, pss_mb

ROUNDS, QUICK_ROUNDS = 50, 5
AT_ONCE = 100
WITHIN_S = 0.276
"""`turn.judge_timeout_ms` (500), less the 224 ms of silence that have gone by when the voice is known to be off."""
PATIENCE_S = 60.0

PCM = np.random.default_rng(0).integers(-3000, 3000, SAMPLES).astype("<i2").tobytes()


async def ask(judge: SmartTurn, within_s: float) -> float | None:
    """The judgement of one pause after 8 s of sound."""
    answer: asyncio.Future[float | None] = asyncio.get_running_loop().create_future()
    judge.judge(PCM, RATE_HZ, within_s, answer.set_result)
    return await answer


def features_ms(rounds: int) -> list[float]:
    """In this process: 8 s of sound to features, each time."""
    samples = to_float(PCM)
    return [timed(lambda: log_mel(samples)) for _ in range(rounds)]


def model_ms(file: Path, rounds: int) -> list[float]:
    """In this process: features and model."""
    samples = to_float(PCM)
    model = SmartTurnModel(str(file))
    return [timed(lambda: model.judge(samples)) for _ in range(rounds)]


def timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return (time.perf_counter() - begin) * 1000


async def engine(file: Path, rounds: int) -> None:
    """As calls have it: through the process, one after the other and many at once."""
    judging = SmartTurnEngine(path=str(file), spawn=asyncio.create_task)
    begin = time.perf_counter()
    await judging.start()
    loaded_s = time.perf_counter() - begin
    [pid] = judging.pids()
    judge, waits = judging.open(), []
    own, child = time.process_time(), cpu_s(pid)
    for _ in range(rounds):
        begin = time.perf_counter()
        await ask(judge, PATIENCE_S)
        waits.append((time.perf_counter() - begin) * 1000)
    own_ms, child_ms = ((time.process_time() - own) * 1000 / rounds, (cpu_s(pid) - child) * 1000 / rounds)
    at_once = await asyncio.gather(*(ask(judging.open(), WITHIN_S) for _ in range(AT_ONCE)))
    row("  through its process, ms", waits)
    print(f"  CPU of a judgement, ms: {own_ms:.2f} in the server, {child_ms:.1f} in the model's process")
    print(f"  loaded in {loaded_s:.2f} s; {pss_mb(pid):.0f} MB")
    judged = sum(each is not None for each in at_once)
    print(f"  of {AT_ONCE} pauses at once {judged} are judged in time, {WITHIN_S * 1000:.0f} ms")
    await judging.close()


def row(label: str, numbers: list[float]) -> None:
    print(f"{label:<34}{percentile(numbers, 0.5) or 0:8.1f}{percentile(numbers, 0.95) or 0:8.1f}")


def measure(label: str, file: Path, rounds: int) -> None:
    print(f"\n{label}, {file.stat().st_size / 1e6:.0f} MB")
    row("  features and model, ms", model_ms(file, rounds))
    asyncio.run(engine(file, rounds))


def main() -> None:
    """The process."""
    parser = argparse.ArgumentParser(description="judging a pause by its sound")
    parser.add_argument("--quick", action="store_true", help="a few rounds each")
    parser.add_argument("--model", type=Path, help="an ONNX file instead of the random ones")
    options = parser.parse_args()
    rounds = QUICK_ROUNDS if options.quick else ROUNDS
    set_blas_threads(1)
    print(f"{'of 8 s of sound, on one thread':<34}{'median':>8}{'p95':>8}")
    row("features, ms", features_ms(rounds))
    if options.model:
        measure(options.model.name, options.model, rounds)
        return
    with tempfile.TemporaryDirectory() as folder:
        whole, small = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        tiny_encoder.save(whole)
        quantize_dynamic(whole, small, weight_type=QuantType.QInt8)
        measure("floats", whole, rounds)
        measure("eight bits", small, rounds)


if __name__ == "__main__":
    main()
