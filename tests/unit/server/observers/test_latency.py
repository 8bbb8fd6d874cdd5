"""The latency of each turn, from facts and events at times that the test names."""

from __future__ import annotations

from typing import Any

import pytest

from audio.events import Transcript
from audio.playout import Chunk
from llm.events import Delta
from server.call.events import UserTurn
from server.call.model_events import EarlyAnswer
from server.observers.latency import Latency, LatencyObserver

FIRST, LATER = Chunk(1, b"", True), Chunk(1, b"", False)


def latencies(*story: tuple[float, Transcript | Delta | UserTurn | EarlyAnswer | Chunk]) -> list[Latency]:
    """The turns that are told of what happens at these seconds."""
    told: list[Latency] = []
    observer = LatencyObserver(lambda turn: told.append(dict(turn)))
    for now, each in story:
        if isinstance(each, Chunk):
            observer.audio_out(now, each)
        elif isinstance(each, UserTurn | EarlyAnswer):
            observer.event(now, each)
        else:
            observer.fact(now, each)
    return told


def turn(**times: float | None) -> dict[str, Any]:
    """A turn with these times in ms."""
    return {f"{name}_ms": value for name, value in times.items()}


def test_a_spoken_turn_is_measured_from_the_last_voiced_sample() -> None:
    assert latencies(
        (10.0, Transcript("what time is", False)),
        (10.12, Transcript("what time is it", True)),
        (10.3, UserTurn("what time is it", voiced_until=10.0)),
        (10.45, Delta(1, "It")),
        (10.5, Delta(1, " is")),
        (10.6, FIRST),
        (10.7, LATER),
    ) == [turn(end_of_turn=300.0, transcript=120.0, first_token=450.0, first_audio=600.0)]


def test_a_typed_turn_has_no_end_of_speech() -> None:
    assert latencies(
        (5.0, UserTurn("hello")),
        (5.1, Delta(1, "Hi")),
        (5.25, FIRST),
    ) == [turn(end_of_turn=None, transcript=None, first_token=100.0, first_audio=250.0)]


@pytest.mark.parametrize("transcript", [Transcript("hello", False), Transcript("", True)])
def test_a_turn_without_a_final_transcript_has_no_time_of_one(transcript: Transcript) -> None:
    (told,) = latencies(
        (10.1, transcript), (10.3, UserTurn("hello", voiced_until=10.0)), (10.4, Delta(1, "Hi")), (10.5, FIRST)
    )
    assert told["transcript_ms"] is None


def test_a_transcript_of_words_before_the_last_ones_is_not_taken_for_theirs() -> None:
    """It came late, for a turn that did not wait for it; the next turn's own did not come at all."""
    (told,) = latencies(
        (10.9, Transcript("hello", True)),
        (20.3, UserTurn("are you there", voiced_until=20.0)),
        (20.4, Delta(2, "Yes")),
        (20.5, FIRST),
    )
    assert told["transcript_ms"] is None


def test_a_transcript_counts_for_one_turn() -> None:
    first, second = latencies(
        (10.1, Transcript("hello", True)),
        (10.3, UserTurn("hello", voiced_until=10.0)),
        (10.4, Delta(1, "Hi")),
        (10.5, FIRST),
        (10.55, UserTurn("again", voiced_until=10.1)),
        (10.6, Delta(2, "Hi")),
        (10.7, FIRST),
    )
    assert (first["transcript_ms"], second["transcript_ms"]) == (100.0, None)


def test_audio_before_the_first_word_of_the_answer_is_not_the_answers() -> None:
    """Protected speech that still stands in the queue, say."""
    (told,) = latencies((5.0, UserTurn("hello")), (5.05, FIRST), (5.1, Delta(1, "Hi")), (5.25, FIRST))
    assert told["first_audio_ms"] == 250.0


def test_what_still_comes_of_an_older_answer_is_no_answer() -> None:
    assert latencies(
        (4.0, Delta(1, "Once upon")),
        (5.0, UserTurn("stop")),
        (5.05, Delta(1, " a time")),
        (5.06, FIRST),
        (5.1, Delta(2, "All right")),
        (5.3, FIRST),
    ) == [turn(end_of_turn=None, transcript=None, first_token=100.0, first_audio=300.0)]


def test_a_later_reply_can_answer_the_turn() -> None:
    """The first one called a tool without a word."""
    (told,) = latencies((5.0, UserTurn("look it up")), (7.0, Delta(3, "Here")), (7.2, FIRST))
    assert (told["first_token_ms"], told["first_audio_ms"]) == (2000.0, 2200.0)


def test_a_turn_that_a_newer_one_overtakes_is_not_told() -> None:
    assert latencies(
        (5.0, UserTurn("hello")),
        (5.1, Delta(1, "Hi")),
        (5.2, UserTurn("never mind")),
        (5.3, FIRST),
        (5.4, Delta(2, "All right")),
        (5.5, FIRST),
    ) == [turn(end_of_turn=None, transcript=None, first_token=200.0, first_audio=300.0)]


def test_what_the_bot_says_by_itself_is_no_answer() -> None:
    assert latencies((1.0, Delta(1, "Hello")), (1.1, FIRST), (1.2, LATER)) == []


def test_a_turn_is_told_once() -> None:
    assert len(latencies((5.0, UserTurn("hello")), (5.1, Delta(1, "Hi")), (5.2, FIRST), (5.3, FIRST))) == 1


def test_the_words_of_an_early_answer_are_there_when_it_is_wanted() -> None:
    assert latencies(
        (10.2, Delta(1, "It is nine.")),
        (10.3, UserTurn("what time is it", voiced_until=10.0)),
        (10.3, EarlyAnswer(1, True, 1)),
        (10.31, FIRST),
    ) == [turn(end_of_turn=300.0, transcript=None, first_token=300.0, first_audio=310.0)]


def test_those_of_one_that_was_not_wanted_are_not() -> None:
    assert latencies(
        (10.2, Delta(1, "What?")),
        (10.25, EarlyAnswer(1, False, 1)),
        (10.3, UserTurn("what time is it", voiced_until=10.0)),
        (10.5, Delta(2, "It is nine.")),
        (10.6, FIRST),
    ) == [turn(end_of_turn=300.0, transcript=None, first_token=500.0, first_audio=600.0)]
