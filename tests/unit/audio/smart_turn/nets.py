"""Small models in the form of Smart Turn v3, whose judgement is a known function of what they are given.

They say how much softer a voice became before its last silence: one that fades has ended.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

FRAMES = 800
BEFORE = slice(FRAMES - 100, FRAMES - 70)
LAST = slice(FRAMES - 45, FRAMES - 30)
"""In frames of 10 ms. The voice is off after 224 ms of silence; LAST is before that, BEFORE half a second earlier."""
STEEP, LEVEL = 30.0, 0.25


def weights() -> NDArray[np.float32]:
    """What each frame counts: (800, 1)."""
    weight = np.zeros((FRAMES, 1), np.float32)
    weight[BEFORE] = STEEP / (BEFORE.stop - BEFORE.start)
    weight[LAST] = -STEEP / (LAST.stop - LAST.start)
    return weight


def judgement(features: NDArray[np.float32]) -> float:
    """What the model says of features (80, 800)."""
    logit = float(features.mean(axis=0) @ weights()[:, 0]) - STEEP * LEVEL
    return float(1 / (1 + np.exp(-logit)))


def save(
    file: Path,
    *,
    takes: str = "input_features",
    shape: tuple[int | str, ...] = ("n", 80, FRAMES),
    kind: int = TensorProto.FLOAT,
    last: str = "Sigmoid",
    bias: float = -STEEP * LEVEL,
) -> Path:
    """Write the model, or one with a fault. `last` is its last step: without a sigmoid it gives no probability."""
    frames = shape[-1] if isinstance(shape[-1], int) else FRAMES
    weight = np.resize(weights(), (frames, 1)).astype(helper.tensor_dtype_to_np_dtype(kind))
    nodes = [
        helper.make_node("ReduceMean", [takes, "axes"], ["levels"], keepdims=0),
        helper.make_node("MatMul", ["levels", "weight"], ["sum"]),
        helper.make_node("Add", ["sum", "bias"], ["logit"]),
        helper.make_node(last, ["logit"], ["logits"]),
    ]
    constants = [
        numpy_helper.from_array(np.array([1], np.int64), "axes"),
        numpy_helper.from_array(weight, "weight"),
        numpy_helper.from_array(np.array([bias], weight.dtype), "bias"),
    ]
    value: Any = helper.make_tensor_value_info
    outputs = [value("logits", kind, (shape[0], *shape[2:-1], 1))]
    graph = helper.make_graph(nodes, "fading", [value(takes, kind, shape)], outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.save(model, file)
    return file


def save_int8(file: Path) -> Path:
    """The same with weights of eight bits."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    whole = save(file.with_suffix(".float.onnx"))
    quantize_dynamic(whole, file, weight_type=QuantType.QInt8)
    return file
