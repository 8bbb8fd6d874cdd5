"""The pure parts of `bench.turns`: what callers say, what they hear, what stands in for engines, the tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from audio.events import Transcript, TurnHint
from bench.speech import FRAME, FRAME_MS, RATE_HZ
from bench.turn_calls import shared_out
from bench.turn_ear import AFTERMATH_S, PATIENCE_S, QUIET_S, Ear, Results, Sentence
from bench.turn_report import Early, counted, early_table, strategy_table
from bench.turn_scenes import CUTS, PAUSES_MS, Scene, cough, paused, sentences, sounds, whole
from bench.turn_services import EAGER_MS, END_MS, Follower, Place

RATE = 1000


def ear(*messages: tuple[float, int | str], pause_ms: int = 0, end: float = 1.0) -> Ear:
    """What is heard of one sentence whose voice ends at `end`: audio (samples, 1000 a second) and messages."""
    made = Ear(RATE)
    made.say(pause_ms, end)
    for at, what in messages:
        if isinstance(what, int):
            made.audio(at, what)
        else:
            made.message(at, what)
    return made


def test_an_answer_counts_from_the_last_voiced_sample() -> None:
    made = ear((1.35, 200), (1.5, 200))
    assert not made.done(1.75 + QUIET_S - 0.01)
    assert made.done(1.75 + QUIET_S + 0.01)
    (said,) = made.results.sentences
    assert said.response_ms == pytest.approx(350)
    assert (said.cut_off, said.missed) == (False, False)


def test_a_turn_without_an_answer_is_missed() -> None:
    made = ear()
    assert not made.done(1.0 + PATIENCE_S - 0.01)
    assert made.done(1.0 + PATIENCE_S)
    assert made.results.sentences[0].missed


def test_who_speaks_before_the_sentence_is_over_has_cut_it_off() -> None:
    """100 ms came, and 60 of them were not played when it held."""
    made = ear((0.5, 100), (0.54, "pause"), (0.7, "clear"), (1.4, 300), pause_ms=300)
    assert made.done(3.0)
    (said,) = made.results.sentences
    assert said.cut_off
    assert said.overlap_ms == pytest.approx(40)
    assert said.response_ms is None


@pytest.mark.parametrize(
    ("messages", "held", "lost"),
    [
        ([], False, False),
        (["pause", "resume"], True, False),
        (["pause", "clear"], True, True),
        (["clear"], False, True),
    ],
)
def test_a_sound_may_stop_the_bot_but_not_for_good(messages: list[str], held: bool, lost: bool) -> None:
    made = Ear(RATE)
    made.audio(0.0, 9000)
    made.make("cough", 1.0)
    for n, kind in enumerate(messages):
        made.message(0.5 + n / 10, kind)
    assert not made.done(1.0)
    assert made.done(1.0 + AFTERMATH_S)
    assert [(noise.held, noise.lost) for noise in made.results.noises] == [(held, lost)]


@pytest.mark.parametrize("file", CUTS)
def test_a_pause_is_as_long_as_it_says(file: str) -> None:
    for cut in range(len(CUTS[file])):
        scene = paused(file, cut, 500)
        (begin, first_end), (second, end) = scene.parts
        assert (begin, second - first_end) == (0, RATE_HZ // 2)
        pcm = np.frombuffer(scene.pcm, "<i2")
        assert len(pcm) % FRAME == 0
        assert 0 <= len(pcm) - end < FRAME
        assert np.abs(pcm[first_end:second]).max() <= 2 < np.abs(pcm[begin:first_end]).max()
        assert all(scene.texts)


def test_there_are_sentences_with_each_pause_and_without() -> None:
    all_of_them = sentences()
    assert len(all_of_them) >= 100
    for pause_ms in PAUSES_MS:
        assert sum(scene.pause_ms == pause_ms for scene in all_of_them) == sum(map(len, CUTS.values()))
    assert sum(scene.pause_ms == 0 for scene in all_of_them) >= 50


def test_coughs_are_short_loud_and_all_different() -> None:
    coughs = [cough(seed) for seed in range(20)]
    assert all(0.15 < len(each) / RATE_HZ < 1.8 for each in coughs)
    assert all(10 ** (-18.1 / 20) < np.abs(each).max() / 32768 < 10 ** (-5.9 / 20) for each in coughs)
    assert len({each.tobytes() for each in coughs}) == 20
    assert {scene.name for scene in sounds(8)} == {"cough", "noise", "office"}


def test_ears_that_follow_turns_tell_a_pause_from_the_end() -> None:
    scene = paused("caller/sum.wav", 0, 500)
    frames = [scene.pcm[at : at + 2 * FRAME] for at in range(0, len(scene.pcm), 2 * FRAME)]
    follower = Follower({frame: Place(scene, n) for n, frame in enumerate(frames)})
    told = [(n * FRAME_MS, fact) for n, frame in enumerate([*frames, *[b"room"] * 40]) for fact in follower.hear(frame)]
    pause, end = (part[1] * 1000 // RATE_HZ for part in scene.parts)
    assert [fact for _, fact in told] == [
        Transcript("what is nine plus", False),
        TurnHint("eager"),
        Transcript("what is nine plus five", True),
        TurnHint("ended"),
    ]
    assert 0 <= told[0][0] - pause - EAGER_MS + FRAME_MS <= FRAME_MS
    assert 0 <= told[-1][0] - end - END_MS + FRAME_MS <= FRAME_MS


def test_ears_that_punctuate_do_so_at_the_end() -> None:
    scene = paused("caller/sum.wav", 0, 500)
    frames = [scene.pcm[at : at + 2 * FRAME] for at in range(0, len(scene.pcm), 2 * FRAME)]
    follower = Follower({frame: Place(scene, n) for n, frame in enumerate(frames)})
    middle = scene.parts[1][0] // FRAME - 1
    for frame in frames[:middle]:
        follower.hear(frame)
    assert follower.fresh_text(punctuated=True) == "what is nine plus"
    for frame in [*frames[middle:], b"room"]:
        follower.hear(frame)
    assert follower.fresh_text(punctuated=True) == "five."
    assert follower.fresh_text(punctuated=True) == ""


def test_the_scenes_are_dealt_out() -> None:
    scenes = [Scene(str(n), bytes(2 * FRAME)) for n in range(7)]
    dealt = shared_out(scenes, 3)
    assert sorted(scene.name for script in dealt for scene in script.scenes) == list("0123456")
    assert [script.phase for script in dealt] == [0, 1 / 3, 2 / 3]


def test_the_tables() -> None:
    some = Results([Sentence(0, 350.0), Sentence(300, None, cut_off=True, overlap_ms=40.0), Sentence(0, 450.0)])
    table = strategy_table({"silence alone": some}).splitlines()
    cells = [cell.strip() for cell in table[-1].strip("|").split("|")]
    assert cells[:4] == ["silence alone", "350 / 450", "0 of 3", "1 of 1"]
    assert cells[-1] == "40"
    quick = Results([Sentence(0, 100.0)])
    rows = early_table({(300, "off"): Early(some, 0, 0, 0), (300, "llm+tts"): Early(quick, 5, 2, 61)}).splitlines()
    assert [cell.strip() for cell in rows[-1].strip("|").split("|")] == [
        "300",
        "llm+tts",
        "100 / 100",
        "250",
        "5",
        "2",
        "61",
    ]


def test_what_is_wasted_is_counted() -> None:
    some = Results([])
    assert counted(some, "used 40\ndiscarded 0\ndiscarded 61\n") == Early(some, 1, 2, 61)
    assert counted(some, "") == Early(some, 0, 0, 0)


def test_a_whole_recording_ends_with_its_voice() -> None:
    scene = whole("caller/time.wav")
    assert 0 <= len(scene.pcm) // 2 - scene.parts[0][1] < FRAME
    assert scene.texts == ("what time is it",)
    assert Path(scene.name).suffix == ".wav"
