"""The output queue and a carrier: marks that are late, a `clear` that empties all, pieces of the carrier's size."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count
from random import Random

import pytest

from audio.playout import Chunk, Playout, PlayoutOptions
from tests.sim.buffer import RATE_HZ
from tests.sim.carrier import Carrier, carrier_options
from tests.sim.client import samples

CASES, PARTS = 750, 4


class Line:
    """A playout that is written to a carrier, and told what it marks. One sample is a millisecond."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.now = 0.0
        self._order = count()
        self._todo: list[tuple[float, int, Callable[..., object], tuple[object, ...]]] = []
        self.options = carrier_options(PlayoutOptions(rate_hz=RATE_HZ), self.random)
        self.queue = Playout(self.options)
        self.carrier = Carrier(
            lambda: self.now,
            self.at,
            self.random,
            returns_cleared=self.random.random() < 0.5,
        )
        self.carrier.on_played = lambda total: self.queue.report(self.now, total)
        self.numbers = count(1)
        self.frames: dict[int, int] = {}  # -> milliseconds
        self.protected: set[int] = set()
        self.cuts: dict[int, int] = {}  # -> what the queue holds for heard of it
        self.clears = self.resent = 0

    def at(self, delay: float, call: Callable[..., object], *args: object) -> None:
        """Later."""
        heapq.heappush(self._todo, (self.now + delay, next(self._order), call, args))

    def run(self) -> None:
        """Until nothing more happens."""
        while self._todo:
            self.now, _, call, args = heapq.heappop(self._todo)
            call(*args)
        self.carrier.play()

    def say(self) -> None:
        """A frame, whose audio comes at once or in pieces."""
        number, ms = next(self.numbers), self.random.choice((5, 33, 150, 190, 310, 700))
        self.frames[number] = ms
        interruptible = self.random.random() < 0.6
        if not interruptible:
            self.protected.add(number)
        self.queue.open(number, "a frame", interruptible=interruptible)
        delay, start = 0.0, 0
        while start < ms:
            stop = min(ms, start + self.random.choice((30, 170, ms)))
            delay += self.random.choice((0.0, 0.02))
            self.at(delay, self._put, number, start, stop)
            start = stop
        self.at(delay, self.queue.finish, number)

    def _put(self, number: int, start: int, stop: int) -> None:
        self.tell()
        self.queue.put(number, stop - start, (), samples(start, stop))

    def tell(self) -> None:
        """What the hub does before each fact."""
        played = self.queue.progress(self.now)
        for each in played.frames if played else ():
            self.queue.played(each.frame, each.samples, each.sent, each.first_at)

    def interrupt(self) -> None:
        """The caller barges in."""
        self.tell()
        before = {frame.id: frame for frame in self.queue.frames()}
        sent = {number: (frame.seen_sent, frame.heard) for number, frame in before.items()}
        result = self.queue.interrupt(self.now)
        for cut in result.cuts:
            stays = self.queue.get(cut.frame) is not None
            self.cuts[cut.frame] = sent[cut.frame][not stays]
        self.clears += result.clear
        self.resent += result.clear and any(sent[number][0] for number in before if number in self.protected)
        if result.clear:
            self.carrier.command("clear")

    def tick(self) -> None:
        """The pacer's, not on time."""
        for what in self.queue.take(self.now):
            assert isinstance(what, Chunk)
            self._check(what)
            self.carrier.take(what)
        if self.queue.due(self.now):
            self.tell()
        if self.queue.busy:
            self.at(0.02 + self.random.choice((0.0, 0.0, 0.03)), self.tick)

    def _check(self, chunk: Chunk) -> None:
        """The piece has the wire's size."""
        size, granule, frame = len(chunk.pcm) // 2, self.options.granule_ms, self.queue.get(chunk.frame)
        assert size <= 2 * self.options.chunk_ms, "a long piece has its mark late"
        if granule:
            assert size % granule == 0
        ends = frame is not None and frame.done and frame.sent == frame.queued
        assert size >= self.options.chunk_ms or (ends and not granule)


def converse(seed: int) -> Line:
    """Some frames, some barge-ins, and what was heard of them."""
    line = Line(seed)
    at = 0.0
    for _ in range(line.random.randrange(2, 7)):
        line.at(at, line.say)
        at += line.random.choice((0.0, 0.0, 0.0, 0.4))
    for _ in range(line.random.randrange(6)):
        line.at(line.random.uniform(0.0, 1.5), line.interrupt)
    line.at(0.0, line.tick)
    line.at(at, line.tick)
    line.run()
    assert not line.queue.busy
    return line


def heard_of(line: Line) -> dict[int, int]:
    """How much of each frame was heard; none of it twice, and none left out before it."""
    heard: dict[int, int] = {}
    for frame, start, stop in line.carrier.heard:
        assert start == heard.get(frame, 0), f"frame {frame}: from {start}, {heard.get(frame, 0)} were heard before"
        heard[frame] = stop
    return heard


@pytest.mark.parametrize("part", range(PARTS))
def test_protected_speech_is_heard_once_and_whole_and_the_rest_is_known_to_a_word(part: int) -> None:
    clears = resent = 0
    for seed in range(part * CASES, (part + 1) * CASES):
        line = converse(seed)
        clears, resent = clears + line.clears, resent + line.resent
        heard = heard_of(line)
        assert list(heard) == sorted(heard), "in their order"
        round_trip_ms = 2000 * line.carrier.latency_s
        for number, ms in line.frames.items():
            if number in line.protected or number not in line.cuts:
                assert heard.get(number) == ms, f"seed {seed}: {heard.get(number)} of {ms} ms of frame {number}"
            else:
                late = heard.get(number, 0) - line.cuts[number]
                assert 0 <= late <= round_trip_ms + 2 * line.options.chunk_ms + 1, f"seed {seed}"
    assert clears > CASES / 4
    assert resent > CASES / 100


def playout(**options: object) -> Playout:
    """One whose client marks what it plays."""
    return Playout(PlayoutOptions(rate_hz=RATE_HZ, reports="marks", **options))  # type: ignore[arg-type]


def say(queue: Playout, number: int, ms: int, *, interruptible: bool = True) -> None:
    """A frame with all its audio."""
    queue.open(number, "a frame", interruptible=interruptible)
    assert queue.put(number, ms, (), samples(0, ms))
    queue.finish(number)


def sent(queue: Playout, now: float) -> list[tuple[int, int, int]]:
    """What leaves: frame, its first sample, how many with the silence behind them."""
    chunks = [each for each in queue.take(now) if isinstance(each, Chunk)]
    return [(each.frame, memoryview(each.pcm).cast("h")[0], len(each.pcm) // 2) for each in chunks]


def tell(queue: Playout, now: float) -> dict[int, int]:
    """What the hub does: the core's half hears what was played."""
    played = queue.progress(now)
    for each in played.frames if played else ():
        queue.played(each.frame, each.samples, each.sent, each.first_at)
    return {each.frame: each.samples for each in played.frames} if played else {}


def test_marks_come_often_and_count_from_the_last_clear() -> None:
    queue = playout()
    say(queue, 1, 400)
    assert sent(queue, 0.0) == [(1, at, 40) for at in range(0, 200, 40)]
    assert tell(queue, 0.1) == {1: 0}, "nothing is heard before a mark is back"
    queue.report(0.12, 40)
    assert tell(queue, 0.12) == {1: 40}
    assert tell(queue, 0.17) == {1: 50}, "it plays on, but is never ahead of what a late line would have"
    queue.report(0.2, 120)
    assert tell(queue, 0.2) == {1: 120}
    assert queue.interrupt(0.2).clear
    say(queue, 2, 100, interruptible=False)
    assert sent(queue, 0.2) == [(2, 0, 40), (2, 40, 40), (2, 80, 20)], "nobody waits for an answer to the clear"
    tell(queue, 0.3)
    queue.report(0.3, 40)
    assert tell(queue, 0.3) == {2: 40}, "the count has begun anew"
    queue.report(0.31, 30)
    assert tell(queue, 0.31) == {}, "and never goes back"
    queue.report(0.36, 100)
    assert tell(queue, 0.36) == {2: 100}
    assert not queue.busy


def test_a_carrier_whose_marks_do_not_come_is_believed_to_play_after_a_while() -> None:
    queue = playout()
    say(queue, 1, 100)
    sent(queue, 0.0)
    tell(queue, 2.0)
    assert queue.busy
    tell(queue, 2.1)
    assert not queue.busy


def test_the_silence_that_fills_a_piece_up_is_nobodys_words() -> None:
    queue = playout(granule_ms=20.0, chunk_ms=200.0, lead_ms=400.0)
    say(queue, 1, 90)
    say(queue, 2, 310)
    assert sent(queue, 0.0) == [(1, 0, 200), (2, 0, 320)]
    queue.report(0.3, 200)
    assert tell(queue, 0.3) == {1: 90, 2: 0}
    queue.report(0.7, 520)
    assert tell(queue, 0.7) == {2: 310}
    assert not queue.busy


@pytest.mark.parametrize("first_ms", [130, 190])
def test_protected_speech_behind_what_is_cleared_leaves_again_from_its_beginning(first_ms: int) -> None:
    queue = playout()
    say(queue, 1, first_ms)
    say(queue, 2, 300, interruptible=False)
    sent(queue, 5.0)
    tell(queue, 5.0)
    result = queue.interrupt(5.0)
    assert (result.clear, [cut.heard for cut in result.cuts]) == (True, [""])
    assert sent(queue, 5.0)[0] == (2, 0, 40)


def test_so_shortly_before_protected_speech_nothing_is_cleared_and_the_rest_plays_out() -> None:
    queue = playout()
    say(queue, 1, 110)
    say(queue, 2, 300, interruptible=False)
    say(queue, 3, 300)
    sent(queue, 5.0)
    tell(queue, 5.0)
    result = queue.interrupt(5.0)
    assert not result.clear
    assert [cut.frame for cut in result.cuts] == [3], "of the first nothing is cut off"
    queue.hold(5.0)
    assert sent(queue, 5.05) == [(2, 80, 40)], "and the rest of the protected speech follows"
    queue.report(5.15, 110)
    assert tell(queue, 5.15) == {1: 110, 2: 0}
    assert not queue.interrupt(5.15).clear


def test_the_way_back_of_marks_does_not_hide_that_protected_speech_has_begun() -> None:
    queue = playout()
    say(queue, 1, 130)
    say(queue, 2, 300, interruptible=False)
    sent(queue, 5.0)
    tell(queue, 5.0)
    assert tell(queue, 5.14) == {}, "as far as is known the first is still played"
    assert not queue.interrupt(5.14).clear


def test_a_background_leaves_in_the_wires_pieces() -> None:
    queue = playout(granule_ms=20.0, chunk_ms=200.0)
    assert queue.fill(0.0, 239.0) == 220
    assert queue.fill(0.01, 239.0) == 0
    assert queue.fill(0.2, 239.0) == 200
