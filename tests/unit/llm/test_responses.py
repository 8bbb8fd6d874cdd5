"""Our requests and their events, against the types of OpenAI's own client."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.responses import ResponsesClientEvent
from pydantic import BaseModel, TypeAdapter

from link.errors import ProviderError
from llm.events import Delta, FunctionCall, Output, Progress, ReplyDone, ReplyFailed, Request, ToolSchema, Usage
from llm.items import AssistantMessage, Call, DeveloperMessage, UserMessage
from llm.responses import FATAL_CODES, MAX_WISH_S, NOBODY, ConnectionOver, ResponsesCodec, ResponsesSettings
from llm.tools import make_tool
from tests.unit.llm.local.events import valid

_CLIENT_EVENT: TypeAdapter[Any] = TypeAdapter(ResponsesClientEvent)

LANES = ResponsesCodec(ResponsesSettings("gpt"))
NO_LANES = ResponsesCodec(ResponsesSettings("gpt", lanes=False))

LOG = (
    UserMessage("What do two things cost?"),
    AssistantMessage("Let me see.", (Call("c1", "price", '{"of":"bell"}', "9"), Call("c2", "price", "{}", "Error: x"))),
    DeveloperMessage("The line is bad."),
    AssistantMessage("Nine."),
    UserMessage("Thanks é ✓"),
)


def request(codec: ResponsesCodec, asked: Request, reply: int = 7) -> dict[str, Any]:
    """The message, checked: it parses as the client's own type, strictly and without unknown fields."""
    message = codec.request(reply, asked)
    assert unknown_fields(_CLIENT_EVENT.validate_json(message, strict=True)) == set()
    decoded: dict[str, Any] = json.loads(message)
    return decoded


def unknown_fields(value: Any) -> set[str]:
    """The fields that the client's own types do not have."""
    if isinstance(value, list):
        return {name for each in value for name in unknown_fields(each)}
    if not isinstance(value, BaseModel):
        return set()
    fields = [getattr(value, name) for name in type(value).model_fields]
    return {*(value.model_extra or ()), *unknown_fields(fields)}


# --- requests -------------------------------------------------------------------------------------------------------


def test_a_request() -> None:
    def price(of: str) -> int:
        """What a thing costs."""
        return len(of)

    schema = make_tool(price).spec.schema
    assert request(LANES, Request("Be brief.", (UserMessage("Hello"),), (schema,))) == {
        "type": "response.create",
        "model": "gpt",
        "instructions": "Be brief.",
        "input": [{"type": "message", "role": "user", "content": "Hello"}],
        "tools": [
            {
                "type": "function",
                "name": "price",
                "description": "What a thing costs.",
                "parameters": {
                    "type": "object",
                    "properties": {"of": {"type": "string"}},
                    "required": ["of"],
                    "additionalProperties": False,
                },
                "strict": False,
            }
        ],
        "store": False,
        "stream_id": "r7",
    }


def test_the_log_becomes_items_in_its_order() -> None:
    """All calls of a response, after its words; then their results in the order of the calls."""
    assert request(LANES, Request("", LOG))["input"] == [
        {"type": "message", "role": "user", "content": "What do two things cost?"},
        {"type": "message", "role": "assistant", "content": "Let me see."},
        {"type": "function_call", "call_id": "c1", "name": "price", "arguments": '{"of":"bell"}'},
        {"type": "function_call", "call_id": "c2", "name": "price", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "9"},
        {"type": "function_call_output", "call_id": "c2", "output": "Error: x"},
        {"type": "message", "role": "developer", "content": "The line is bad."},
        {"type": "message", "role": "assistant", "content": "Nine."},
        {"type": "message", "role": "user", "content": "Thanks é ✓"},
    ]


def test_calls_without_words_have_no_empty_message() -> None:
    items = request(LANES, Request("", (AssistantMessage("", (Call("c1", "f", "{}", "1"),)),)))["input"]
    assert [item["type"] for item in items] == ["function_call", "function_call_output"]


def test_the_note_comes_last_and_only_where_there_is_one() -> None:
    items = request(LANES, Request("", LOG, note="Go on."))["input"]
    assert items[-1] == {"type": "message", "role": "developer", "content": "Go on."}
    assert items[:-1] == request(LANES, Request("", LOG))["input"]


def test_lanes_are_numbered_by_the_reply() -> None:
    assert LANES.lanes
    assert request(LANES, Request("", LOG), reply=12)["stream_id"] == "r12"
    assert not NO_LANES.lanes
    assert "stream_id" not in request(NO_LANES, Request("", LOG))


def test_more_fields_go_into_the_request_as_they_are() -> None:
    codec = ResponsesCodec(ResponsesSettings("gpt", extra={"temperature": 0.2, "reasoning": {"effort": "low"}}))
    message = request(codec, Request("", LOG))
    assert (message["temperature"], message["reasoning"]) == (0.2, {"effort": "low"})


def test_the_schemas_of_our_tools_are_taken() -> None:
    many = tuple(ToolSchema(f"f{number}", "", {"type": "object", "properties": {}}) for number in range(20))
    assert len(request(LANES, Request("", (), many))["tools"]) == 20


# --- events ---------------------------------------------------------------------------------------------------------

RESPONSE: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 0.0,
    "model": "gpt",
    "output": [],
    "tools": [],
    "tool_choice": "auto",
    "parallel_tool_calls": True,
}
USAGE = {
    "input_tokens": 11,
    "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 0},
    "output_tokens": 5,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 16,
}
MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": []}
CALL = {
    "id": "fc_1",
    "type": "function_call",
    "call_id": "c1",
    "name": "price",
    "arguments": '{"of":"bell"}',
    "status": "completed",
}
REASONING = {"id": "rs_1", "type": "reasoning", "summary": []}
PLACE: dict[str, Any] = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
PART = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}


def event(kind: str, stream_id: str | None = "r7", /, **fields: Any) -> str:
    """An event that the client's own types accept."""
    lane = {} if stream_id is None else {"stream_id": stream_id}
    message = json.dumps({"type": kind, "sequence_number": 0, **lane, **fields})
    valid(message)
    return message


def ended(kind: str, **response: Any) -> str:
    status = kind.removeprefix("response.")
    return event(kind, response={**RESPONSE, "status": status, **response})


@pytest.mark.parametrize(
    ("message", "facts"),
    [
        (event("response.output_text.delta", **PLACE, delta="Hé", logprobs=[]), [Delta(7, "Hé")]),
        (event("response.refusal.delta", **PLACE, delta="I cannot"), [Delta(7, "I cannot")]),
        (
            event("response.output_item.done", output_index=0, item=CALL),
            [FunctionCall(7, "c1", "price", '{"of":"bell"}')],
        ),
        (ended("response.completed", usage=USAGE), [ReplyDone(7, Usage(11, 5))]),
        (ended("response.completed"), [ReplyDone(7, Usage(0, 0))]),
        (
            ended("response.incomplete", incomplete_details={"reason": "max_output_tokens"}, usage=USAGE),
            [ReplyDone(7, Usage(11, 5))],
        ),
        (
            ended("response.failed", error={"code": "server_error", "message": "we broke"}),
            [ReplyFailed(7, "server_error: we broke")],
        ),
        (ended("response.failed"), [ReplyFailed(7, "error: ")]),
    ],
)
@pytest.mark.parametrize("form", [str, str.encode])
def test_what_an_event_says(message: str, facts: list[Output], form: Any) -> None:
    assert LANES.events(form(message), 7) == facts


@pytest.mark.parametrize(
    "message",
    [
        event("response.created", response=RESPONSE | {"status": "in_progress"}),
        event("response.in_progress", response=RESPONSE | {"status": "in_progress"}),
        event("response.output_item.added", output_index=0, item=MESSAGE | {"status": "in_progress"}),
        event("response.output_item.added", output_index=0, item=CALL | {"arguments": "", "status": "in_progress"}),
        event("response.content_part.added", **PLACE, part=PART),
        event("response.output_text.done", **PLACE, text="Hello", logprobs=[]),
        event("response.content_part.done", **PLACE, part=PART),
        event("response.output_item.done", output_index=0, item=MESSAGE),
        event("response.output_item.done", output_index=0, item=REASONING),
        event("response.function_call_arguments.done", item_id="fc_1", output_index=0, arguments="{}"),
        event("response.refusal.done", **PLACE, refusal="I cannot"),
    ],
)
def test_events_that_say_nothing_new(message: str) -> None:
    """Text and calls come once: as deltas, and when an item is done."""
    assert LANES.events(message, 7) == []


@pytest.mark.parametrize(
    "message",
    [
        event("response.function_call_arguments.delta", item_id="fc_1", output_index=0, delta="{}"),
        event("response.reasoning_summary_text.delta", item_id="rs_1", output_index=0, summary_index=0, delta="hm"),
        '{"type":"response.some_day.delta","stream_id":"r7","x":[1]}',
    ],
)
def test_what_it_works_on_is_a_sign_of_life(message: str) -> None:
    assert LANES.events(message, 7) == [Progress(7)]


@pytest.mark.parametrize("message", ['{"type":"response.some_day","x":[1]}', '{"type":"ping"}', '{"type":""}'])
def test_unknown_events_are_ignored(message: str) -> None:
    assert LANES.events(message, 7) == []


# --- errors ---------------------------------------------------------------------------------------------------------


def error_event(code: str | None, message: str = "no", stream_id: str | None = "r7", status: int = 400) -> str:
    """The error of a websocket."""
    kind = {"type": "invalid_request_error", "code": code, "message": message, "param": None}
    lane = {} if stream_id is None else {"stream_id": stream_id}
    text = json.dumps({"type": "error", "status": status, "error": kind, **lane})
    valid(text)
    return text


@pytest.mark.parametrize(
    ("code", "fatal"),
    [
        ("invalid_api_key", True),
        ("model_not_found", True),
        ("insufficient_quota", True),
        ("invalid_prompt", True),
        ("rate_limit_exceeded", False),
        ("server_error", False),
        ("previous_response_not_found", False),
        ("something_new", False),
    ],
)
def test_an_error_says_whether_asking_again_can_help(code: str, fatal: bool) -> None:
    assert (code in FATAL_CODES) is fatal
    expected = [ReplyFailed(7, f"{code}: no", kind="fatal" if fatal else "passing")]
    assert LANES.events(error_event(code), 7) == expected
    flat = json.dumps({"type": "error", "code": code, "message": "no", "param": None, "sequence_number": 1})
    assert LANES.events(flat, 7) == expected
    broken = json.dumps({"type": "response.failed", "response": {"error": {"code": code, "message": "no"}}})
    assert LANES.events(broken, 7) == expected


@pytest.mark.parametrize(
    "message", ['{"type":"error"}', '{"type":"error","error":null}', '{"type":"error","code":null}']
)
def test_an_error_without_words_is_one(message: str) -> None:
    assert LANES.events(message, 7) == [ReplyFailed(7, "error: ")]


def test_a_long_error_is_cut() -> None:
    (failed,) = LANES.events(error_event("server_error", "x" * 10_000), 7)
    assert isinstance(failed, ReplyFailed)
    assert len(failed.reason) == 300


@pytest.mark.parametrize("current", [7, None])
@pytest.mark.parametrize("stream_id", [None, "r7"])
def test_the_limit_of_a_connection_ends_it_whether_somebody_waits_or_not(
    current: int | None, stream_id: str | None
) -> None:
    with pytest.raises(ConnectionOver, match="time limit") as caught:
        LANES.events(error_event("websocket_connection_limit_reached", stream_id=stream_id), current)
    assert not caught.value.fatal


@pytest.mark.parametrize(
    "message",
    [
        "",
        "}{ no JSON",
        "[]",
        "null",
        '"text"',
        "{}",
        '{"type":5}',
        '{"type":"response.output_text.delta"}',
        '{"type":"response.output_text.delta","delta":5}',
        '{"type":"response.output_item.done"}',
        '{"type":"response.output_item.done","item":{}}',
        '{"type":"response.output_item.done","item":{"type":"function_call","name":"f","arguments":"{}"}}',
        '{"type":"response.output_item.done","item":{"type":"function_call","call_id":"c","arguments":"{}"}}',
        '{"type":"response.output_item.done","item":{"type":"function_call","call_id":"c","name":"f"}}',
        '{"type":"response.completed"}',
        '{"type":"response.completed","response":{"usage":{"input_tokens":"many"}}}',
        '{"type":"response.created","stream_id":"lane"}',
        '{"type":"response.created","stream_id":5}',
        b"\xff\xfe",
        b'{"type":"response.output_text.delta","delta":"\xff"}',
        '{"type":"response.output_text.delta","delta":"\\ud800"}',
        '{"type":"response.created","response":' + "[" * 10_000 + "]" * 10_000 + "}",
    ],
)
def test_garbage_is_the_providers_fault(message: str | bytes) -> None:
    with pytest.raises(ProviderError, match="not a Responses event") as caught:
        LANES.events(message, 7)
    assert not caught.value.fatal


@pytest.mark.parametrize(
    ("message", "wish_s"),
    [
        ("Rate limit reached. Please try again in 1.2s. Visit our page.", 1.2),
        ("Please try again in 20ms.", 0.02),
        ("please try again in 6 s", 6.0),
        ("Please try again in 300s.", MAX_WISH_S),
        ("Please try again in 2 steps.", 0.0),
        ("Please try again later.", 0.0),
    ],
)
def test_when_to_ask_again_is_said_in_words(message: str, wish_s: float) -> None:
    (failed,) = LANES.events(error_event("rate_limit_exceeded", message), 7)
    assert isinstance(failed, ReplyFailed)
    assert failed.retry_after_s == pytest.approx(wish_s)


# --- whose event it is ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stream_id", "current", "reply"),
    [("r3", 7, 3), ("r3", None, 3), ("r7", 7, 7), (None, 7, 7), (None, None, NOBODY), ("r0", 7, NOBODY)],
)
@pytest.mark.parametrize("codec", [LANES, NO_LANES])
def test_a_lane_names_the_reply_else_it_is_the_current_one(
    codec: ResponsesCodec, stream_id: str | None, current: int | None, reply: int
) -> None:
    message = event("response.output_text.delta", stream_id, **PLACE, delta="x", logprobs=[])
    nobodys = codec.lanes and stream_id is None
    assert codec.events(message, current) == [Delta(NOBODY if nobodys else reply, "x")]
    assert codec.events(error_event("server_error", stream_id=stream_id), current) == [
        ReplyFailed(reply, "server_error: no")
    ]
