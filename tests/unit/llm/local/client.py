"""A bare websocket client of the brain's server, which checks each event."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from llm.local.faults import Faults
from llm.local.request import Respond
from llm.local.server import LocalBrain
from tests.unit.llm.local.events import valid
from tests.unit.llm.local.talk import NOW

AT_ONCE = Faults()


@contextlib.asynccontextmanager
async def serving(respond: Respond | None = None, **options: Any) -> AsyncIterator[LocalBrain]:
    options.setdefault("faults", AT_ONCE)
    brain = LocalBrain(respond, now=lambda: NOW, **options) if respond else LocalBrain(now=lambda: NOW, **options)
    await brain.start()
    try:
        yield brain
    finally:
        await brain.close()


async def ask(websocket: ClientConnection, **fields: Any) -> None:
    await websocket.send(json.dumps({"type": "response.create", **fields}))


async def hear(websocket: ClientConnection) -> Any:
    """The next event, checked."""
    async with asyncio.timeout(5):
        return valid(await websocket.recv())


async def answer(websocket: ClientConnection, **fields: Any) -> Any:
    """Ask, and wait for the end: the `response.completed`, or the `error`."""
    await ask(websocket, **fields)
    while (event := await hear(websocket)).type not in {"response.completed", "response.failed", "error"}:
        pass
    return event


async def events_until_closed(websocket: ClientConnection) -> tuple[list[str], int | None]:
    """The types of the events up to the end, and the code of the close frame if one came."""
    events = []
    try:
        while True:
            events.append((await hear(websocket)).type)
    except ConnectionClosed as closed:
        return events, closed.rcvd.code if closed.rcvd else None
