"""Chunks that come in every order, late, twice or never."""

from __future__ import annotations

from random import Random

import pytest

from server.protocols.ordering import MOST_COUNTED, OLD_IN_A_ROW, Ordering
from server.protocols.wire import Audio, Counted, Incoming

RATE_HZ = 8000
SIZE = 4
"""Of a chunk, in bytes: enough to know it by."""


def chunk(number: int) -> bytes:
    return number.to_bytes(SIZE)


def heard(out: list[Incoming]) -> list[int]:
    """The numbers of the chunks that are heard; 0 is silence."""
    pcm = b"".join(each.pcm for each in out if isinstance(each, Audio))
    return [int.from_bytes(pcm[at : at + SIZE]) for at in range(0, len(pcm), SIZE)]


def counted(out: list[Incoming]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for each in out:
        if isinstance(each, Counted):
            counts[each.kind] = counts.get(each.kind, 0) + each.count
    return counts


def run(numbers: list[int], window: int = 3, *, flush: bool = True) -> list[Incoming]:
    ordering = Ordering(RATE_HZ, window)
    out = [each for number in numbers for each in ordering.put(number, chunk(number))]
    return out + (ordering.flush() if flush else [])


ORDERS: dict[str, tuple[list[int], list[int], dict[str, int]]] = {
    "in order": ([1, 2, 3, 4], [1, 2, 3, 4], {}),
    "from any number": ([700, 701, 702, 703], [700, 701, 702, 703], {}),
    "two change places": ([1, 2, 3, 5, 4, 6], [1, 2, 3, 4, 5, 6], {}),
    "two change places at the very beginning": ([2, 1, 3, 4], [1, 2, 3, 4], {}),
    "one comes as the third": ([1, 2, 3, 5, 6, 4, 7], [1, 2, 3, 4, 5, 6, 7], {}),
    "one comes as the fourth: too late": (
        [1, 2, 3, 5, 6, 7, 4, 8],
        [1, 2, 3, 0, 5, 6, 7, 8],
        {"wire_lost": 1, "wire_late": 1},
    ),
    "one never comes": ([1, 2, 3, 5, 6, 7, 8], [1, 2, 3, 0, 5, 6, 7, 8], {"wire_lost": 1}),
    "three never come": ([1, 2, 3, 7, 8, 9], [1, 2, 3, 0, 0, 0, 7, 8, 9], {"wire_lost": 3}),
    "every second one": ([1, 2, 3, 5, 7, 9], [1, 2, 3, 0, 5, 0, 7, 0, 9], {"wire_lost": 3}),
    "twice": ([1, 2, 3, 3, 4], [1, 2, 3, 4], {"wire_duplicate": 1}),
    "all of them twice": (sorted([*range(1, 40)] * 2), [*range(1, 40)], {"wire_duplicate": 39}),
    "twice while it waits": ([1, 2, 3, 5, 5, 4], [1, 2, 3, 4, 5], {"wire_duplicate": 1}),
    "late, and then again": (
        [1, 2, 3, 5, 6, 7, 4, 4],
        [1, 2, 3, 0, 5, 6, 7],
        {"wire_lost": 1, "wire_late": 1, "wire_duplicate": 1},
    ),
    "the last ones wait": ([1, 2, 3, 6, 5], [1, 2, 3, 0, 5, 6], {"wire_lost": 1}),
    "one only": ([1], [1], {}),
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=list(ORDERS))
def test_order(order: tuple[list[int], list[int], dict[str, int]]) -> None:
    numbers, wanted, counts = order
    out = run(numbers)
    assert heard(out) == wanted
    assert counted(out) == counts


def test_with_a_window_of_one_nothing_waits() -> None:
    out = run([1, 2, 5, 4, 6], window=1, flush=False)
    assert heard(out) == [1, 2, 0, 0, 5, 6]
    assert counted(out) == {"wire_lost": 2, "wire_late": 1}


def test_a_chunk_waits_for_two_others_at_the_most() -> None:
    """What is heard is never more than the window behind what came, and then it is all there."""
    ordering = Ordering(RATE_HZ, 3)
    numbers = [1, 2, 3, 5, 6, 7, 9, 8, 10, 13, 14, 15]
    got = 0
    for count, number in enumerate(numbers, 1):
        got += sum(each != 0 for each in heard(ordering.put(number, chunk(number))))
        assert count - got <= 2


def test_silence_has_the_size_of_the_next_chunk_and_is_one_second_at_most() -> None:
    ordering = Ordering(RATE_HZ, 1)
    ordering.put(1, b"\1\1" * 160)
    (lost, audio) = ordering.put(4, b"\2\2" * 80)
    assert (lost, audio) == (Counted("wire_lost", 2), Audio(bytes(2 * 160) + b"\2\2" * 80))
    (lost, audio) = ordering.put(1000, b"\3\3" * 160)
    assert lost == Counted("wire_lost", 995)
    assert audio == Audio(bytes(2 * RATE_HZ) + b"\3\3" * 160)


def test_a_wild_number_costs_a_second_of_silence_and_not_the_call() -> None:
    ordering = Ordering(RATE_HZ, 1)
    ordering.put(1, chunk(1))
    out = ordering.put(10**30, chunk(2))
    assert counted(out) == {"wire_lost": MOST_COUNTED}
    assert len(heard(out)) == 2 * RATE_HZ // SIZE + 1
    later = [each for number in range(2, 50) for each in ordering.put(number, chunk(number))]
    assert heard(later) == list(range(2 + OLD_IN_A_ROW, 50)), "the old numbers are right in the end"


@pytest.mark.parametrize("window", [1, 3])
def test_numbers_that_begin_anew_are_not_looked_at_any_more(window: int) -> None:
    out = run([*range(500, 550), *range(1, 100)], window)
    assert heard(out) == [*range(500, 550), *range(1 + OLD_IN_A_ROW, 100)]
    assert counted(out) == {"wire_duplicate": OLD_IN_A_ROW}


def test_a_number_that_does_not_count_is_not_looked_at_any_more() -> None:
    assert len(heard(run([1] * 100, window=1))) == 100 - OLD_IN_A_ROW


def test_without_numbers_audio_passes_as_it_comes() -> None:
    ordering = Ordering(RATE_HZ, 3)
    assert [ordering.put(None, chunk(n)) for n in (3, 1)] == [[Audio(chunk(3))], [Audio(chunk(1))]]


def test_a_stream_that_is_not_trusted_passes_as_it_comes_from_then_on() -> None:
    ordering = Ordering(RATE_HZ, 3)
    for number in (1, 2, 3, 5):
        ordering.put(number, chunk(number))
    assert heard(ordering.distrust()) == [0, 5], "what waited is not lost"
    assert heard([*ordering.put(9, chunk(9)), *ordering.put(1, chunk(1)), *ordering.put(9, chunk(9))]) == [9, 1, 9]


def test_a_chunk_of_nothing_is_nothing_but_has_its_place() -> None:
    ordering = Ordering(RATE_HZ, 1)
    assert [ordering.put(n, pcm) for n, pcm in ((1, chunk(1)), (2, b""), (3, chunk(3)))] == [
        [Audio(chunk(1))],
        [],
        [Audio(chunk(3))],
    ]


@pytest.mark.parametrize("seed", range(200))
def test_random_losses_and_disorder(seed: int) -> None:
    """Whatever happens on the way: nothing is heard twice or in the wrong place, and time is kept to the chunk."""
    dice = Random(seed)
    sent = list(range(1, 200))
    kept = [n for n in sent if n in (1, 199) or dice.random() > 0.05]
    arrivals = sorted(kept, key=lambda n: n + dice.choice([0, 0, 0, 1.5, 2.5, 8]) * (5 < n < 195))
    arrivals = [n for each in arrivals for n in [each] * (2 if dice.random() < 0.03 else 1)]
    out = run(arrivals)
    got = heard(out)
    assert len(got) == 199, "each chunk has its place, heard or not"
    assert all(each in (0, place) for place, each in enumerate(got, 1))
    counts = counted(out)
    assert got.count(0) == counts.get("wire_lost", 0)
    late = counts.get("wire_late", 0)
    assert got.count(0) == len(sent) - len(kept) + late, "late is what came and was lost, nothing else was"
    assert counts.get("wire_duplicate", 0) == len(arrivals) - len(set(arrivals))
