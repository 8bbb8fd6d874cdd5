"""The output queue: order, pace, barge-in, hold, reports."""

from __future__ import annotations

import pytest

from audio.events import Heard, Word
from audio.inflight import CLEARED_TIMEOUT_S, MAX_LAG_S, InFlight
from audio.playout import Chunk, Cut, Playout, PlayoutOptions

RATE = 1000  # a sample is a millisecond


def playout(**options: object) -> Playout:
    return Playout(PlayoutOptions(rate_hz=RATE, **options))  # type: ignore[arg-type]


def say(queue: Playout, number: int, text: str, ms: int, *, interruptible: bool = True) -> None:
    """A frame with all its audio, a word every 100 ms."""
    queue.open(number, text, interruptible=interruptible)
    ends = [end for end in range(1, len(text) + 1) if end == len(text) or text[end] == " "]
    words = tuple(Word(n * 100.0, end) for n, end in enumerate(ends))
    assert queue.put(number, ms, words, bytes(range(256)) * (ms * 2 // 256 + 1))
    queue.finish(number)


def sent(queue: Playout, now: float) -> int:
    return sum(len(each.pcm) // 2 for each in queue.take(now) if isinstance(each, Chunk))


def tell(queue: Playout, now: float) -> list[Heard]:
    """What the hub does: the core's half hears what was played."""
    played = queue.progress(now)
    for each in played.frames if played else ():
        queue.played(each.frame, each.samples, each.sent, each.first_at)
    return list(played.frames) if played else []


def test_the_lead_bounds_what_leaves_and_is_filled_again_as_it_is_played() -> None:
    queue = playout()
    say(queue, 1, "one two three four five six", 1000)
    assert sent(queue, 10.0) == 200
    assert sent(queue, 10.0) == 0
    assert sent(queue, 10.02) == 0, "less than a chunk"
    assert sent(queue, 10.04) == 40
    assert sent(queue, 10.17) == 130, "a stall is caught up from the lead"
    assert sent(queue, 10.9) == 200


def test_a_late_writer_never_adds_a_gap_to_the_stream() -> None:
    queue = playout()
    say(queue, 1, "a b c d e f g h", 800)
    at, left = 0.0, 0
    while left < 800:
        left += sent(queue, at)
        at += 0.13
    assert at < 0.8, "it is all sent before the caller has heard it"


def test_a_frame_that_is_not_complete_waits_for_a_whole_chunk_and_its_end_does_not() -> None:
    queue = playout()
    queue.open(1, "hi", interruptible=True)
    queue.put(1, 30, (), bytes(60))
    assert sent(queue, 0.0) == 0
    queue.finish(1)
    assert sent(queue, 0.0) == 30


def test_frames_leave_in_the_order_in_which_they_were_opened() -> None:
    queue = playout()
    queue.open(1, "first", interruptible=True)
    say(queue, 2, "second", 50)
    assert sent(queue, 0.0) == 0, "the second waits for the first"
    queue.put(1, 50, (), bytes(100))
    queue.finish(1)
    assert [each.frame for each in queue.take(0.0) if isinstance(each, Chunk)] == [1, 2]


def test_messages_keep_their_place_among_the_speech() -> None:
    queue = playout()
    say(queue, 1, "one", 100)
    queue.message(2, "between", interruptible=False)
    say(queue, 3, "two", 100)
    assert [each.frame if isinstance(each, Chunk) else each for each in queue.take(0.0)] == [1, "between", 3]
    assert tell(queue, 0.0) == [Heard(1, 0, 100), Heard(2, 0, 1), Heard(3, 0, 100)]
    assert [frame.id for frame in queue.frames()] == [1, 3], "a message is over when it has left"


def test_what_was_heard_follows_the_clock() -> None:
    queue = playout()
    say(queue, 1, "one two three", 300)
    sent(queue, 5.0)
    assert tell(queue, 5.0) == [Heard(1, 0, 200)]
    assert tell(queue, 5.0) == []
    assert tell(queue, 5.15) == [Heard(1, 150, 200)]
    sent(queue, 5.15)
    assert tell(queue, 5.3) == [Heard(1, 300, 300)]
    assert not queue.busy


@pytest.mark.parametrize(
    ("ms", "text"),
    [(0, ""), (1, "one"), (100, "one"), (101, "one two"), (250, "one two three"), (300, "one two three")],
)
def test_a_word_counts_as_heard_once_it_has_begun(ms: int, text: str) -> None:
    queue = playout()
    say(queue, 1, "one two three", 300)
    frame = queue.get(1)
    assert frame is not None
    assert frame.text_at(ms, RATE) == text


def test_without_word_times_the_text_is_cut_in_proportion_at_a_word() -> None:
    queue = playout()
    queue.open(1, "aaaa bbbb cccc dddd", interruptible=True)
    queue.put(1, 1000, ())
    queue.finish(1)
    frame = queue.get(1)
    assert frame is not None
    assert frame.text_at(500, RATE) == "aaaa bbbb"
    assert frame.text_at(1000, RATE) == "aaaa bbbb cccc dddd"


def test_a_barge_in_drops_what_may_be_dropped_and_keeps_the_rest_in_order() -> None:
    queue = playout()
    say(queue, 1, "one two three four", 400)
    say(queue, 2, "kept", 100, interruptible=False)
    say(queue, 3, "dropped", 100)
    say(queue, 4, "kept too", 200, interruptible=False)
    sent(queue, 0.0)
    tell(queue, 0.15)
    result = queue.interrupt(0.15)
    assert result.cuts == (Cut(1, "one two"), Cut(3, ""))
    assert result.clear
    assert [frame.id for frame in queue.frames()] == [2, 4]
    assert queue.has_uninterruptible
    assert [each.frame for each in queue.take(0.15) if isinstance(each, Chunk)] == [2, 4]


def test_no_clear_when_nothing_of_it_was_sent() -> None:
    queue = playout()
    queue.open(1, "never begun", interruptible=True)
    assert not queue.interrupt(0.0).clear


def test_protected_speech_that_a_clear_took_leaves_again_from_where_it_stopped() -> None:
    queue = playout()
    say(queue, 1, "bye", 100)
    say(queue, 2, "one two three", 300, interruptible=False)
    assert sent(queue, 0.0) == 200, "half of the lead is protected"
    tell(queue, 0.05)
    assert queue.interrupt(0.05).clear
    chunks = [each for each in queue.take(0.05) if isinstance(each, Chunk)]
    assert [(chunk.frame, len(chunk.pcm) // 2) for chunk in chunks] == [(2, 200)]
    assert chunks[0].pcm[:4] == bytes([0, 1, 2, 3]), "from its beginning"


def test_with_protected_speech_at_the_head_nothing_is_cleared_and_what_left_will_be_heard() -> None:
    queue = playout()
    say(queue, 1, "kept", 100, interruptible=False)
    say(queue, 2, "one two three", 300)
    sent(queue, 0.0)
    tell(queue, 0.01)
    result = queue.interrupt(0.01)
    assert not result.clear
    assert [(cut.frame, cut.heard) for cut in result.cuts] == [(2, "one")]
    assert sent(queue, 0.1) == 0, "no more of it leaves"
    assert tell(queue, 0.25) == [Heard(1, 100, 100), Heard(2, 100, 100)]
    assert not queue.busy


def test_a_hold_keeps_everything_and_lets_protected_speech_pass() -> None:
    queue = playout()
    say(queue, 1, "kept", 50, interruptible=False)
    say(queue, 2, "held", 500)
    queue.hold(0.0)
    assert sent(queue, 0.0) == 50
    queue.resume(1.0)
    assert sent(queue, 1.0) == 200


def test_a_client_that_pauses_has_heard_nothing_meanwhile() -> None:
    queue = playout(pauses=True)
    say(queue, 1, "one two three four", 400)
    sent(queue, 0.0)
    tell(queue, 0.05)
    queue.hold(0.05)
    assert tell(queue, 2.0) == []
    queue.resume(2.0)
    assert tell(queue, 2.1) == [Heard(1, 150, 200)]


def test_a_client_that_cannot_pause_plays_what_it_has() -> None:
    queue = playout()
    say(queue, 1, "one two three four", 400)
    sent(queue, 0.0)
    queue.hold(0.05)
    assert tell(queue, 2.0) == [Heard(1, 200, 200)]


def test_a_reporting_client_rules_over_the_clock() -> None:
    queue = playout(reports="counts")
    say(queue, 1, "one two three four", 400)
    sent(queue, 0.0)
    assert tell(queue, 0.15) == [Heard(1, 0, 200)], "nothing is heard before it says so"
    queue.report(0.2, 50)
    assert tell(queue, 0.2) == [Heard(1, 50, 200)]
    assert tell(queue, 0.25) == [Heard(1, 100, 200)], "it plays on for a while"
    assert tell(queue, 1.0) == [Heard(1, 200, 200)], "but not further than was sent"


def test_a_client_that_stops_reporting_is_believed_to_play_on_after_a_while() -> None:
    queue = playout(reports="counts")
    say(queue, 1, "one", 100)
    sent(queue, 0.0)
    tell(queue, 1.0)
    assert queue.busy
    tell(queue, 0.1 + MAX_LAG_S)
    assert not queue.busy


@pytest.mark.parametrize("nonsense", [-5, 10**12])
def test_a_nonsense_report_is_bounded_by_what_was_sent(nonsense: int) -> None:
    queue = playout(reports="counts")
    say(queue, 1, "one", 100)
    sent(queue, 0.0)
    queue.report(0.0, nonsense)
    assert sum(each.samples for each in tell(queue, 0.0)) in (0, 100)


def test_after_a_clear_the_client_says_how_much_of_the_protected_speech_it_played() -> None:
    queue = playout(reports="counts")
    say(queue, 1, "bye", 50)
    say(queue, 2, "one two three", 300, interruptible=False)
    sent(queue, 0.0)
    queue.report(0.05, 20)
    tell(queue, 0.05)
    assert queue.interrupt(0.05).clear
    assert queue.take(0.06) == [], "it waits for the answer"
    queue.report(0.06, 45)  # on its way before the clear: it means the old stream
    queue.cleared(80)  # 50 of the first and 30 of the protected one
    chunks = [each for each in queue.take(0.07) if isinstance(each, Chunk)]
    assert chunks[0].pcm[:2] == bytes([60, 61]), "from its 30th sample"
    queue.report(0.2, 80 + 100)
    assert tell(queue, 0.2)[-1].samples == 130


def test_a_client_that_never_answers_a_clear_is_not_waited_for() -> None:
    queue = playout(reports="counts")
    say(queue, 1, "bye", 50)
    say(queue, 2, "kept", 100, interruptible=False)
    sent(queue, 0.0)
    tell(queue, 0.0)
    assert queue.interrupt(0.0).clear
    assert queue.take(CLEARED_TIMEOUT_S - 0.01) == []
    assert sent(queue, CLEARED_TIMEOUT_S) == 100


def test_audio_of_a_dropped_frame_is_refused() -> None:
    queue = playout()
    queue.open(1, "one", interruptible=True)
    queue.interrupt(0.0)
    assert not queue.put(1, 10, ())
    assert not queue.finish(1)
    assert queue.fail(1) is None


def test_a_failed_frame_ends_where_its_audio_does() -> None:
    queue = playout()
    queue.open(1, "one two three", interruptible=True)
    queue.put(1, 100, (Word(0.0, 3),), bytes(200))
    assert queue.fail(1) == Cut(1, "one")
    assert sent(queue, 0.0) == 100
    tell(queue, 0.1)
    assert not queue.busy


def test_a_frame_without_audio_is_over_at_once() -> None:
    queue = playout()
    queue.open(1, "🙂", interruptible=True)
    assert queue.finish(1)
    assert not queue.busy


def test_the_queue_is_full_by_what_has_not_left() -> None:
    queue = playout(capacity_ms=1001)
    say(queue, 1, "long", 1200)
    assert queue.full
    sent(queue, 0.0)
    tell(queue, 0.0)
    assert not queue.full, "200 ms are on their way"


def test_close_says_what_was_heard_of_everything() -> None:
    queue = playout()
    say(queue, 1, "one two", 200, interruptible=False)
    say(queue, 2, "three", 100)
    sent(queue, 0.0)
    tell(queue, 0.05)
    assert [(cut.frame, cut.heard) for cut in queue.close()] == [(1, "one"), (2, "")]
    assert not queue.busy
    assert not queue.has_uninterruptible


def test_progress_is_worth_asking_when_a_frame_begins_or_ends_or_a_word_begins() -> None:
    queue = playout()
    say(queue, 1, "one two", 200)
    assert not queue.due(0.0)
    sent(queue, 0.0)
    assert queue.due(0.0), "its first audio left"
    tell(queue, 0.0)
    assert queue.due(0.01), "its first word began"
    tell(queue, 0.01)
    assert not queue.due(0.09)
    assert queue.due(0.12)
    tell(queue, 0.12)
    assert not queue.due(0.19)
    assert queue.due(0.2)


def test_in_flight_reports_of_before_a_clear_do_not_count_after_it() -> None:
    flight = InFlight(RATE, reports="counts")
    flight.send(1, 100, 0.0)
    flight.report(0.0, 10)
    assert flight.pop_heard(0.0) == {1: 10}
    flight.flush(0.0)
    flight.send(2, 100, 0.02)
    flight.report(0.02, 100)  # of the old stream: it was on its way
    assert flight.pop_heard(0.02) == {}
    flight.cleared(60, ())
    flight.report(0.1, 60 + 25)
    assert flight.pop_heard(0.1) == {2: 25}


def test_two_clears_within_one_round_trip_are_answered_one_after_the_other() -> None:
    queue = playout(reports="counts")
    say(queue, 1, "one two three four", 400)
    assert sent(queue, 0.0) == 200
    tell(queue, 0.1)
    assert queue.interrupt(0.1).clear
    say(queue, 2, "seven", 50)
    say(queue, 3, "five six", 400, interruptible=False)
    assert sent(queue, 0.1) == 200
    tell(queue, 0.12)
    assert queue.interrupt(0.12).clear
    queue.cleared(150)  # of the first frame; the answer to the first clear
    queue.cleared(150)  # and nothing more; the answer to the second
    at, left = 0.2, 0
    while at < 2.0:
        left += sent(queue, at)
        tell(queue, at)
        at += 0.02
    assert left == 400, "the protected frame leaves whole: nothing of it was played"


def test_after_a_pause_no_more_counts_as_heard_than_was_reported() -> None:
    flight = InFlight(RATE, reports="counts")
    flight.send(1, 200, 0.0)
    flight.report(0.1, 100)
    flight.pause(0.11)
    flight.pop_heard(0.11)
    flight.resume(1.0)
    flight.pop_heard(1.01)
    assert flight.unheard(1.01) >= 80, "the client has said nothing since"


def test_a_report_that_was_on_its_way_when_the_client_paused_does_not_count_as_playing() -> None:
    flight = InFlight(1000, reports="counts")
    flight.send(1, 200, 0.0)
    flight.report(0.1, 80)
    flight.pause(0.11)
    flight.report(0.12, 90)
    flight.resume(0.5)
    assert flight.unheard(0.5) == 110
    flight.report(0.6, 130)
    assert flight.unheard(0.61) == 60, "once it reports again, it plays on"
