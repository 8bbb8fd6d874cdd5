"""Piper in the child process. It is GPL-3 (as espeak-ng, which it brings), and is imported here only.

Word times come from the durations that its models work out anyway: voices of today hide them, so they are made visible
while the model is loaded, for which the package `onnx` is needed.
"""

from __future__ import annotations

from importlib.util import find_spec
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from audio.tts.neural_job import Made, Make, job_of
from audio.tts.phonemes import Phoneme
from audio.tts.voice_job import VoiceJob
from link.errors import ConfigError, install

if TYPE_CHECKING:
    from piper import PiperVoice, SynthesisConfig


def piper(*, place: str, model: str, config: str, speaker: str | int | None, speed: float, volume: float) -> VoiceJob:
    """The factory that the worker calls. Raises ConfigError."""
    try:
        from piper import PiperVoice, SynthesisConfig
    except ImportError as error:
        raise ConfigError(f"{place}: the package piper-tts is missing; {install('piper')}") from error
    try:
        voice = PiperVoice.load(model, config, include_alignments=find_spec("onnx") is not None)
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise ConfigError(f"{place}.model: {model} cannot be loaded as a voice of Piper: {reason}") from error
    number = _speaker(place, voice, speaker)
    how = SynthesisConfig(speaker_id=number, length_scale=voice.config.length_scale / speed, volume=volume)
    return job_of(making(voice, how), voice.config.sample_rate, voice.config.espeak_voice)


def making(voice: PiperVoice, how: SynthesisConfig) -> Make:
    """Piper cuts a text into sentences itself; they are put together again."""

    def make(text: str) -> Made:
        parts: list[np.ndarray] = []
        phonemes: list[Phoneme] | None = []
        at = 0
        for chunk in voice.synthesize(text, how, include_alignments=True):
            if chunk.phoneme_alignments is None:
                phonemes = None
            for each in chunk.phoneme_alignments or ():
                if phonemes is not None and each.phoneme not in "^$_":
                    phonemes.append(Phoneme(each.phoneme, at * 1000 / chunk.sample_rate))
                at += int(each.num_samples)
            parts.append(chunk.audio_int16_array)
            at = sum(map(len, parts))
        return Made(np.concatenate(parts) if parts else np.zeros(0, np.int16), phonemes or ())

    return make


def _speaker(place: str, voice: PiperVoice, speaker: str | int | None) -> int | None:
    """The number of a speaker of the model."""
    if speaker is None:
        return None
    known = voice.config.speaker_id_map
    if isinstance(speaker, str) and speaker in known:
        return known[speaker]
    if isinstance(speaker, int) and 0 <= speaker < voice.config.num_speakers:
        return speaker
    there_are = ", ".join(chain(known, (f"0 to {voice.config.num_speakers - 1}",)))
    raise ConfigError(f"{place}.speaker: the voice has no speaker {speaker!r}; it has {there_are}")
