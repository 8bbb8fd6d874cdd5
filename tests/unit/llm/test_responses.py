"""From a sign to the fact of a reply, and the codec as a whole."""

from __future__ import annotations

import pytest

from llm.continuation import Plan
from llm.events import Delta, Failure, FunctionCall, ModelSettings, Output, Progress, ReplyDone, Request, Thought, Usage
from llm.events import ReplyFailed as Refused
from llm.items import Reasoning, UserMessage
from llm.responses import ResponsesCodec, ResponsesSettings, fact_of, reason_of
from llm.responses_events import Ended, Failed, Made, Sign, Text, Thinking, Working
from tests.unit.llm.sdk import asked

LANES = ResponsesCodec(ResponsesSettings("gpt"))
NO_LANES = ResponsesCodec(ResponsesSettings("gpt", lanes=False))
HELLO = Request("", (UserMessage("Hello"),))


def test_a_request_has_a_lane_where_the_provider_has_them() -> None:
    assert LANES.lanes
    assert asked(LANES.request(Plan(HELLO, "gpt"), lane="r12", source=""))["stream_id"] == "r12"
    assert not NO_LANES.lanes
    assert "stream_id" not in asked(NO_LANES.request(Plan(HELLO, "gpt"), lane="r12", source=""))


def test_a_request_may_be_for_another_model() -> None:
    assert LANES.model(HELLO) == "gpt"
    assert LANES.model(Request("", (), settings=ModelSettings(model="gpt-mini"))) == "gpt-mini"
    assert asked(LANES.request(Plan(HELLO, "gpt-mini"), lane="", source=""))["model"] == "gpt-mini"


@pytest.mark.parametrize(
    ("sign", "fact"),
    [
        (Text("Hé"), Delta(7, "Hé")),
        (Made("c1", "price", "{}"), FunctionCall(7, "c1", "price", "{}")),
        (Thinking('{"type":"reasoning"}'), Thought(7, Reasoning("ours", '{"type":"reasoning"}'))),
        (Working(), Progress(7)),
        (Ended("resp_1", "gpt-2026", Usage(1, 2, 3, 4), "max"), ReplyDone(7, Usage(1, 2, 3, 4), "gpt-2026", "max")),
        (Failed("server_error", "we broke", 500), Refused(7, "server_error: we broke")),
        (Failed("", ""), Refused(7, "error: ")),
    ],
)
def test_what_a_sign_means_for_a_reply(sign: Sign, fact: Output) -> None:
    assert fact_of(sign, 7, "ours") == fact


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("invalid_api_key", 401, "fatal"),
        ("model_not_found", 404, "fatal"),
        ("insufficient_quota", 429, "fatal"),
        ("context_length_exceeded", 400, "too_long"),
        ("content_filter", 400, "blocked"),
        ("rate_limit_exceeded", 429, "passing"),
        ("previous_response_not_found", 404, "passing"),
        ("", 403, "fatal"),
    ],
)
def test_a_failure_says_what_it_calls_for(code: str, status: int, kind: Failure) -> None:
    fact = fact_of(Failed(code, "no", status), 7, "")
    assert isinstance(fact, Refused)
    assert fact.kind == kind


def test_when_to_ask_again_is_passed_on() -> None:
    fact = fact_of(Failed("rate_limit_exceeded", "Please try again in 1.2s."), 7, "")
    assert isinstance(fact, Refused)
    assert fact.retry_after_s == pytest.approx(1.2)


def test_a_long_reason_is_cut() -> None:
    assert len(reason_of(Failed("server_error", "x" * 10_000))) == 300
