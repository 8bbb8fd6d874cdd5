"""Several ears as one, in virtual time: at whatever point one fails, no word is lost, and none is told twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest

from audio.services import SpeechToText
from audio.stt.fallback import FallbackOptions
from link.breaker import State
from link.errors import ConfigError, Overloaded
from server.services.fallback import FallbackEngine, several_ears
from tests.unit.audio.stt.booth import Booth
from tests.unit.audio.stt.puppet_ears import FAULTS, PuppetEars, PuppetSource, source
from tests.unit.link.stage import play

SAID = ((1, 2, 3, 4, 5), (6, 7), (8, 9, 10))


def names(*numbers: int) -> str:
    """The text of these words."""
    return " ".join(f"w{number}" for number in numbers)


def now() -> float:
    return asyncio.get_running_loop().time()


class Process:
    """Who owns the tasks of the process."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task


@asynccontextmanager
async def call(
    *sources: PuppetSource, options: FallbackOptions | None = None
) -> AsyncIterator[tuple[Booth, FallbackEngine[SpeechToText]]]:
    """A call with these ears, in this order."""
    process = Process()
    named = {f"ears {count}": each for count, each in enumerate(sources, 1)}
    engine = several_ears(named, process.spawn, options or FallbackOptions())
    await engine.start()
    async with Booth(engine.open()) as booth:
        yield booth, engine
    await asyncio.sleep(0)
    await engine.close()
    await asyncio.sleep(0.01)
    assert not process.tasks
    for each in sources:
        assert [ears.closed for ears in each.opened] == [1] * len(each.opened), "each was given back, once"
        assert each.started == 0


async def talk(booth: Booth) -> None:
    """Three speeches, and time for their answers."""
    for number, words in enumerate(SAID, 1):
        await booth.say(*words)
        await booth.until(number)
        await asyncio.sleep(0.5)


@pytest.mark.parametrize("rate_hz", [8000, 16000, 24000])
@pytest.mark.parametrize("at", [1, 2, 3])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_failure_at_any_point_loses_no_word_and_doubles_none(fault: str, at: int, rate_hz: int) -> None:
    async def scene() -> None:
        first, second = source(16000, fault, at), source(rate_hz)
        async with call(first, second) as (booth, _):
            await talk(booth)
            assert booth.finals == [names(*words) for words in SAID]
            assert not booth.lost
            assert len(second.opened) == 1
            assert all(booth.answered_after(number) < 1.5 for number in range(3))

    play(scene())


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault not in ("silent", "late", "full")])
def test_when_nobody_is_left_it_is_said_once(fault: str) -> None:
    async def scene() -> None:
        async with call(source(fault=fault), source(fault=fault)) as (booth, _):
            await booth.say(1, 2, 3)
            await booth.until(1)
            await asyncio.sleep(3)
            assert (booth.finals, len(booth.lost)) == ([""], 1)
            assert "as told" in booth.lost[0] or "broken" in booth.lost[0] or "ended" in booth.lost[0]
            await booth.say(4, 5, 6)
            await booth.until(2)
            assert booth.finals == ["", ""], "and the next speech is tried again"

    play(scene())


def test_the_last_has_as_much_time_as_it_takes() -> None:
    async def scene() -> None:
        async with call(source(fault="silent"), source(fault="late")) as (booth, _):
            await booth.say(1, 2)
            await booth.until(1)
            assert booth.finals == ["w1 w2"]
            assert booth.answered_after(0) == pytest.approx(1.2 + 5.0, abs=0.1)

    play(scene())


def test_after_a_while_the_first_listens_again() -> None:
    async def scene() -> None:
        first, second = source(fault="lost in speech", for_ever=False), source()
        async with call(first, second, options=FallbackOptions(avoid_s=15.0)) as (booth, _):
            await booth.say(1, 2, 3, 4)
            await booth.until(1)
            await booth.say(5)
            await booth.until(2)
            assert (len(first.opened), len(second.opened)) == (1, 1), "not before"
            await asyncio.sleep(15)
            await booth.say(6)
            await booth.until(3)
            assert (len(first.opened), len(second.opened)) == (2, 1)
            assert not second.opened[0].running, "one listens at a time"
            assert booth.finals == ["w1 w2 w3 w4", "w5", "w6"]

    play(scene())


def test_who_fails_in_call_after_call_is_left_alone_until_a_probe_works() -> None:
    async def scene() -> None:
        bad, good = (lambda: PuppetEars(16000, "silent")), (lambda: PuppetEars(16000))
        first = PuppetSource(bad, bad, bad, bad, good)  # three calls, and a probe
        process = Process()
        engine = several_ears({"a": first, "b": source()}, process.spawn, FallbackOptions())
        for _ in range(3):
            async with Booth(engine.open()) as booth:
                await booth.say(1)
                await booth.until(1)
        assert not engine.breakers[0].lets(now())
        async with Booth(engine.open()) as booth:
            assert len(first.opened) == 3, "the other goes before it"
            await booth.say(2)
            await booth.until(1)
            assert booth.answered_after(0) < 0.3
            await asyncio.sleep(7)
            assert not engine.breakers[0].lets(now()), "the first probe was not answered"
            await asyncio.sleep(12)
            assert engine.breakers[0].lets(now())
            await booth.say(3)
            await booth.until(2)
            assert first.opened[-1].pcm, "it listens again"
        await asyncio.sleep(0.01)
        await engine.close()
        assert not process.tasks
        assert all(each.closed == 1 for each in first.opened)

    play(scene())


def test_whoever_answers_is_not_left_alone_any_more() -> None:
    async def scene() -> None:
        async with call(source(), source()) as (booth, engine):
            for breaker in engine.breakers:
                for _ in range(3):
                    breaker.failed(now())
            await booth.say(1)
            await booth.until(1)
            assert booth.finals == ["w1"]
            assert [breaker.lets(now()) for breaker in engine.breakers] == [True, False]

    play(scene())


@pytest.mark.parametrize("fault", ["silent", "lost at finish"])
def test_speech_that_is_not_answered_is_heard_again_in_its_order(fault: str) -> None:
    async def scene() -> None:
        async with call(source(fault=fault), source()) as (booth, _):
            await booth.say(1, 2)
            await booth.say(3)
            booth.begin()
            await booth.until(2)
            assert booth.finals == ["w1 w2", "w3"]

    play(scene())


def test_long_speech_is_heard_again_as_far_as_it_is_kept() -> None:
    async def scene() -> None:
        async with call(source(fault="lost at finish"), source()) as (booth, _):
            await booth.say(*range(1, 101))  # 20 s
            await booth.until(1)
            (text,) = booth.finals
            assert text.endswith("w98 w99 w100")
            assert len(text.split()) == pytest.approx(75, abs=2)

    play(scene())


def test_an_empty_answer_is_one() -> None:
    async def scene() -> None:
        second = source()
        async with call(source(), second) as (booth, _):
            await booth.say(0)
            await booth.until(1)
            assert (booth.finals, second.opened) == ([""], [])

    play(scene())


@pytest.mark.parametrize("seed", range(20))
def test_any_failures_of_the_first_lose_no_word(seed: int) -> None:
    dice = Random(seed)

    def ears() -> PuppetEars:
        return PuppetEars(16000, dice.choice(("", *FAULTS)), dice.randint(1, 3))

    async def scene() -> None:
        said: list[tuple[int, ...]] = []
        options = FallbackOptions(avoid_s=dice.choice((0.5, 15.0)))
        async with call(PuppetSource(ears), source(8000), options=options) as (booth, _):
            for _ in range(dice.randint(3, 8)):
                said.append(tuple(dice.choices(range(1, 90), k=dice.randint(1, 6))))
                await booth.say(*said[-1])
                await asyncio.sleep(dice.choice((0.0, 0.3, 2.0)))
            await booth.until(len(said))
            await asyncio.sleep(10)
            assert booth.finals == [names(*words) for words in said]
            assert not booth.lost

    play(scene())


def test_a_call_begins_with_whoever_has_room() -> None:
    async def scene() -> None:
        async with call(source(fault="full"), source(8000)) as (booth, engine):
            assert engine.free == 7
            await booth.say(1)
            await booth.until(1)
            assert booth.finals == ["w1"]
        full = several_ears({"a": source(fault="full"), "b": source(fault="full")}, Process().spawn, FallbackOptions())
        with pytest.raises(Overloaded):
            full.open()

    play(scene())


def test_ears_that_are_full_are_not_blamed() -> None:
    async def scene() -> None:
        first, second = source(), source(8000, "lost at finish", at=2)
        async with call(first, second) as (booth, engine):
            first.full = True
            for _ in range(3):
                others = engine.open()
                others.close()
            await booth.say(1)
            await booth.until(1)
            assert [each.state for each in engine.breakers] == [State.CLOSED] * 2
            assert engine.breakers[0].failed(now()) is False, "it has not failed before"

    play(scene())


@pytest.mark.parametrize("rate_hz", [8000, 24000])
def test_what_is_heard_again_is_resampled_in_small_pieces(rate_hz: int) -> None:
    """At once it would hold up all calls of the process."""
    words = tuple(range(1, 61))

    async def scene() -> None:
        first, second = source(16000, "lost at finish"), source(rate_hz)
        async with call(first, second) as (booth, _):
            await booth.say(*words)
            await booth.until(1)
            assert booth.finals == [names(*words)]
            assert second.opened[0].longest <= 0.1 * rate_hz * 2

    play(scene())


def test_a_call_that_never_began_gives_its_ears_back() -> None:
    async def scene() -> None:
        first = source()
        engine = several_ears({"a": first, "b": source()}, Process().spawn, FallbackOptions())
        engine.open().close()
        assert first.opened[0].closed == 1

    play(scene())


def test_times_are_above_zero() -> None:
    with pytest.raises(ConfigError, match="avoid_s must be above zero"):
        FallbackOptions(avoid_s=0)


def test_ears_that_hear_speech_only_take_over_from_those_that_hear_all() -> None:
    async def scene() -> None:
        first = PuppetSource(lambda: PuppetEars(16000, "lost at finish", 2, "always"))
        second = source(8000)
        async with call(first, second) as (booth, _):
            for number, words in enumerate(((1, 2), (3, 4), (5, 6)), 1):
                await booth.be_silent(1.0)
                await booth.say(*words)
                await booth.until(number)
            assert booth.finals == ["w1 w2", "w3 w4", "w5 w6"]
            heard = second.opened[0].pcm
            assert len(heard) == round((0.3 + 0.6) * 8000) * 2, "with what comes before speech, and its last word"
            assert not any(heard[: round(0.28 * 8000) * 2])

    play(scene())
