"""Speeches and what they are owed: one final each, in order, at the latest when a deadline passes."""

from __future__ import annotations

import math

from audio.events import SpeechLost, SpokenWord, Transcript
from audio.stt.hearing import Patience
from audio.stt.speeches import MAX_OWED, Piece, Speech, Speeches, joined
from audio.stt.uplink import Uplink

EMPTY = Transcript("", True)


def up(now: float = 0.0) -> Speeches:
    """A call whose link is there."""
    speeches = Speeches(Uplink(16000), Patience(final_s=2.0, link_s=5.0))
    speeches.connected(now)
    return speeches


def said(speeches: Speeches, now: float = 0.0) -> Speech:
    """A speech that has ended."""
    speeches.begin(now)
    speeches.audio(bytes(640))
    speech = speeches.finish(now)
    assert speech is not None
    return speech


def test_a_finish_without_a_beginning_is_answered() -> None:
    speeches = up()
    assert speeches.finish(0) is None
    assert speeches.facts() == [EMPTY]


def test_a_second_beginning_begins_nothing() -> None:
    speeches = up()
    speeches.begin(0)
    speeches.audio(bytes(640))
    speeches.begin(0)
    speech = speeches.finish(0)
    assert speech is not None
    assert (speech.begin, speech.end) == (0, 640)


def test_audio_outside_of_a_speech_is_not_sent() -> None:
    uplink = Uplink(16000)
    speeches = Speeches(uplink, Patience())
    speeches.audio(bytes(640))
    assert uplink.end == 0


def test_answers_come_in_the_order_of_the_speeches() -> None:
    speeches = up()
    first, second = said(speeches), said(speeches)
    second.pieces.append(Piece("two"))
    speeches.settle(second)
    assert speeches.facts() == []
    first.partial = "one"
    speeches.settle(first)
    assert speeches.facts() == [Transcript("one", True), Transcript("two", True)]


def test_partials_are_of_the_oldest_speech_only_and_told_once() -> None:
    speeches = up()
    first, second = said(speeches), said(speeches)
    second.partial = "two"
    speeches.show(second)
    first.partial = "one"
    speeches.show(first)
    speeches.show(first)
    assert speeches.facts() == [Transcript("one", False)]
    speeches.settle(first)
    assert speeches.facts() == [Transcript("one", True), Transcript("two", False)]


def test_a_deadline_answers_with_what_is_there() -> None:
    speeches = up()
    speech = said(speeches, 10.0)
    speech.partial = "so far"
    speeches.heard_at = 10.1
    assert speeches.deadline() == 12.0
    assert speeches.tick(11.9) == ""
    assert speeches.tick(12.0) == ""
    assert speeches.facts() == [Transcript("so far", True)]
    assert math.isinf(speeches.deadline())


def test_where_the_provider_falls_silent_another_connection_hears_it_again_once() -> None:
    speeches = up()
    for ended_at in (10.0, 11.0):
        said(speeches, ended_at)
    assert speeches.tick(12.0) != ""
    assert speeches.facts() == []
    assert speeches.deadline() == 13.0
    speeches.disconnected(12.0)
    speeches.connected(12.5)
    assert speeches.tick(14.5) != ""
    reason = "it said nothing for 2 s after the end of speech"
    assert speeches.facts() == [EMPTY, SpeechLost(reason)], "the second one has another try"
    speeches.disconnected(14.5)
    speeches.connected(14.5)
    speeches.tick(16.5)
    assert speeches.facts() == [EMPTY, SpeechLost(reason)]
    assert math.isinf(speeches.deadline())


def test_an_outage_stops_the_deadline_and_a_new_link_starts_it_again() -> None:
    speeches = up()
    said(speeches, 10.0)
    speeches.disconnected(11.0)
    assert speeches.deadline() == 16.0
    assert speeches.tick(15.0) == ""
    speeches.connected(15.5)
    assert speeches.deadline() == 17.5
    assert speeches.facts() == []


def test_a_long_outage_answers_and_is_told_once() -> None:
    speeches = up()
    speech = said(speeches, 10.0)
    speech.partial = "so far"
    speeches.disconnected(11.0)
    speeches.tick(16.0)
    assert [type(fact) for fact in speeches.facts()] == [Transcript, SpeechLost]
    said(speeches, 20.0)
    speeches.tick(22.0)
    assert speeches.facts() == [EMPTY]


def test_an_outage_that_nobody_speaks_in_is_not_told() -> None:
    speeches = up()
    speeches.disconnected(11.0)
    assert math.isinf(speeches.deadline())
    speeches.tick(100.0)
    assert speeches.facts() == []


def test_the_first_link_has_as_long_as_any() -> None:
    speeches = Speeches(Uplink(16000), Patience(link_s=5.0))
    speeches.begin(3.0)
    assert speeches.deadline() == 8.0


def test_more_speeches_than_anybody_waits_for_are_answered() -> None:
    speeches = up()
    for _ in range(MAX_OWED + 5):
        said(speeches)
    assert speeches.facts() == [EMPTY] * 5
    assert len(speeches.owed) == MAX_OWED


def test_a_final_has_all_that_is_known() -> None:
    words = (SpokenWord("one", 0, 1), SpokenWord("two", 1, 2), SpokenWord("three", 2, 3))
    speech = Speech(0, pieces=[Piece("one two", words[:2], 0.9, ""), Piece("three", words[2:], 0.6, "en")], partial="?")
    known = joined(speech.pieces, speech.partial)
    assert (known.text, known.words, known.language) == ("one two three ?", words, "en")
    assert known.confidence is not None
    assert round(known.confidence, 6) == 0.8
    assert joined([]) == EMPTY


def test_what_was_answered_is_not_heard_again_on_the_next_connection() -> None:
    uplink = Uplink(16000)
    speeches = Speeches(uplink, Patience())
    speeches.connected(0)
    first = said(speeches)
    speeches.begin(0)
    speeches.audio(bytes(2560))
    speeches.settle(first)
    speeches.disconnected(1)
    speeches.connected(2)
    assert uplink.kept.start == first.end
    assert uplink.take() == bytes(2560)
