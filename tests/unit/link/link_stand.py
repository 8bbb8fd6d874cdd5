"""Links to peers, and what tests learn of them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable
from random import Random
from typing import Any

import pytest

from link.errors import ProviderError
from link.websocket import Endpoint, Link, Links, Opener
from tests.unit.link.dice import LongestDelays

URL = Endpoint("ws://localhost/v1/responses")


def links_to(
    opener: Opener,
    endpoint: Endpoint = URL,
    *,
    random: Random | None = None,
    gate: asyncio.Semaphore | None = None,
    on_failure: Callable[[ProviderError], None] = lambda _: None,
) -> Links:
    """Links through an opener; unlucky dice, so that delays are known."""
    return Links(
        endpoint,
        random=random or LongestDelays(),
        gate=gate or asyncio.Semaphore(1),
        opener=opener,
        on_failure=on_failure,
    )


@contextlib.asynccontextmanager
async def linked(opener: Opener, endpoint: Endpoint = URL) -> AsyncIterator[Link]:
    """The first connection."""
    async with contextlib.aclosing(links_to(opener, endpoint).links()) as links:
        yield await anext(links)


async def lost(link: Link) -> ProviderError:
    """Why the link is lost."""
    with pytest.raises(ProviderError) as caught:
        while True:
            await link.receive()
    return caught.value


async def failure_of(opener: Opener, endpoint: Endpoint = URL) -> ProviderError:
    """What the first attempt to connect comes to, fatal or not."""
    failed: asyncio.Future[ProviderError] = asyncio.get_running_loop().create_future()
    async with contextlib.aclosing(links_to(opener, endpoint, on_failure=failed.set_result).links()) as links:
        attempt = asyncio.ensure_future(anext(links))
        waiting: set[asyncio.Future[Any]] = {attempt, failed}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if attempt.done():
            with pytest.raises(ProviderError) as caught:
                attempt.result()
            assert caught.value.fatal, "what is not fatal is tried again"
            failed.cancel()
            return caught.value
        attempt.cancel()
        await asyncio.wait({attempt})
        assert not failed.result().fatal
        return failed.result()


def now() -> float:
    """The clock of the loop, in seconds."""
    return asyncio.get_running_loop().time()


def gaps(times: list[float]) -> list[float]:
    """The seconds between one time and the next."""
    return [round(after - before, 6) for before, after in itertools.pairwise(times)]
