"""A worker's process: serves one Job on stdin and stdout until stdin ends. See `link/worker.py`.

A thread reads, so that urgent messages overtake the others; the Job runs on the main thread.
"""

from __future__ import annotations

import importlib
import os
import queue
import signal
import struct
import sys
import threading
import time
import traceback
from typing import Any, BinaryIO

import msgspec

from link.worker import CLOSE, FAILED, MESSAGE, OPEN, READY, STOP_TIMEOUT_S, URGENT, Job, frame

MAX_WAITING = 4096  # messages; then the parent's pipe fills up, which it notices

Messages = queue.Queue[tuple[int, int, Any] | None]


class Output:
    """The way back to the parent. When that is gone there is nobody to work for."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def send(self, slot: int, kind: int, payload: Any) -> None:
        """Send a message. Raises ValueError above 4 MiB."""
        message = frame(slot, kind, payload)
        try:
            self._stream.write(message)
            self._stream.flush()
        except OSError:
            os._exit(0)


class Server:
    """Runs the Job's methods for its slots. What fails for one slot is told to that slot."""

    def __init__(self, job: Job, output: Output) -> None:
        self._job = job
        self._output = output
        self._options: dict[int, dict[str, Any]] = {}

    def serve(self, messages: Messages) -> None:
        """Until the end of the parent."""
        while (message := messages.get()) is not None:
            self._handle(*message)

    def _handle(self, slot: int, kind: int, payload: Any) -> None:
        if kind == OPEN:
            self._options[slot] = payload
            self._try(slot, self._job.open, slot, payload)
        elif kind == CLOSE:
            del self._options[slot]
            self._try(slot, self._job.close, slot)
        elif not self._try(slot, self._job.message, slot, payload, lambda answer: self._answer(slot, answer)):
            self._try(slot, self._job.close, slot)
            self._try(slot, self._job.open, slot, self._options[slot])

    def _answer(self, slot: int, answer: Any) -> None:
        self._output.send(slot, MESSAGE, answer)

    def _try(self, slot: int, method: Any, *arguments: Any) -> bool:
        try:
            method(*arguments)
        except Exception as error:
            traceback.print_exc()
            self._output.send(slot, FAILED, f"{type(error).__name__}: {error}")
            return False
        return True


def read_message(stream: BinaryIO) -> tuple[int, int, Any] | None:
    """The next message, or None at the end of the stream."""
    head = stream.read(4)
    if len(head) < 4:
        return None
    slot, kind, payload = msgspec.msgpack.decode(stream.read(struct.unpack("<I", head)[0]))
    return slot, kind, payload


def read_all(stream: BinaryIO, job: Job, messages: Messages) -> None:
    """Pass on what the parent sends. A Job that goes on for long after the parent's end is cut off."""
    while (message := read_message(stream)) is not None:
        if message[1] != URGENT:
            messages.put(message)
            continue
        try:
            job.urgent(message[0], message[2])
        except Exception:
            traceback.print_exc()  # a flag was not set; the thread must live on
    threading.Thread(target=messages.put, args=(None,), daemon=True).start()
    time.sleep(STOP_TIMEOUT_S)
    os._exit(0)


def main(target: str) -> None:
    """Make the Job and serve it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    stream = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints goes to stderr, not among the messages
    output = Output(stream)
    options = read_message(sys.stdin.buffer)
    if options is None:
        return
    try:
        module, _, factory = target.partition(":")
        job: Job = getattr(importlib.import_module(module), factory)(**options[2])
    except Exception as error:
        output.send(0, FAILED, f"{type(error).__name__}: {error}")
        return
    messages: Messages = queue.Queue(MAX_WAITING)
    output.send(0, READY, "")
    threading.Thread(target=read_all, args=(sys.stdin.buffer, job, messages), daemon=True).start()
    Server(job, output).serve(messages)


if __name__ == "__main__":
    main(sys.argv[1])
