"""A Moonshine model of random weights in the published form, two ONNX graphs and a tokenizer, and the same in numpy.

The decoder is far simpler than the real one, but what it says next depends on all that it said before, on the sound,
and so on its cache. As in the real one the branch with a cache gives nothing of use for the encoder's part of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from tokenizers import AddedToken, Tokenizer, decoders, models

WIDTH, HEADS, SIZE, STRIDE = 8, 2, 4, 1600
WORDS = (
    "<unk>",
    "<s>",
    "</s>",
    "▁one",
    "▁two",
    "▁three",
    "▁four",
    "ty",
    "<0xC3>",
    "<0xA4>",
    "!",
    "▁the",
    "▁of",
    "▁and",
)
PAST = [f"0.{side}.{kind}" for side in ("decoder", "encoder") for kind in ("key", "value")]
OPSET, IR_VERSION = 17, 10

Floats = NDArray[np.float32]


class TinyMoonshine:
    """Its weights, as a model and as a folder."""

    def __init__(self, seed: int) -> None:
        dice = np.random.default_rng(seed)
        self.listen = dice.normal(0, 1, (WIDTH, 1, STRIDE)).astype(np.float32)
        self.words = dice.normal(0, 1, (len(WORDS), WIDTH)).astype(np.float32)
        self.say = dice.normal(0, 1, (WIDTH, len(WORDS))).astype(np.float32)

    def tokens(self, samples: Floats, most: int) -> list[int]:
        """What it says, without any cache."""
        count = len(samples) // STRIDE
        frames = samples[: count * STRIDE].reshape(count, STRIDE) @ self.listen[:, 0].T
        said = [1]
        while len(said) <= most:
            past = self.words[said]
            said.append(int(((past[-1] + past.mean(0) + frames.mean(0)) @ self.say).argmax()))
            if said[-1] == 2:
                break
        return said[1:]

    def write(self, folder: Path, *, masks: bool = False) -> Path:
        """With `masks`: as newer converters do it."""
        _save(folder / "encoder_model.onnx", self._encoder(masks))
        _save(folder / "decoder_model_merged.onnx", self._decoder(masks))
        vocabulary = {word: number for number, word in enumerate(WORDS)}
        tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>", byte_fallback=True))
        tokenizer.decoder = decoders.Sequence(
            [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
        )
        tokenizer.add_special_tokens([AddedToken(word, special=True) for word in WORDS[:3]])
        tokenizer.save(str(folder / "tokenizer.json"))
        return folder

    def _encoder(self, masks: bool) -> Any:
        nodes = [
            helper.make_node("Unsqueeze", ["input_values", "one"], ["sound"]),
            helper.make_node("Conv", ["sound", "listen"], ["frames"], strides=[STRIDE]),
            helper.make_node("Transpose", ["frames"], ["last_hidden_state"], perm=[0, 2, 1]),
        ]
        inputs = [_value("input_values", TensorProto.FLOAT, ["batch", "samples"])]
        if masks:
            inputs.append(_value("attention_mask", TensorProto.INT64, ["batch", "samples"]))
        outputs = [_value("last_hidden_state", TensorProto.FLOAT, ["batch", "length", WIDTH])]
        weights = [_constant("listen", self.listen), _constant("one", np.array([1]))]
        return helper.make_graph(nodes, "encoder", inputs, outputs, weights)

    def _decoder(self, masks: bool) -> Any:
        inputs = [
            _value("input_ids", TensorProto.INT64, ["batch", "count"]),
            _value("encoder_hidden_states", TensorProto.FLOAT, ["batch", "length", WIDTH]),
            *(_value(f"past_key_values.{name}", TensorProto.FLOAT, ["batch", HEADS, "past", SIZE]) for name in PAST),
            _value("use_cache_branch", TensorProto.BOOL, [1]),
        ]
        if masks:
            inputs.insert(1, _value("encoder_attention_mask", TensorProto.INT64, ["batch", "length"]))
        outputs = [
            _value("logits", TensorProto.FLOAT, ["batch", "count", len(WORDS)]),
            *(_value(f"present.{name}", TensorProto.FLOAT, ["batch", HEADS, "now", SIZE]) for name in PAST),
        ]
        names = [each.name for each in outputs]
        node = helper.make_node(
            "If", ["use_cache_branch"], names, then_branch=self._branch(True), else_branch=self._branch(False)
        )
        weights = [
            _constant("words", self.words),
            _constant("say", self.say),
            _constant("heads", np.array([1, -1, HEADS, SIZE])),
            _constant("whole", np.array([1, -1, WIDTH])),
            _constant("middle", np.array([1])),
        ]
        return helper.make_graph([node], "decoder", inputs, outputs, weights)

    def _branch(self, cached: bool) -> Any:
        mark = "c" if cached else "n"  # names in the two branches must differ
        nodes: list[Any] = []

        def do(kind: str, *inputs: str, **attributes: Any) -> str:
            nodes.append(helper.make_node(kind, list(inputs), [f"{mark}{len(nodes)}"], **attributes))
            return f"{mark}{len(nodes) - 1}"

        def split(value: str) -> str:
            return do("Transpose", do("Reshape", value, "heads"), perm=[0, 2, 1, 3])

        def whole(value: str) -> str:
            return do("Reshape", do("Transpose", value, perm=[0, 2, 1, 3]), "whole")

        new = do("Gather", "words", "input_ids")
        key, sound = split(new), split("encoder_hidden_states")
        if cached:
            key = do("Concat", "past_key_values.0.decoder.key", key, axis=2)
            sound = do("Identity", "past_key_values.0.encoder.key")
        means = [do("ReduceMean", whole(value), axes=[1], keepdims=1) for value in (key, sound)]
        logits = do("MatMul", do("Add", do("Add", new, means[0]), means[1]), "say")
        if cached:
            sound = do("Mul", sound, _nothing(nodes, mark))
        presents = [key, do("Identity", key), sound, do("Identity", sound)]
        shapes = [["b", "c", len(WORDS)], *[["b", HEADS, "n", SIZE]] * 4]
        values = zip([logits, *presents], shapes, strict=True)
        outputs = [_value(name, TensorProto.FLOAT, shape) for name, shape in values]
        return helper.make_graph(nodes, mark, [], outputs)


def _nothing(nodes: list[Any], mark: str) -> str:
    zero = numpy_helper.from_array(np.zeros(1, np.float32), f"{mark}zero")
    nodes.append(helper.make_node("Constant", [], [f"{mark}zero"], value=zero))
    return f"{mark}zero"


def _value(name: str, kind: int, shape: list[Any]) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def _constant(name: str, value: NDArray[Any]) -> Any:
    return numpy_helper.from_array(value, name)


def _save(path: Path, graph: Any) -> None:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
