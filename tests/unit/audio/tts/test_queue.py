"""What a voice is asked, in which order, and what it may send before it is wanted."""

from __future__ import annotations

from audio.tts.queue import MAX_KEPT_S, SpeechQueue
from audio.tts.speech import State
from audio.tts.wire import Ask, Cancel, Sound, Terms

RATE_HZ = 8000


def stand(ahead: int = 2) -> SpeechQueue:
    queue = SpeechQueue(RATE_HZ, Terms(ahead, contexts=3, times_from="context", cancelled_is="told"))
    for frame, text in ((1, "one"), (2, "two"), (3, "three")):
        queue.put(frame, text)
    queue.open()
    return queue


def asked(queue: SpeechQueue) -> dict[str, str]:
    """Texts that are asked now, and their contexts."""
    return {order.text: order.context for order in queue.orders(0.0) if isinstance(order, Ask)}


def test_so_many_are_asked_ahead() -> None:
    queue = stand()
    assert list(asked(queue)) == ["one", "two"]
    assert list(asked(queue)) == []


def test_one_that_was_cancelled_is_not_ahead_and_what_comes_of_it_is_nobodys() -> None:
    queue = stand()
    context = asked(queue)["one"]
    speech = queue.speech_of(context)
    assert speech is not None
    queue.remove(speech)
    orders = queue.orders(1.0)
    assert orders[0] == Cancel(context)
    assert [order.text for order in orders if isinstance(order, Ask)] == ["three"]
    assert queue.on_sound(Sound(context, bytes(320)), 1.0) is None
    assert speech.kept == 0


def test_one_that_comes_too_early_is_cancelled_and_asked_again_at_its_turn() -> None:
    queue = stand()
    contexts = asked(queue)
    second = queue.speech_of(contexts["two"])
    assert second is not None
    queue.on_sound(Sound(contexts["two"], bytes(int(MAX_KEPT_S * RATE_HZ) * 2 + 2)), 1.0)
    assert (second.kept, second.state) == (0, State.WAITING)
    assert Cancel(contexts["two"]) in queue.orders(1.0)
    queue.on_over(contexts["two"])
    assert "two" not in asked(queue)
    first = queue.speech_of(contexts["one"])
    assert first is not None
    queue.remove(first)
    assert "two" in asked(queue)


def test_what_a_lost_connection_was_asked_is_asked_on_the_next() -> None:
    queue = stand()
    before = asked(queue)
    queue.close("gone")
    assert asked(queue) == {}
    queue.open()
    after = asked(queue)
    assert list(after) == ["one", "two"]
    assert set(after.values()).isdisjoint(before.values())
