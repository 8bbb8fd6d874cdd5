"""The brain's server with OpenAI's own client, unchanged: what our own client uses of the protocol, used by theirs."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from openai import AsyncOpenAI
from openai.resources.responses.responses import AsyncResponsesConnection

from llm.local.faults import Faults
from llm.local.scripted import words
from llm.local.server import LocalBrain
from tests.unit.llm.local.client import serving

pytestmark = pytest.mark.asyncio


@contextlib.asynccontextmanager
async def connected(brain: LocalBrain) -> AsyncIterator[AsyncResponsesConnection]:
    """Their connection."""
    base_url = brain.url.replace("ws://", "http://").removesuffix("/responses")
    async with AsyncOpenAI(base_url=base_url, api_key="x") as client, client.responses.connect() as connection:
        yield connection


async def end(connection: AsyncResponsesConnection, stream_id: str | None = None) -> Any:
    """The last event of a response."""
    ends = {"response.completed", "response.incomplete", "response.failed", "error"}
    async for event in connection:
        if event.type in ends and (stream_id is None or event.stream_id == stream_id):
            return event
    raise AssertionError("the connection ended")


def turn(text: str) -> Any:
    return [{"type": "message", "role": "user", "content": text}]


async def test_what_was_known_before_counts_as_cached() -> None:
    async with serving(words(12)) as brain, connected(brain) as connection:
        await connection.response.create(model="m", input=turn("hello"), store=False, instructions="Be brief.")
        first = (await end(connection)).response
        assert first.usage.input_tokens_details.cached_tokens == 0
        await connection.response.create(model="m", input=turn("more"), previous_response_id=first.id)
        usage = (await end(connection)).response.usage
        assert 0 < usage.input_tokens_details.cached_tokens < usage.input_tokens


async def test_a_warm_up_and_lanes_that_fork() -> None:
    async with serving(words(12)) as brain, connected(brain) as connection:
        await connection.response.create(model="m", input=turn("hello"), generate=False, stream_id="a")
        warm = (await end(connection, "a")).response
        assert (warm.status, warm.output) == ("completed", [])
        for lane in ("b", "c"):
            await connection.response.create(model="m", input=turn(lane), previous_response_id=warm.id, stream_id=lane)
            answer = (await end(connection, lane)).response
            assert answer.output_text.startswith("Answer zero")


async def test_a_limit_of_tokens_cuts_the_answer() -> None:
    async with serving(words(40)) as brain, connected(brain) as connection:
        await connection.response.create(model="m", input=turn("hello"), max_output_tokens=10)
        event = await end(connection)
        assert (event.type, event.response.status) == ("response.incomplete", "incomplete")
        assert event.response.incomplete_details.reason == "max_output_tokens"
        assert event.response.output_text == "Answer zero one two three four"
        assert event.response.usage.output_tokens <= 10


async def test_an_answer_breaks_off_as_it_was_told() -> None:
    async with serving(words(40), faults=Faults(fail_after_events=6)) as brain, connected(brain) as connection:
        await connection.response.create(model="m", input=turn("hello"))
        event = await end(connection)
        assert (event.type, event.response.error.code) == ("response.failed", "server_error")
        brain.faults = Faults(filter_after_events=6)
        await connection.response.create(model="m", input=turn("hello"))
        event = await end(connection)
        assert event.response.incomplete_details.reason == "content_filter"
        assert event.response.output_text


async def test_a_server_forgets_as_it_was_told() -> None:
    async with serving(words(4)) as brain, connected(brain) as connection:
        await connection.response.create(model="m", input=turn("hello"))
        first = (await end(connection)).response
        brain.faults = Faults(forget_responses=True)
        await connection.response.create(model="m", input=turn("more"), previous_response_id=first.id)
        assert (await end(connection)).error.code == "previous_response_not_found"
        brain.faults = Faults()
        await connection.response.create(model="m", input=turn("more"), previous_response_id=first.id)
        assert (await end(connection)).type == "response.completed"


async def test_pictures_and_thoughts_are_taken() -> None:
    picture = {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "low"}
    log: Any = [
        {"role": "user", "content": [{"type": "input_text", "text": "what is nine plus five"}, picture]},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"},
    ]
    async with serving() as brain, connected(brain) as connection:
        await connection.response.create(model="m", input=log, include=["reasoning.encrypted_content"])
        assert (await end(connection)).response.output_text == "Nine plus five is fourteen."
