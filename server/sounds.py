"""The background sounds of a process: files read once, and resampled once for each rate that clients play at."""

from __future__ import annotations

from pathlib import Path

from audio.background import Ambience, HoldMusic, Sound, loop
from audio.files import read_sound
from link.errors import ConfigError
from server.call.background import Sounds

LONGEST_S = 300
WARM_HZ = (16_000, 24_000)  # the wire's default and the page's: no call waits for these to be read


class SoundFiles:
    """Sounds by rate. Another rate than the usual is read when the first call has it."""

    def __init__(self, ambience: Ambience, music: HoldMusic) -> None:
        """Raises ConfigError with the key of a file that cannot be used."""
        self._ambience = ambience
        self._music = music
        self._at: dict[int, Sounds | None] = {}
        for rate_hz in WARM_HZ:
            self.at(rate_hz)

    def at(self, rate_hz: int) -> Sounds | None:
        """The sounds at a rate; None when there are none."""
        if rate_hz not in self._at:
            self._at[rate_hz] = self._read(rate_hz)
        return self._at[rate_hz]

    def _read(self, rate_hz: int) -> Sounds | None:
        if not self._ambience.file and not self._music.file:
            return None
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
