"""What a refusal by a Chat Completions endpoint calls for: by its code, its HTTP status, and what it says. Pure.

OpenAI gives codes (llm/failures.py); others say the same with a status and in words, each in its own.
"""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct

from link.addresses import hidden
from link.text import utf8_text
from llm.events import Failure
from llm.failures import kind_of

MAX_REASON_CHARS = 300

_PASSING = frozenset({408, 409, 425, 429})
_BLOCKED = frozenset({400, 413, 415, 422, 451})
# vLLM, llama.cpp, Groq, Together, Gemini, …: the length of a prompt, in words.
_TOO_LONG = re.compile(
    r"context[ _](length|size|window)|(prompt|input|request) (is )?too (long|large)|too many tokens", re.IGNORECASE
)
_TOO_LARGE = re.compile(r"request too large", re.IGNORECASE)  # more tokens than the limit of a minute: no pause helps
_BAD_KEY = re.compile(
    r"(incorrect|invalid) api key|api key (is )?(not valid|invalid)", re.IGNORECASE
)  # xAI, Gemini: a 400


class Refusal(Struct, frozen=True):
    """What an error says, as far as it does."""

    code: str = ""
    type: str = ""
    message: str = ""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.code or self.type, self.message) if part)


def refusal_of(body: object) -> Refusal:
    """What stands in the body of an error, or in an error event: OpenAI's form, or one of the usual others."""
    if isinstance(body, list) and body:  # Gemini
        return refusal_of(body[0])
    if isinstance(body, str):
        return Refusal(message="" if body.lstrip().startswith("<") else body)  # a web server's page says nothing
    if not isinstance(body, dict):
        return Refusal()
    if isinstance(body.get("error"), dict | str):
        return refusal_of(body["error"])
    return Refusal(_word(body.get("code")), _word(body.get("type")), _words(body))


def what_it_calls_for(refusal: Refusal, status: int | None) -> Failure:
    """Whether to ask again, and how. `status` is None for an error within a stream, whose code may be one."""
    for code in (refusal.code, refusal.type):
        if (known := kind_of(code)) != "passing":
            return known
    if status is None and re.fullmatch(r"[345]\d\d", refusal.code):  # OpenRouter
        status = int(refusal.code)
    if _is_too_long(refusal.message, status):
        return "too_long"
    if status is None or status in _PASSING or status >= 500:
        return "passing"
    if status in _BLOCKED:
        return "fatal" if _BAD_KEY.search(refusal.message) else "blocked"
    return "fatal"  # a key, a quota (402), a model or an address that is wrong; a redirection


def without(secrets: tuple[str, ...], text: str) -> str:
    """A text as it may be logged: on one line, bounded, with no secret in it."""
    return " ".join(utf8_text(hidden(text, secrets)).split())[:MAX_REASON_CHARS]


def _is_too_long(message: str, status: int | None) -> bool:
    if status in (413, 429):
        return status == 413 or bool(_TOO_LARGE.search(message))
    return status in (None, 400, 422) and bool(_TOO_LONG.search(message))


def _words(body: dict[Any, Any]) -> str:
    for name in ("message", "detail", "msg"):
        if words := body.get(name):
            return words if isinstance(words, str) else str(words)
    return ""


def _word(value: object) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
