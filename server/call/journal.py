"""The journal of a call: a header, then each fact with its time and the commands that came of it, one JSON line each.

A fresh core that is fed the facts must give the same commands, so a bug report becomes a test (`voicewire replay`). A
journal holds what was said, never a secret; it ends at `LIMIT_BYTES` with a line that says so.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import IO, Any, TypeVar

import msgspec
from loguru import logger
from msgspec import Struct

from audio.events import Queued
from audio.playout import Playout, PlayoutOptions
from llm.events import Ask, Infer, Prepare, Request
from server.call.core import Core
from server.call.events import Command, Fact
from server.call.policy import CallSettings

LIMIT_BYTES = 16 << 20
S = TypeVar("S", bound=Struct)


class Header(Struct, frozen=True):
    """The first line: all that a core is made of."""

    voicewire: str
    call_id: str
    settings: CallSettings
    playout: PlayoutOptions


class Line(Struct, frozen=True, omit_defaults=True):
    """A fact with its time in seconds, or what the core did about the fact before it."""

    t: float
    fact: Fact | None = None
    did: list[Any] | None = None
    full: bool = False


class Difference(Struct, frozen=True):
    """Where a replay first differs: the journal's line number, what stands there, what the fresh core did."""

    line: int
    journal: list[Any]
    core: list[Any]


class JournalFile:
    """Writes the journal of one call."""

    def __init__(self, file: IO[bytes], header: Header) -> None:
        self._file = file
        self._left = LIMIT_BYTES
        self._write(msgspec.json.encode(header))

    def fact(self, now: float, fact: Fact) -> None:
        """A fact is about to be handled."""
        self._write(msgspec.json.encode(Line(now, fact=fact)))

    def commands(self, now: float, commands: list[Command]) -> None:
        """What came of it."""
        if commands:
            self._write(msgspec.json.encode(Line(now, did=[brief(command) for command in commands])))

    def close(self) -> None:
        """The call is over."""
        try:
            self._file.close()
        except OSError as error:  # the disk is full: what was written is what there is
            logger.error("a journal is cut off: {}", error)

    def _write(self, line: bytes) -> None:
        if self._left <= 0:
            return
        self._left -= len(line) + 1
        if self._left <= 0:
            line = msgspec.json.encode(Line(0.0, full=True))
        try:
            self._file.write(line + b"\n")
        except OSError as error:  # the call goes on
            logger.error("a journal is cut off: {}", error)
            self._left = 0


def brief(command: Command) -> Any:
    """A command as the journal keeps it: a request, which repeats the whole log, as its length and checksum."""
    match command:
        case Ask(reply, request):
            return {"type": "Ask", "reply": reply, **_brief_request(request)}
        case Prepare(request):
            return {"type": "Prepare", **_brief_request(request)}
        case Infer(job, request):
            return {"type": "Infer", "job": job, **_brief_request(request)}
        case _:
            return msgspec.to_builtins(command)


def _brief_request(request: Request) -> dict[str, int]:
    return {"items": len(request.items), "crc32": zlib.crc32(msgspec.json.encode(request))}


def replay(lines: Iterable[bytes]) -> Iterator[tuple[Line, Difference | None]]:
    """Feed a journal to a fresh core; yields each fact, with the first difference where there is one, and stops there.

    Raises msgspec.DecodeError, with the line's number, for what is not a journal.
    """
    numbered = enumerate(lines, 1)
    _, first = next(numbered, (0, b""))
    header = _decode(1, first, Header)
    playout = Playout(header.playout)
    core = Core(header.settings, playout)
    did: list[Any] = []
    before: Line | None = None
    for number, raw in numbered:
        line = _decode(number, raw, Line)
        if line.full:
            return
        if line.did is not None:
            if line.did != did:
                yield line, Difference(number, line.did, did)
                return
            did = []
            continue
        if did:  # the core did something that the journal does not have
            yield before or line, Difference(number, [], did)
            return
        if line.fact is None:
            raise msgspec.DecodeError(f"line {number} has neither a fact nor commands")
        if isinstance(line.fact, Queued):
            playout.put(line.fact.frame, line.fact.samples, line.fact.words, places=line.fact.places)
        commands = core.handle(line.fact, line.t)
        did = msgspec.json.decode(msgspec.json.encode([brief(command) for command in commands]))
        before = line
        yield line, None


def _decode(number: int, raw: bytes, kind: type[S]) -> S:
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(f"line {number}: {error}") from error
