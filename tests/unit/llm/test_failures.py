"""What a provider's refusal calls for."""

from __future__ import annotations

from typing import get_args

import pytest
from openai.types.responses import ResponseError

from link.wishes import CAP_S, wish_s
from llm.events import Failure
from llm.failures import kind_of


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("invalid_api_key", "fatal"),
        ("model_not_found", "fatal"),
        ("insufficient_quota", "fatal"),
        ("context_length_exceeded", "too_long"),
        ("invalid_prompt", "blocked"),
        ("content_filter", "blocked"),
        ("invalid_image_format", "blocked"),
        ("rate_limit_exceeded", "passing"),
        ("server_error", "passing"),
        ("previous_response_not_found", "passing"),
        ("something_new", "passing"),
        ("", "passing"),
        (None, "passing"),
    ],
)
def test_a_code_has_one_outcome(code: str | None, kind: Failure) -> None:
    assert kind_of(code) == kind


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("something_new", 401, "fatal"),
        ("", 403, "fatal"),
        (None, 404, "fatal"),
        (None, 413, "too_long"),
        (None, 400, "passing"),
        (None, 429, "passing"),
        (None, 503, "passing"),
        ("previous_response_not_found", 404, "passing"),
        ("rate_limit_exceeded", 403, "passing"),
        ("context_length_exceeded", 404, "too_long"),
    ],
)
def test_a_status_speaks_where_the_code_says_nothing(code: str | None, status: int, kind: Failure) -> None:
    assert kind_of(code, status) == kind


def test_what_a_response_fails_with_is_known() -> None:
    """The codes of the `openai` package's own type: only these may pass."""
    codes = get_args(ResponseError.model_fields["code"].annotation)
    assert {code for code in codes if kind_of(code) == "passing"} == {
        "server_error",
        "rate_limit_exceeded",
        "vector_store_timeout",
    }


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Rate limit reached. Please try again in 1.2s. Visit our page.", 1.2),
        ("Please try again in 20ms.", 0.02),
        ("please try again in 6 s", 6.0),
        ("Please try again in 300s.", CAP_S),
        ("Please try again in 2 steps.", 0.0),
        ("Please try again later.", 0.0),
        ("", 0.0),
    ],
)
def test_when_to_ask_again_is_said_in_words(message: str, seconds: float) -> None:
    assert wish_s(message) == pytest.approx(seconds)
