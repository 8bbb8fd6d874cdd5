"""A call at a Chat Completions endpoint, and what tests read from it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx2
from loguru import logger

from llm.chat import ChatEngine, ChatOptions
from llm.events import Delta
from tests.unit.llm.chat_server import ChatServer
from tests.unit.llm.desk import Desk


@contextlib.asynccontextmanager
async def at(server: ChatServer, socket: Path | None = None, **options: Any) -> AsyncIterator[Desk]:
    """One call at a server; at its unix socket, where time is virtual."""
    chosen = ChatOptions("m", **{"base_url": server.url, **options})
    async with call(chosen, transport_to(socket) if socket else None) as desk:
        yield desk


@contextlib.asynccontextmanager
async def call(options: ChatOptions, transport: Any = None) -> AsyncIterator[Desk]:
    """One call of an engine of its own."""
    engine = ChatEngine(options, transport=transport)
    await engine.start()
    try:
        async with Desk(engine.open()) as desk:
            yield desk
    finally:
        await engine.close()


def transport_to(socket: Path) -> httpx2.AsyncHTTPTransport:
    """Leads to a unix socket, whatever the address says."""
    return httpx2.AsyncHTTPTransport(uds=str(socket))


def text_of(desk: Desk, reply: int) -> str:
    """All text of a reply that was posted."""
    return "".join(fact.text for fact in desk.facts if isinstance(fact, Delta) and fact.reply == reply)


@contextlib.contextmanager
def logged() -> Iterator[list[str]]:
    """The lines that are logged meanwhile: level and message."""
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(str(line).rstrip("\n")), format="{level} {message}", level="INFO")
    try:
        yield lines
    finally:
        logger.remove(sink)
