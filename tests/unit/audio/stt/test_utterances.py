"""Speech for a recogniser that wants it whole: one final for each `Finish`, in order, whatever fails."""

from __future__ import annotations

import math
from itertools import pairwise
from random import Random

import numpy as np
import pytest

from audio.events import EarFact, SpeechLost, SpokenWord, Transcript
from audio.stt.speeches import Piece
from audio.stt.utterances import JOBS_AT_ONCE, PIECE_S, Job, Utterances, Waits
from link.errors import ConfigError

RATE_HZ = 8000
FINAL_S, ATTEMPT_S = 4.0, 2.5
EMPTY = Transcript("", True)


def sound(seconds: float, level: int = 1000) -> bytes:
    """So much of it."""
    return np.full(round(seconds * RATE_HZ), level, "<i2").tobytes()


def utterances(look_s: float = math.inf) -> Utterances:
    return Utterances(RATE_HZ, Waits(FINAL_S, ATTEMPT_S), Random(1), look_s)


def say(it: Utterances, seconds: float = 1.0, now: float = 0.0) -> None:
    """A whole speech."""
    it.begin(now)
    it.audio(sound(seconds), now)
    it.finish(now)


def job(it: Utterances, now: float = 0.0) -> Job:
    """The only one that is due."""
    (found,) = it.jobs(now)
    return found


def finals(facts: list[EarFact]) -> list[str]:
    return [fact.text for fact in facts if isinstance(fact, Transcript) and fact.final]


def test_a_speech_is_asked_for_when_it_is_over() -> None:
    it = utterances()
    it.begin(0.0)
    it.audio(sound(1.0), 0.0)
    assert it.jobs(0.0) == []
    it.finish(0.0)
    asked = job(it)
    assert asked.pcm == sound(1.0)
    it.answered(asked.number, Piece("hello", (SpokenWord("hello", 0, 500, 0.9),), 0.8, "en"))
    assert it.facts()[-1] == Transcript("hello", True, 0.8, (SpokenWord("hello", 0, 500, 0.9),), "en")
    assert it.deadline() == math.inf


def test_answers_come_in_the_order_of_what_was_said() -> None:
    it = utterances()
    say(it)
    say(it)
    first, second = it.jobs(0.0)
    it.answered(second.number, Piece("two"))
    assert it.facts() == []
    it.answered(first.number, Piece("one"))
    assert finals(it.facts()) == ["one", "two"]


def test_only_so_many_are_asked_for_at_once() -> None:
    it = utterances()
    for _ in range(JOBS_AT_ONCE + 1):
        say(it)
    first, *_ = found = it.jobs(0.0)
    assert len(found) == JOBS_AT_ONCE
    it.answered(first.number, Piece("one"))
    assert len(it.jobs(0.0)) == 1


def test_what_fails_is_asked_for_again_with_the_same_audio() -> None:
    it = utterances()
    say(it)
    first = job(it)
    it.failed(first.number, "503", 0.1)
    assert it.jobs(0.1) == []
    again = job(it, it.deadline())
    assert again.pcm == first.pcm and again.number != first.number
    it.answered(first.number, Piece("too late, and nobody asked"))
    it.answered(again.number, Piece("hello"))
    assert it.facts()[-1] == Transcript("hello", True)


def test_the_wish_of_the_provider_is_kept() -> None:
    it = utterances()
    say(it)
    it.failed(job(it).number, "429", 1.0, again_s=2.0)
    assert it.deadline() >= 3.0


@pytest.mark.parametrize("again_s", [None, 10.0])
def test_what_cannot_be_cured_in_time_is_lost_at_once(again_s: float | None) -> None:
    it = utterances()
    say(it)
    it.failed(job(it).number, "wrong key", 0.5, again_s=again_s)
    assert it.facts() == [EMPTY, SpeechLost("wrong key")]
    assert it.deadline() == math.inf


def test_a_request_without_an_answer_is_sent_again() -> None:
    it = utterances()
    say(it)
    first = job(it)
    assert it.deadline() == ATTEMPT_S
    it.tick(ATTEMPT_S)
    assert not it.wanted(first.number)
    again = job(it, it.deadline())
    it.answered(again.number, Piece("hello"))
    assert finals(it.facts()) == ["hello"]


def test_at_the_deadline_what_is_there_is_the_answer() -> None:
    it = utterances()
    say(it)
    asked = job(it)
    it.heard(asked.number, "hel")
    assert it.facts() == [Transcript("hel", False)]
    it.tick(ATTEMPT_S)
    again = job(it, it.deadline())
    it.tick(FINAL_S)
    assert it.facts() == [Transcript("hel", True), SpeechLost("no answer within 2.5 s")]
    assert not it.wanted(again.number)
    it.answered(again.number, Piece("hello"))
    assert it.facts() == []


def test_what_is_too_short_for_a_word_is_not_asked_for() -> None:
    it = utterances()
    say(it, 0.05)
    assert it.jobs(0.0) == []
    assert it.facts() == [EMPTY]
    it.finish(0.0)
    assert it.facts() == [EMPTY], "every Finish is answered"


def test_long_speech_is_cut_where_it_is_quiet_and_its_beginning_shown() -> None:
    it = utterances()
    it.begin(0.0)
    said = [sound(PIECE_S - 2.0), sound(0.2, 0), sound(1.8), sound(1.0)]
    for pcm in said:
        it.audio(pcm, 0.0)
    first = job(it)
    assert len(first.pcm) == len(sound(PIECE_S - 1.9)), "the middle of the silence"
    it.answered(first.number, Piece("one two"))
    assert it.facts() == [Transcript("one two", False)]
    it.finish(0.0)
    second = job(it)
    assert first.pcm + second.pcm == b"".join(said)
    it.answered(second.number, Piece("three", (SpokenWord("three", 100, 200),)))
    (final,) = it.facts()
    assert final == Transcript("one two three", True, None, (SpokenWord("three", 8200, 8300),))


def test_no_sample_of_long_speech_is_lost_or_doubled() -> None:
    it = utterances()
    dice = np.random.default_rng(1)
    said = dice.integers(-3000, 3000, 40 * RATE_HZ).astype("<i2").tobytes()
    heard = b""
    it.begin(0.0)
    for at in range(0, len(said), 640):
        it.audio(said[at : at + 640], 0.0)
        for each in it.jobs(0.0):
            heard += each.pcm
            it.answered(each.number, Piece("x"))
    it.finish(0.0)
    heard += job(it).pcm
    assert heard == said


def test_what_cannot_be_kept_is_lost_and_told() -> None:
    it = utterances()
    it.begin(0.0)
    it.audio(sound(PIECE_S), 0.0)
    it.failed(job(it).number, "503", 0.0)
    it.audio(sound(6.0), 0.0)
    it.finish(0.0)
    assert it.lost_bytes > 0
    it.answered(job(it).number, Piece("the end"))
    assert it.facts()[-2:] == [Transcript("the end", True), SpeechLost("503")]


def test_what_is_under_way_is_not_lost_for_want_of_room() -> None:
    it = utterances()
    it.begin(0.0)
    it.audio(sound(PIECE_S), 0.0)
    first = job(it)
    it.audio(sound(6.0), 0.0)
    it.answered(first.number, Piece("the beginning"))
    it.finish(0.0)
    it.answered(job(it).number, Piece("the end"))
    assert it.facts()[-1] == Transcript("the beginning the end", True)
    assert it.lost_bytes == 0


def test_looks_are_taken_while_somebody_speaks() -> None:
    it = utterances(look_s=1.0)
    it.begin(0.0)
    it.audio(sound(0.9), 0.0)
    assert it.jobs(0.0) == []
    it.audio(sound(0.2), 0.0)
    look = job(it)
    assert look.look and look.pcm == sound(1.1)
    it.audio(sound(5.0), 0.0)
    assert it.jobs(0.0) == [], "one at a time"
    it.answered(look.number, Piece("one"))
    assert it.facts() == [Transcript("one", False)]
    look = job(it)
    it.finish(0.0)
    assert not it.wanted(look.number), "the whole of it is asked for instead"
    it.answered(job(it).number, Piece("one two"))
    assert it.facts()[-1] == Transcript("one two", True)


def test_a_look_that_fails_costs_nothing() -> None:
    it = utterances(look_s=1.0)
    it.begin(0.0)
    it.audio(sound(1.0), 0.0)
    it.failed(job(it).number, "x", 0.0)
    assert it.facts() == []
    it.finish(0.0)
    assert job(it).pcm == sound(1.0)


@pytest.mark.parametrize("seed", range(60))
def test_every_finish_has_one_answer_in_order_whatever_happens(seed: int) -> None:
    """And whatever was understood was said, once."""
    dice = Random(seed)
    it = Utterances(RATE_HZ, Waits(FINAL_S, ATTEMPT_S), dice, dice.choice((math.inf, 0.5)))
    now, said = 0.0, 0
    jobs: dict[int, Job] = {}
    facts: list[EarFact] = []
    for _ in range(dice.randint(10, 80)):
        now = max(now, it.deadline()) if dice.random() < 0.3 and math.isfinite(it.deadline()) else now + dice.random()
        it.tick(now)
        jobs |= {each.number: each for each in it.jobs(now)}
        if dice.random() < 0.4:
            said += 1
            it.begin(now)
            it.audio(sound(dice.choice((0.05, 1.0, 12.0)), said), now)
            it.finish(now)
        elif jobs:
            number = dice.choice(list(jobs))
            done = jobs.pop(number)
            if dice.random() < 0.3:
                it.failed(number, "x", now, again_s=dice.choice((None, 0.0, 1.0)))
            else:
                it.answered(number, Piece(str(np.frombuffer(done.pcm, "<i2")[0])))
        facts += it.facts()
    for _ in range(200):
        if it.deadline() == math.inf:
            break
        now = max(now, it.deadline())
        it.tick(now)
        it.jobs(now)
        facts += it.facts()
    facts += it.facts()
    texts = finals(facts)
    assert len(texts) == said
    numbers = [int(word) for text in texts for word in text.split()]
    assert all(a <= b for a, b in pairwise(numbers)), "in order"
    assert all(set(text.split()) <= {str(place)} for place, text in enumerate(texts, 1)), "each its own words"


def test_waits_are_above_zero() -> None:
    with pytest.raises(ConfigError, match="attempt_s must be above zero"):
        Waits(attempt_s=0.0)
