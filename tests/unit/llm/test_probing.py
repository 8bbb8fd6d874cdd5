"""A provider that is out comes back: probes in the background, in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from link.breaker import State
from link.probing import Prober
from llm.events import Ask, Delta, InferenceFailed, Inferred, LinkDown, LinkUp, ReplyDone, ReplyFailed
from llm.probing import PROBE_S, asking
from llm.several import FallbackEngine
from tests.unit.link.stage import play
from tests.unit.llm.desk import Desk
from tests.unit.llm.puppets import Mind, Process, Puppet, Source, minds, refused
from tests.unit.llm.service_stand import a_moment, now

YES, NO = Inferred(1, "Yes."), InferenceFailed(1, "overloaded")


class Scene:
    """A fallback of two: the first answers probes as it is told, the second is well."""

    def __init__(self, first: Source) -> None:
        self.process = Process()
        self.first = first
        self.engine = FallbackEngine({"a": first, "b": Source()}, self.process.spawn)
        self.breaker = self.engine.breakers[0]

    def open_breaker(self) -> None:
        """Calls of before have failed."""
        for _ in range(3):
            self.breaker.failed(now())

    async def closed_after(self) -> float:
        """Wait until the provider is back; how long it took."""
        began = now()
        while self.breaker.state is not State.CLOSED:  # noqa: ASYNC110 - nobody tells a test
            await asyncio.sleep(0.1)
        return now() - began


def test_who_fails_often_is_probed_and_asked_again_when_it_is_back() -> None:
    async def scene() -> None:
        service = Puppet(LinkUp())
        it = Scene(Source(lambda: service, *minds([NO, YES])))
        async with Desk(it.engine.open()) as desk:
            await desk.until(LinkUp)
            for reply in range(1, 4):
                desk.ask(reply)
                await a_moment()
                service.post(ReplyFailed(reply, "overloaded"))
                desk.cancel(reply)
                await asyncio.sleep(15 if reply < 3 else 0)  # it is avoided for so long
            assert not it.breaker.lets(now())
            assert await it.closed_after() == pytest.approx(5 + 10, abs=0.3)
            desk.ask(4)
            await a_moment()
            assert service.told[-1] == Ask(4, service.told[-1].request)  # type: ignore[union-attr]
        assert len(it.first.opened) == 3, "one service for the call, and one for each probe"
        assert all(not each.running for each in it.first.opened)

    play(scene())


def test_probes_come_later_and_later_until_one_works() -> None:
    async def scene() -> None:
        it = Scene(Source(lambda: Puppet(LinkUp()), *minds([NO, NO, YES])))
        it.open_breaker()
        async with Desk(it.engine.open()) as desk:
            await desk.until(LinkUp)
            assert await it.closed_after() == pytest.approx(5 + 10 + 20, abs=0.3)
            desk.ask(1)
            await a_moment()
            assert [type(command) for command in it.first.opened[0].told] == [Ask]
            await a_moment()
            assert not it.process.tasks

    play(scene())


@pytest.mark.parametrize("kind", ["silent", "no link", "breaks", "drops for good", "cannot be opened"])
def test_a_probe_has_an_end_whatever_happens(kind: str) -> None:
    def provider() -> Puppet:
        match kind:
            case "silent":
                return Mind(LinkUp(), answer=None)
            case "no link":
                return Puppet()
            case "breaks":
                puppet = Puppet(LinkUp())
                puppet.breaks = True
                return puppet
            case "drops for good":
                return Puppet(LinkUp(), LinkDown("x", fatal=True))
            case _:
                raise RuntimeError("no more")

    async def scene() -> None:
        it = Scene(Source(lambda: Puppet(LinkUp()), provider))
        it.open_breaker()
        async with Desk(it.engine.open()) as desk:
            await desk.until(LinkUp)
            await asyncio.sleep(5 + PROBE_S + 0.1)
            assert it.breaker.state is State.OPEN
            assert it.breaker.probe_at > now(), "the next one has its time"
            assert len(it.process.tasks) == 1, "only who waits for the next"
            assert not any(each.running for each in it.first.opened[1:])

    play(scene())


def test_a_probe_that_cannot_connect_ends_with_its_first_try() -> None:
    """Its service would try on, and log each time."""

    async def scene() -> None:
        it = Scene(Source(lambda: Puppet(LinkUp()), lambda: Puppet(LinkDown("refused"))))
        it.open_breaker()
        async with Desk(it.engine.open()):
            await asyncio.sleep(5.1)
            assert len(it.first.opened) == 2
            assert not it.first.opened[1].running
            assert it.breaker.probe_at == pytest.approx(now() + 9.9, abs=0.1)

    play(scene())


def test_there_is_one_probe_at_a_time_however_many_call() -> None:
    async def scene() -> None:
        it = Scene(Source(*[lambda: Puppet(LinkUp())] * 3, *minds([None])))
        it.open_breaker()
        async with Desk(it.engine.open()), Desk(it.engine.open()), Desk(it.engine.open()):
            await asyncio.sleep(5.5)
            assert sum(isinstance(each, Mind) for each in it.first.opened) == 1
            await asyncio.sleep(PROBE_S + 10)
            assert sum(isinstance(each, Mind) and each.running for each in it.first.opened) == 1
        await a_moment()

    play(scene())


@pytest.mark.parametrize("during", ["the wait", "the probe"])
def test_when_all_calls_are_over_nothing_runs_on_and_the_next_call_goes_on_probing(during: str) -> None:
    async def scene() -> None:
        it = Scene(Source(lambda: Puppet(LinkUp()), *minds([None] if during == "the probe" else []), *minds([YES])))
        it.open_breaker()
        async with Desk(it.engine.open()) as desk:
            await desk.until(LinkUp)
            await asyncio.sleep(1 if during == "the wait" else 6)
            assert it.process.tasks
        await a_moment()
        assert not it.process.tasks
        assert not any(each.running for each in it.first.opened)
        await asyncio.sleep(100)
        assert not it.breaker.lets(now())
        it.first.make = [lambda: Mind(LinkUp(), answer=YES)]
        async with Desk(it.engine.open()):
            await asyncio.sleep(0.1)
            assert it.breaker.lets(now()), "it was due long ago"

    play(scene())


def test_while_there_is_one_call_probing_goes_on() -> None:
    async def scene() -> None:
        it = Scene(Source(*[lambda: Puppet(LinkUp())] * 2, *minds([YES])))
        it.open_breaker()
        async with Desk(it.engine.open()):
            async with Desk(it.engine.open()):
                await asyncio.sleep(1)
            assert await it.closed_after() == pytest.approx(4, abs=0.2)

    play(scene())


def test_a_provider_that_came_back_and_failed_again_is_probed_in_its_time() -> None:
    async def scene() -> None:
        it = Scene(Source(*minds([YES])))
        prober = Prober(
            "a",
            it.breaker,
            asking(it.first.open),
            limit_s=PROBE_S,
            spawn=it.process.spawn,
            on_back=lambda: None,
        )
        it.breaker.refuse(now())
        prober.wake()
        await asyncio.sleep(10)
        it.breaker.worked()  # a call had nobody else
        it.open_breaker()
        prober.wake()
        assert await it.closed_after() == pytest.approx(5, abs=0.2)
        await a_moment()
        assert not it.process.tasks

    play(scene())


def test_a_call_that_begins_while_the_last_one_ends_is_looked_after() -> None:
    async def scene() -> None:
        it = Scene(Source(lambda: Puppet(LinkUp()), *minds([None]), lambda: Mind(LinkUp(), answer=YES)))
        it.open_breaker()
        async with Desk(it.engine.open()):
            await asyncio.sleep(6)
        async with Desk(it.engine.open()):  # the probe of before is being cancelled
            await asyncio.sleep(1)
            assert it.breaker.state is State.CLOSED

    play(scene())


def test_who_refused_us_is_back_in_calls_that_go_on() -> None:
    """Its service has ended, so it gets a new one."""

    async def scene() -> None:
        good = Mind(LinkUp(), answer=YES)
        it = Scene(Source(refused, *minds([NO, YES]), lambda: good))
        async with Desk(it.engine.open()) as desk:
            await desk.until(LinkUp)
            assert await it.closed_after() == pytest.approx(600, abs=0.3)
            await a_moment()
            desk.ask(1)
            await a_moment()
            assert [type(command) for command in good.told] == [Ask]
            good.post(Delta(1, "Back."), ReplyDone(1))
            assert (await desk.until(Delta)).text == "Back."
            it.first.opened[0].post(LinkDown("late", fatal=True), Delta(1, "Late."))
            desk.ask(2)
            await a_moment()
            assert good.told[-1] == Ask(2, good.told[-1].request)  # type: ignore[union-attr]

    play(scene())


def test_the_close_of_the_engine_ends_the_probes() -> None:
    async def scene() -> None:
        it = Scene(Source(lambda: Puppet(LinkUp()), *minds([None])))
        it.open_breaker()
        async with Desk(it.engine.open()):
            await asyncio.sleep(6)
            await it.engine.close()
            await a_moment()
            assert not it.process.tasks

    play(scene())
