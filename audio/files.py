"""Sound files: whatever libsndfile reads, as mono PCM16 at the rate that is wanted; and back into a file."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
import soundfile
import soxr

from audio.pcm import to_pcm
from link.errors import ConfigError

MAX_S = 3600.0
"""The longest file that is read: as long as the longest call."""
BLOCK_FRAMES = 1 << 16


def read_sound(path: Path, rate_hz: int) -> bytes:
    """A file of any format, rate and number of channels, as mono PCM16 at `rate_hz`; the channels are averaged.

    Raises ConfigError for what is no sound file, or a longer one than an hour.
    """
    if not path.is_file():
        raise ConfigError(f"the sound file {path} {'is a folder' if path.is_dir() else 'does not exist'}")
    try:
        with soundfile.SoundFile(path) as file:
            if file.frames > MAX_S * file.samplerate:
                raise ConfigError(f"the sound file {path} is longer than {MAX_S / 60:g} minutes")
            return _read(file, rate_hz)
    except (OSError, soundfile.SoundFileError) as error:
        raise ConfigError(f"the sound file {path} cannot be read: {_reason(error)}") from error
    except TypeError as error:  # soundfile's word for a format without a header
        raise ConfigError(f"the sound file {path} does not say what it holds: convert it to WAV") from error


def _read(file: soundfile.SoundFile, rate_hz: int) -> bytes:
    resampler = soxr.ResampleStream(file.samplerate, rate_hz, 1, dtype="float32", quality="HQ")
    pcm = bytearray()
    for block in file.blocks(BLOCK_FRAMES, dtype="float32", always_2d=True):
        sound = np.nan_to_num(block.mean(axis=1), nan=0.0, posinf=1.0, neginf=-1.0)  # a float file may hold anything
        pcm += to_pcm(sound if file.samplerate == rate_hz else resampler.resample_chunk(sound))
    if file.samplerate != rate_hz:
        pcm += to_pcm(resampler.resample_chunk(np.empty(0, np.float32), last=True))
    return bytes(pcm)


class SoundWriter:
    """A sound file that grows as it is written: the format that its name ends with, or WAV."""

    def __init__(self, path: Path, rate_hz: int, channels: int = 1) -> None:
        """Raises ConfigError when it cannot be written."""
        kind = path.suffix[1:].upper() or "WAV"
        if not path.parent.is_dir():
            raise ConfigError(f"the sound file {path} cannot be written: there is no folder {path.parent}")
        try:
            self._file = soundfile.SoundFile(path, "w", rate_hz, channels, format=kind)
        except (OSError, soundfile.SoundFileError) as error:
            raise ConfigError(f"the sound file {path} cannot be written: {_reason(error)}") from error
        except (TypeError, ValueError) as error:
            raise ConfigError(
                f"the sound file {path} cannot be written: there is no format {kind}; try .wav"
            ) from error
        self._path = path
        self._channels = channels

    def write(self, pcm: bytes) -> None:
        """Add PCM16; of several channels the samples take turns. Raises ConfigError when the disk takes no more."""
        try:
            self._file.write(np.frombuffer(pcm, "<i2").reshape(-1, self._channels))
        except soundfile.SoundFileError as error:
            raise ConfigError(f"the sound file {self._path} cannot be written: {_reason(error)}") from error

    def close(self) -> None:
        """Complete the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _reason(error: Exception) -> str:
    """libsndfile's own words, or the system's."""
    words = getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error)
    return str(words).rstrip(".")
