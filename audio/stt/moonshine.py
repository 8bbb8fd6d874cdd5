"""Moonshine models by onnxruntime, in worker processes; an extra. Nothing is downloaded here."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from link.errors import ConfigError, install

TARGET = "audio.stt.moonshine_job:moonshine_job"
ENCODER, DECODER, TOKENIZER = "encoder_model.onnx", "decoder_model_merged.onnx", "tokenizer.json"
PACKAGES = ("onnxruntime", "tokenizers")


def check(place: str, model: str) -> None:
    """Whether the packages and the model are there. Raises ConfigError that says how to get them."""
    for package in PACKAGES:
        if find_spec(package) is None:
            raise ConfigError(f"{place}: the package {package} is missing; {install('moonshine')}")
    folder = Path(model).expanduser()
    for name in (ENCODER, DECODER, TOKENIZER):
        if not (folder / name).is_file():
            raise ConfigError(
                f"{place}.model: the folder {folder} has no {name}; put the merged ONNX files of a Moonshine model and "
                "its tokenizer there"
            )
