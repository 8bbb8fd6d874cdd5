"""The Chat Completions wire, read and written without a socket."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from openai.types import ErrorObject

from llm.local.chat_protocol import ChatWriter, Completion, conversation, error_body, permitted, read
from llm.local.protocol import RequestError
from llm.local.request import (
    Assistant,
    Called,
    Developer,
    FunctionCall,
    Item,
    Output,
    Request,
    Result,
    Text,
    Tool,
    User,
)
from tests.unit.llm.local.chat_client import calls_of, chunk, completion, text_of, user

LOOK_UP = {"type": "function", "function": {"name": "look_up", "description": "Looks up.", "parameters": {"a": 1}}}
CALL = {"id": "c", "type": "function", "function": {"name": "n", "arguments": "{}"}}
HI: dict[str, Any] = {"messages": user("hi")}


def asked(**fields: Any) -> Completion:
    return read(msgspec.json.encode(fields))


def request(**fields: Any) -> Request:
    return conversation(asked(**fields))


@pytest.mark.parametrize(
    ("message", "items"),
    [
        ({"role": "user", "content": "hi", "name": "Ann"}, [User("hi")]),
        ({"role": "user", "content": ""}, [User("")]),
        ({"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, [User("a b")]),
        (
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {}}]},
            [User("a")],
        ),
        ({"role": "developer", "content": "note"}, [Developer("note")]),
        ({"role": "system", "content": [{"type": "text", "text": "note"}]}, [Developer("note")]),
        ({"role": "assistant", "content": "yes", "refusal": None}, [Assistant("yes")]),
        ({"role": "assistant", "content": None, "tool_calls": [CALL]}, [Called("c", "n", "{}")]),
        ({"role": "assistant", "tool_calls": [CALL]}, [Called("c", "n", "{}")]),
        (
            {"role": "assistant", "content": "So.", "tool_calls": [CALL, {**CALL, "id": "d"}]},
            [Assistant("So."), Called("c", "n", "{}"), Called("d", "n", "{}")],
        ),
        ({"role": "assistant", "tool_calls": [{"id": "x", "type": "custom", "custom": {"name": "n"}}]}, []),
        ({"role": "tool", "tool_call_id": "c", "content": "o"}, [Result("c", "o")]),
        ({"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "o"}]}, [Result("c", "o")]),
    ],
)
def test_messages(message: dict[str, Any], items: list[Item]) -> None:
    assert request(messages=[*user("first"), message]).items == (User("first"), *items)


@pytest.mark.parametrize("role", ["system", "developer"])
def test_the_leading_message_of_the_application_is_the_instructions(role: str) -> None:
    first, second = {"role": role, "content": "Be brief."}, {"role": role, "content": "Greet."}
    assert request(messages=[first, *user("hi"), second]) == Request((User("hi"), Developer("Greet.")), "Be brief.")
    assert request(messages=[first, second]) == Request((Developer("Greet."),), "Be brief.")
    assert request(messages=[first]) == Request((), "Be brief.")


def test_a_request() -> None:
    search = {"type": "custom", "custom": {"name": "x"}}
    more: dict[str, Any] = {"temperature": 0.5, "n": 1, "store": False, "service_tier": "auto"}
    assert request(**HI, tools=[LOOK_UP, search], **more) == Request(
        (User("hi"),), "", (Tool("look_up", "Looks up.", {"a": 1}),)
    )


@pytest.mark.parametrize(
    ("choice", "read_as"),
    [
        (None, "auto"),
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        ({"type": "function", "function": {"name": "look_up"}}, "function:look_up"),
    ],
)
def test_tool_choice(choice: Any, read_as: str) -> None:
    assert request(**HI, tools=[LOOK_UP], tool_choice=choice).tool_choice == read_as


def test_what_is_wanted_of_the_answer() -> None:
    assert (asked(**HI).most, asked(**HI).wants_usage) == (None, False)
    assert asked(**HI, max_tokens=5).most == 5
    assert asked(**HI, max_tokens=5, max_completion_tokens=0).most == 0
    assert asked(**HI, stream_options={"include_usage": True}).wants_usage
    assert not asked(**HI, stream_options={"include_usage": False}).wants_usage


def test_one_call_at_a_time_where_the_client_wants_that() -> None:
    outputs: list[Output] = [Text("So."), FunctionCall("a", {}), FunctionCall("b", {}), Text("Done.")]
    assert permitted(outputs, asked(**HI)) == permitted(outputs, asked(**HI, parallel_tool_calls=True)) == outputs
    kept = permitted(outputs, asked(**HI, parallel_tool_calls=False))
    assert kept == [Text("So."), FunctionCall("a", {}), Text("Done.")]


def body(**fields: Any) -> bytes:
    return msgspec.json.encode({**HI, **fields})


def messages(*given: Any) -> bytes:
    return msgspec.json.encode({"messages": given})


BAD: list[tuple[bytes, str, str | None]] = [
    (b"", "not JSON", None),
    (b"{", "not JSON", None),
    (b'{"model":"\xff"}', "not JSON", None),
    (b'{"model":"\\ud800"}', "not JSON", None),
    (b'{"messages":[],"tools":[{"function":{"name":"x","parameters":' + b'{"a":' * 100_000, "not JSON", None),
    (b"[]", "Expected `object`, got `array`", None),
    (b"{}", "Missing required parameter: 'messages'", "messages"),
    (messages(), "at least one message", "messages"),
    (messages(7), "Expected `object`, got `int`", "messages[0]"),
    (messages({"content": "x"}), "missing required field `role`", "messages[0]"),
    (messages({"role": "user"}), "Missing required parameter", "messages[0].content"),
    (messages({"role": "user", "content": None}), "Missing required parameter", "messages[0].content"),
    (messages({"role": "assistant", "tool_calls": []}), "Missing required parameter", "messages[0].content"),
    (messages({"role": "boss", "content": ""}), "Unknown role 'boss'", "messages[0].role"),
    (messages({"role": "user", "content": [3]}), "Expected `object`", "messages[0].content[0]"),
    (messages({"role": "tool", "content": "x"}), "Missing required parameter", "messages[0].tool_call_id"),
    (messages({"role": "assistant", "tool_calls": [{}]}), "field `id`", "messages[0].tool_calls[0]"),
    (
        messages({"role": "assistant", "tool_calls": [{"id": "x"}]}),
        "Missing required parameter",
        "messages[0].tool_calls[0].function",
    ),
    (body(stream="yes"), "Expected `bool | null`", "stream"),
    (body(tools=[{"type": "function"}]), "Missing required parameter", "tools[0].function"),
    (body(tools=[{"function": {}}]), "field `name`", "tools[0].function"),
    (body(tool_choice="maybe"), "tool_choice must be", "tool_choice"),
    (body(tool_choice={"type": "allowed_tools"}), "tool_choice must be", "tool_choice"),
    (body(tool_choice={"type": "function"}), "Missing required parameter", "tool_choice.function"),
    (
        body(tool_choice={"type": "function", "function": {"name": "y"}}),
        "names 'y', which is not in tools",
        "tool_choice",
    ),
]


@pytest.mark.parametrize(("wrong", "says", "param"), BAD)
def test_bad_requests(wrong: bytes, says: str, param: str | None) -> None:
    with pytest.raises(RequestError) as failed:
        conversation(read(wrong))
    assert says in str(failed.value)
    told = ErrorObject.model_validate(msgspec.json.decode(error_body(failed.value))["error"], strict=True)
    assert (failed.value.status, told.type, told.param) == (400, "invalid_request_error", param)
    assert told.message == str(failed.value) and told.code


def written(**fields: Any) -> ChatWriter:
    given = asked(**HI, **fields)
    return ChatWriter(given, conversation(given), "chatcmpl-1", 1.5)


@pytest.mark.parametrize("usage", [False, True])
def test_every_chunk_is_one_of_the_protocol(*, usage: bool) -> None:
    writer = written(model="any", **({"stream_options": {"include_usage": True}} if usage else {}))
    raw = [
        *writer.begin(),
        *writer.text("Let me"),
        *writer.text(" see."),
        *writer.call(FunctionCall("look_up", {"topic": "the moon, and all that is on it"})),
        *writer.call(FunctionCall("stop", {})),
        *writer.end(),
    ]
    chunks = [chunk(each) for each in raw]
    assert {(each.id, each.created, each.model) for each in chunks} == {("chatcmpl-1", 1, "any")}
    assert all((b'"usage"' in each) is usage for each in raw), "null, but in the last one"
    assert chunks[0].choices[0].delta.role == "assistant"
    assert text_of(chunks) == "Let me see."
    assert calls_of(chunks) == [
        ("call_1_0", "look_up", '{"topic":"the moon, and all that is on it"}'),
        ("call_1_1", "stop", "{}"),
    ]
    pieces = [call for each in chunks for choice in each.choices for call in choice.delta.tool_calls or ()]
    assert [call.index for call in pieces] == [0, 0, 0, 0, 1, 1], "the arguments come in pieces"
    assert [call.type for call in pieces] == ["function", None, None, None, "function", None]
    ends = [choice.finish_reason for each in chunks for choice in each.choices if choice.finish_reason]
    assert ends == ["tool_calls"]
    if usage:
        counted = chunks[-1].usage
        assert chunks[-1].choices == [] and counted is not None
        assert counted.total_tokens == counted.prompt_tokens + counted.completion_tokens > 0


@pytest.mark.parametrize(
    ("told", "read_as"), [("", "stop"), ("length", "length"), ("content_filter", "content_filter")]
)
def test_why_it_ends(told: Any, read_as: str) -> None:
    writer = written()
    chunks = [chunk(each) for each in (*writer.begin(), *writer.text("So"), *writer.end(told))]
    assert chunks[-1].choices[0].finish_reason == completion(writer.whole()).choices[0].finish_reason == read_as


def test_a_whole_answer() -> None:
    writer = written()
    for made in (writer.begin, lambda: writer.text("Let me"), lambda: writer.text(" see."), writer.end):
        made()
    answer = completion(writer.whole())
    assert (answer.id, answer.model, answer.created) == ("chatcmpl-1", "voicewire-local", 1)
    assert (answer.choices[0].message.content, answer.choices[0].message.tool_calls) == ("Let me see.", None)
    assert answer.usage is not None and answer.usage.completion_tokens == 3


def test_a_whole_answer_of_calls_only_has_no_words() -> None:
    writer = written()
    for made in (writer.begin, lambda: writer.call(FunctionCall("stop", {})), writer.end):
        made()
    answer = completion(writer.whole())
    message = answer.choices[0].message
    assert (message.content, answer.choices[0].finish_reason) == (None, "tool_calls")
    assert [call.model_dump() for call in message.tool_calls or ()] == [
        {"id": "call_1_0", "type": "function", "function": {"name": "stop", "arguments": "{}"}}
    ]
