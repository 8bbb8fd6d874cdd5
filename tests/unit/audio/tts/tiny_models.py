"""Voices with random weights, small enough to be made in a test, in the forms that Piper and Kokoro load."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP

PIPER_HZ = 16000
HOP = 256
KOKORO_FRAME = 600
"""Samples of a step of its durations."""
_GENERATOR = np.random.default_rng(7)


def piper_voice(folder: Path, speakers: int = 1) -> Path:
    """`….onnx`, with `….onnx.json` beside it: each phoneme lasts 1 to 5 hops, and is a tone."""
    lasts = (_GENERATOR.random(256) * 4 + 0.5).astype(np.float32)
    nodes = [
        helper.make_node("Gather", ["lasts", "input"], ["rough"], axis=0),
        helper.make_node("Gather", ["scales", "one"], ["length"], axis=0),
        helper.make_node("Mul", ["rough", "length"], ["scaled"]),
        helper.make_node("Ceil", ["scaled"], ["w_ceil"]),
        *_tone("w_ceil", HOP),
        helper.make_node("Reshape", ["tone", "audio_shape"], ["output"]),
    ]
    inputs = [
        helper.make_tensor_value_info("input", TensorProto.INT64, [1, "n"]),
        helper.make_tensor_value_info("input_lengths", TensorProto.INT64, [1]),
        helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
        *([helper.make_tensor_value_info("sid", TensorProto.INT64, [1])] if speakers > 1 else []),
    ]
    outputs = [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1, "t"])]
    constants = {"lasts": lasts, "one": np.array([1]), "audio_shape": np.array([1, 1, -1])}
    model = folder / "voice.onnx"
    _save(model, nodes, inputs, outputs, constants)
    card = {
        "audio": {"sample_rate": PIPER_HZ},
        "espeak": {"voice": "en-us"},
        "phoneme_type": "espeak",
        "num_symbols": 256,
        "num_speakers": speakers,
        "speaker_id_map": {f"speaker{number}": number for number in range(speakers)} if speakers > 1 else {},
        "inference": {"noise_scale": 0.6, "length_scale": 1.0, "noise_w": 0.8},
        "phoneme_id_map": DEFAULT_PHONEME_ID_MAP,
    }
    Path(f"{model}.json").write_text(json.dumps(card))
    return model


def kokoro_voice(folder: Path, *, durations: bool = True) -> tuple[Path, Path]:
    """The model and its voices: each phoneme lasts 1 to 4 steps, and is a tone."""
    lasts = (_GENERATOR.random(256) * 3 + 0.5).astype(np.float32)
    nodes = [
        helper.make_node("Gather", ["lasts", "input_ids"], ["rough"], axis=0),
        helper.make_node("Div", ["rough", "speed"], ["scaled"]),
        helper.make_node("Ceil", ["scaled"], ["steps"]),
        helper.make_node("Cast", ["steps"], ["duration"], to=TensorProto.INT64),
        *_tone("steps", KOKORO_FRAME),
        helper.make_node("ReduceSum", ["style", "all"], ["weight"], keepdims=0),
        helper.make_node("Mul", ["weight", "zero"], ["nothing"]),
        helper.make_node("Add", ["tone", "nothing"], ["audio"]),
    ]
    inputs = [
        helper.make_tensor_value_info("input_ids", TensorProto.INT64, [1, "n"]),
        helper.make_tensor_value_info("style", TensorProto.FLOAT, [1, 256]),
        helper.make_tensor_value_info("speed", TensorProto.FLOAT, [1]),
    ]
    outputs = [helper.make_tensor_value_info("audio", TensorProto.FLOAT, ["t"])]
    outputs += [helper.make_tensor_value_info("duration", TensorProto.INT64, [1, "n"])] if durations else []
    constants = {"lasts": lasts.reshape(-1), "all": np.array([0, 1]), "zero": np.array([0.0], np.float32)}
    model, voices = folder / "kokoro.onnx", folder / "voices.bin"
    _save(model, nodes, inputs, outputs, constants)
    with voices.open("wb") as file:
        np.savez(file, ann=np.zeros((510, 1, 256), np.float32), bob=np.ones((510, 1, 256), np.float32))
    return model, voices


def _tone(steps: str, samples: int) -> list[onnx.NodeProto]:
    """`tone`: a wave of as many samples as the sum of the steps makes."""
    return [
        helper.make_node("ReduceSum", [steps], ["total"], keepdims=0),
        helper.make_node("Constant", [], ["per_step"], value_float=float(samples)),
        helper.make_node("Mul", ["total", "per_step"], ["length_of_all"]),
        helper.make_node("Constant", [], ["from"], value_float=0.0),
        helper.make_node("Constant", [], ["by"], value_float=1.0),
        helper.make_node("Range", ["from", "length_of_all", "by"], ["ramp"]),
        helper.make_node("Constant", [], ["pitch"], value_float=0.2),
        helper.make_node("Mul", ["ramp", "pitch"], ["phase"]),
        helper.make_node("Cos", ["phase"], ["wave"]),
        helper.make_node("Constant", [], ["loudness"], value_float=0.3),
        helper.make_node("Mul", ["wave", "loudness"], ["tone"]),
    ]


def _save(
    path: Path,
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    constants: dict[str, np.ndarray],
) -> None:
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
