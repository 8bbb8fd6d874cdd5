"""A Job for the tests of the worker pool: it does what its messages say."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from link.errors import ConfigError
from link.worker import Send


class Obedient:
    """Messages are `[verb, argument]`. `hold` waits for the slot's urgent message; `die` ends the process at once."""

    def __init__(self, greeting: str) -> None:
        self._greeting = greeting
        self._opened: dict[int, Any] = {}
        self._flags: dict[int, threading.Event] = {}

    def open(self, slot: int, options: dict[str, Any]) -> None:
        if options.get("unusable"):
            raise ValueError("these options are unusable")
        self._opened[slot] = options
        self._flags[slot] = threading.Event()

    def message(self, slot: int, payload: Any, send: Send) -> None:
        verb, argument = payload
        if verb == "echo":
            send([self._greeting, argument])
        elif verb == "options":
            send(self._opened[slot])
        elif verb == "slots":
            send(sorted(self._opened))
        elif verb == "forget":
            self._opened[slot] = "changed"
            send("forgotten")
        elif verb == "raise":
            raise ValueError(argument)
        elif verb == "print":
            print(argument)  # noqa: T201
            send("printed")
        elif verb == "size":
            send(b"x" * argument)
        elif verb == "flood":
            for number in range(argument):
                send(number)
        elif verb == "hold":
            send("holding")
            self._flags[slot].wait()
            send("released")
        elif verb == "die":
            os._exit(argument)
        elif verb == "signals":
            send([signal.getsignal(each) == signal.SIG_IGN for each in (signal.SIGINT, signal.SIGTERM)])
        elif verb == "path":
            send([os.getcwd(), sys.flags.safe_path])  # noqa: PTH109

    def urgent(self, slot: int, payload: Any) -> None:
        if payload == "raise":
            raise ValueError("an urgent failure")
        self._flags[slot].set()

    def close(self, slot: int) -> None:
        self._opened.pop(slot, None)
        self._flags.pop(slot, None)


def obedient(greeting: str = "hello") -> Obedient:
    """The factory."""
    return Obedient(greeting)


def failing() -> Obedient:
    """A factory that has a reason not to work."""
    raise RuntimeError("the model is not there")


def loading(file: str) -> Obedient:
    """A factory that needs a file, and says so."""
    if not Path(file).exists():
        raise ConfigError(f"tts: there is no file {file}")
    return Obedient("loaded")


def ending() -> Obedient:
    """A factory that takes the process with it."""
    os._exit(3)
