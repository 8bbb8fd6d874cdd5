"""Desks at a language model behind a websocket, and what tests read from them."""

from __future__ import annotations

import asyncio

from link.websocket import Endpoint, Opener
from llm.events import Delta
from llm.responses import ResponsesCodec, ResponsesSettings
from llm.websocket import WebsocketLLMService
from tests.unit.link.dice import LongestDelays, ShortestDelays
from tests.unit.llm.desk import Desk


def service(
    opener: Opener,
    *,
    url: str = "ws://localhost/",
    lanes: bool = True,
    settings: ResponsesSettings | None = None,
) -> WebsocketLLMService:
    """The service at a peer in virtual time; unlucky dice, so that delays are known."""
    codec = ResponsesCodec(settings or ResponsesSettings("m", lanes=lanes))
    return WebsocketLLMService(
        Endpoint(url, ping_s=600.0), codec, random=LongestDelays(), gate=asyncio.Semaphore(1), opener=opener
    )


def real(
    url: str,
    *,
    lanes: bool = True,
    headers: tuple[tuple[str, str], ...] = (),
    settings: ResponsesSettings | None = None,
) -> Desk:
    """A desk at a real server; lucky dice, for nobody likes to wait."""
    codec = ResponsesCodec(settings or ResponsesSettings("m", lanes=lanes))
    endpoint = Endpoint(url, headers)
    return Desk(WebsocketLLMService(endpoint, codec, random=ShortestDelays(), gate=asyncio.Semaphore(1)))


def now() -> float:
    """The clock of the loop, in seconds."""
    return asyncio.get_running_loop().time()


async def a_moment() -> None:
    """Let everything happen that needs no time."""
    await asyncio.sleep(0.001)


def text_of(desk: Desk, reply: int) -> str:
    """All text of a reply that was posted."""
    return "".join(fact.text for fact in desk.facts if isinstance(fact, Delta) and fact.reply == reply)


def kinds(desk: Desk) -> list[str]:
    """The kinds of all facts that were posted."""
    return [type(fact).__name__ for fact in desk.facts]
