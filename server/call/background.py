"""A call's background: when the music for who waits comes and goes. Pure.

silent ── a tool that the caller waits for runs `after_s`, and the bot is silent ──► playing
playing ── the bot speaks, or nothing is waited for any more ──► silent
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from audio.background import Ambience, HoldMusic, Mixer, Sound, Track

Waits = Literal["", "tool", "answer"]
"""What the caller waits for: nothing, a tool that the model waits for too, or the answer after it."""


class Sounds:
    """What a process has for the calls at one rate."""

    def __init__(
        self, rate_hz: int, ambience: tuple[Ambience, Sound] | None, music: tuple[HoldMusic, Sound] | None
    ) -> None:
        self.rate_hz = rate_hz
        self.ambience = ambience
        self.music = music


class Background:
    """One call's. `now` is seconds."""

    def __init__(self, sounds: Sounds, waits: Callable[[], Waits]) -> None:
        tracks = []
        if sounds.ambience is not None:
            options, sound = sounds.ambience
            tracks.append(Track(sound, sounds.rate_hz))
            tracks[0].rise(options.fade_in_ms)
        self._options, self._music = HoldMusic(), None
        if sounds.music is not None:
            self._options, sound = sounds.music
            self._music = Track(sound, sounds.rate_hz)
            tracks.append(self._music)
        self._mixer = Mixer(tuple(tracks))
        self._rate = sounds.rate_hz
        self._until = 0.0  # when all that left is played
        self._held_s: float | None = None  # what a client that pauses still has
        self._waits = waits
        self._since: float | None = None  # when the tool began
        self._playing = False

    @property
    def audible(self) -> bool:
        """Something is to be heard where the bot is silent."""
        return self._mixer.audible

    def over(self, pcm: bytes, now: float) -> bytes:
        """The bot's voice, which leaves now, with the sounds."""
        self._left(len(pcm) // 2, now)
        return self._mixer.over(pcm)

    def alone(self, samples: int, now: float) -> bytes:
        """The sounds alone, which leave now."""
        self._left(samples, now)
        return self._mixer.alone(samples)

    def hold(self, now: float) -> None:
        """The client stops playing, and keeps what it has."""
        self._held_s = max(0.0, self._until - now) if self._held_s is None else self._held_s

    def resume(self, now: float) -> None:
        """It plays on."""
        if self._held_s is not None:
            self._until, self._held_s = now + self._held_s, None

    def clear(self, now: float) -> None:
        """It drops what it has: the sounds go on where they were cut off."""
        dropped_s = max(0.0, self._until - now) if self._held_s is None else self._held_s
        self._mixer.back(round(dropped_s * self._rate))
        self._until, self._held_s = now, None

    def _left(self, samples: int, now: float) -> None:
        self._until = max(self._until, now) + samples / self._rate

    def watch(self, now: float, *, speaks: bool) -> None:
        """Called again and again; `speaks`: something of the bot's is to be heard."""
        if self._music is None:
            return
        waits = self._waits()
        if waits != "tool":
            self._since = None
        elif self._since is None:
            self._since = now
        if self._playing and (speaks or not waits):
            self._playing = False
            self._music.fall(self._options.fade_out_ms)
        elif not self._playing and not speaks and self._waited_s(now) >= self._options.after_s:
            self._playing = True
            self._music.rise(self._options.fade_in_ms)

    def _waited_s(self, now: float) -> float:
        return -1.0 if self._since is None else now - self._since
