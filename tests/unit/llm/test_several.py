"""Several models as one service: commands, timers, and children that break. In virtual time."""

from __future__ import annotations

import asyncio

import pytest

from link.errors import Overloaded
from llm.events import Ask, Cancel, Delta, LinkDown, LinkUp, Prepare, ReplyDone, ReplyFailed
from llm.several import COMMANDS, FallbackEngine, SwitchEngine, services_of
from tests.unit.link.stage import play
from tests.unit.llm.desk import Desk
from tests.unit.llm.puppets import Deaf, Process, Puppet, Source, refused
from tests.unit.llm.service_stand import a_moment, kinds, text_of
from tests.unit.llm.several_stand import a_request


def engine(*sources: Source) -> FallbackEngine:
    """A fallback of these, with no probes."""
    return FallbackEngine({f"model {number}": source for number, source in enumerate(sources)}, Process().spawn)


def up() -> Source:
    """An engine of puppets that are up at once."""
    return Source()


def test_commands_go_down_and_facts_come_up() -> None:
    async def scene() -> None:
        first, second = up(), up()
        async with Desk(engine(first, second).open()) as desk:
            await desk.until(LinkUp)
            desk.ask(1)
            await a_moment()
            assert [type(command) for command in first.opened[0].told] == [Ask]
            first.opened[0].post(Delta(1, "Well."), ReplyDone(1))
            desk.cancel(1)
            desk.ask(2)
            await a_moment()
            desk.cancel(2)
            await a_moment()
            assert [type(command) for command in first.opened[0].told] == [Ask, Ask, Cancel]
            assert kinds(desk) == ["LinkUp", "Delta", "ReplyDone"]
            assert second.opened[0].told == []

    play(scene())


def test_who_is_late_is_replaced_on_time() -> None:
    async def scene() -> None:
        first, second = up(), up()
        async with Desk(engine(first, second).open()) as desk:
            await desk.until(LinkUp)
            desk.ask(1)
            await asyncio.sleep(2.49)
            assert second.opened[0].told == []
            await asyncio.sleep(0.02)
            assert [type(command) for command in second.opened[0].told] == [Ask]
            second.opened[0].post(Delta(1, "Here."))
            first.opened[0].post(Delta(1, "There."), ReplyDone(1))
            second.opened[0].post(ReplyDone(1))
            assert text_of(desk, 1) == "Here."
            assert first.opened[0].told[1] == Cancel(1, stalled=True)
            desk.ask(2)
            await a_moment()  # and with its end the timer ends, else `play` complains

    play(scene())


def test_the_end_of_the_call_is_the_end_of_all() -> None:
    async def scene() -> None:
        sources = up(), up()
        async with Desk(engine(*sources).open()) as desk:
            await desk.until(LinkUp)
            desk.ask(1)
            await a_moment()
            assert all(source.opened[0].running for source in sources)
        assert not any(source.opened[0].running for source in sources)

    play(scene())


@pytest.mark.parametrize("steps", range(6))
def test_a_call_that_ends_while_it_begins_leaves_nothing(steps: int) -> None:
    async def scene() -> None:
        async with Desk(engine(up(), up()).open()):
            for _ in range(steps):
                await asyncio.sleep(0)

    play(scene())


def test_when_all_refuse_us_the_service_ends() -> None:
    async def scene() -> None:
        async with Desk(engine(Source(refused), Source(refused)).open()) as desk:
            down = await desk.until(LinkDown)
            await a_moment()
            assert down == LinkDown("model 1: HTTP 401", fatal=True)
            assert desk.ended
            desk.ask(1)
            desk.infer(1)
            await asyncio.sleep(60)
            assert kinds(desk) == ["LinkDown", "InferenceFailed"], "nobody waits for a text in vain"

    play(scene())


@pytest.mark.parametrize("how", ["at once", "in a task", "ends", "cannot be opened", "is full"])
def test_a_child_that_breaks_does_not_take_the_call_down(how: str, caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> Puppet:
        if how == "cannot be opened":
            raise RuntimeError("s3cret")
        if how == "is full":
            raise Overloaded("no room")
        puppet = Puppet(LinkUp())
        puppet.breaks = how == "at once"
        return puppet

    async def scene() -> None:
        first, second = Source(broken), up()
        async with Desk(engine(first, second).open()) as desk:
            await desk.until(LinkUp)
            if how in ("in a task", "ends"):
                first.opened[0].break_in_a_task() if how == "in a task" else first.opened[0].end()
                await a_moment()
            desk.ask(1)
            await a_moment()
            second.opened[0].post(Delta(1, "I am here."), ReplyDone(1))
            await a_moment()
            assert kinds(desk) == ["LinkUp", "Delta", "ReplyDone"]

    play(scene())


def test_when_the_only_one_left_breaks_the_call_is_told() -> None:
    async def scene() -> None:
        first, second = Source(refused), up()
        async with Desk(engine(first, second).open()) as desk:
            await desk.until(LinkUp)
            second.opened[0].end()
            assert await desk.until(LinkDown) == LinkDown("model 1: its service ended", fatal=True)

    play(scene())


def test_a_child_that_does_not_read_is_done_without() -> None:
    async def scene() -> None:
        first, second = Source(Deaf), up()
        async with Desk(engine(first, second).open()) as desk:
            await desk.until(LinkUp)
            for reply in range(1, COMMANDS):  # an Ask and a Cancel each
                desk.ask(reply)
                desk.cancel(reply)
                await a_moment()
            desk.ask(COMMANDS)
            await a_moment()
            assert second.opened[0].told[-1].reply == COMMANDS
            assert kinds(desk) == ["LinkUp"]

    play(scene())


def test_a_switch_changes_models_between_two_answers() -> None:
    async def scene() -> None:
        fast, smart = up(), up()
        switch = SwitchEngine({"fast": fast, "smart": smart})
        async with Desk(switch.open()) as desk:
            await desk.until(LinkUp)
            desk.ask(1)
            await a_moment()
            fast.opened[0].end()
            assert await desk.until(ReplyFailed) == ReplyFailed(1, "fast: its service ended")
            desk.ask(2)
            await a_moment()
            smart.opened[0].post(Delta(2, "Hm."), ReplyDone(2))
            assert text_of(desk, 2) == "Hm."

    play(scene())


def test_a_switch_waits_for_a_link_on_time() -> None:
    async def scene() -> None:
        waiting = Source(Puppet)
        async with Desk(SwitchEngine({"fast": up(), "smart": waiting}, wait_s=2.0).open()) as desk:
            await desk.until(LinkUp)
            desk.tell(Prepare(a_request(service="smart")))
            assert (await desk.until(LinkDown)).fatal is False
            waiting.opened[0].post(LinkUp())
            assert await desk.until(LinkUp) == LinkUp()
            await a_moment()
            assert [type(command) for command in waiting.opened[0].told] == []
            desk.tell(Prepare(a_request(service="smart")))
            await a_moment()
            assert [type(command) for command in waiting.opened[0].told] == [Prepare]

    play(scene())


def test_engines_start_close_and_count_for_all_of_theirs() -> None:
    async def scene() -> None:
        for kind in ("fallback", "switch"):
            sources = {"a": Source(free=3), "b": Source(free=7)}
            made = FallbackEngine(sources, Process().spawn) if kind == "fallback" else SwitchEngine(sources)
            await made.start()
            assert made.free == (7 if kind == "fallback" else 3)
            await made.close()
            assert [(source.started, source.closed) for source in sources.values()] == [(1, 1), (1, 1)]

    play(scene())


def test_the_names_to_switch_to_are_those_of_the_switch() -> None:
    async def scene() -> None:
        switch = SwitchEngine({"fast": up(), "smart": up()})
        assert services_of(switch) == ("fast", "smart")
        assert services_of(FallbackEngine({"a": switch, "b": up()}, Process().spawn)) == ("fast", "smart")
        assert services_of(up()) == ()

    play(scene())


def test_one_of_several_may_be_several_itself() -> None:
    async def scene() -> None:
        first, second, third = up(), up(), up()
        inner = FallbackEngine({"first": first, "second": second}, Process().spawn)
        async with Desk(SwitchEngine({"fast": inner, "smart": third}).open()) as desk:
            await desk.until(LinkUp)
            desk.ask(1)
            await asyncio.sleep(2.6)
            second.opened[0].post(Delta(1, "Here."), ReplyDone(1))
            await a_moment()
            assert text_of(desk, 1) == "Here."
            assert [type(command) for command in first.opened[0].told] == [Ask, Cancel]

    play(scene())
