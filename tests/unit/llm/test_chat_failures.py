"""What refusals call for: those of OpenAI, and those of servers that say the same in other words."""

from __future__ import annotations

from typing import Any

import pytest

from llm.chat_failures import MAX_REASON_CHARS, Refusal, refusal_of, what_it_calls_for, without
from llm.events import Failure


def error(message: str = "", code: Any = None, type: str | None = None) -> dict[str, Any]:
    """The error of OpenAI's body."""
    return {"message": message, "type": type, "param": None, "code": code}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        # OpenAI
        (401, error("Incorrect API key provided", "invalid_api_key", "invalid_request_error"), "fatal"),
        (403, error("Country not supported", "unsupported_country_region_territory"), "fatal"),
        (404, error("The model `x` does not exist", "model_not_found"), "fatal"),
        (429, error("Rate limit reached", "rate_limit_exceeded", "tokens"), "passing"),
        (429, error("You exceeded your current quota", "insufficient_quota", "insufficient_quota"), "fatal"),
        (429, error("You exceeded your current quota", None, "insufficient_quota"), "fatal"),
        (429, error("Billing", "billing_hard_limit_reached"), "fatal"),
        (429, error("Request too large for gpt-4o on tokens per min (TPM)", "rate_limit_exceeded"), "too_long"),
        (400, error("This model's maximum context length is 8192 tokens", "context_length_exceeded"), "too_long"),
        (400, error("bad", "content_policy_violation"), "blocked"),
        (400, error("Unknown parameter", "unknown_parameter"), "blocked"),
        (500, error("The server had an error", "server_error"), "passing"),
        (503, error("overloaded", None, "service_unavailable"), "passing"),
        (408, error(), "passing"),
        (409, error(), "passing"),
        (422, error(), "blocked"),
        (413, error(), "too_long"),
        (405, error(), "fatal"),
        (307, "", "fatal"),
        # others
        (400, error("filtered", "content_filter"), "blocked"),  # Azure
        (402, error("Insufficient Balance"), "fatal"),  # DeepSeek
        (404, "model 'x' not found", "fatal"),  # Ollama
        (400, {"object": "error", "message": "maximum context length is 4096", "code": 400}, "too_long"),  # vLLM
        (400, error("too big", 400, "exceed_context_size_error"), "too_long"),  # llama.cpp
        (
            400,
            [{"error": {"code": 400, "message": "API key not valid. Please pass a valid API key."}}],
            "fatal",
        ),  # Gemini
        (429, [{"error": {"code": 429, "message": "exhausted", "status": "RESOURCE_EXHAUSTED"}}], "passing"),
        (400, {"error": "Incorrect API key provided: xa***", "code": "Client specified"}, "fatal"),  # xAI
        (529, error("overloaded", None, "overloaded_error"), "passing"),  # Anthropic
        (502, "<html><body>Bad Gateway</body></html>", "passing"),
        # within a stream
        (None, error("The server had an error", None, "server_error"), "passing"),
        (None, error("Upstream", 502), "passing"),  # OpenRouter
        (None, error("no", 403), "fatal"),
        (None, error("prompt is too long: 9 tokens"), "too_long"),
        (None, None, "passing"),
    ],
)
def test_each_refusal_has_one_outcome(status: int | None, body: Any, kind: Failure) -> None:
    assert what_it_calls_for(refusal_of(body), status) == kind


@pytest.mark.parametrize(
    ("body", "refusal", "text"),
    [
        (error("No.", "c", "t"), Refusal("c", "t", "No."), "c: No."),
        (error("No.", None, "t"), Refusal("", "t", "No."), "t: No."),
        ({"error": error("No.")}, Refusal("", "", "No."), "No."),
        ({"error": "No."}, Refusal("", "", "No."), "No."),
        ("No.", Refusal("", "", "No."), "No."),
        ({"detail": "No."}, Refusal("", "", "No."), "No."),
        ({"detail": [{"loc": ["body"]}]}, Refusal("", "", "[{'loc': ['body']}]"), "[{'loc': ['body']}]"),
        (error(code=True), Refusal(), ""),
        ("<html>", Refusal(), ""),
        (5, Refusal(), ""),
        ([], Refusal(), ""),
        (None, Refusal(), ""),
    ],
)
def test_what_a_refusal_says(body: Any, refusal: Refusal, text: str) -> None:
    assert refusal_of(body) == refusal
    assert str(refusal) == text


def test_a_text_is_logged_on_one_line_bounded_and_without_secrets() -> None:
    text = without(("sk-secret-long", "sk-secret"), f"bad key sk-secret-long\n\tor sk-secret \ud800 {'x' * 1000}")
    assert text.startswith("bad key *** or *** ? xxx")
    assert len(text) == MAX_REASON_CHARS
