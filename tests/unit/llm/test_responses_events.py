"""What a provider's events say, built from the types of OpenAI's own client."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from pydantic import BaseModel

from link.errors import ProviderError
from llm.events import Usage
from llm.responses_events import ConnectionOver, Ended, Failed, Made, Sign, Text, Thinking, Working, read
from tests.unit.llm.local.events import valid
from tests.unit.llm.sdk import kind_of, sample, server_events

RESPONSE: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 0.0,
    "model": "gpt-2026",
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


def event(kind: str, stream_id: str | None = "r7", /, **fields: Any) -> str:
    """An event that the client's own types accept."""
    lane = {} if stream_id is None else {"stream_id": stream_id}
    message = json.dumps({"type": kind, "sequence_number": 0, **lane, **fields})
    valid(message)
    return message


def ended(kind: str, **response: Any) -> str:
    status = kind.removeprefix("response.")
    return event(kind, response={**RESPONSE, "status": status, **response})


def done(item: dict[str, Any]) -> str:
    return event("response.output_item.done", output_index=0, item=item)


# --- what is said -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "sign"),
    [
        (event("response.output_text.delta", **PLACE, delta="Hé", logprobs=[]), Text("Hé")),
        (event("response.refusal.delta", **PLACE, delta="I cannot"), Text("I cannot")),
        (done(CALL), Made("c1", "price", '{"of":"bell"}')),
        (done(CALL | {"arguments": '{"of":', "status": "incomplete"}), Working()),
        (ended("response.completed", usage=USAGE), Ended("resp_1", "gpt-2026", Usage(11, 5, 3, 2))),
        (ended("response.completed"), Ended("resp_1", "gpt-2026")),
        (
            ended("response.incomplete", incomplete_details={"reason": "max_output_tokens"}, usage=USAGE),
            Ended("resp_1", "gpt-2026", Usage(11, 5, 3, 2), "max_output_tokens"),
        ),
        (
            ended("response.incomplete", incomplete_details={"reason": "content_filter"}),
            Ended("resp_1", "gpt-2026", Usage(), "content_filter"),
        ),
        (
            ended("response.failed", error={"code": "server_error", "message": "we broke"}),
            Failed("server_error", "we broke"),
        ),
        (ended("response.failed"), Failed("", "")),
    ],
)
@pytest.mark.parametrize("form", [str, str.encode])
def test_what_an_event_says(message: str, sign: Sign, form: Any) -> None:
    assert read(form(message)) == ("r7", sign)


@pytest.mark.parametrize("lane", [None, "r7", "another"])
def test_the_lane_is_the_one_that_is_named(lane: str | None) -> None:
    message = event("response.output_text.delta", lane, **PLACE, delta="x", logprobs=[])
    assert read(message) == (lane, Text("x"))


TEXTS = {"response.output_text.delta", "response.refusal.delta"}
ENDS = {"response.completed", "response.incomplete"}
FAILURES = {"response.failed", "error"}


@pytest.mark.parametrize("kind", server_events(), ids=kind_of)
def test_every_event_of_the_protocol_can_be_read(kind: type[BaseModel]) -> None:
    """Built with what it must have; as the package writes it, and as it comes back."""
    message = sample(kind).model_dump_json(exclude_unset=True, by_alias=True)
    assert valid(message).model_dump_json(exclude_unset=True, by_alias=True) == message
    name, (_, sign) = kind_of(kind), read(message)
    if name in TEXTS:
        assert sign == Text("text")
    elif name in ENDS:
        assert sign == Ended("text", "text")
    elif name in FAILURES:
        assert isinstance(sign, Failed)
    else:
        assert sign == (Working() if name.endswith(".delta") else None)


@pytest.mark.parametrize("message", ['{"type":"response.some_day","x":[1]}', '{"type":"ping"}', '{"type":""}'])
def test_unknown_events_say_nothing(message: str) -> None:
    assert read(message) == (None, None)


def test_an_unknown_delta_is_a_sign_of_life() -> None:
    assert read('{"type":"response.some_day.delta","delta":{"x":[1]}}') == (None, Working())


def test_a_message_that_is_done_says_nothing_new() -> None:
    """Text comes once: as deltas."""
    assert read(done(MESSAGE)) == ("r7", None)


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        (None, Usage()),
        ("many", Usage()),
        ([], Usage()),
        ({}, Usage()),
        ({"input_tokens": None, "output_tokens": 5}, Usage(0, 5)),
        ({"input_tokens": "many", "output_tokens": 5}, Usage(0, 5)),
        ({"input_tokens": "11", "output_tokens": 5.0}, Usage(11, 5)),
        ({"input_tokens": -1, "output_tokens": -5}, Usage()),
        ({"input_tokens": 10**30, "output_tokens": 1 << 53}, Usage()),
        ({"input_tokens": 1, "input_tokens_details": None, "output_tokens_details": 3}, Usage(1)),
        (
            {"input_tokens_details": {"cached_tokens": None}, "output_tokens_details": {"reasoning_tokens": 2}},
            Usage(0, 0, 0, 2),
        ),
        ({"input_tokens_details": {"cached_tokens": -1}, "output_tokens_details": {"reasoning_tokens": [2]}}, Usage()),
    ],
)
@pytest.mark.parametrize("kind", ["completed", "incomplete"])
def test_what_cannot_be_counted_costs_no_answer(usage: object, counted: Usage, kind: str) -> None:
    message = json.dumps({"type": f"response.{kind}", "response": {"id": "resp_1", "usage": usage}})
    assert read(message) == (None, Ended("resp_1", "", counted))


def test_a_number_without_end_is_no_count() -> None:
    assert read('{"type":"response.completed","response":{"id":"r","usage":{"input_tokens":1e999}}}') == (
        None,
        Ended("r"),
    )


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (r"\ud83d", "\ufffd"),
        (r"so \uDE00.", "so \ufffd."),
        (r"\ud83d\ud83d\ude00", "\ufffd\N{GRINNING FACE}"),
        (r"\ude00\ud83d", "\ufffd\ufffd"),
        (r"\ud83d\u0041", "\ufffdA"),
        (r"\\ud83d \ud83d", r"\ud83d" + " \ufffd"),
        (r"\\\ud83d", "\\" + "\ufffd"),
        (r"\ud83d\n\"", '\ufffd\n"'),
        (r"\ud83d\ude00", "\N{GRINNING FACE}"),
    ],
)
@pytest.mark.parametrize("form", [str, str.encode])
def test_half_a_character_costs_no_link(written: str, text: str, form: Any) -> None:
    assert read(form('{"type":"response.output_text.delta","delta":"' + written + '"}')) == (None, Text(text))


def test_nor_does_it_in_a_call_or_a_thought() -> None:
    item = r'{"type":"function_call","call_id":"c","name":"f","arguments":"\ud83d"}'
    assert read('{"type":"response.output_item.done","item":' + item + "}") == (None, Made("c", "f", "\ufffd"))
    _, sign = read(
        r'{"type":"response.output_item.done","item":{"type":"reasoning","id":"r","encrypted_content":"\ud83d"}}'
    )
    assert isinstance(sign, Thinking)
    assert json.loads(sign.item)["encrypted_content"] == "\ufffd"


# --- thoughts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "item",
    [
        REASONING | {"encrypted_content": "gAAA"},
        REASONING | {"encrypted_content": "gAAA", "summary": [{"type": "summary_text", "text": "It is nine."}]},
        REASONING | {"content": [{"type": "reasoning_text", "text": "Nine?"}]},
    ],
)
def test_a_thought_is_kept_as_it_came(item: dict[str, Any]) -> None:
    _, sign = read(done(item | {"status": "completed"}))
    assert isinstance(sign, Thinking)
    assert json.loads(sign.item) == item


def test_what_is_null_is_left_out() -> None:
    content = [{"type": "reasoning_text", "text": "Nine?"}]
    _, sign = read(done(REASONING | {"content": content, "encrypted_content": None}))
    assert isinstance(sign, Thinking)
    assert json.loads(sign.item) == REASONING | {"content": content}


def test_a_server_may_leave_out_what_a_request_must_have() -> None:
    _, sign = read('{"type":"response.output_item.done","item":{"type":"reasoning","id":"r","encrypted_content":"x"}}')
    assert isinstance(sign, Thinking)
    assert json.loads(sign.item) == {"summary": [], "type": "reasoning", "id": "r", "encrypted_content": "x"}


@pytest.mark.parametrize(
    "more", [{}, {"encrypted_content": None}, {"summary": [{"type": "summary_text", "text": "x"}]}]
)
def test_a_thought_without_content_cannot_be_shown_again(more: dict[str, Any]) -> None:
    assert read(done(REASONING | more)) == ("r7", Working())


# --- errors -----------------------------------------------------------------------------------------------------------


def error(code: str | None, message: str = "no", stream_id: str | None = "r7", status: int = 400) -> str:
    """The error of a websocket."""
    kind = {"type": "invalid_request_error", "code": code, "message": message, "param": None}
    lane = {} if stream_id is None else {"stream_id": stream_id}
    text = json.dumps({"type": "error", "status": status, "error": kind, **lane})
    valid(text)
    return text


@pytest.mark.parametrize("code", ["invalid_api_key", "rate_limit_exceeded", "something_new"])
def test_an_error_in_each_of_its_forms(code: str) -> None:
    assert read(error(code)) == ("r7", Failed(code, "no", 400))
    flat = json.dumps({"type": "error", "code": code, "message": "no", "param": None, "sequence_number": 1})
    assert read(flat) == (None, Failed(code, "no"))
    broken = json.dumps({"type": "response.failed", "response": {"error": {"code": code, "message": "no"}}})
    assert read(broken) == (None, Failed(code, "no"))


def test_some_servers_put_the_status_where_the_code_is() -> None:
    assert read('{"type":"error","error":{"code":429,"message":"slowly"}}') == (None, Failed("429", "slowly", 429))
    assert read('{"type":"error","error":{"code":"429"}}') == (None, Failed("429", "", 429))
    assert read('{"type":"error","status":400,"code":1,"message":"x"}') == (None, Failed("1", "x", 400))


@pytest.mark.parametrize(
    ("message", "failed"),
    [
        ('{"type":"error","status":"429","error":{"code":"x","message":"boom"}}', Failed("x", "boom", 429)),
        ('{"type":"error","status":429.0,"error":{"code":"x","message":"boom"}}', Failed("x", "boom", 429)),
        ('{"type":"error","status":"soon","error":{"code":"x","message":null}}', Failed("x", "")),
        ('{"type":"error","status":[],"error":{"code":[1],"message":{"a":1}}}', Failed("[1]", "{'a': 1}")),
        ('{"type":"error","error":"boom"}', Failed("", "boom")),
        ('{"type":"response.failed","response":{"error":"boom"}}', Failed("", "boom")),
        (r'{"type":"error","error":"\ud83d"}', Failed("", "\ufffd")),
    ],
)
def test_an_error_in_other_forms_is_no_garbage(message: str, failed: Failed) -> None:
    assert read(message) == (None, failed)


@pytest.mark.parametrize(
    "message",
    ['{"type":"error"}', '{"type":"error","error":null}', '{"type":"error","code":null,"message":null,"status":null}'],
)
def test_an_error_without_words_is_one(message: str) -> None:
    assert read(message) == (None, Failed("", ""))


@pytest.mark.parametrize("stream_id", [None, "r7"])
def test_the_limit_of_a_connection_ends_it(stream_id: str | None) -> None:
    with pytest.raises(ConnectionOver, match="time limit") as caught:
        read(error("websocket_connection_limit_reached", stream_id=stream_id))
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
        '{"type":"response.failed"}',
        '{"type":"response.created","stream_id":5}',
        b"\xff\xfe",
        b'{"type":"response.output_text.delta","delta":"\xff"}',
        b'{"type":"response.output_text.delta","delta":"\\ud800\xff"}',
        '{"type":"response.created","response":' + "[" * 10_000 + "]" * 10_000 + "}",
    ],
)
def test_garbage_is_the_providers_fault(message: str | bytes) -> None:
    with pytest.raises(ProviderError, match="not a Responses event") as caught:
        read(message)
    assert not caught.value.fatal


def test_what_is_read_of_a_long_response_is_little() -> None:
    """A response tells the whole request back; only its end is decoded, and of that only what counts."""
    long = {**RESPONSE, "instructions": "x" * 100_000, "status": "completed", "usage": USAGE}
    _, sign = read(json.dumps({"type": "response.completed", "response": long}))
    assert len(msgspec.json.encode(sign)) < 300
