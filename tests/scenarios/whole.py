"""A whole server in virtual time, one caller, and a provider on a real websocket whose behaviour a test writes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection

from link.websocket import Endpoint
from llm.local.connection import Service, serve_connection
from llm.local.faults import Faults
from llm.local.request import Respond
from server.agent import Agent
from server.call import events as e
from server.call.handle import CallHandle
from tests.unit.link.peer import Act, Admit, Peer, admitting
from tests.unit.llm.provider import Lane, Provider
from tests.virtual.caller import script
from tests.virtual.link import Drop
from tests.virtual.stand import Outcome, call

NOON = datetime(2026, 11, 21, 12, 0)
T = TypeVar("T")


# --- the provider -----------------------------------------------------------------------------------------------------


class Served:
    """Meets `tests.virtual.stand.Serves` with a `Peer`."""

    messages = 0
    struck = 0

    def __init__(self, folder: Path, act: Act, admit: Admit) -> None:
        self.peer = Peer(folder, act, admit)

    async def start(self) -> None:
        """Listen."""
        await self.peer.__aenter__()

    async def stop(self) -> None:
        """Stop; what is left is cut."""
        await self.peer.__aexit__(None, None, None)

    async def open(self, endpoint: Endpoint) -> ClientConnection:
        """Connect to it."""
        return await self.peer.open(endpoint)


class Asked:
    """A request, the conversation as the provider knows it, and a way to answer."""

    def __init__(self, lane: Lane, kept: dict[str, list[dict[str, Any]]]) -> None:
        """`kept` are the conversations that responses ended, by their ids."""
        self.body = lane.request
        self.connection = lane.connection
        self.items = [*kept.get(lane.previous or "", ()), *lane.request["input"]]
        self._lane = lane
        self._kept = kept
        self._answer: list[dict[str, Any]] = []

    @property
    def said(self) -> list[str]:
        """The words that the caller has heard of the bot, as far as the provider knows."""
        content = [item["content"] for item in self.items if item.get("role") == "assistant"]
        return " ".join(content).split()

    async def say(self, text: str, pace_s: float = 0.05) -> None:
        """Say it word by word, a word each `pace_s` seconds."""
        for word in text.split():
            await asyncio.sleep(pace_s)
            await self._lane.delta(f" {word}")
        self._answer.append({"role": "assistant", "content": text})

    async def call(self, call_id: str, name: str, arguments: str = "{}") -> None:
        """Call a function."""
        self._answer.append({"type": "function_call", "call_id": call_id})
        await self._lane.call(call_id, name, arguments)

    async def refuse(self, message: str, code: str = "rate_limit_exceeded") -> None:
        """An error event; its message may say when to ask again."""
        await self._lane.send({"type": "error", "status": 429, "error": {"code": code, "message": message}})

    async def done(self, kind: str = "completed") -> None:
        """The end of the answer."""
        self._kept[self._lane.response_id] = [*self.items, *self._answer]
        await self._lane.done(kind)


Answer = Callable[[Asked], Awaitable[None]]


class Scripted:
    """A provider that answers each request with the next of `answers`, and the last one ever after.

    It keeps the responses that came to their end: a request may go on from one.
    """

    def __init__(self, *answers: Answer) -> None:
        self._answers = answers
        self._provider = Provider(self._answer)
        self._kept: dict[str, list[dict[str, Any]]] = {}
        self.asked: list[Asked] = []
        self.asked_at: list[float] = []

    async def act(self, connection: ServerConnection) -> None:
        """What it does with a connection."""
        await self._provider.act(connection)

    async def _answer(self, lane: Lane) -> None:
        asked = Asked(lane, self._kept)
        self.asked.append(asked)
        self.asked_at.append(asyncio.get_running_loop().time())
        await self._answers[min(len(self.asked), len(self._answers)) - 1](asked)

    @property
    def waits(self) -> list[float]:
        """How long after each request the next one came."""
        return [later - earlier for earlier, later in pairwise(self.asked_at)]


def saying(text: str, *, pace_s: float = 0.05) -> Answer:
    """An answer, a word each `pace_s` seconds."""

    async def answer(asked: Asked) -> None:
        await asked.say(text, pace_s)
        await asked.done()

    return answer


def going_on(text: str) -> Answer:
    """What is left of an answer, where the request shows that the caller has heard the beginning of it."""

    async def answer(asked: Asked) -> None:
        said, words = asked.said, text.split()
        assert words[: len(said)] == said, f"{said} is no beginning of the answer"
        await asked.say(" ".join(words[len(said) :]))
        await asked.done()

    return answer


def local(respond: Respond, faults: Iterator[Faults]) -> Act:
    """The local Responses server; each of its responses has the next faults."""

    async def act(connection: ServerConnection) -> None:
        service = Service(respond, lambda: NOON, lambda: next(faults), Random(0), "v")
        await serve_connection(connection, service)

    return act


# --- the call ---------------------------------------------------------------------------------------------------------


class Whole:
    """One call on a whole server. `run` it, then look at what it told and at the log as it was at the end."""

    def __init__(self, act: Act, agent: Agent | None = None, *, lanes: bool = True, admit: Admit = admitting) -> None:
        self._act = act
        self._agent = agent or Agent()
        self._lanes = lanes
        self._admit = admit
        self._served: list[Served] = []
        self._events: list[tuple[float, e.Event]] = []
        self.log: tuple[Any, ...] = ()
        for name in ("error", "link", "reply_metrics", "tool_finished", "completion_timeout", "user_turn"):
            self._agent.on(name)(self._note)
        self._agent.on("call_ended")(self._over)

    async def _note(self, _: CallHandle, event: e.Event) -> None:
        self._events.append((asyncio.get_running_loop().time(), event))

    async def _over(self, call: CallHandle) -> None:
        self.log = call.log

    async def run(self, *lines: str) -> Outcome:
        """Hold the call: what the caller does is in the lines."""

        def serve(path: Path, _: tuple[Drop, ...]) -> Served:
            self._served.append(Served(path.parent, self._act, self._admit))
            return self._served[-1]

        return await call(self._agent, script(lines), lanes=self._lanes, serve=serve)

    @property
    def opened_at(self) -> list[float]:
        """When the connections to the provider were made."""
        return self._served[0].peer.opened_at

    def told(self, kind: type[T]) -> list[T]:
        """What the call told, of a kind."""
        return [event for _, event in self._events if isinstance(event, kind)]

    def told_at(self, kind: type[e.Event]) -> list[float]:
        """When."""
        return [at for at, event in self._events if isinstance(event, kind)]
