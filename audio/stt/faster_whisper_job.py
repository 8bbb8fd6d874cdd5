"""The child's side of faster-whisper: CTranslate2 holds a core for as long as a speech is decoded.

A piece is decoded once, greedily or by a beam: Whisper's second thoughts at higher temperatures take up to six times as
long, and the caller waits. What it writes for silence is dropped by its own measure (`no_speech_prob`).
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audio.events import SpokenWord
from audio.stt.faster_whisper import WhisperOptions, is_path
from audio.stt.hearing import mean
from audio.stt.recogniser import RATE_HZ, RecogniserJob
from audio.stt.speeches import Piece
from link.errors import ConfigError

TOKENS_PER_S = 12
"""Nobody speaks faster; more is the model going round in circles."""
FIRST_TOKENS = 10


class FasterWhisper:
    """A Whisper model; a `Recogniser`."""

    def __init__(self, model: Any, options: WhisperOptions) -> None:
        self._model = model
        self._options = options

    def understand(self, samples: NDArray[np.float32], *, look: bool) -> Piece:
        """Samples at 16 kHz; of a look only the text."""
        options = self._options
        segments, info = self._model.transcribe(
            samples,
            language=options.language or None,
            beam_size=options.beam_size,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
            word_timestamps=options.words and not look,
            initial_prompt=options.prompt or None,
            hotwords=", ".join(options.hotwords or ()) or None,
            max_new_tokens=FIRST_TOKENS + TOKENS_PER_S * len(samples) // RATE_HZ,
        )
        return piece_of(list(segments), info.language)


def piece_of(segments: list[Any], language: str) -> Piece:
    """What the segments say."""
    words = tuple(_spoken(word) for segment in segments for word in segment.words or ())
    text = "".join(segment.text for segment in segments).strip()
    probability = mean([(segment.avg_logprob, len(segment.tokens)) for segment in segments])
    confidence = None if probability is None or not text else round(math.exp(min(probability, 0.0)), 3)
    return Piece(text, words, confidence, language)


def _spoken(word: Any) -> SpokenWord:
    """Times and probabilities are numpy's; they are sent as plain numbers."""
    start_ms, end_ms = round(float(word.start) * 1000), round(float(word.end) * 1000)
    return SpokenWord(word.word.strip(), start_ms, end_ms, round(float(word.probability), 3))


def faster_whisper_job(options: dict[str, Any], cpu_threads: int) -> RecogniserJob:
    """The factory that the worker calls. Raises ConfigError for a model that is not on this machine."""
    os.environ["HF_HUB_OFFLINE"] = "1"  # nothing is downloaded while callers wait
    import faster_whisper

    chosen = WhisperOptions(**options)
    try:
        model = faster_whisper.WhisperModel(
            str(Path(chosen.model).expanduser()) if is_path(chosen.model) else chosen.model,
            device=chosen.device,
            compute_type=chosen.compute_type,
            cpu_threads=cpu_threads,
            local_files_only=True,
        )
    except Exception as error:
        raise ConfigError(f"the Whisper model {chosen.model!r} cannot be loaded: {_reason(error, chosen)}") from error
    return RecogniserJob(FasterWhisper(model, chosen))


def _reason(error: Exception, chosen: WhisperOptions) -> str:
    if isinstance(error, OSError | ValueError) and not is_path(chosen.model):
        return (
            "it is not on this machine; get it with "
            f"`python -c \"import faster_whisper; faster_whisper.download_model('{chosen.model}')\"`, or name a folder"
        )
    return f"{type(error).__name__}: {error}"
