"""A bounded pool of processes for local models that hold the GIL or have one global state.

The parent side is here, the child's in `link/worker_child.py`. Both speak length-prefixed msgpack arrays
`[slot, kind, payload]` over the child's stdin and stdout; the first one carries the options. A call keeps its slot, and
so its worker, for its whole life. When every slot is taken `open()` raises `Overloaded`. A worker that dies is started
again; its slots see `WorkerDied` once and carry on in the new process. A child ends when its stdin does, so it does not
outlive its parent; to signals it is deaf, because the parent decides when calls end.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import msgspec
from loguru import logger

from link.backoff import delays
from link.errors import ConfigError, Overloaded, ProviderError
from link.tasks import Spawn

START_TIMEOUT_S = 30.0  # a model is loaded from disk on a busy machine
STOP_TIMEOUT_S = 2.0  # to finish a message; then the process is killed
MAX_MESSAGE_BYTES = 4 << 20
MAX_UNSENT_BYTES = 8 << 20  # a child that leaves so much unread is stuck
MAX_UNREAD = 1024  # messages a slot may leave unread; a fixed frame is ~20 ms, so this is some 20 s
RESTART_FIRST_S = 1.0
RESTART_CAP_S = 30.0

OPTIONS, OPEN, MESSAGE, URGENT, CLOSE, READY, FAILED = range(7)
"""The kinds of messages. From the child come READY (it serves), MESSAGE and FAILED (what went wrong, in words)."""

CONFIG = f"{ConfigError.__name__}: "  # so begins what the child says of a fault of the operator's

Send = Callable[[Any], None]


class WorkerDied(ProviderError):
    """What the slot was doing is lost, because the process behind it ended; what is sent from now on is new."""


class JobFailed(WorkerDied):
    """The Job raised on a message of this slot, whose state was then made anew; other slots noticed nothing."""


class Job(Protocol):
    """What a child process runs. One method at a time on the main thread, except `urgent`."""

    def open(self, slot: int, options: dict[str, Any]) -> None:
        """Make the state of a call."""

    def message(self, slot: int, payload: Any, send: Send) -> None:
        """Handle one message; answers go out through `send`, as soon as they are known."""

    def urgent(self, slot: int, payload: Any) -> None:
        """Runs at once on the reader thread, while `message` may be running: set a flag, no more."""

    def close(self, slot: int) -> None:
        """Forget the state of a call; also after `open` or `message` raised."""


class Slot:
    """A call's place in a worker. Messages in order, both ways, until `close()`."""

    def __init__(self, worker: _Worker, number: int, options: dict[str, Any]) -> None:
        self._worker = worker
        self.number = number
        self.options = options
        self.unread: asyncio.Queue[Any] = asyncio.Queue(MAX_UNREAD)

    @property
    def up(self) -> bool:
        """Whether the worker runs. What is sent while it starts again is dropped."""
        return self._worker.up

    def send(self, payload: Any) -> None:
        """Send a message. Raises ValueError above 4 MiB."""
        self._worker.write(self.number, MESSAGE, payload)

    def urgent(self, payload: Any) -> None:
        """Send a message that overtakes the others."""
        self._worker.write(self.number, URGENT, payload)

    async def receive(self) -> Any:
        """The next message. Raises WorkerDied once for each time the process ended, JobFailed for each failure."""
        payload = await self.unread.get()
        if isinstance(payload, WorkerDied):
            raise payload
        return payload

    def restart(self, reason: str) -> None:
        """Kill the worker, which does not answer any more; all its slots see WorkerDied."""
        self._worker.kill(reason)

    def close(self) -> None:
        """Give the place back."""
        self._worker.release(self)

    def deliver(self, payload: Any) -> None:
        """Called by the worker's reader. A slot that does not read loses all that waits, and is told."""
        try:
            self.unread.put_nowait(payload)
        except asyncio.QueueFull:
            while not self.unread.empty():
                self.unread.get_nowait()
            self.unread.put_nowait(WorkerDied(f"slot {self.number} left {MAX_UNREAD} messages unread"))


class WorkerPool:
    """`workers` processes with `slots` places each."""

    def __init__(self, target: str, *, workers: int, slots: int, spawn: Spawn, options: dict[str, Any]) -> None:
        """`target` is `package.module:factory`; `factory(**options)` makes the Job in each child."""
        self._workers = [_Worker(target, slots, options) for _ in range(workers)]
        self._spawn = spawn
        self._keepers: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start the processes and wait until each is ready.

        Raises what the child raised, if that is a ConfigError, or ProviderError with the child's own words.
        """
        try:
            async with asyncio.TaskGroup() as group:
                for worker in self._workers:
                    group.create_task(worker.start())
        except BaseExceptionGroup as errors:
            await self.close()
            raise errors.exceptions[0] from None
        except BaseException:
            await self.close()
            raise
        self._keepers = [self._spawn(worker.keep()) for worker in self._workers]

    @property
    def free(self) -> int:
        """Places that are not taken, in the workers that run."""
        return sum(worker.free for worker in self._workers)

    def pids(self) -> list[int]:
        """The processes that run, for a benchmark that tells server and workers apart."""
        return [worker.pid for worker in self._workers if worker.up]

    def open(self, options: dict[str, Any] | None = None) -> Slot:
        """Take a place in the worker with most room. Raises Overloaded when all are taken."""
        worker = max(self._workers, key=lambda each: each.free)
        if worker.free <= 0:
            raise Overloaded(f"every place in the workers of {worker.target} is taken")
        return worker.take(options or {})

    async def close(self) -> None:
        """End the processes. Closing twice is closing once."""
        keepers, self._keepers = self._keepers, []
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        await asyncio.gather(*(worker.stop() for worker in self._workers))


class _Worker:
    """One child process and the slots that live in it."""

    def __init__(self, target: str, places: int, options: dict[str, Any]) -> None:
        self.target = target
        self._options = options
        self._places = places
        self._slots: dict[int, Slot] = {}
        self._next = 0
        self._process: asyncio.subprocess.Process | None = None  # once it is ready, until it ended

    @property
    def up(self) -> bool:
        return self._pipe() is not None

    def _pipe(self) -> asyncio.StreamWriter | None:
        """Its stdin, unless it ended or is about to."""
        pipe = self._process.stdin if self._process else None
        return pipe if pipe and not pipe.is_closing() else None

    @property
    def free(self) -> int:
        return self._places - len(self._slots) if self.up else 0

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    def take(self, options: dict[str, Any]) -> Slot:
        self._next += 1
        slot = Slot(self, self._next, options)
        self._slots[slot.number] = slot
        self.write(slot.number, OPEN, options)
        return slot

    def release(self, slot: Slot) -> None:
        if slot.number in self._slots:
            self.write(slot.number, CLOSE, None)
            del self._slots[slot.number]

    def write(self, slot: int, kind: int, payload: Any) -> None:
        pipe = self._pipe()
        if pipe is None or slot not in self._slots:
            return
        pipe.write(frame(slot, kind, payload))
        if pipe.transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            self.kill(f"it left {MAX_UNSENT_BYTES >> 20} MiB unread")

    def kill(self, reason: str) -> None:
        """Its keeper sees the end, tells the slots and starts it again."""
        if pipe := self._pipe():
            logger.error("worker {} (pid {}) is killed: {}", self.target, self.pid, reason)
            pipe.transport.abort()
            if self._process:
                _kill(self._process)

    async def start(self) -> None:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "link.worker_child", self.target),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=_environment(),
            start_new_session=True,  # Ctrl-C in the terminal is the parent's to handle
        )
        try:
            await self._until_ready(process)
        except BaseException:
            await _end(process)
            raise
        self._process = process
        for slot in self._slots.values():
            self.write(slot.number, OPEN, slot.options)

    async def _until_ready(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        trouble = f"the worker {self.target} did not start"
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                process.stdin.write(frame(0, OPTIONS, self._options))
                try:
                    _, kind, text = await _read(process)
                except EOFError as error:
                    raise ProviderError(f"{trouble}: it ended with code {await process.wait()}") from error
        except TimeoutError as error:
            raise ProviderError(f"{trouble} within {START_TIMEOUT_S:.0f} s") from error
        except _NoMessage as error:
            what = "it wrote something else than messages to stdout; see that nothing prints when Python starts"
            raise ProviderError(f"{trouble}: {what}") from error
        except OSError as error:
            raise ProviderError(f"{trouble}: {error}") from error
        if kind != READY:
            if text.startswith(CONFIG):
                raise ConfigError(text.removeprefix(CONFIG))
            raise ProviderError(f"{trouble}: {text}", fatal=True)

    async def keep(self) -> None:
        """Deliver messages for ever; start the process again when it dies."""
        while True:
            process = self._process
            assert process is not None  # only this coroutine forgets it, and it has just been started
            await self._deliver(process)
            self._process = None
            await _end(process)
            logger.warning("worker {} (pid {}) ended; starting it again", self.target, process.pid)
            for slot in self._slots.values():
                slot.deliver(WorkerDied(f"the worker {self.target} ended"))
            await self._restart()

    async def _deliver(self, process: asyncio.subprocess.Process) -> None:
        with contextlib.suppress(EOFError, OSError, _NoMessage):
            while True:
                number, kind, payload = await _read(process)
                if slot := self._slots.get(number):
                    slot.deliver(payload if kind == MESSAGE else JobFailed(f"{self.target} failed: {payload}"))

    async def _restart(self) -> None:
        for delay_s in delays(random.Random(), RESTART_FIRST_S, RESTART_CAP_S):
            await asyncio.sleep(delay_s)
            try:
                await self.start()
            except (ProviderError, ConfigError, OSError) as error:
                logger.error("{}", error)
            else:
                return

    async def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            await _end(process)


def _environment() -> dict[str, str]:
    """The parent's, with its import path (so the child finds what it finds, from any directory) and one thread."""
    given = [os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else []
    path = [*given, *(str(Path(entry).absolute()) for entry in sys.path)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def frame(slot: int, kind: int, payload: Any) -> bytes:
    """A message as it goes through the pipe. Raises ValueError above 4 MiB."""
    body = msgspec.msgpack.encode((slot, kind, payload))
    if len(body) > MAX_MESSAGE_BYTES:
        raise ValueError(f"a message of {len(body)} bytes is too long for a worker (at most {MAX_MESSAGE_BYTES})")
    return struct.pack("<I", len(body)) + body


class _NoMessage(Exception):
    """A child wrote something else than messages: whatever printed it did so before the child took its stdout away."""


async def _read(process: asyncio.subprocess.Process) -> tuple[int, int, Any]:
    """The next message. Raises EOFError, OSError, or _NoMessage."""
    assert process.stdout is not None
    size = struct.unpack("<I", await process.stdout.readexactly(4))[0]
    if size > MAX_MESSAGE_BYTES:
        raise _NoMessage(f"a worker's message of {size} bytes is too long")
    body = await process.stdout.readexactly(size)
    try:
        return msgspec.msgpack.decode(body, type=tuple[int, int, Any])
    except (ValueError, RecursionError) as error:  # ValueError: msgspec's errors, and text that is not UTF-8
        raise _NoMessage(f"{error}") from error


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a process that may have ended: by the end of its stdin, and if that is not enough, by force."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await process.communicate()
    except (TimeoutError, OSError, asyncio.CancelledError) as error:
        _kill(process)
        with contextlib.suppress(OSError):
            await process.communicate()
        if isinstance(error, asyncio.CancelledError):
            raise


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
