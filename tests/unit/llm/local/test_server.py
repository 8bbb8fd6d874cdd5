"""The brain's server on a real loopback socket, with OpenAI's own client and with a bare websocket."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import pytest
from openai import AsyncOpenAI
from openai.resources.responses.responses import AsyncResponsesConnection
from openai.types.responses import Response, ResponseCompletedEvent, ResponseFunctionToolCall, ResponseTextDeltaEvent
from openai.types.responses.responses_server_event import ResponseWsError
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from link.errors import ConfigError
from llm.local.connection import MAX_LANES, MAX_PENDING, MAX_STORED, deltas
from llm.local.faults import Faults
from llm.local.request import Assistant, FunctionCall, Output, Request, Text, User
from llm.local.scripted import scripted, words
from llm.local.server import LocalBrain
from tests.unit.llm.local.client import answer, ask, hear, serving
from tests.unit.llm.local.talk import NOW

pytestmark = pytest.mark.asyncio

TIMER: Any = {
    "type": "function",
    "name": "set_timer",
    "description": "Set a timer.",
    "parameters": {"type": "object", "properties": {"seconds": {"type": "integer"}}, "required": ["seconds"]},
}


def openai_client(brain: LocalBrain, api_key: str) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=brain.url.replace("ws://", "http://").removesuffix("/responses"), api_key=api_key)


async def whole_answer(connection: AsyncResponsesConnection) -> tuple[str, Response]:
    """The text as it streams in, and the response at its end, by OpenAI's own client."""
    text = ""
    async for event in connection:
        assert not isinstance(event, ResponseWsError), event
        if isinstance(event, ResponseTextDeltaEvent):
            text += event.delta
        if isinstance(event, ResponseCompletedEvent):
            return text, event.response
    raise AssertionError("the connection ended")


async def test_openai_client_text_and_tools() -> None:
    async with serving(token="secret") as brain, openai_client(brain, "secret") as client:
        connection: AsyncResponsesConnection
        async with client.responses.connect() as connection:
            await connection.response.create(model="any", input="what is nine plus five", store=False)
            text, response = await whole_answer(connection)
            assert text == "Nine plus five is fourteen." == response.output_text
            assert response.model == "any"

            await connection.response.create(
                input="set a timer for three seconds", tools=[TIMER], previous_response_id=response.id
            )
            text, response = await whole_answer(connection)
            (call,) = response.output
            assert text == "" and isinstance(call, ResponseFunctionToolCall)
            assert (call.name, json.loads(call.arguments)) == ("set_timer", {"seconds": 3})

            result: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "COMPLETED"}
            await connection.response.create(input=[result], previous_response_id=response.id)
            text, response = await whole_answer(connection)
            assert text == "Your timer of three seconds is over."


async def test_openai_client_is_told_of_errors() -> None:
    async with serving() as brain, openai_client(brain, "x") as client, client.responses.connect() as connection:
        await connection.response.create(model="any", input="hello", previous_response_id="resp_gone")
        event = await connection.recv()
        assert isinstance(event, ResponseWsError) and event.status == 400
        assert event.error.code == "previous_response_not_found"


async def test_warm_up_gives_an_id_and_no_output() -> None:
    async with serving() as brain, connect(brain.url) as websocket:
        warm = await answer(websocket, input=[{"role": "user", "content": "what is"}], generate=False)
        assert warm.response.output == []
        event = await answer(websocket, input="nine plus five", previous_response_id=warm.response.id)
        assert event.response.output_text == "Nine plus five is fourteen."


async def test_instructions_and_tools_are_not_carried_over() -> None:
    async with serving() as brain, connect(brain.url) as websocket:
        first = await answer(
            websocket, input="hi", instructions="You answer the phone of a bicycle shop.", tools=[TIMER]
        )
        event = await answer(websocket, input="who are you", previous_response_id=first.response.id)
        assert "shop" not in event.response.output_text
        event = await answer(websocket, input="set a timer", previous_response_id=event.response.id)
        assert event.response.output_text == "I have no timer on this line."


async def test_the_newest_conversations_are_kept() -> None:
    async with serving() as brain, connect(brain.url) as websocket:
        ids = [(await answer(websocket, input="hello")).response.id for _ in range(MAX_STORED + 1)]
        event = await answer(websocket, input="hello", previous_response_id=ids[0])
        assert event.error.code == "previous_response_not_found"
        assert (await answer(websocket, input="hello", previous_response_id=ids[1])).type == "response.completed"
        big = await answer(websocket, input=[{"role": "user", "content": "x" * 900_000}], generate=False)
        for _ in range(4):
            big = await answer(websocket, input="y" * 900_000, previous_response_id=big.response.id, generate=False)
        event = await answer(websocket, input="hello", previous_response_id=big.response.id)
        assert event.error.code == "previous_response_not_found", "over 4 MiB is not kept"


async def test_another_connection_knows_nothing_of_it() -> None:
    async with serving() as brain:
        async with connect(brain.url) as websocket:
            first = (await answer(websocket, input="hello")).response.id
        async with connect(brain.url) as websocket:
            event = await answer(websocket, input="hello", previous_response_id=first)
            assert event.error.code == "previous_response_not_found"
            assert (await answer(websocket, input="hello")).response.id != first


async def test_lanes_run_side_by_side_and_each_in_order() -> None:
    def respond(request: Request, now: datetime) -> Iterable[Output]:
        assert isinstance(request.items[-1], User)
        return [Text(request.items[-1].text)]

    async with serving(respond, faults=Faults(token_ms=0.001)) as brain, connect(brain.url) as websocket:
        for turn in ("first", "second"):
            for lane in ("a", "b", None):
                fields = {"stream_id": lane} if lane else {}
                await ask(websocket, input=f"{turn} on lane {lane or 'none'} " * 6, **fields)
        order, open_lanes, side_by_side = list[tuple[str | None, str]](), set[str | None](), 0
        while len(order) < 6:
            event = await hear(websocket)
            if event.type == "response.created":
                assert event.stream_id not in open_lanes, "one lane answers one after the other"
                open_lanes.add(event.stream_id)
            side_by_side = max(side_by_side, len(open_lanes))
            if event.type == "response.completed":
                open_lanes.remove(event.stream_id)
                order.append((event.stream_id, event.response.output_text.split()[0]))
                assert (event.stream_id or "none") in event.response.output_text
        assert side_by_side == 3
        for lane in ("a", "b", None):
            assert [turn for name, turn in order if name == lane] == ["first", "second"]


async def test_too_many_lanes_are_refused() -> None:
    slow = Faults(first_token_ms=60_000)
    async with serving(words(4), faults=slow) as brain, connect(brain.url, max_queue=None) as websocket:
        for lane in range(MAX_LANES):
            await ask(websocket, input="x", stream_id=str(lane))
        await ask(websocket, input="x", stream_id="one more")
        while (event := await hear(websocket)).type != "error":
            pass
        assert (event.status, event.error.code, event.stream_id) == (429, "rate_limit_exceeded", "one more")


async def test_too_many_requests_are_refused() -> None:
    slow = Faults(first_token_ms=60_000)
    async with serving(words(4), faults=slow) as brain, connect(brain.url, max_queue=None) as websocket:
        for _ in range(MAX_PENDING + 1):
            await ask(websocket, input="x")
        while (event := await hear(websocket)).type != "error":
            pass
        assert event.error.code == "rate_limit_exceeded"


async def test_many_lanes_in_turn_are_no_trouble() -> None:
    async with serving() as brain, connect(brain.url) as websocket:
        for lane in range(MAX_LANES + 2):
            assert (await answer(websocket, input="hi", stream_id=str(lane))).stream_id == str(lane)


@pytest.mark.parametrize(
    "message", ["{", "[]", '{"type":"response.cancel"}', '{"type":"response.create"}', b"\x00", "1" * 9999]
)
async def test_a_bad_message_is_answered_and_the_next_one_too(message: str | bytes) -> None:
    async with serving() as brain, connect(brain.url) as websocket:
        await websocket.send(message)
        assert (await hear(websocket)).type == "error"
        assert (await answer(websocket, input="what is nine plus five")).type == "response.completed"


async def test_a_message_over_the_limit_ends_the_connection() -> None:
    async with serving() as brain, connect(brain.url) as websocket:
        with pytest.raises(ConnectionClosed) as closed:
            await answer(websocket, input="x" * (1 << 20))
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1009


async def test_a_fault_in_the_answer_fails_the_response_only() -> None:
    def respond(request: Request, now: datetime) -> Iterable[Output]:
        raise ZeroDivisionError

    async with serving(respond) as brain, connect(brain.url) as websocket:
        for _ in range(2):
            event = await answer(websocket, input="x")
            assert event.type == "response.failed" and "ZeroDivision" not in event.response.error.message


@pytest.mark.parametrize(
    ("options", "path", "headers", "status"),
    [
        ({}, "/v1/nothing", {}, 404),
        ({"token": "t"}, "", {}, 401),
        ({"token": "t"}, "", {"Authorization": "Bearer u"}, 401),
        ({"token": "t\u00e9"}, "", {"Authorization": "t"}, 401),
        ({}, "", {"Origin": "http://example.com"}, 403),
        ({"max_connections": 0}, "", {}, 503),
        ({}, "?faults=token_ms:1", {}, 400),
        ({"allow_fault_requests": True}, "?faults=nonsense", {}, 400),
        ({"faults": Faults(reject_status=429, retry_after_s=1.5)}, "", {}, 429),
    ],
)
async def test_refused_before_the_upgrade(options: Any, path: str, headers: Any, status: int) -> None:
    async with serving(**options) as brain:
        url = brain.url.replace("/v1/responses", path) if path.startswith("/") else brain.url + path
        with pytest.raises(InvalidStatus) as refused:
            await connect(url, additional_headers=headers)
        assert refused.value.response.status_code == status
        assert brain.connections == 0
        if status == 429:
            assert refused.value.response.headers["Retry-After"] == "1.5"


async def test_the_port_is_taken() -> None:
    async with serving() as brain:
        port = int(brain.url.split(":")[2].split("/")[0])
        with pytest.raises(ConfigError, match=r"cannot listen on 127\.0\.0\.1:"):
            await LocalBrain().start(port=port)


async def test_close_ends_connections_with_1001() -> None:
    async with serving(words(4), faults=Faults(first_token_ms=60_000)) as brain, connect(brain.url) as websocket:
        await ask(websocket, input="x")
        await hear(websocket)
        assert brain.connections == 1
        await brain.close()
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                await hear(websocket)
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1001
        assert brain.connections == 0


async def test_a_script_answers_turn_by_turn() -> None:
    respond = scripted(
        [[Text("Let me see."), FunctionCall("look_up", {"topic": "x"})], [Text("One two three.")], [Text("Bye.")]]
    )
    async with serving(respond) as brain, connect(brain.url) as websocket:
        first = (await answer(websocket, input="go")).response
        assert first.output_text == "Let me see." and first.output[1].name == "look_up"
        output = {"type": "function_call_output", "call_id": first.output[1].call_id, "output": "done"}
        second = (await answer(websocket, input=[output], previous_response_id=first.id)).response
        assert second.output_text == "One two three."
        for _ in range(2):
            second = (await answer(websocket, input="more", previous_response_id=second.id)).response
            assert second.output_text == "Bye."
    assert list(respond(Request((User("go"), Assistant("Let me see."))), NOW)) == [
        FunctionCall("look_up", {"topic": "x"})
    ]


async def test_deltas_keep_words_whole() -> None:
    text = "One two three, four  five six.\nSeven eight"
    assert "".join(deltas(text)) == text
    assert deltas(text) == ["One two three,", " four  five six.", "\nSeven eight"]
    assert deltas("") == [] and deltas(" ") == [" "]
