"""Takes the weights of Silero's voice activity net out of the `silero-vad` package, once, into `audio/data/`.

    .venv/bin/python tools/extract_silero.py

Needs the package installed without its dependencies (`tools/setup test` does it) and numpy, nothing else: of the ONNX
file, which is a protobuf message, only the constants are read, by the thirty lines below. The package itself is not
imported (that would need PyTorch), and its `.safetensors` file is not used: it holds the weights of another version.

The ONNX file holds a net per rate, as the two branches of one `If` on the rate: 16 kHz in the first, else 8 kHz. The
fourteen learned tensors of each go into `silero_v6.npz` as they are, under names like `16000/conv0.weight`. The
fifteenth is the basis of its Fourier transform; it is checked to be just that, and left out.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

PACKAGE = "silero-vad"
DATA = Path(__file__).parent.parent / "audio" / "data"
Tensor = NDArray[np.float32]

BRANCHES = {"then_branch": 16000, "else_branch": 8000}
BASIS = "stft.forward_basis_buffer"
NAMES = {  # in the ONNX file -> in ours
    **{f"encoder.{i}.reparam_conv.{kind}": f"conv{i}.{kind}" for i in range(4) for kind in ("weight", "bias")},
    **{f"decoder.rnn.{kind}": f"lstm.{kind}" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")},
    **{f"decoder.decoder.2.{kind}": f"out.{kind}" for kind in ("weight", "bias")},
}

# Field numbers of the ONNX messages that are read: model > graph > node > attribute > (graph | tensor).
MODEL_GRAPH, GRAPH_NODE, NODE_ATTRIBUTE = 7, 1, 5
ATTRIBUTE_NAME, ATTRIBUTE_TENSOR, ATTRIBUTE_GRAPH = 1, 5, 6
TENSOR_DIMS, TENSOR_NAME, TENSOR_RAW = 1, 8, 9


def varint(data: memoryview, at: int) -> tuple[int, int]:
    """A protobuf integer at `at`, and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The fields of a protobuf message: numbers as they are, everything with a length as its bytes."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        wire_type = key & 7
        if wire_type == 0:
            value, at = varint(data, at)
            yield key >> 3, value
            continue
        length, at = varint(data, at) if wire_type == 2 else ({1: 8, 5: 4}[wire_type], at)
        yield key >> 3, data[at : at + length]
        at += length


def messages(data: memoryview, number: int) -> Iterator[memoryview]:
    """The bytes of every field `number`."""
    return (value for field, value in fields(data) if field == number and isinstance(value, memoryview))


def text(data: memoryview, number: int) -> str:
    """The string in field `number`, or an empty one."""
    return next((bytes(value).decode() for value in messages(data, number)), "")


def dims(data: memoryview) -> list[int]:
    """A tensor's shape: repeated integers, packed into one field or one by one."""
    found: list[int] = []
    for field, value in fields(data):
        if field == TENSOR_DIMS and isinstance(value, int):
            found.append(value)
        elif field == TENSOR_DIMS and isinstance(value, memoryview):
            at = 0
            while at < len(value):
                size, at = varint(value, at)
                found.append(size)
    return found


def attributes(graph: memoryview) -> Iterator[memoryview]:
    """Every attribute of every node of a graph, not of the graphs within it."""
    for node in messages(graph, GRAPH_NODE):
        yield from messages(node, NODE_ATTRIBUTE)


def tensors(branch: memoryview) -> dict[str, Tensor]:
    """The named constants of a branch: its weights and the Fourier basis."""
    found: dict[str, Tensor] = {}
    for attribute in attributes(branch):
        for tensor in messages(attribute, ATTRIBUTE_TENSOR):
            if (name := text(tensor, TENSOR_NAME)) in NAMES or name == BASIS:
                (raw,) = messages(tensor, TENSOR_RAW)
                found[name] = np.frombuffer(raw, "<f4").reshape(dims(tensor))
    return found


def check_basis(basis: Tensor) -> None:
    """The net's first layer is a Fourier transform under a Hann window; `audio/silero.py` relies on it."""
    size = basis.shape[-1]
    angle = 2 * np.pi * np.outer(np.arange(size // 2 + 1), np.arange(size)) / size
    expected = np.concatenate([np.cos(angle), -np.sin(angle)]) * np.hanning(size + 1)[:-1]
    difference = float(np.abs(basis[:, 0] - expected).max())
    if difference > 1e-6:
        raise SystemExit(f"the first layer is no Hann-windowed Fourier transform (off by {difference:.2g}): a new net?")


def extract(onnx: bytes) -> dict[str, Tensor]:
    """The learned tensors of both rates, by our names. Exits if the file is not the net that we know."""
    (graph,) = messages(memoryview(onnx), MODEL_GRAPH)
    found: dict[str, Tensor] = {}
    for attribute in attributes(graph):
        rate_hz = BRANCHES.get(text(attribute, ATTRIBUTE_NAME))
        if rate_hz is None:
            continue
        (branch,) = messages(attribute, ATTRIBUTE_GRAPH)
        constants = tensors(branch)
        if missing := {BASIS, *NAMES} - constants.keys():
            raise SystemExit(f"the {rate_hz} Hz net has no {', '.join(sorted(missing))}: a new net?")
        check_basis(constants[BASIS])
        found |= {f"{rate_hz}/{ours}": constants[theirs] for theirs, ours in NAMES.items()}
    return found


def onnx_path() -> Path:
    """Where the package's ONNX file is installed."""
    spec = importlib.util.find_spec("silero_vad")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"{PACKAGE} is not installed; run tools/setup test, or: pip install --no-deps {PACKAGE}")
    return Path(spec.submodule_search_locations[0]) / "data" / "silero_vad.onnx"


def main() -> None:
    source = onnx_path()
    onnx = source.read_bytes()
    weights = DATA / "silero_v6.npz"
    with weights.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **extract(onnx))
    licence = importlib.metadata.distribution(PACKAGE).read_text("licenses/LICENSE")
    if licence is None:
        raise SystemExit(f"{PACKAGE} came without its licence")
    (DATA / "SILERO-LICENSE").write_text(licence.rstrip() + "\n")
    (DATA / "SILERO-PROVENANCE.txt").write_text(
        "silero_v6.npz: the weights of Silero VAD (16 kHz and 8 kHz), by the Silero Team; MIT, see SILERO-LICENSE.\n"
        "Made by tools/extract_silero.py: the learned tensors as they are, as float32, under names of our own.\n\n"
        f"from    {PACKAGE} {importlib.metadata.version(PACKAGE)} (Python package), data/{source.name}\n"
        f"sha256  {hashlib.sha256(onnx).hexdigest()}\n"
    )
    print(f"{weights}: {weights.stat().st_size} bytes")


if __name__ == "__main__":
    main()
