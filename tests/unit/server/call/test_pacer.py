"""One tick for the playing of all calls: its grid, what a stall does to it, and that one call cannot harm another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise

import pytest

from server.call.pacer import CHECK_S, TICK_S, Pacer
from tests.unit.server.call.session_stand import virtual
from tests.unit.server.logbook import Logbook
from tests.virtual.loop import VirtualLoop


class Notes:
    """A call that notes when it is asked to play and looked after."""

    def __init__(self, plays: int = 5, on_tick: Callable[[], None] = lambda: None) -> None:
        self.ticks: list[float] = []
        self.checks: list[float] = []
        self._plays = plays
        self._on_tick = on_tick

    def tick(self, now: float) -> bool:
        """Play so many times."""
        self.ticks.append(now)
        self._on_tick()
        return len(self.ticks) < self._plays

    def check(self, now: float) -> None:
        """Be looked after."""
        self.checks.append(now)


class Broken(Notes):
    """A call that fails at everything."""

    def tick(self, now: float) -> bool:
        """Fail."""
        super().tick(now)
        raise RuntimeError("the tick of a call")

    def check(self, now: float) -> None:
        """Fail."""
        super().check(now)
        raise RuntimeError("the check of a call")


def loop() -> VirtualLoop:
    """The loop of the test."""
    running = asyncio.get_running_loop()
    assert isinstance(running, VirtualLoop)
    return running


def steps(times: list[float]) -> list[float]:
    """The times between ticks."""
    return [later - earlier for earlier, later in pairwise(times)]


@virtual
async def test_a_call_that_plays_is_ticked_every_20_ms_until_it_has_nothing_left() -> None:
    call, begin = Notes(plays=50), loop().time()
    pacer = Pacer(loop())
    pacer.add(call)
    await asyncio.sleep(2)
    assert call.ticks == pytest.approx([begin + TICK_S * (n + 1) for n in range(50)])
    assert pacer.latest_s == pytest.approx(0)


@virtual
async def test_without_a_call_nothing_ticks() -> None:
    pacer = Pacer(loop())
    pacer.add(Notes(plays=3))
    await asyncio.sleep(1)
    assert loop().timers() == []
    later = Notes(plays=1)
    pacer.add(later)
    begin = loop().time()
    await asyncio.sleep(1)
    assert later.ticks == pytest.approx([begin + TICK_S])


@virtual
async def test_a_call_that_is_added_twice_is_ticked_once_on_the_grid_of_the_others() -> None:
    first, second = Notes(plays=10), Notes(plays=5)
    pacer = Pacer(loop())
    pacer.add(first)
    await asyncio.sleep(0.03)
    pacer.add(second)
    pacer.add(second)
    await asyncio.sleep(1)
    assert second.ticks == first.ticks[1:6]


@virtual
async def test_a_tick_that_takes_its_time_does_not_move_the_grid() -> None:
    def slow() -> None:
        loop().now += 0.015

    call, begin = Notes(plays=20, on_tick=slow), loop().time()
    pacer = Pacer(loop())
    pacer.add(call)
    await asyncio.sleep(2)
    assert call.ticks == pytest.approx([begin + TICK_S * (n + 1) for n in range(20)])


@virtual
async def test_a_tick_that_comes_late_does_not_move_the_grid() -> None:
    def block() -> None:
        loop().now += 0.015

    call, begin = Notes(plays=5), loop().time()
    pacer = Pacer(loop())
    pacer.add(call)
    loop().call_later(0.039, block)
    await asyncio.sleep(1)
    assert [round((tick - begin) * 1000) for tick in call.ticks] == [20, 54, 60, 80, 100]
    assert pacer.latest_s == pytest.approx(0.014)


@virtual
async def test_after_a_stall_the_grid_begins_anew_and_the_lateness_is_known() -> None:
    call = Notes(plays=20)
    pacer = Pacer(loop())
    pacer.add(call)
    await asyncio.sleep(0.05)
    loop().now += 0.5  # somebody blocked the loop
    await asyncio.sleep(1)
    assert pacer.latest_s == pytest.approx(0.49, abs=0.02)
    assert steps(call.ticks)[1] == pytest.approx(0.5, abs=0.02)
    assert steps(call.ticks)[2:] == pytest.approx([TICK_S] * 17)  # none is made up for


@virtual
async def test_a_call_that_fails_is_ticked_no_more_and_the_others_are() -> None:
    with Logbook() as log:
        broken, good = Broken(), Notes(plays=10)
        pacer = Pacer(loop())
        pacer.add(broken)
        pacer.add(good)
        await asyncio.sleep(1)
    assert (len(broken.ticks), len(good.ticks)) == (1, 10)
    assert log.said("a call could not play", "ERROR")


@virtual
async def test_calls_that_are_removed_within_a_tick_are_not_ticked_again() -> None:
    pacer = Pacer(loop())
    calls: list[Notes] = []

    def remove_all() -> None:
        for call in calls:
            pacer.remove(call)

    calls += [Notes(plays=100, on_tick=remove_all) for _ in range(2)]
    for call in calls:
        pacer.add(call)
        pacer.watch(call)
    await asyncio.sleep(3)
    assert max(len(call.ticks) for call in calls) == 1
    assert [call.checks for call in calls] == [[], []]


@virtual
async def test_every_call_is_looked_after_each_second_whether_it_plays_or_not() -> None:
    call, begin = Notes(), loop().time()
    pacer = Pacer(loop())
    pacer.watch(call)
    await asyncio.sleep(3.5)
    assert call.checks == pytest.approx([begin + CHECK_S * (n + 1) for n in range(3)])
    assert call.ticks == []
    pacer.remove(call)
    await asyncio.sleep(1)
    assert loop().timers() == []


@virtual
async def test_a_call_that_cannot_be_looked_after_does_not_harm_the_others() -> None:
    with Logbook() as log:
        broken, good = Broken(), Notes()
        pacer = Pacer(loop())
        pacer.watch(broken)
        pacer.watch(good)
        await asyncio.sleep(2.5)
        pacer.remove(broken)
        pacer.remove(good)
        await asyncio.sleep(1)
    assert len(good.checks) == 2
    assert log.said("a call could not be looked after", "ERROR")
