"""An answer over HTTP that never ends is read no longer than somebody waits for it."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from llm.mcp import MCPServer
from llm.mcp_http import Bounded
from llm.mcp_terms import Term, Terms
from tests.unit.llm.mcp_drip import Way, dripping
from tests.unit.llm.mcp_stand import using

pytestmark = pytest.mark.asyncio


class Never(httpx2.AsyncByteStream):
    """A body of two pieces, after which nothing comes."""

    def __init__(self) -> None:
        self.stuck = asyncio.Event()
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"
        self.stuck.set()
        await asyncio.Event().wait()

    async def aclose(self) -> None:
        self.closed = True


def post(method: str, number: int | None, params: dict[str, Any] | None = None) -> bytes:
    """A message to the server."""
    return json.dumps({"method": method, "id": number, "params": params or {}}).encode()


async def is_over(term: Term) -> bool:
    """Whether a term lets nobody wait."""
    try:
        async with term.kept():
            await asyncio.sleep(0)
            await asyncio.sleep(0)
    except TimeoutError:
        return True
    return False


# --- a term -----------------------------------------------------------------------------------------------------------


async def test_a_body_is_read_until_its_term_is_over() -> None:
    stream = Never()
    term = Term(math.inf)
    body = Bounded(stream, term)
    read: list[bytes] = []

    async def take() -> None:
        async for piece in body:
            read.append(piece)  # noqa: PERF401  # also what came before it broke off

    task = asyncio.create_task(take())
    await stream.stuck.wait()
    term.end()
    term.end()
    with pytest.raises(httpx2.SSEError, match="its time is over"):
        await task
    assert read == [b"one", b"two"]
    await body.aclose()
    assert stream.closed


async def test_a_body_with_a_deadline_ends_there() -> None:
    body = Bounded(Never(), Term(asyncio.get_running_loop().time()))
    with pytest.raises(httpx2.SSEError):
        assert [piece async for piece in body] == []


async def test_a_body_that_ends_is_read_whole() -> None:
    body = Bounded(httpx2.ByteStream(b"whole"), Term(math.inf))
    assert b"".join([piece async for piece in body]) == b"whole"


async def test_each_call_has_its_own_term_and_a_limit() -> None:
    terms = Terms(1000.0)
    one, two = (terms.of(post("tools/call", number)) for number in (1, 2))
    terms.of(post("notifications/cancelled", None, {"requestId": 3}))
    terms.of(post("notifications/cancelled", None, {"requestId": 1}))
    assert [await is_over(term) for term in (one, two)] == [True, False]
    assert await is_over(Terms(0.0).of(post("tools/call", 1)))
    assert not await is_over(Terms(0.0).of(post("tools/list", 1)))


async def test_what_a_task_asks_after_a_call_is_part_of_it() -> None:
    async def asks(terms: Terms) -> tuple[Term, Term]:
        return terms.of(post("tools/call", 1)), terms.of(b"")

    terms = Terms(math.inf)
    call, rest = await asyncio.create_task(asks(terms))
    assert call is rest
    assert terms.of(b"") is not call


# --- a server ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", Way)
async def test_an_answer_that_drips_is_let_go_when_the_call_takes_too_long(way: Way) -> None:
    async with dripping(way) as site, using(MCPServer(url=site.url, timeout_s=0.2)) as stand:
        calls = [asyncio.create_task(stand.call("drip")) for _ in range(3)]
        assert {await call for call in calls} == {"Error: 'drip' did not answer within 0.2 s."}
        await site.until_open(0)


@pytest.mark.parametrize("way", Way)
async def test_an_answer_that_drips_is_let_go_when_the_call_is_cancelled(way: Way) -> None:
    async with dripping(way) as site, using(MCPServer(url=site.url, timeout_s=math.inf)) as stand:
        call = asyncio.create_task(stand.call("drip"))
        await site.until_open(1)
        call.cancel()
        await asyncio.wait([call])
        await site.until_open(0)
