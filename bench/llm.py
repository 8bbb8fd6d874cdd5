"""What an answer of the language model costs this process, beside the vendor's own client: `python -m bench.llm`.

    python -m bench.llm                 some twenty seconds
    python -m bench.llm --quick         a tenth of it

One exchange is a request, 200 deltas of text and two function calls. Its server is the brain's, in a process of its
own, so that the CPU time of this process is the client's alone. Two clients take turns in one run, on one event loop:
our service (from its inbox to the facts that it posts), and the connection of the `openai` package
(`client.responses.connect()`) read as its examples do. Both collect the text and the calls.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from random import Random

from msgspec import Struct
from openai import AsyncOpenAI
from openai.resources.responses.responses import AsyncResponsesConnection

from bench.subjects import ROOT
from link.inbox import Inbox
from link.tasks import Task, Work
from link.websocket import Endpoint
from llm.events import Ask, Command, Delta, Fact, FunctionCall, LinkUp, ReplyDone, Request
from llm.items import UserMessage
from llm.local.connection import WORDS_PER_DELTA
from llm.local.faults import Faults
from llm.local.request import FunctionCall as Called
from llm.local.request import Output, Text
from llm.local.request import Request as Asked
from llm.local.server import LocalBrain
from llm.responses import ResponsesCodec, ResponsesSettings
from llm.websocket import WebsocketLLMService

DELTAS, CALLS = 200, 2
WORDS = " ".join(f"word{number}" for number in range(DELTAS * WORDS_PER_DELTA))
OUTPUTS: tuple[Output, ...] = (Text(WORDS), *(Called("look_up", {"topic": "the moon", "n": n}) for n in range(CALLS)))
QUESTION = "tell me about the moon"
ROUNDS, EXCHANGES = 20, 10  # each client has so many exchanges in each round
QUICK_ROUNDS = 2
GOAL = 0.5
"""Our service should need at most so much of the CPU that the vendor's client needs."""
PATIENCE_S = 30.0

Exchange = Callable[[], Awaitable[int]]
"""Holds one; returns how many pieces came of it: deltas and calls."""


class Cost(Struct, frozen=True):
    """CPU of each round of one client, in seconds an exchange."""

    name: str
    rounds: list[float]

    @property
    def typical_ms(self) -> float:
        """The median."""
        return 1000 * statistics.median(self.rounds)


# --- the server, in a process of its own ------------------------------------------------------------------------------


def respond(_: Asked, now: object) -> Sequence[Output]:
    """Always the same answer."""
    del now
    return OUTPUTS


async def serve() -> None:
    """Serve until standard input is closed; the first line of the output is the address."""
    brain = LocalBrain(respond, faults=Faults())
    print(await brain.start(), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await brain.close()


@contextlib.contextmanager
def server() -> Iterator[str]:
    """The address of one."""
    command = [sys.executable, "-m", "bench.llm", "--serve"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


# --- the clients ------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def ours(url: str) -> AsyncIterator[Exchange]:
    """Our service, as a call has it."""
    inbox: Inbox[Command] = Inbox(64)
    codec = ResponsesCodec(ResponsesSettings("m", lanes=False, warm_up=False))
    service = WebsocketLLMService(Endpoint(url), codec, random=Random(), gate=asyncio.Semaphore(1))
    up, over = asyncio.Event(), asyncio.Event()
    texts: list[str] = []
    calls: list[FunctionCall] = []

    def post(fact: Fact) -> None:
        match fact:
            case Delta(_, text):
                texts.append(text)
            case FunctionCall():
                calls.append(fact)
            case ReplyDone():
                over.set()
            case LinkUp():
                up.set()

    async def exchange() -> int:
        texts.clear()
        calls.clear()
        over.clear()
        inbox.put(Ask(1, Request("", (UserMessage(QUESTION),))))
        await over.wait()
        return len(texts) + len(calls)

    tasks: list[Task] = []

    def spawn(work: Work) -> Task:
        tasks.append(group.create_task(work))
        return tasks[-1]

    async with asyncio.TaskGroup() as group:
        spawn(service.run(inbox, post, spawn))
        await up.wait()
        yield exchange
        for task in tasks:
            task.cancel()


@contextlib.asynccontextmanager
async def theirs(url: str) -> AsyncIterator[Exchange]:
    """The vendor's client."""
    base_url = url.replace("ws://", "http://").removesuffix("/responses")
    connection: AsyncResponsesConnection
    async with AsyncOpenAI(base_url=base_url, api_key="none") as client, client.responses.connect() as connection:

        async def exchange() -> int:
            texts: list[str] = []
            calls: list[tuple[str, str, str]] = []
            await connection.response.create(
                model="m",
                instructions="",
                input=[{"type": "message", "role": "user", "content": QUESTION}],
                tools=[],
                store=False,
            )
            async for event in connection:
                if event.type == "response.output_text.delta":
                    texts.append(event.delta)
                elif event.type == "response.output_item.done" and event.item.type == "function_call":
                    calls.append((event.item.call_id, event.item.name, event.item.arguments))
                elif event.type == "response.completed":
                    break
            return len(texts) + len(calls)

        yield exchange


# --- the measurement --------------------------------------------------------------------------------------------------


async def cpu_s(exchange: Exchange, count: int) -> float:
    """CPU of this process for so many exchanges, for one."""
    begin = time.process_time()
    for _ in range(count):
        async with asyncio.timeout(PATIENCE_S):
            pieces = await exchange()
        if pieces != DELTAS + CALLS:
            raise RuntimeError(f"an answer of {pieces} pieces, not {DELTAS + CALLS}")
    return (time.process_time() - begin) / count


async def measure(rounds: int, exchanges: int) -> tuple[Cost, Cost]:
    """Both in turn, the first one first in every other round; a round before these is not counted."""
    with server() as url:
        async with ours(url) as own, theirs(url) as other:
            found: dict[str, list[float]] = {"own": [], "other": []}
            for number in range(rounds + 1):
                pair = [("own", own), ("other", other)]
                for name, exchange in pair if number % 2 else reversed(pair):
                    found[name].append(await cpu_s(exchange, exchanges))
    return Cost("our service", found["own"][1:]), Cost("openai's connection", found["other"][1:])


def table(own: Cost, other: Cost) -> str:
    """Milliseconds an exchange, and what that is for each piece."""
    lines = [f"{'CPU of one answer: 200 deltas, 2 calls':<40}{'median':>9}{'least':>9}{'most':>9}{'a piece':>10}"]
    for cost in (own, other):
        least, most = 1000 * min(cost.rounds), 1000 * max(cost.rounds)
        piece_us = 1000 * cost.typical_ms / (DELTAS + CALLS)
        lines.append(f"{cost.name:<40}{cost.typical_ms:7.2f}ms{least:7.2f}ms{most:7.2f}ms{piece_us:8.1f}us")
    share = own.typical_ms / other.typical_ms
    verdict = "within" if share <= GOAL else "ABOVE"
    lines.append(f"ours is {share:.2f} of theirs: {verdict} the goal of {GOAL:g}")
    return "\n".join(lines)


def main() -> int:
    """The process. The exit code is 1 where the goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.llm", description="what an answer of the model costs")
    parser.add_argument("--quick", action="store_true", help="a tenth of it")
    parser.add_argument("--rounds", type=int, help=f"how often each has its turn (default: {ROUNDS})")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve())
        return 0
    rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
    own, other = asyncio.run(measure(rounds, EXCHANGES))
    print(table(own, other))
    return int(own.typical_ms > GOAL * other.typical_ms)


if __name__ == "__main__":
    sys.exit(main())
