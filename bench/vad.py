"""What voice activity detection costs: µs per chunk of 32 ms, alone and in batches, beside onnxruntime in the same run.

    python -m bench.vad

Also the whole engine as calls use it (frames of 20 ms in, facts out), and the microphone's resampler. Best of several
rounds, on one core. Needs what the tests need (onnxruntime, and the silero-vad package's ONNX file).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from audio.blas import set_blas_threads
from audio.pcm import MicResampler
from audio.silero import BLOCK, Silero, sizes
from audio.vad import TICK_S, VadEngine, load_weights
from tools.extract_silero import onnx_path

BATCHES = (1, 8, 32, 64, 128)
CALLS = (1, 10, 100, 300)
RESAMPLED = ((8000, 16000), (16000, 8000), (24000, 16000), (44100, 16000), (48000, 16000), (48000, 8000))
ROUNDS, QUICK_ROUNDS = 7, 1


def best_us(work: Callable[[], object], rounds: int, parts: int = 1) -> float:
    """The time of one part, in µs: the best round of some 20 ms each."""
    work()
    begin = time.perf_counter()
    work()
    times = max(1, round(0.02 / (time.perf_counter() - begin)))
    best = float("inf")
    for _ in range(rounds):
        begin = time.perf_counter()
        for _ in range(times):
            work()
        best = min(best, (time.perf_counter() - begin) / times)
    return best * 1e6 / parts


def noise(rate_hz: int, seconds: float) -> NDArray[np.int16]:
    return np.random.default_rng(0).integers(-3000, 3000, round(rate_hz * seconds)).astype(np.int16)


def ours_us(rate_hz: int, batch: int, rounds: int) -> float:
    """The net, in blocks as the engine runs it."""
    net, size = Silero(rate_hz, load_weights(), capacity=batch), sizes(rate_hz)
    windows = np.resize(noise(rate_hz, 1), (batch, size.window))
    blocks = [(np.arange(at, min(at + BLOCK, batch)), windows[at : at + BLOCK]) for at in range(0, batch, BLOCK)]
    return best_us(lambda: [net.run(slots, pcm) for slots, pcm in blocks], rounds, batch)


def original_us(session: onnxruntime.InferenceSession, rate_hz: int, batch: int, rounds: int) -> float:
    windows = np.resize(noise(rate_hz, 1).astype(np.float32) / 32768, (batch, sizes(rate_hz).window))
    feed = {"input": windows, "state": np.zeros((2, batch, 128), np.float32), "sr": np.array(rate_hz, np.int64)}
    return best_us(lambda: session.run(None, feed), rounds, batch)


class Ticks:
    """A schedule that does what is due whenever it is told that some time went by."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.due: list[tuple[float, Callable[[], None]]] = []

    def __call__(self, delay_s: float, callback: Callable[[], None]) -> None:
        self.due.append((self.now_s + delay_s, callback))

    def pass_time(self, seconds: float) -> None:
        self.now_s += seconds
        due = [callback for at, callback in self.due if at <= self.now_s]
        self.due = [(at, callback) for at, callback in self.due if at > self.now_s]
        for callback in due:
            callback()


def engine_us(rate_hz: int, calls: int, rounds: int) -> float:
    """One call-second: frames of 20 ms, the calls' frames spread evenly over those 20 ms."""
    ticks = Ticks()
    engine = VadEngine(rate_hz, ticks)
    streams = [engine.open(lambda _: None) for _ in range(calls)]
    frame = noise(rate_hz, 0.02).tobytes()

    def second() -> None:
        for _ in range(50):
            for stream in streams:
                stream.feed(frame)
                ticks.pass_time(0.02 / calls)

    second()
    return best_us(second, rounds, calls)


def row(label: str, numbers: Iterable[float], digits: int = 1) -> None:
    print(f"{label:<22}" + "".join(f"{number:9.{digits}f}" for number in numbers))


def main() -> None:
    """The process."""
    parser = argparse.ArgumentParser(description="voice activity detection")
    parser.add_argument("--quick", action="store_true", help="one round each")
    rounds = QUICK_ROUNDS if parser.parse_args().quick else ROUNDS
    set_blas_threads(1)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(onnx_path()), options, providers=["CPUExecutionProvider"])
    print("µs per chunk of 32 ms")
    row("batch of", BATCHES, 0)
    for rate_hz in (16000, 8000):
        row(f"{rate_hz} Hz, numpy {np.__version__}", [ours_us(rate_hz, batch, rounds) for batch in BATCHES])
        row("  beside onnxruntime", [original_us(session, rate_hz, batch, rounds) for batch in BATCHES])
    print(f"\nms per call-second, the whole engine (its tick: {TICK_S * 1000:.0f} ms)")
    row("calls", CALLS, 0)
    for rate_hz in (16000, 8000):
        row(f"{rate_hz} Hz", [engine_us(rate_hz, calls, rounds) / 1000 for calls in CALLS], 2)
    print("\nµs per frame of 20 ms, the microphone's resampler")
    for rate_in, rate_out in RESAMPLED:
        feed, frame = MicResampler(rate_in, rate_out).feed, noise(rate_in, 0.02).tobytes()
        row(f"{rate_in} to {rate_out} Hz", [best_us(partial(feed, frame), rounds)])


if __name__ == "__main__":
    main()
