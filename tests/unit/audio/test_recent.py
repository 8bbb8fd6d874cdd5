"""The ring of a call's newest audio."""

from __future__ import annotations

from random import Random

import pytest

from audio.recent import Recent

SIZE = 100


@pytest.mark.parametrize("seed", range(20))
def test_it_gives_what_a_list_of_all_audio_would(seed: int) -> None:
    random = Random(seed)
    recent, everything = Recent(SIZE), b""
    for _ in range(60):
        pcm = random.randbytes(random.choice((0, 1, 7, 40, 99, 100, 101, 250)))
        recent.feed(pcm)
        everything += pcm
        assert recent.end == len(everything)
        place = random.randint(-20, len(everything))
        assert recent.since(place) == everything[max(place, len(everything) - SIZE, 0) :]


def test_it_never_grows() -> None:
    recent = Recent(SIZE)
    for _ in range(50):
        recent.feed(bytes(33))
        assert len(recent.since(0)) <= SIZE
        assert len(recent._ring) == SIZE
