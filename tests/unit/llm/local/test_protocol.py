"""The Responses wire, read and written without a socket."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from llm.local.protocol import Create, RequestError, conversation, error_event, read, stream_of
from llm.local.request import Assistant, Called, Developer, FunctionCall, Item, Request, Result, Tool, User
from llm.local.response_events import ResponseWriter
from tests.unit.llm.local.events import valid

TOOL = {"type": "function", "name": "look_up", "description": "Looks up.", "parameters": {"type": "object"}}


def create(**fields: Any) -> Create:
    return read(msgspec.json.encode({"type": "response.create", **fields}).decode())


def request(**fields: Any) -> Request:
    return conversation(create(**fields), ())


@pytest.mark.parametrize(
    ("item", "read_as"),
    [
        ({"role": "user", "content": "hi"}, User("hi")),
        ({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}, User("hi")),
        (
            {"role": "user", "content": [{"text": "a"}, {"type": "input_image", "image_url": "x"}, {"text": "b"}]},
            User("a b"),
        ),
        (
            {"role": "assistant", "content": [{"type": "output_text", "text": "yes", "annotations": []}]},
            Assistant("yes"),
        ),
        ({"role": "developer", "content": "note"}, Developer("note")),
        ({"role": "system", "content": "note"}, Developer("note")),
        ({"type": "function_call", "call_id": "c", "name": "n", "arguments": "{}"}, Called("c", "n", "{}")),
        ({"type": "function_call_output", "call_id": "c", "output": "o"}, Result("c", "o")),
        (
            {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "o"}]},
            Result("c", "o"),
        ),
        ({"type": "reasoning", "id": "r", "summary": []}, None),
    ],
)
def test_items(item: dict[str, Any], read_as: Item | None) -> None:
    assert request(input=[item]).items == ((read_as,) if read_as else ())


def test_a_request() -> None:
    asked = request(
        input="hello", instructions="Be brief.", tools=[TOOL, {"type": "web_search"}], store=False, truncation="auto"
    )
    assert asked == Request((User("hello"),), "Be brief.", (Tool("look_up", "Looks up.", {"type": "object"}),))
    assert conversation(create(input="b", previous_response_id="r"), (User("a"),)).items == (User("a"), User("b"))
    assert request(generate=False).items == ()


@pytest.mark.parametrize(
    ("choice", "read_as"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        ({"type": "function", "name": "look_up"}, "function:look_up"),
    ],
)
def test_tool_choice(choice: Any, read_as: str) -> None:
    assert request(input="x", tools=[TOOL], tool_choice=choice).tool_choice == read_as


BAD: list[tuple[str | bytes, str, str | None]] = [
    (b"{}", "text frames", None),
    ("", "not JSON", None),
    ("{", "not JSON", None),
    ("nonsense", "not JSON", None),
    ('{"type":"response.create","input":[{"a":' + "[" * 100_000, "not JSON", None),
    ("[]", "Expected `object`, got `array`", None),
    ("{}", "missing required field `type`", None),
    ('{"type":7}', "Expected `str`, got `int`", "type"),
    ('{"type":"response.cancel"}', "Unknown event type 'response.cancel'", "type"),
    ('{"type":"response.create"}', "Missing required parameter: 'input'", "input"),
    ('{"type":"response.create","input":7}', "Expected `str | array | null`", "input"),
    ('{"type":"response.create","input":[7]}', "Expected `object`, got `int`", "input[0]"),
    ('{"type":"response.create","input":[{}]}', "needs a 'type'", "input[0]"),
    ('{"type":"response.create","input":[{"role":"user"}]}', "missing required field `content`", "input[0]"),
    ('{"type":"response.create","input":[{"role":"boss","content":""}]}', "Unknown role 'boss'", "input[0].role"),
    ('{"type":"response.create","input":[{"role":"user","content":[3]}]}', "Expected `object`", "input[0].content[0]"),
    ('{"type":"response.create","input":[{"type":"function_call","name":"x"}]}', "field `call_id`", "input[0]"),
    ('{"type":"response.create","input":"x","stream_id":3}', "Expected `str | null`", "stream_id"),
    ('{"type":"response.create","input":"x","instructions":[]}', "Expected `str | null`", "instructions"),
    ('{"type":"response.create","input":"x","tools":[{"type":"function"}]}', "field `name`", "tools[0]"),
    ('{"type":"response.create","input":"x","tool_choice":"maybe"}', "tool_choice must be", "tool_choice"),
    (
        '{"type":"response.create","input":"x","tool_choice":{"type":"function","name":"y"}}',
        "names 'y', which is not in tools",
        "tool_choice",
    ),
]


@pytest.mark.parametrize(("message", "says", "param"), BAD)
def test_bad_messages(message: str | bytes, says: str, param: str | None) -> None:
    with pytest.raises(RequestError) as failed:
        conversation(read(message), ())
    assert says in str(failed.value)
    assert failed.value.param == param
    event = valid(error_event(failed.value, "lane"))
    assert (event.type, event.status, event.stream_id) == ("error", 400, "lane")


def test_the_lane_of_a_bad_message_is_found() -> None:
    assert stream_of('{"type":"x","stream_id":"a","input":7}') == "a"
    assert stream_of("{") is None and stream_of(b"\xff") is None and stream_of("[" * 100_000) is None


@pytest.mark.parametrize("stream_id", [None, "lane 1"])
def test_every_event_is_one_of_the_protocol(stream_id: str | None) -> None:
    asked = create(
        input="hello",
        instructions="Be brief.",
        tools=[TOOL],
        tool_choice={"type": "function", "name": "look_up"},
        metadata={"a": "b"},
        stream_id=stream_id,
    )
    writer = ResponseWriter(asked, conversation(asked, ()), "resp_1", 1.5)
    raw = [
        *writer.begin(),
        *writer.text("Let me"),
        *writer.text(" see."),
        *writer.call(FunctionCall("look_up", {"topic": "x"})),
        *writer.call(FunctionCall("look_up", {})),
        *writer.text("So."),
        *writer.complete(),
    ]
    events = [valid(event) for event in raw]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert all(event.stream_id == stream_id for event in events)
    assert all(("stream_id" in msgspec.json.decode(event)) is (stream_id is not None) for event in raw)
    message = ["output_item.added", "content_part.added", "output_text.delta"]
    message_end = ["output_text.done", "content_part.done", "output_item.done"]
    call = ["output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done"]
    assert [event.type.removeprefix("response.") for event in events] == [
        *["created", "in_progress"],
        *[*message, "output_text.delta", *message_end],
        *[*call, *call],
        *[*message, *message_end],
        "completed",
    ]
    final = events[-1].response
    assert [item.type for item in final.output] == ["message", "function_call", "function_call", "message"]
    assert [item.output_index for item in events if item.type == "response.output_item.done"] == [0, 1, 2, 3]
    assert len({item.id for item in final.output}) == 4 and len({item.call_id for item in final.output[1:3]}) == 2
    assert final.output_text == "Let me see.So."
    assert final.usage.total_tokens == final.usage.input_tokens + final.usage.output_tokens > 0
    assert final.status == "completed" and events[0].response.status == "in_progress"
    assert [type(item) for item in writer.items] == [Assistant, Called, Called, Assistant]


def test_a_failed_response() -> None:
    asked = create(input="hello")
    writer = ResponseWriter(asked, conversation(asked, ()), "resp_1", 1.5)
    events = [valid(event) for event in (*writer.begin(), *writer.text("So"), *writer.failed("It broke."))]
    assert events[-1].response.status == "failed" and events[-1].response.error.message == "It broke."
