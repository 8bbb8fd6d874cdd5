"""Whisper models by faster-whisper, in worker processes; an extra. Nothing is downloaded here."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from msgspec import Struct

from link.errors import ConfigError, install

TARGET = "audio.stt.faster_whisper_job:faster_whisper_job"
FILES = ("model.bin", "config.json", "tokenizer.json")
"""A folder without `tokenizer.json` would make the package fetch one."""


class WhisperOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """What the model is, and what it is asked for: `stt = {name = "faster-whisper", model = "…"}`."""

    model: str
    """A folder, or the name of a model that was downloaded before; it must be given."""
    language: str = ""
    """ISO 639-1; empty: Whisper finds it out, which takes longer."""
    device: str = "auto"
    """`cpu`, `cuda`, or `auto`."""
    compute_type: str = "default"
    """`int8`, `float16`, …; as CTranslate2 names them."""
    beam_size: int = 1
    """How many ways the text is searched, 1 to 100; more is slower, and seldom better."""
    words: bool = True
    """Times and probabilities of words; they cost some time."""
    prompt: str = ""
    """What the model is told of what it will hear."""
    hotwords: list[str] | None = None
    """Words to listen for; not given: the terms of the agent's vocabulary."""


def check(place: str, model: str) -> None:
    """Whether the package and, if `model` is a path, the model are there. Raises ConfigError that says how to get them.

    A name of a model is looked up by the worker, among those that were downloaded before.
    """
    if find_spec("faster_whisper") is None:
        raise ConfigError(f"{place}: the package faster-whisper is missing; {install('faster-whisper')}")
    if not is_path(model):
        return
    folder = Path(model).expanduser()
    if missing := [name for name in FILES if not (folder / name).is_file()]:
        raise ConfigError(
            f"{place}.model: the folder {folder} has no {missing[0]}; make one with "
            f"`python -c \"import faster_whisper; faster_whisper.download_model('small', '{folder}')\"`"
        )


def is_path(model: str) -> bool:
    """Whether it is a folder, or meant to be one: a name on the hub has at most one slash, and does not begin so."""
    return model.startswith(("/", ".", "~")) or model.count("/") > 1 or Path(model).is_dir()
