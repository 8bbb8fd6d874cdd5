"""A Whisper model of random weights, as `ctranslate2` keeps them, with a tokenizer: it understands nothing, but loads.

Small and English only, so its vocabulary can be: bytes, a few special tokens, and the time stamps.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

WIDTH, HEADS, LAYERS, MELS = 16, 2, 1, 80
SPECIAL = (
    "<|endoftext|>",
    "<|startoftranscript|>",
    "<|translate|>",
    "<|transcribe|>",
    "<|startoflm|>",
    "<|startofprev|>",
    "<|nospeech|>",
    "<|notimestamps|>",
)
STAMPS = 1501


def write_whisper(folder: Path, seed: int = 1) -> Path:
    """A folder with a model."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    stamps = [f"<|{number * 0.02:.2f}|>" for number in range(STAMPS)]
    tokens = [*letters, *SPECIAL, *stamps]
    _write_tokenizer(folder, letters, [*SPECIAL, *stamps])
    spec = ctranslate2.specs.WhisperSpec(LAYERS, HEADS, LAYERS, HEADS)
    _fill(spec, len(tokens), np.random.default_rng(seed))
    spec.register_vocabulary(tokens)
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = []
    spec.config.alignment_heads = [(0, 0)]
    spec.validate()
    spec.save(str(folder))
    (folder / "preprocessor_config.json").write_text(json.dumps({"feature_size": MELS}))
    return folder


def _write_tokenizer(folder: Path, letters: list[str], special: list[str]) -> None:
    tokenizer = Tokenizer(models.BPE(vocab={letter: number for number, letter in enumerate(letters)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(each, special=True) for each in special])
    tokenizer.save(str(folder / "tokenizer.json"))


def _fill(spec: Any, words: int, dice: np.random.Generator) -> None:
    def weights(*shape: int) -> np.ndarray[Any, Any]:
        return dice.normal(0, 0.3, shape).astype(np.float32)

    def norm(layer: Any) -> None:
        layer.gamma, layer.beta = np.ones(WIDTH, np.float32), np.zeros(WIDTH, np.float32)

    def linear(layer: Any, rows: int, columns: int) -> None:
        layer.weight, layer.bias = weights(rows, columns), weights(rows)

    def attention(layer: Any, *, to_itself: bool) -> None:
        norm(layer.layer_norm)
        shapes = [3 * WIDTH, WIDTH] if to_itself else [WIDTH, 2 * WIDTH, WIDTH]
        for part, rows in zip(layer.linear, shapes, strict=True):
            linear(part, rows, WIDTH)

    def feed_forward(layer: Any) -> None:
        norm(layer.layer_norm)
        linear(layer.linear_0, 4 * WIDTH, WIDTH)
        linear(layer.linear_1, WIDTH, 4 * WIDTH)

    encoder, decoder = spec.encoder, spec.decoder
    encoder.conv1.weight, encoder.conv1.bias = weights(WIDTH, MELS, 3), weights(WIDTH)
    encoder.conv2.weight, encoder.conv2.bias = weights(WIDTH, WIDTH, 3), weights(WIDTH)
    encoder.position_encodings.encodings = weights(1500, WIDTH)
    decoder.position_encodings.encodings = weights(448, WIDTH)
    decoder.embeddings.weight = weights(words, WIDTH)
    decoder.projection.weight = decoder.embeddings.weight
    norm(encoder.layer_norm)
    norm(decoder.layer_norm)
    for layer in encoder.layer:
        attention(layer.self_attention, to_itself=True)
        feed_forward(layer.ffn)
    for layer in decoder.layer:
        attention(layer.self_attention, to_itself=True)
        attention(layer.attention, to_itself=False)
        feed_forward(layer.ffn)
