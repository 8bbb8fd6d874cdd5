"""One client of the brain: its lanes, the conversations that it may go on with, and the faults it is to suffer.

Requests of one lane (`stream_id`) are answered one after the other, lanes side by side. A lane is a task that lives as
long as it has requests; the connection's TaskGroup owns it.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import re
from collections import OrderedDict, deque
from collections.abc import Callable
from datetime import datetime
from functools import partial
from random import Random
from typing import Protocol

from loguru import logger
from msgspec import Struct, structs
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from llm.local.faults import STATUS_OF_ERROR, Faults
from llm.local.outlet import BrokenOff, Outlet, ResponseOutlet
from llm.local.protocol import Create, RequestError, conversation, error_event, read, stream_of
from llm.local.request import FunctionCall, Item, Output, Respond
from llm.local.response_events import CHARACTERS_PER_TOKEN, ResponseWriter

MAX_LANES = 64
MAX_PENDING = 64  # requests that wait or run, over all lanes
MAX_STORED = 32  # conversations that a `previous_response_id` may name
MAX_STORED_CHARACTERS = 4 << 20
WORDS_PER_DELTA = 3

_WORD = re.compile(r"\s*\S+")


class Service(Struct, frozen=True):
    """What a connection needs of its server. `id_prefix` makes its response and call ids unique."""

    respond: Respond
    now: Callable[[], datetime]
    faults: Callable[[], Faults]
    dice: Random
    id_prefix: str


async def serve_connection(websocket: ServerConnection, service: Service) -> None:
    """Answer a client's requests until its socket closes."""
    connection = _Connection(websocket, service)
    async with asyncio.TaskGroup() as lanes:
        await connection.read(lanes)


class _Connection:
    """The state of one client."""

    def __init__(self, websocket: ServerConnection, service: Service) -> None:
        self._websocket = websocket
        self._outlet = Outlet(websocket)
        self._service = service
        self._lanes: dict[str | None, deque[Create]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stored: OrderedDict[str, tuple[tuple[Item, ...], int]] = OrderedDict()
        self._stored_size = 0
        self._pending = 0
        self._responses = 0

    async def read(self, lanes: asyncio.TaskGroup) -> None:
        """Read requests until the socket closes; then nothing runs on."""
        try:
            while True:
                message = await self._websocket.recv()
                try:
                    self._take(message, lanes)
                except RequestError as error:
                    logger.debug("brain: {}", error)
                    await self._outlet.send(error_event(error, stream_of(message)))
        except ConnectionClosed:
            pass
        finally:
            for task in self._tasks:
                task.cancel()

    def _take(self, message: str | bytes, lanes: asyncio.TaskGroup) -> None:
        """Put a request on its lane; opens the lane if it is not there."""
        create = read(message)
        if self._pending >= MAX_PENDING:
            raise RequestError(f"More than {MAX_PENDING} requests wait.", code="rate_limit_exceeded", status=429)
        lane = self._lanes.get(create.stream_id)
        if lane is None:
            if len(self._lanes) >= MAX_LANES:
                raise RequestError(f"More than {MAX_LANES} lanes.", code="rate_limit_exceeded", status=429)
            lane = self._lanes[create.stream_id] = deque()
            task = lanes.create_task(self._run_lane(create.stream_id, lane))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        lane.append(create)
        self._pending += 1

    async def _run_lane(self, stream_id: str | None, lane: deque[Create]) -> None:
        try:
            while lane:
                create = lane.popleft()
                await self._answer(create)
                self._pending -= 1
        except ConnectionClosed:
            pass  # the reader sees it too, and ends the rest
        finally:
            del self._lanes[stream_id]

    async def _answer(self, create: Create) -> None:
        """Answer one request: a response, or an error event."""
        service = self._service
        faults = service.faults().thrown(service.dice)
        try:
            earlier = self._earlier(create.previous_response_id, faults)
            request = conversation(create, earlier)
            if faults.error_event is not None:
                raise as_told(faults.error_event)
        except RequestError as error:
            await self._outlet.send(error_event(error, create.stream_id))
            return
        self._responses += 1
        now = service.now()
        response_id = f"resp_{service.id_prefix}{self._responses:06x}"
        writer = ResponseWriter(create, request, response_id, now.timestamp(), earlier=len(earlier))
        outlet = ResponseOutlet(self._outlet, faults)
        end = writer.complete
        try:
            await outlet.send(writer.begin())
            outputs = list(service.respond(request, now)) if create.generate is not False else []
            if outputs:
                await outlet.before_first()
            if not await send_outputs(outputs, writer, outlet, create.max_output_tokens):
                end = partial(writer.incomplete, "max_output_tokens")
        except ConnectionClosed:
            raise
        except BrokenOff as broken:
            await self._break_off(broken, writer)
            return
        except Exception:
            logger.exception("brain: no answer")
            await outlet.send(writer.failed("A fault in this server; its log says more."))
            return
        events = end()
        self._store(response_id, request.items + tuple(writer.items))  # before the client can name it
        for event in events:
            with contextlib.suppress(BrokenOff):  # a fault that counts to the end of an answer has come too late
                await outlet.send([event])

    async def _break_off(self, broken: BrokenOff, writer: ResponseWriter) -> None:
        words = "An end, as this server was told to."
        for event in writer.incomplete(broken.reason) if broken.reason else writer.failed(words):
            await self._outlet.send(event)

    def _earlier(self, previous_id: str | None, faults: Faults) -> tuple[Item, ...]:
        """The conversation that a response ended. Raises RequestError where it is not kept (any more)."""
        if previous_id is None:
            return ()
        if previous_id not in self._stored or faults.forget_responses:
            raise RequestError(
                f"Previous response with id '{previous_id}' not found.",
                code="previous_response_not_found",
                param="previous_response_id",
            )
        return self._stored[previous_id][0]

    def _store(self, response_id: str, items: tuple[Item, ...]) -> None:
        """Keep the newest conversations, by number and by size (what they have in common is counted in each)."""
        size = _size(items)
        self._stored[response_id] = (items, size)
        self._stored_size += size
        while len(self._stored) > MAX_STORED or self._stored_size > MAX_STORED_CHARACTERS:
            self._stored_size -= self._stored.popitem(last=False)[1][1]


class Writer(Protocol):
    """Makes the events of an answer, in one protocol or another."""

    def text(self, delta: str) -> list[bytes]:
        """A piece of text."""

    def call(self, call: FunctionCall) -> list[bytes]:
        """A function call."""


async def send_outputs(outputs: list[Output], writer: Writer, outlet: ResponseOutlet, most: int | None) -> bool:
    """Send an answer, at the pace that is set. Returns False where `most` tokens of words were not enough."""
    left = most * CHARACTERS_PER_TOKEN if most is not None else math.inf
    for output in outputs:
        if isinstance(output, FunctionCall):
            await outlet.send(writer.call(output))
            continue
        for delta in deltas(output.text):
            left -= len(delta)
            if left < 0:
                return False
            await outlet.send(writer.text(delta))
            await outlet.between_deltas()
    return True


def as_told(code: str) -> RequestError:
    """The error that the faults say."""
    return RequestError("An error, as this server was told to.", code=code, status=STATUS_OF_ERROR.get(code, 400))


def deltas(text: str) -> list[str]:
    """Text in pieces of a few whole words, each with the white space before it."""
    words = _WORD.findall(text)
    pieces = ["".join(words[start : start + WORDS_PER_DELTA]) for start in range(0, len(words), WORDS_PER_DELTA)]
    return pieces if pieces or not text else [text]


def _size(items: tuple[Item, ...]) -> int:
    return sum(len(field) for item in items for field in structs.astuple(item))
