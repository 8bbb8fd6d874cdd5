"""OpenAI's own client at the brain's Chat Completions server, and its types, to which the answers are held."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

from openai import AsyncOpenAI
from openai.types.chat import ChatCompletion, ChatCompletionChunk, ChatCompletionMessage

from llm.local.chat_server import LocalChat
from llm.local.faults import Faults
from llm.local.request import Respond, Tool
from tests.unit.llm.local.talk import NOW
from tests.unit.llm.sdk import unknown_fields

AT_ONCE = Faults()
PATIENCE_S = 5.0


@contextlib.asynccontextmanager
async def serving(respond: Respond | None = None, **options: Any) -> AsyncIterator[LocalChat]:
    """The server, on a free port."""
    options = {"faults": AT_ONCE, "now": lambda: NOW, **options}
    chat = LocalChat(respond, **options) if respond else LocalChat(**options)
    await chat.start()
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield chat
    finally:
        await chat.close()


@contextlib.asynccontextmanager
async def client_of(chat: LocalChat, api_key: str = "x", **options: Any) -> AsyncIterator[Any]:
    """Their `chat.completions`; it asks once, as ours does."""
    async with AsyncOpenAI(base_url=chat.url, api_key=api_key, max_retries=0, **options) as client:
        yield client.chat.completions


async def until_served(chat: LocalChat, clients: int) -> None:
    """Until so many wait for an answer, or hear one."""
    while chat.connections != clients:  # noqa: ASYNC110 - nobody tells a test
        await asyncio.sleep(0)


def offered(tools: Sequence[Tool]) -> list[dict[str, Any]]:
    """Tools as a client offers them."""
    return [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
        }
        for tool in tools
    ]


def user(*texts: str) -> list[dict[str, Any]]:
    """A user's messages."""
    return [{"role": "user", "content": text} for text in texts]


def chunk(raw: bytes) -> ChatCompletionChunk:
    """A chunk, checked: it parses as their own type, strictly and without unknown fields."""
    read = ChatCompletionChunk.model_validate_json(raw, strict=True)
    assert unknown_fields(read) == set()
    return read


def completion(raw: bytes | str) -> ChatCompletion:
    """A whole answer, checked in the same way."""
    read = ChatCompletion.model_validate_json(raw, strict=True)
    assert unknown_fields(read) == set()
    return read


async def chunks_of(stream: Any) -> list[ChatCompletionChunk]:
    """The chunks of a stream, each checked."""
    return [chunk(each.model_dump_json(exclude_unset=True).encode()) async for each in stream]


def text_of(chunks: Sequence[ChatCompletionChunk]) -> str:
    """The words of an answer."""
    return "".join(choice.delta.content or "" for each in chunks for choice in each.choices)


def calls_of(chunks: Sequence[ChatCompletionChunk]) -> list[tuple[str, str, str]]:
    """The calls of an answer, put together: id, name, arguments."""
    calls: dict[int, list[str]] = {}
    for piece in (piece for each in chunks for choice in each.choices for piece in choice.delta.tool_calls or ()):
        call = calls.setdefault(piece.index, ["", "", ""])
        assert piece.function is not None
        for at, part in enumerate((piece.id, piece.function.name, piece.function.arguments)):
            call[at] += part or ""
    return [(call_id, name, arguments) for _, (call_id, name, arguments) in sorted(calls.items())]


def results(message: ChatCompletionMessage, *outputs: str) -> list[Any]:
    """A message with calls, and their results, to be sent back."""
    ids = [call.id for call in message.tool_calls or ()]
    said = [{"role": "tool", "tool_call_id": id, "content": text} for id, text in zip(ids, outputs, strict=True)]
    return [message.model_dump(exclude_none=True), *said]
