"""The child's side of the acoustic model: a pause's audio in, how probable it is that the turn is over out.

onnxruntime is loaded in the child process only: its crashes, its threads and its 100 MB stay there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import soxr
from msgspec import Struct

from audio.blas import set_blas_threads
from audio.pcm import to_float
from audio.smart_turn.features import BANDS, FRAMES, RATE_HZ, SAMPLES, log_mel
from link.errors import ConfigError, install
from link.worker import Send

INPUT = "input_features"
GET = "such models are at Hugging Face, in pipecat-ai/smart-turn-v3"


class Judge(Struct, frozen=True, array_like=True):
    """Judge the pause after this PCM16, of 8 s at the most. The serials of a slot rise from 1."""

    serial: int
    rate_hz: int
    pcm: bytes


class Judged(Struct, frozen=True, array_like=True):
    """The judgement, from 0 (they go on) to 1 (the turn is over)."""

    serial: int
    complete: float


class SmartTurnModel:
    """A model in the form of Smart Turn v3: `input_features` (n, 80, 800) -> probability (n, 1)."""

    def __init__(self, path: str) -> None:
        """Raises ConfigError that says what is wrong with the file, or without onnxruntime."""
        self._session = _load(path)
        if fault := _fault_of(self._session):
            raise ConfigError(f"turn_model: {path} is no model in the form of Smart Turn v3: {fault}; {GET}")
        try:
            self.judge(np.zeros(SAMPLES, np.float32))  # the first run is slow, and shows what comes out
        except Exception as error:  # ValueError, or one of onnxruntime's own
            reason = " ".join(str(error).split())
            raise ConfigError(
                f"turn_model: {path} is no model in the form of Smart Turn v3: {reason}; {GET}"
            ) from error

    def judge(self, samples: np.ndarray[Any, np.dtype[np.float32]]) -> float:
        """How probable it is that the turn is over, after these samples at 16 kHz. Raises ValueError."""
        output = self._session.run(None, {INPUT: log_mel(samples)[np.newaxis]})[0]
        complete = float(output.reshape(-1)[0])
        if not 0 <= complete <= 1:
            raise ValueError(f"it gives {complete:.3g}, which is no probability")
        return complete


class SmartTurnJob:
    """The Job that `link.worker` runs; a judgement needs nothing of the one before."""

    def __init__(self, path: str) -> None:
        set_blas_threads(1)
        self._model = SmartTurnModel(path)

    def open(self, slot: int, options: dict[str, Any]) -> None:
        """Nothing to prepare."""

    def message(self, slot: int, payload: Any, send: Send) -> None:
        """Judge a pause."""
        asked = msgspec.convert(payload, Judge)
        samples = to_float(asked.pcm)
        if asked.rate_hz != RATE_HZ:
            samples = soxr.resample(samples, asked.rate_hz, RATE_HZ, "HQ")
        send(Judged(asked.serial, self._model.judge(samples)))

    def urgent(self, slot: int, payload: Any) -> None:
        """Nothing is urgent."""

    def close(self, slot: int) -> None:
        """Nothing to forget."""


def _load(path: str) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise ConfigError(f"turn_model: the package onnxruntime is missing: {install('smart-turn')}") from error
    if not Path(path).is_file():
        raise ConfigError(f"turn_model: there is no file {path}; {GET}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what goes wrong is raised as well
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own, one for each kind of fault
        reason = " ".join(str(error).split())
        raise ConfigError(f"turn_model: onnxruntime cannot load {path}: {reason}") from error


def _fault_of(session: Any) -> str:
    """What is wrong with the model's inputs and outputs; empty for nothing."""
    inputs = {each.name: each for each in session.get_inputs()}
    if list(inputs) != [INPUT]:
        return f"it takes {', '.join(inputs) or 'nothing'} where {INPUT} is wanted"
    if not _fits(inputs[INPUT], (1, BANDS, FRAMES)):
        return f"its {INPUT} is {_form(inputs[INPUT])}, not (n, {BANDS}, {FRAMES}) of tensor(float)"
    output = session.get_outputs()[0]
    return "" if _fits(output, (1, 1)) else f"its {output.name} is {_form(output)}, not (n, 1) of tensor(float)"


def _fits(tensor: Any, shape: tuple[int, ...]) -> bool:
    """Whether it has this shape; a size that is not fixed has a name instead."""
    sizes = [
        wanted if isinstance(size, str | None) else size for size, wanted in zip(tensor.shape, shape, strict=False)
    ]
    return tensor.type == "tensor(float)" and len(tensor.shape) == len(shape) and tuple(sizes) == shape


def _form(tensor: Any) -> str:
    return f"({', '.join(str(size or '?') for size in tensor.shape)}) of {tensor.type}"
