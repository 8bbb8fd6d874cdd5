"""Logging: one line for each event that matters, the call's id in each, to stderr. By loguru."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from loguru import logger

from link.errors import ConfigError

if TYPE_CHECKING:
    from loguru import Record

LEVELS = ("TRACE", "DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "CRITICAL")


class _ToLoguru(logging.Handler):
    """Libraries log through the standard module; their warnings appear with ours."""

    def emit(self, record: logging.LogRecord) -> None:
        """Hand a record over."""
        level = record.levelname if record.levelname in LEVELS else record.levelno  # a library may have its own
        logger.opt(exception=record.exc_info).log(level, "{}: {}", record.name, record.getMessage())


def _line(record: Record) -> str:
    record["message"] = " ".join(record["message"].splitlines())  # what a peer says must not look like a line of ours
    call = "{extra[call]} " if "call" in record["extra"] else ""
    return "{time:HH:mm:ss.SSS} {level: <7} " + call + "{message}\n{exception}"


def set_up(level: str, *, as_json: bool) -> None:
    """Log to stderr from now on. Raises ConfigError for an unknown level."""
    if level.upper() not in LEVELS:
        raise ConfigError(f"log_level {level!r} is none of {', '.join(LEVELS)}")
    logger.remove()
    # Without `diagnose` a traceback shows no values: they would hold what callers said.
    if as_json:
        logger.add(sys.stderr, level=level.upper(), serialize=True, backtrace=False, diagnose=False)
    else:
        logger.add(sys.stderr, level=level.upper(), format=_line, backtrace=False, diagnose=False)
    logging.basicConfig(handlers=[_ToLoguru()], level=logging.WARNING, force=True)
