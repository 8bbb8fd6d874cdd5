"""An MCP server that is a child process: JSON-RPC in lines on its stdin and stdout.

The package has a transport of its own for this; ours also bounds a line, says why the child is gone (its code, its
last words), keeps garbage out of the log, logs stderr, and ends the child at once when it is cancelled twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable

import anyio
from anyio.abc import ObjectReceiveStream, ObjectSendStream
from loguru import logger
from mcp.client.stdio import get_default_environment
from mcp.shared.message import SessionMessage

from link.errors import ConfigError
from llm.mcp_lines import message_of
from llm.mcp_options import MCPServer

MAX_MESSAGE_BYTES = 4 << 20  # a longer line ends the connection
MAX_LINE = 8192  # letters of a line of stderr that are looked at
MAX_LOGGED = 500  # letters of it that are shown
LOGGED_PER_S = 20  # lines of stderr; more are dropped
GRACE_S = 1.0  # from the end of its stdin to SIGTERM
KILL_S = 0.5  # from SIGTERM to SIGKILL, and from there until we let it be
EXIT_S = 0.25  # from the end of its stdout until its code is known, as a rule at once
FORCE = signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL
NOTHING = 0  # a signal that only tells whether there is anybody

Streams = tuple[ObjectReceiveStream[SessionMessage | Exception], ObjectSendStream[SessionMessage]]


@contextlib.asynccontextmanager
async def child(server: MCPServer, on_lost: Callable[[str], None]) -> AsyncIterator[Streams]:
    """Run the program of a server; `on_lost(reason)` says that it ended by itself.

    Leaving ends it, within GRACE_S + 2 · KILL_S seconds. Raises ConfigError when it cannot be started.
    """
    process = await _start(server)
    received, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    outgoing, to_send = anyio.create_memory_object_stream[SessionMessage](0)
    words = LastWords(server)
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(_read, process, received, words, on_lost)
            group.start_soon(_write, process, to_send, on_lost)
            group.start_soon(words.read, process)
            yield incoming, outgoing
            group.cancel_scope.cancel()
    finally:
        for stream in (received, incoming, outgoing, to_send):
            stream.close()
        await _end(process)


async def _start(server: MCPServer) -> Process:
    environment = get_default_environment() | server.env
    program = shutil.which(server.command, path=environment.get("PATH"))
    if program is None:
        raise ConfigError(f"there is no program {server.command!r}; install it, or give its whole path")
    try:
        return await asyncio.create_subprocess_exec(
            *(program, *server.args),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=environment,
            limit=MAX_MESSAGE_BYTES,
            start_new_session=True,  # a group of its own, to end its own children with it; and Ctrl-C is ours
        )
    except (OSError, ValueError) as error:  # ValueError: a NUL in an argument
        what = error.strerror if isinstance(error, OSError) else "an argument or variable cannot be passed on"
        raise ConfigError(f"the program {server.command!r} cannot be started: {what}") from None


async def _read(
    process: Process,
    received: ObjectSendStream[SessionMessage | Exception],
    words: LastWords,
    on_lost: Callable[[str], None],
) -> None:
    """Pass on what the child says, until it says no more."""
    assert process.stdout
    reason = ""
    garbage = 0
    try:
        while line := await process.stdout.readline():
            message = message_of(line)
            if message is None:
                garbage += bool(line.strip())
                if garbage == 1:
                    logger.warning("the tool server {} writes other things than messages to stdout", words.label)
                continue
            await received.send(SessionMessage(message))
    except ValueError:
        reason = f"it sent a message of over {MAX_MESSAGE_BYTES >> 20} MiB"
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        return  # nobody listens any more
    on_lost(reason or await _how_it_ended(process, words))
    await received.aclose()


async def _how_it_ended(process: Process, words: LastWords) -> str:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(EXIT_S):
            await process.wait()
            await words.over.wait()  # the pipe of its stderr is read by another task
    code = process.returncode
    how = "closed its stdout" if code is None else f"ended with code {code}" if code >= 0 else f"died of signal {-code}"
    return f"it {how}" + (f"; its last words: {words.text}" if words.text else "")


async def _write(
    process: Process, to_send: ObjectReceiveStream[SessionMessage], on_lost: Callable[[str], None]
) -> None:
    """Pass on what we say. A child that does not read holds the messages up, and so the calls, which have a limit."""
    assert process.stdin
    async with to_send:
        async for each in to_send:
            process.stdin.write(each.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")
            try:
                await process.stdin.drain()
            except OSError:
                break
        else:
            return
    await asyncio.sleep(2 * EXIT_S)  # if it is gone, the reader knows more of it
    on_lost("it closed its stdin")


class LastWords:
    """What the child writes to stderr: a bounded part goes to the log, the last line is kept."""

    def __init__(self, server: MCPServer) -> None:
        self._server = server
        self.label = server.label
        self.text = ""
        self.over = asyncio.Event()
        """All of them were read."""

    async def read(self, process: Process) -> None:
        """Read until the end."""
        assert process.stderr
        clock = asyncio.get_running_loop().time
        second, logged, rest = 0.0, 0, ""
        while chunk := await process.stderr.read(4096):
            *lines, rest = (rest + chunk.decode(errors="replace")).split("\n")
            rest = rest[:MAX_LINE]
            if clock() - second >= 1.0:
                second, logged = clock(), 0
            for line in filter(None, map(str.strip, lines)):
                self.text = self._server.hide(line)[:MAX_LOGGED]
                logged += 1
                if logged <= LOGGED_PER_S:
                    logger.debug("the tool server {} says: {}", self.label, self.text)
        self.text = self._server.hide(rest.strip())[:MAX_LOGGED] or self.text
        self.over.set()


async def _end(process: Process) -> None:
    """End the child and its own children: by the end of its stdin, else by SIGTERM, else by force."""
    assert process.stdin
    process.stdin.close()
    try:
        await _is_over(process, GRACE_S)
        if _strike(process, signal.SIGTERM) and not await _is_group_over(process, KILL_S):
            _strike(process, FORCE)
    except asyncio.CancelledError:
        _strike(process, FORCE)
        raise
    finally:
        if not await _is_over(process, KILL_S):  # something holds its pipes that is not of its group
            process._transport.close()  # type: ignore[attr-defined]  # as the package does: there is no public way


async def _is_over(process: Process, limit_s: float) -> bool:
    """Whether the child ended and all its pipes with it; what it still says is read and dropped."""
    try:
        async with asyncio.timeout(limit_s):
            for pipe in (process.stdout, process.stderr):
                while pipe and await pipe.read(65536):
                    pass
            await process.wait()
    except TimeoutError:
        return False
    except OSError:
        pass
    return process.returncode is not None


async def _is_group_over(process: Process, limit_s: float) -> bool:
    """Whether the child ended, and its own children too, of which nobody tells: they are asked for again and again."""
    try:
        async with asyncio.timeout(limit_s):
            await _is_over(process, limit_s)
            while _strike(process, NOTHING):  # noqa: ASYNC110
                await asyncio.sleep(limit_s / 50)
    except TimeoutError:
        return False
    return True


def _strike(process: Process, number: int) -> bool:
    """Send a signal to the child and its own children; whether there was anybody."""
    try:
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, number)
    except OSError:
        return False
    return True
