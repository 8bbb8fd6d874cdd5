"""A model of the size and form of Smart Turn v3, with random weights: Whisper tiny's encoder, then one probability."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

BANDS, FRAMES = 80, 800
WIDTH, HEADS, LAYERS, INNER = 384, 6, 4, 1536
STEPS = FRAMES // 2


class Graph:
    """An ONNX graph in the making; each method adds a node and gives the name of what comes out."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self._random = np.random.default_rng(0)

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Any node."""
        output = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def constant(self, values: NDArray[Any]) -> str:
        """Numbers that are given."""
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def random(self, *shape: int) -> str:
        """Weights, small enough to keep what goes through them in bounds."""
        scale = np.prod(shape[:-1]) ** -0.5
        return self.constant(self._random.normal(0, scale, shape).astype(np.float32))

    def dense(self, x: str, width: int, wide: int) -> str:
        """A layer with a bias."""
        return self.add("Add", self.add("MatMul", x, self.random(width, wide)), self.random(wide))

    def normal(self, x: str) -> str:
        """A layer norm."""
        ones, zeros = np.ones(WIDTH, np.float32), np.zeros(WIDTH, np.float32)
        return self.add("LayerNormalization", x, self.constant(ones), self.constant(zeros))

    def heads(self, x: str, order: list[int]) -> str:
        """Split into heads."""
        shape = self.constant(np.array([0, STEPS, HEADS, WIDTH // HEADS], np.int64))
        return self.add("Transpose", self.add("Reshape", self.dense(x, WIDTH, WIDTH), shape), perm=order)

    def attention(self, x: str) -> str:
        """Who looks at whom."""
        query, key, value = (self.heads(x, order) for order in ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]))
        scale = self.constant(np.array((WIDTH // HEADS) ** -0.5, np.float32))
        shares = self.add("Softmax", self.add("Mul", self.add("MatMul", query, key), scale), axis=-1)
        seen = self.add("Transpose", self.add("MatMul", shares, value), perm=[0, 2, 1, 3])
        flat = self.constant(np.array([0, STEPS, WIDTH], np.int64))
        return self.dense(self.add("Reshape", seen, flat), WIDTH, WIDTH)


def save(file: Path) -> None:
    """Write the model: `input_features` (n, 80, 800) -> probability (n, 1)."""
    graph = Graph()
    first = graph.add("Conv", "input_features", graph.random(WIDTH, BANDS, 3), pads=[1, 1])
    second = graph.add("Conv", graph.add("Gelu", first), graph.random(WIDTH, WIDTH, 3), pads=[1, 1], strides=[2])
    x = graph.add("Transpose", graph.add("Gelu", second), perm=[0, 2, 1])
    x = graph.add("Add", x, graph.random(STEPS, WIDTH))
    for _ in range(LAYERS):
        x = graph.add("Add", x, graph.attention(graph.normal(x)))
        inner = graph.add("Gelu", graph.dense(graph.normal(x), WIDTH, INNER))
        x = graph.add("Add", x, graph.dense(inner, INNER, WIDTH))
    mean = graph.add("ReduceMean", graph.normal(x), graph.constant(np.array([1], np.int64)), keepdims=0)
    probability = graph.add("Sigmoid", graph.dense(mean, WIDTH, 1))
    value: Any = helper.make_tensor_value_info
    inputs = [value("input_features", TensorProto.FLOAT, ("n", BANDS, FRAMES))]
    outputs = [value(probability, TensorProto.FLOAT, ("n", 1))]
    whole = helper.make_graph(graph.nodes, "tiny", inputs, outputs, graph.weights)
    onnx.save(helper.make_model(whole, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), file)
