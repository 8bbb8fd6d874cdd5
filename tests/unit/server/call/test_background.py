"""When the music for a caller who waits comes and goes."""

from __future__ import annotations

import numpy as np

from audio.background import Ambience, HoldMusic
from server.call.background import Background, Sounds, Waits

MUSIC = HoldMusic("music.wav", after_s=3.0, fade_in_ms=100, fade_out_ms=100)
LEVEL = 1000


class Stage:
    """A caller who waits, or does not."""

    def __init__(self, ambience: bool = False) -> None:
        sound = np.full(800, LEVEL, np.float32)
        office = (Ambience("office.wav", fade_in_ms=0), sound * 10) if ambience else None
        self.waits: Waits = ""
        self.background = Background(Sounds(8000, office, (MUSIC, sound)), lambda: self.waits)
        self.now = 0.0

    def passes(self, seconds: float, *, speaks: bool = False) -> list[int]:
        """The level at the end of each 100 ms."""
        levels = []
        for _ in range(round(seconds * 10)):
            self.now += 0.1
            self.background.watch(self.now, speaks=speaks)
            levels.append(int(np.frombuffer(self.background.alone(800, self.now), "<i2")[-1]))
        return levels


def test_it_begins_when_a_tool_takes_its_time_and_ends_when_the_bot_speaks() -> None:
    stage = Stage()
    assert not any(stage.passes(5.0))
    stage.waits = "tool"
    assert stage.passes(3.0) == [0] * 30
    stage.passes(0.2)
    assert stage.passes(2.0) == [LEVEL] * 20
    stage.waits = "answer"
    assert stage.passes(1.0) == [LEVEL] * 10, "until the answer begins"
    assert stage.passes(1.0, speaks=True) == [0] * 10
    stage.waits = ""
    assert not stage.background.audible


def test_a_filler_is_said_and_the_music_goes_on() -> None:
    stage = Stage()
    stage.waits = "tool"
    stage.passes(2.0)
    assert not any(stage.passes(2.0, speaks=True))
    assert stage.passes(1.0) == [LEVEL] * 10


def test_a_quick_tool_has_no_music_nor_have_two_of_them() -> None:
    stage = Stage()
    for _ in range(3):
        stage.waits = "tool"
        assert not any(stage.passes(2.9))
        stage.waits = "answer"
        assert not any(stage.passes(2.9))


def test_nothing_that_comes_ends_the_music_too() -> None:
    stage = Stage()
    stage.waits = "tool"
    stage.passes(4.0)
    stage.waits = ""
    assert stage.passes(0.5) == [0] * 5


def test_it_is_heard_with_the_ambience() -> None:
    stage = Stage(ambience=True)
    assert stage.passes(1.0)[1:] == [10 * LEVEL] * 9
    stage.waits = "tool"
    assert stage.passes(4.0)[-1] == 11 * LEVEL


def test_after_a_pause_a_client_drops_what_it_kept_and_no_less() -> None:
    places = np.arange(8000, dtype=np.float32)
    office = (Ambience("office.wav", fade_in_ms=0), places)
    background = Background(Sounds(8000, office, None), lambda: "")
    background.alone(800, 0.0)  # and the fade with it
    background.alone(800, 0.1)
    background.hold(0.15)
    background.resume(5.0)
    background.clear(5.02)  # of 50 ms that it kept 30 are dropped
    after = np.frombuffer(background.alone(800, 5.02), "<i2")
    assert after[-1] == 1600 - 240 + 800 - 1
