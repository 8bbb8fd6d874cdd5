"""The worker pool with real processes and a small Job."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop
from loguru import logger

from link import worker
from link.errors import ConfigError, Overloaded, ProviderError
from link.worker import MAX_UNREAD, JobFailed, Slot, WorkerDied, WorkerPool

OBEDIENT = "tests.unit.link.jobs:obedient"
PATIENCE_S = 20  # a test that waits longer has failed


def pool_of(target: str = OBEDIENT, workers: int = 1, slots: int = 2, **options: Any) -> WorkerPool:
    return WorkerPool(target, workers=workers, slots=slots, spawn=asyncio.create_task, options=options)


@asynccontextmanager
async def started(
    target: str = OBEDIENT, workers: int = 1, slots: int = 2, **options: Any
) -> AsyncIterator[WorkerPool]:
    pool = pool_of(target, workers, slots, **options)
    async with asyncio.timeout(PATIENCE_S):
        await pool.start()
        try:
            yield pool
        finally:
            await pool.close()


async def ask(slot: Slot, verb: str, argument: Any = None) -> Any:
    slot.send([verb, argument])
    return await slot.receive()


async def back(slot: Slot) -> None:
    """Wait until the slot's worker runs again: the process has no event to wait for."""
    while not slot.up:  # noqa: ASYNC110
        await asyncio.sleep(0.01)


def alive(pid: int) -> bool:
    """True for a zombie too."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start again at once."""
    monkeypatch.setattr(worker, "RESTART_FIRST_S", 0.0)
    monkeypatch.setattr(worker, "RESTART_CAP_S", 0.0)


@pytest.mark.asyncio
async def test_messages_go_both_ways_in_order_and_slots_are_apart() -> None:
    async with started(greeting="good day") as pool:
        one, two = pool.open({"name": "one"}), pool.open({"name": "two"})
        for number in range(5):
            one.send(["echo", number])
        assert [await one.receive() for _ in range(5)] == [["good day", number] for number in range(5)]
        assert await ask(one, "options") == {"name": "one"}
        assert await ask(two, "options") == {"name": "two"}
        assert await ask(two, "echo", b"\x00\xff") == ["good day", b"\x00\xff"]


@pytest.mark.asyncio
async def test_a_full_pool_refuses_and_a_closed_slot_is_free_again() -> None:
    async with started(workers=2, slots=1) as pool:
        assert pool.free == 2
        one, two = pool.open(), pool.open()
        assert one._worker is not two._worker
        with pytest.raises(Overloaded):
            pool.open()
        one.close()
        one.close()
        assert pool.free == 1
        again = pool.open()
        assert await ask(again, "slots") == [again.number]  # the Job forgot the closed one
        one.send(["echo", "from the grave"])
        assert await ask(again, "echo", 1) == ["hello", 1]


@pytest.mark.asyncio
async def test_an_urgent_message_overtakes() -> None:
    async with started() as pool:
        slot = pool.open()
        assert await ask(slot, "hold") == "holding"
        slot.send(["echo", "later"])
        slot.urgent("raise")  # what an urgent message does wrong does not stop the next one
        slot.urgent("go on")
        assert await slot.receive() == "released"
        assert await slot.receive() == ["hello", "later"]


@pytest.mark.asyncio
async def test_what_a_library_prints_stays_out_of_the_messages() -> None:
    async with started() as pool:
        slot = pool.open()
        assert await ask(slot, "print", "some noise") == "printed"


@pytest.mark.asyncio
async def test_a_failure_is_told_to_its_slot_only_which_starts_anew() -> None:
    async with started() as pool:
        one, two = pool.open({"name": "one"}), pool.open({"name": "two"})
        assert await ask(one, "forget") == "forgotten"
        assert await ask(two, "forget") == "forgotten"
        with pytest.raises(JobFailed, match="ValueError: out of ideas"):
            await ask(one, "raise", "out of ideas")
        assert await ask(one, "options") == {"name": "one"}
        assert await ask(two, "options") == "changed"
        assert pool.free == 0


@pytest.mark.asyncio
async def test_a_slot_that_cannot_be_opened_is_told_why() -> None:
    async with started() as pool:
        slot = pool.open({"unusable": True})
        with pytest.raises(JobFailed, match="these options are unusable"):
            await slot.receive()
        assert await ask(pool.open(), "echo", 1) == ["hello", 1]


@pytest.mark.asyncio
async def test_a_dead_worker_is_started_again_with_its_slots() -> None:
    async with started(workers=2, slots=1) as pool:
        victim, other = pool.open({"name": "victim"}), pool.open()
        before = pool.pids()
        victim.send(["die", 9])
        with pytest.raises(WorkerDied):
            await victim.receive()
        assert not victim.up
        assert pool.free == 0
        await back(victim)
        assert await ask(victim, "options") == {"name": "victim"}
        assert await ask(other, "echo", 1) == ["hello", 1]
        assert len(set(before) & set(pool.pids())) == 1


@pytest.mark.asyncio
async def test_no_place_is_given_in_a_worker_that_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    async with started(slots=2) as pool:
        monkeypatch.setattr(worker, "RESTART_FIRST_S", 1000.0)
        slot = pool.open()
        slot.send(["die", 0])
        with pytest.raises(WorkerDied):
            await slot.receive()
        assert pool.free == 0
        assert pool.pids() == []
        with pytest.raises(Overloaded):
            pool.open()
        slot.send(["echo", "into the void"])


@pytest.mark.asyncio
async def test_a_worker_that_does_not_read_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "MAX_UNSENT_BYTES", 1 << 20)
    async with started() as pool:
        stuck, other = pool.open(), pool.open()
        assert await ask(stuck, "hold") == "holding"
        megabyte = b"x" * (1 << 20)
        while stuck.up:
            other.send(["echo", megabyte])
            await asyncio.sleep(0)
        for slot in (stuck, other):
            with pytest.raises(WorkerDied):
                await slot.receive()
        await back(other)
        assert await ask(other, "echo", 1) == ["hello", 1]


@pytest.mark.asyncio
async def test_a_slot_can_have_its_stuck_worker_restarted() -> None:
    async with started() as pool:
        slot = pool.open()
        assert await ask(slot, "hold") == "holding"
        slot.restart("it holds")
        with pytest.raises(WorkerDied):
            await slot.receive()


@pytest.mark.asyncio
async def test_a_slot_that_does_not_read_is_told_what_it_lost() -> None:
    async with started() as pool:
        lazy, busy = pool.open(), pool.open()
        lazy.send(["flood", MAX_UNREAD + 1])
        assert await ask(busy, "echo", 1) == ["hello", 1]
        with pytest.raises(WorkerDied, match="unread"):
            await lazy.receive()
        assert await ask(lazy, "echo", 2) == ["hello", 2]


@pytest.mark.asyncio
async def test_a_message_that_is_too_long_is_refused_on_both_sides() -> None:
    async with started() as pool:
        slot = pool.open()
        with pytest.raises(ValueError, match="too long"):
            slot.send(b"x" * (worker.MAX_MESSAGE_BYTES + 1))
        with pytest.raises(JobFailed, match="too long"):
            await ask(slot, "size", worker.MAX_MESSAGE_BYTES + 1)
        assert await ask(slot, "echo", 1) == ["hello", 1]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("tests.unit.link.jobs:failing", "RuntimeError: the model is not there"),
        ("tests.unit.link.jobs:ending", "it ended with code 3"),
        ("tests.unit.link.jobs:nothing", "has no attribute 'nothing'"),
        ("tests.unit.link.nowhere:job", "No module named"),
    ],
)
async def test_a_worker_that_cannot_start_says_why(target: str, reason: str) -> None:
    pool = pool_of(target, workers=2)
    with pytest.raises(ProviderError, match=reason):
        await pool.start()
    assert pool.pids() == []
    await pool.close()


@pytest.mark.asyncio
async def test_what_the_operator_has_to_do_is_said_in_the_childs_own_words(tmp_path: Path) -> None:
    file = tmp_path / "voice.onnx"
    with pytest.raises(ConfigError, match=f"^tts: there is no file {file}$"):
        await pool_of("tests.unit.link.jobs:loading", file=str(file)).start()
    file.touch()
    async with started("tests.unit.link.jobs:loading", file=str(file)) as pool:
        slot = pool.open()
        file.unlink()
        with pytest.raises(WorkerDied):
            await ask(slot, "die", 1)
        told = asyncio.Event()
        sink = logger.add(lambda message: told.set() if "there is no file" in message else None)
        await told.wait()
        logger.remove(sink)
        file.touch()
        await back(slot)
        assert await ask(slot, "echo", 1) == ["loaded", 1]


@pytest.mark.asyncio
async def test_a_worker_that_takes_too_long_to_start_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "START_TIMEOUT_S", 0.0)
    with pytest.raises(ProviderError, match="within"):
        await pool_of().start()


@pytest.mark.asyncio
async def test_a_worker_that_prints_at_its_start_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('good morning', flush=True)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    pool = pool_of()
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(ProviderError, match="it wrote something else than messages to stdout"):
            await pool.start()
    assert pool.pids() == []


ONCE_ODD = """
import os, struct
from pathlib import Path

starts = Path(__file__).with_name("starts")
starts.write_text(starts.read_text() + "x" if starts.exists() else "x")
if len(starts.read_text()) == 2:
    os.write(1, struct.pack("<I", {size}) + bytes({body}))
"""


@pytest.mark.asyncio
@pytest.mark.parametrize("body", [[0x05], [0xC1], [0xA1, 0xFF], [0x92, 0x01, 0x02]])
async def test_a_worker_that_says_odd_things_when_it_starts_again_is_started_once_more(
    body: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(ONCE_ODD.format(size=len(body), body=body))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    async with started() as pool:
        slot = pool.open()
        slot.send(["die", 9])
        with pytest.raises(WorkerDied):
            await slot.receive()
        await back(slot)
        assert await ask(slot, "echo", 1) == ["hello", 1]
        assert (tmp_path / "starts").read_text() == "xxx"


@pytest.mark.asyncio
async def test_closing_leaves_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "STOP_TIMEOUT_S", 0.2)
    async with started(workers=2, slots=1) as pool:
        idle, stuck = pool.open(), pool.open()
        assert await ask(idle, "echo", 1) == ["hello", 1]
        assert await ask(stuck, "hold") == "holding"
        pids = pool.pids()
        assert all(alive(pid) for pid in pids)
    assert not any(alive(pid) for pid in pids)
    await pool.close()


@pytest.mark.asyncio
async def test_children_are_deaf_to_signals_and_not_in_the_terminals_group() -> None:
    async with started() as pool:
        assert await ask(pool.open(), "signals") == [True, True]
        assert os.getpgid(pool.pids()[0]) != os.getpgid(0)


@pytest.mark.asyncio
async def test_another_working_directory_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / "__init__.py").write_text("raise SystemExit('the wrong package')")
    monkeypatch.chdir(tmp_path)
    async with started() as pool:
        assert await ask(pool.open(), "path") == [str(tmp_path), True]


PARENT = """
import asyncio, sys
from link.worker import WorkerPool

async def main():
    pool = WorkerPool("tests.unit.link.jobs:obedient", workers=1, slots=1, spawn=asyncio.create_task, options={})
    await pool.start()
    slot = pool.open()
    if sys.argv[1] == "stuck":
        slot.send(["hold", None])
        await slot.receive()
    print(*pool.pids(), flush=True)
    await asyncio.sleep(1000)

asyncio.run(main())
"""


@pytest.mark.parametrize("state", ["idle", "stuck"])
def test_a_child_ends_with_its_parent(state: str) -> None:
    command = (sys.executable, "-c", PARENT, state)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        assert alive(int(parent.stdout.readline()))
        parent.kill()
        parent.communicate(timeout=PATIENCE_S)  # until the child too has closed the stderr that both write to


def test_it_works_in_uvloop() -> None:
    async def talk() -> Any:
        async with started() as pool:
            slot = pool.open()
            slot.send(["die", 0])
            with pytest.raises(WorkerDied):
                await slot.receive()
            await back(slot)
            return await ask(slot, "echo", 1)

    assert run_in_uvloop(talk()) == ["hello", 1]


def run_in_uvloop(main: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)
