"""Where the words are of a voice that tells nothing of them: by its pauses, in its own pace between them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from audio.events import Word
from audio.files import read_sound
from audio.placing import Placing

RATE_HZ = 16_000
PACE_MS = 50.0
HUMAN = Path(__file__).parents[2] / "data" / "librivox_0870.flac"
SAYS = (
    "And mister John Dashwood had then leisure to consider how much there might be"
    " prudently in his power to do for them."
)
BEGINS_MS = (
    *(200, 370, 630, 980, 1580, 1840, 2250, 2710, 2890, 3440, 4000, 4330, 4520, 4790, 4940, 5460, 5560, 5750, 6040),
    *(6140, 6350, 6610),
)
"""By the alignment that comes with the recording (cmusphinx/pocketsphinx)."""


def sound(*parts_ms: float, noise: float = 0.0) -> bytes:
    """Voice and silence by turns, silence first."""
    dice = np.random.default_rng(1)
    parts = [
        dice.normal(0.0, 3000.0 if number % 2 else noise, round(ms * RATE_HZ / 1000))
        for number, ms in enumerate(parts_ms)
    ]
    return np.concatenate(parts).astype("<i2").tobytes()


def words(text: str, pcm: bytes, *, complete: bool = True) -> tuple[Word, ...]:
    placing = Placing(text, RATE_HZ)
    placing.hear(pcm)
    return placing.words(PACE_MS, complete=complete)


def starts(text: str, pcm: bytes, *, complete: bool = True) -> list[float]:
    return [word.start_ms for word in words(text, pcm, complete=complete)]


def test_a_pause_is_where_the_mark_is() -> None:
    said = words("one two, three four", sound(100, 900, 300, 400))
    assert [word.end for word in said] == [3, 8, 14, 19]
    assert said[0].start_ms == 100
    assert said[2].start_ms == pytest.approx(1300, abs=10)
    assert 400 < said[1].start_ms < 700
    assert 1450 < said[3].start_ms < 1600


@pytest.mark.parametrize("noise", [0.0, 30.0, 200.0])
def test_a_pause_is_found_in_noise(noise: float) -> None:
    _, _, third, _ = starts("one two, three four", sound(100, 900, 300, 400, 200, noise=noise))
    assert third == pytest.approx(1300, abs=10)


def test_a_long_pause_without_a_mark_is_between_two_words() -> None:
    _, second, third = starts("alpha bravo delta", sound(0, 400, 600, 800))
    assert second == pytest.approx(1000, abs=10)
    assert 1300 < third < 1500


def test_a_short_one_is_within_a_word() -> None:
    whole = starts("alpha bravo delta", sound(0, 1200))
    assert starts("alpha bravo delta", sound(0, 200, 60, 940)) == pytest.approx(whole, abs=30)


def test_a_mark_may_have_no_pause() -> None:
    _, second, third, _ = starts("yes, alpha bravo. delta", sound(0, 1250, 300, 300))
    assert 200 < second < 500
    assert second < third < 1000


def test_numbers_take_longer_than_their_digits() -> None:
    _, _, after = starts("in 1892 there", sound(0, 2000))
    assert after > 1500


def test_a_mark_that_stands_alone_is_the_word_s_before_it() -> None:
    said = words("one two – three four", sound(100, 900, 300, 400))  # noqa: RUF001
    assert [word.end for word in said] == [3, 9, 15, 20]
    assert said[2].start_ms == pytest.approx(1300, abs=10)


def test_until_all_of_it_came_the_pace_is_what_it_is_given() -> None:
    pcm = sound(100, 900, 300, 400)
    text = "one two, three four five six"
    said = starts(text, pcm, complete=False)
    assert len(said) == 6
    assert said[2] == pytest.approx(1300, abs=10)
    assert said[4] - said[3] == pytest.approx(PACE_MS * 4.8, abs=5)
    assert said[5] > 1700, "behind what came"


def test_what_a_letter_takes_is_told_afterwards() -> None:
    placing = Placing("alpha bravo delta", RATE_HZ)
    placing.hear(sound(500, 1740, 400))
    placing.words(PACE_MS, complete=True)
    assert placing.pace_ms == pytest.approx(100, rel=0.02)


@pytest.mark.parametrize("text", ["", " ", "…", "one two"])
def test_without_a_sound_or_words_there_is_nothing(text: str) -> None:
    assert words(text, bytes(16_000)) == ()
    assert words(text, b"") == ()


def test_a_text_of_marks_has_no_places() -> None:
    assert words("… !", sound(0, 500)) == ()


def test_it_does_not_matter_in_what_parts_it_comes() -> None:
    pcm = sound(100, 900, 300, 400)
    placing = Placing("one two, three four", RATE_HZ)
    for at in range(0, len(pcm), 1002):
        placing.hear(pcm[at : at + 1002])
    assert placing.words(PACE_MS, complete=True) == words("one two, three four", pcm)


def test_it_is_judged_again_when_it_is_twice_as_long() -> None:
    placing = Placing("one two, three four", RATE_HZ)
    due = []
    for _ in range(20):
        placing.hear(sound(0, 100))
        due.append(placing.due)
        if due[-1]:
            placing.words(PACE_MS, complete=False)
    assert [number for number, each in enumerate(due, 1) if each] == [1, 3, 7, 15]


def test_more_pauses_than_can_be_judged_leave_the_longest() -> None:
    parts = [90.0 if number % 2 else 70.0 for number in range(80)]
    parts[40] = 600.0
    pcm = sound(*parts)
    begins = sum(parts[:41])
    assert min(abs(each - begins) for each in starts("alpha bravo, delta echo", pcm)) <= 10


def test_a_reader_s_words_are_found_to_one_word() -> None:
    """A book read aloud, in one breath: hardly a pause helps."""
    placing = Placing(SAYS, RATE_HZ)
    placing.hear(read_sound(HUMAN, RATE_HZ))
    said = [word.start_ms for word in placing.words(PACE_MS, complete=True)]
    places = np.arange(20, 7100, 20)
    off = np.abs(np.searchsorted(said, places) - np.searchsorted(BEGINS_MS, places))
    assert off.max() <= 2
    assert np.mean(off > 1) < 0.05
