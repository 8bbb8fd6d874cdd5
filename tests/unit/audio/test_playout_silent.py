"""The output queue: words without a sound have their turn as others do."""

from __future__ import annotations

from audio.playout import Cut, Playout
from tests.unit.audio.test_playout import playout, say, sent, tell


def silent(queue: Playout, number: int, *, interruptible: bool = True) -> bool:
    """A frame with words of which nothing is said; is it over at once?"""
    queue.open(number, "😀", interruptible=interruptible)
    return queue.finish(number)


def test_words_without_a_sound_are_over_at_once_where_nothing_is_before_them() -> None:
    queue = playout()
    assert silent(queue, 1)
    assert not queue.busy


def test_words_without_a_sound_are_over_when_all_before_them_is() -> None:
    queue = playout()
    say(queue, 1, "one two", 150)
    assert not silent(queue, 2)
    assert not silent(queue, 3)
    say(queue, 4, "three", 100)
    assert sent(queue, 10.0) == 200, "they hold nothing up"
    assert queue.pass_over() == []
    tell(queue, 10.149)
    assert queue.pass_over() == []
    tell(queue, 10.151)
    assert queue.pass_over() == [2, 3]
    assert [frame.id for frame in queue.frames()] == [4]


def test_words_without_a_sound_that_were_not_reached_are_lost() -> None:
    queue = playout()
    say(queue, 1, "one two", 150)
    silent(queue, 2)
    sent(queue, 10.0)
    assert queue.interrupt(10.05).cuts[1:] == (Cut(2, ""),)
    say(queue, 3, "one two", 150)
    silent(queue, 4)
    assert [(cut.frame, cut.heard) for cut in queue.close()] == [(3, ""), (4, "")]


def test_words_without_a_sound_may_be_protected() -> None:
    queue = playout()
    say(queue, 1, "one two", 150)
    silent(queue, 2, interruptible=False)
    queue.interrupt(10.0)
    assert queue.has_uninterruptible
    assert queue.pass_over() == [2]
    assert not queue.has_uninterruptible


def test_words_that_failed_are_no_words_without_a_sound() -> None:
    queue = playout()
    say(queue, 1, "one two", 150)
    queue.open(2, "three", interruptible=True)
    queue.fail(2)
    assert [frame.id for frame in queue.frames()] == [1]
