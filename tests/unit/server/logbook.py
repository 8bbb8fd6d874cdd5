"""Keeps what is logged, by us and by libraries, so that a test can say that nothing failed behind its back."""

from __future__ import annotations

import logging
from types import TracebackType
from typing import Any, Self

from loguru import logger
from msgspec import Struct


class Entry(Struct, frozen=True):
    """One line of the log. `failed`: an error, or a traceback at any level."""

    level: str
    message: str
    failed: bool
    call: str = ""


class Logbook(logging.Handler):
    """While it is entered, everything that is logged is in `entries`, and nothing is printed."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.entries: list[Entry] = []

    def __enter__(self) -> Self:
        logger.remove()
        self._sink = logger.add(self._note, level="TRACE", format="{message}")
        logging.getLogger().addHandler(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        logging.getLogger().removeHandler(self)
        logger.remove(self._sink)

    def emit(self, record: logging.LogRecord) -> None:
        """A library logged."""
        failed = record.levelno >= logging.ERROR or record.exc_info is not None
        self.entries.append(Entry(record.levelname, f"{record.name}: {record.getMessage()}", failed))

    def _note(self, message: Any) -> None:
        record = message.record
        failed = record["level"].no >= logging.ERROR or record["exception"] is not None
        self.entries.append(Entry(record["level"].name, str(message).strip(), failed, record["extra"].get("call", "")))

    @property
    def failures(self) -> list[str]:
        """What was logged as an error or with a traceback."""
        return [f"{entry.level} {entry.message}" for entry in self.entries if entry.failed]

    def said(self, part: str, *levels: str) -> bool:
        """Whether some line (of these levels, or of any) holds `part`."""
        return any(part in each.message and (not levels or each.level in levels) for each in self.entries)
