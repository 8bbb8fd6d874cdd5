"""The child's side of Moonshine: an encoder and a decoder with a cache, as ONNX graphs, and a tokenizer.

The graphs are the published "merged" ones: of the decoder's two branches the first, without a cache, is taken for the
first token. Their sizes are read from the graph itself. The package of Moonshine's makers is not used: it is four
hundred lines around these two graphs, and brings librosa with it, to read sound files.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audio.stt.moonshine import DECODER, ENCODER, TOKENIZER
from audio.stt.recogniser import RATE_HZ, RecogniserJob
from audio.stt.speeches import Piece
from link.errors import ConfigError

START, END = 1, 2
"""Tokens before and after a text; of Moonshine's tokenizer."""
PAST = "past_key_values."

Array = NDArray[Any]


class Moonshine:
    """A Moonshine model; a `Recogniser`."""

    def __init__(self, encoder: Any, decoder: Any, tokenizer: Any, language: str, tokens_per_s: float) -> None:
        """Two sessions of onnxruntime, and a tokenizer of `tokenizers`."""
        self._encoder = encoder
        self._decoder = decoder
        self._tokenizer = tokenizer
        self._language = language
        self._tokens_per_s = tokens_per_s
        self._takes_mask = "attention_mask" in {each.name for each in encoder.get_inputs()}
        inputs = {each.name: each.shape for each in decoder.get_inputs()}
        self._decoder_takes_mask = "encoder_attention_mask" in inputs
        self._empty = {name: _no_past(shape) for name, shape in inputs.items() if name.startswith(PAST)}
        if not self._empty or "use_cache_branch" not in inputs:
            raise ConfigError(f"the graph {DECODER} is no merged decoder: it has the inputs {', '.join(inputs)}")
        presents = [each.name for each in decoder.get_outputs()[1:]]
        self._pasts = [name.replace("present.", PAST) for name in presents]

    def understand(self, samples: NDArray[np.float32], *, look: bool) -> Piece:
        """Samples at 16 kHz."""
        mask = np.ones((1, len(samples)), np.int64)
        inputs = {"input_values": samples[np.newaxis], **({"attention_mask": mask} if self._takes_mask else {})}
        (hidden, *_) = self._encoder.run(None, inputs)
        given = {
            "encoder_hidden_states": hidden,
            **({"encoder_attention_mask": mask} if self._decoder_takes_mask else {}),
        }
        most = max(1, math.ceil(len(samples) / RATE_HZ * self._tokens_per_s))
        tokens, logprob = self._decode(given, most)
        text = self._tokenizer.decode(tokens, skip_special_tokens=True).strip()
        return Piece(text, (), round(math.exp(logprob), 3) if text else None, self._language)

    def _decode(self, given: dict[str, Array], most: int) -> tuple[list[int], float]:
        """Greedily: the tokens, and the mean logarithm of their probabilities."""
        past, token = dict(self._empty), START
        tokens: list[int] = []
        total = 0.0
        for count in range(most):
            step = {"input_ids": np.array([[token]]), "use_cache_branch": np.array([count > 0])}
            logits, *presents = self._decoder.run(None, {**given, **past, **step})
            made = zip(self._pasts, presents, strict=True)  # what it makes of the sound does not change
            past |= {name: value for name, value in made if count == 0 or ".decoder." in name}
            row = logits[0, -1].astype(np.float64)
            token = int(row.argmax())
            total += float(row[token] - np.logaddexp.reduce(row))
            if token == END:
                break
            tokens.append(token)
        return tokens, total / max(1, min(len(tokens) + 1, most))


def _no_past(shape: list[Any]) -> Array:
    """A cache without anything in it: (batch, heads, length, size)."""
    return np.zeros((0, shape[1], 1, shape[3]), np.float32)


def moonshine_job(model: str, language: str, tokens_per_s: float, cpu_threads: int) -> RecogniserJob:
    """The factory that the worker calls. Raises ConfigError for graphs that are no Moonshine model."""
    import onnxruntime
    from tokenizers import Tokenizer

    folder = Path(model).expanduser()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cpu_threads
    options.inter_op_num_threads = 1
    try:
        encoder, decoder = (
            onnxruntime.InferenceSession(str(folder / name), options, providers=["CPUExecutionProvider"])
            for name in (ENCODER, DECODER)
        )
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    except Exception as error:
        raise ConfigError(f"the Moonshine model {folder} cannot be loaded: {type(error).__name__}: {error}") from error
    return RecogniserJob(Moonshine(encoder, decoder, tokenizer, language, tokens_per_s))
