"""Acts of a provider that speaks the Responses protocol, for `tests.unit.link.peer.Peer`."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

Answer = Callable[["Lane"], Awaitable[None]]


class Lane:
    """One request, and a way to answer it."""

    def __init__(self, connection: ServerConnection, request: dict[str, Any], number: int) -> None:
        self.connection = connection
        self.request = request
        self.number = number
        """Counts the requests of a provider from 1, over all connections."""
        self.response_id = f"resp_{number}"

    @property
    def asked(self) -> list[str]:
        """What is asked, in a word for each item: the text of a message, the output of a call, or its kind."""
        return [item.get("content") or item.get("output") or item["type"] for item in self.request["input"]]

    @property
    def previous(self) -> str | None:
        """The response that it goes on from."""
        previous: str | None = self.request.get("previous_response_id")
        return previous

    async def delta(self, text: str) -> None:
        """A piece of text."""
        await self.send({"type": "response.output_text.delta", "delta": text})

    async def done(self, kind: str = "completed") -> None:
        """The end of the answer."""
        usage = {"input_tokens": 1, "output_tokens": 2}
        await self.send({"type": f"response.{kind}", "response": {"id": self.response_id, "usage": usage}})

    async def call(self, call_id: str, name: str = "f", arguments: str = "{}") -> None:
        """A function call."""
        item = {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}
        await self.send({"type": "response.output_item.done", "item": item})

    async def error(self, code: str) -> None:
        """An error event."""
        await self.send({"type": "error", "error": {"code": code, "message": "as told"}})

    async def send(self, event: dict[str, Any]) -> None:
        """Any event, on this lane."""
        stream_id = self.request.get("stream_id")
        lane = {} if stream_id is None else {"stream_id": stream_id}
        await self.connection.send(json.dumps(event | lane))


class Provider:
    """Answers each request with `answer`: lanes side by side, else one after the other. `asked_at` notes when.

    A warm-up is answered by `warm`.
    """

    def __init__(self, answer: Answer, warm: Answer | None = None) -> None:
        self.answer = answer
        self.warm = warm or nothing
        self.asked_at: list[float] = []
        self.lanes: list[Lane] = []

    async def act(self, connection: ServerConnection) -> None:
        """What the peer does with a connection."""
        turn = asyncio.Lock()
        async with asyncio.TaskGroup() as group:
            tasks = []
            with contextlib.suppress(ConnectionClosed):
                async for message in connection:
                    self.asked_at.append(asyncio.get_running_loop().time())
                    lane = Lane(connection, json.loads(message), len(self.asked_at))
                    self.lanes.append(lane)
                    tasks.append(group.create_task(self._answer(lane, turn)))
            for task in tasks:
                task.cancel()

    async def _answer(self, lane: Lane, turn: asyncio.Lock) -> None:
        with contextlib.suppress(ConnectionClosed):
            async with contextlib.nullcontext() if "stream_id" in lane.request else turn:
                await (self.warm if lane.request.get("generate") is False else self.answer)(lane)


async def two_words(lane: Lane) -> None:
    """An answer at once: its number, and a word."""
    await lane.delta(f"answer {lane.number} ")
    await lane.delta("done")
    await lane.done()


async def nothing(lane: Lane) -> None:
    """A response without words, as a warm-up has one."""
    await lane.done()


async def silence(lane: Lane) -> None:
    """No answer at all."""
