"""The background sounds of a process: files read once, at the start, for each rate that clients usually play at."""

from __future__ import annotations

from pathlib import Path

from loguru import logger

from audio.background import Ambience, HoldMusic, Sound, loop
from audio.files import read_sound
from link.errors import ConfigError
from server.call.background import Sounds

LONGEST_S = 300
RATES_HZ = (8_000, 16_000, 24_000, 48_000)
"""Of telephones, the wire's default, the page, sound cards. A client may choose any rate: to read the files for each
would hold up all calls for as long as that takes, and fill the memory."""


class SoundFiles:
    """Sounds by rate."""

    def __init__(self, ambience: Ambience, music: HoldMusic) -> None:
        """Raises ConfigError with the key of a file that cannot be used."""
        self._ambience = ambience
        self._music = music
        self._wanted = bool(ambience.file or music.file)
        self._at = {rate_hz: self._read(rate_hz) for rate_hz in RATES_HZ} if self._wanted else {}

    def at(self, rate_hz: int) -> Sounds | None:
        """The sounds at a rate; None when there are none."""
        if self._wanted and rate_hz not in self._at:
            logger.warning("no background: it is kept at {} Hz, and this client plays at {}", RATES_HZ, rate_hz)
        return self._at.get(rate_hz)

    def _read(self, rate_hz: int) -> Sounds:
        ambience, music = self._ambience, self._music
        return Sounds(
            rate_hz,
            (ambience, _load("background", ambience, rate_hz)) if ambience.file else None,
            (music, _load("hold_music", music, rate_hz)) if music.file else None,
        )


def _load(key: str, options: Ambience | HoldMusic, rate_hz: int) -> Sound:
    try:
        pcm = read_sound(Path(options.file), rate_hz)
    except ConfigError as error:
        raise ConfigError(f"{key}.file: {error}") from error
    if not pcm:
        raise ConfigError(f"{key}.file: the sound file {options.file} is empty")
    if len(pcm) > 2 * LONGEST_S * rate_hz:
        raise ConfigError(f"{key}.file: the sound file {options.file} is longer than {LONGEST_S // 60} minutes")
    return loop(pcm, rate_hz, options.attenuation_db)
