"""Moonshine with a small model of random weights: what it says is what the same model says without a cache."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from audio.stt.moonshine import check
from audio.stt.moonshine_job import END, moonshine_job
from audio.stt.recogniser import Recogniser
from link.errors import ConfigError
from tests.unit.audio.stt.moonshine_model import WORDS, TinyMoonshine

TOKENS_PER_S = 6.5
BYTES = {"<0xC3>": b"\xc3", "<0xA4>": b"\xa4"}


def recogniser(folder: Path) -> Recogniser:
    """As the worker has it."""
    return moonshine_job(str(folder), "en", TOKENS_PER_S, 1)._recogniser


def written(tokens: list[int]) -> str:
    """What these tokens are in letters."""
    pieces = [BYTES.get(WORDS[token], WORDS[token].encode()) for token in tokens if token > END]
    return b"".join(pieces).decode(errors="replace").replace("▁", " ").strip()


@pytest.mark.parametrize("masks", [False, True])
def test_it_says_what_the_model_says(tmp_path: Path, masks: bool) -> None:
    lengths, texts = set(), set()
    for seed in range(6):
        model = TinyMoonshine(seed)
        ears = recogniser(model.write(tmp_path, masks=masks))
        for second in (1, 2, 5):
            samples = np.random.default_rng(second).normal(0, 0.01, 16000 * second).astype(np.float32)
            tokens = model.tokens(samples, int(np.ceil(TOKENS_PER_S * second)))
            found = ears.understand(samples, look=False)
            words = b"".join(
                b"\xc3" if token == 8 else b"\xa4" if token == 9 else WORDS[token].encode()
                for token in tokens
                if token > 2
            )
            assert found.text == words.decode(errors="replace").replace("▁", " ").strip()
            assert found.language == "en"
            assert found.confidence is None if not found.text else 0 < (found.confidence or 0) <= 1
            lengths.add(len(tokens))
            texts.add(found.text)
    assert len(lengths) > 3 and len(texts) > 6, "some end by themselves, and they differ"


def test_what_is_missing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"stt.model: the folder .* has no encoder_model.onnx; put the merged ONNX"):
        check("stt", str(tmp_path))
    TinyMoonshine(1).write(tmp_path)
    check("stt", str(tmp_path))
    monkeypatch.setattr("audio.stt.moonshine.PACKAGES", ("onnxruntime", "no_such_package"))
    with pytest.raises(ConfigError, match=r"no_such_package is missing; \.venv/bin/pip install -e '\.\[moonshine\]'"):
        check("stt", str(tmp_path))


def test_other_graphs_are_refused(tmp_path: Path) -> None:
    folder = TinyMoonshine(1).write(tmp_path)
    (folder / "decoder_model_merged.onnx").write_bytes((folder / "encoder_model.onnx").read_bytes())
    with pytest.raises(ConfigError, match="is no merged decoder: it has the inputs input_values"):
        recogniser(folder)
    (folder / "decoder_model_merged.onnx").write_bytes(b"nonsense")
    with pytest.raises(ConfigError, match="cannot be loaded"):
        recogniser(folder)
