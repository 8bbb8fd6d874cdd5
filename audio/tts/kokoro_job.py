"""Kokoro in the child process. Its package brings phonemizer and espeak-ng, which are GPL-3; it is imported here only.

Word times come with models that tell their durations; with others words share the time of their sentence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audio.tts.neural_job import Made, Make, job_of
from audio.tts.phonemes import Phoneme
from audio.tts.voice_job import VoiceJob
from link.errors import ConfigError, install

if TYPE_CHECKING:
    from kokoro_onnx import Kokoro

PEAK = 32767


def kokoro(*, place: str, model: str, voices: str, voice: str, language: str, speed: float) -> VoiceJob:
    """The factory that the worker calls. Raises ConfigError."""
    try:
        from kokoro_onnx import Kokoro
        from kokoro_onnx.config import SAMPLE_RATE
    except ImportError as error:
        raise ConfigError(f"{place}: the package kokoro-onnx is missing; {install('kokoro')}") from error
    try:
        loaded = Kokoro(model, voices)
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise ConfigError(f"{place}.model: {model} cannot be loaded as Kokoro, with {voices}: {reason}") from error
    files: Any = loaded.voices
    with files:  # it is an archive, of which one voice is read, once
        if voice not in files:
            there_are = ", ".join(loaded.get_voices())
            raise ConfigError(f"{place}.voice: there is no voice {voice!r} in {voices}; there are {there_are}")
        style = loaded.get_voice_style(voice)
    try:
        loaded.tokenizer.phonemize("a", language)
    except Exception as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"{place}.language: {language!r} cannot be spoken: {reason}") from error
    return job_of(making(loaded, style, language, speed), SAMPLE_RATE, language)


def making(kokoro: Kokoro, style: NDArray[np.float32], language: str, speed: float) -> Make:
    """What has no sound for the model gives none."""

    def make(text: str) -> Made:
        phonemes = kokoro.tokenizer.phonemize(text, language)
        if not any(char.isalpha() for char in phonemes):
            return Made(np.zeros(0, np.int16))
        samples, _, timings = kokoro.create_timed(phonemes, style, speed, language, is_phonemes=True)
        pcm = (np.clip(samples, -1.0, 1.0) * PEAK).astype(np.int16)
        return Made(pcm, [Phoneme(each.phoneme, each.start * 1000) for each in timings])

    return make
