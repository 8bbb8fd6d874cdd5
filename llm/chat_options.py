"""What an operator says of a Chat Completions endpoint: where it is, who asks, what each request carries. Pure."""

from __future__ import annotations

import math
from typing import Any, Literal
from urllib.parse import SplitResult, urlencode, urlsplit

from msgspec import Struct

from link.addresses import can_be_key, fault_of_headers, secrets_of
from link.errors import ConfigError

OPENAI_URL = "https://api.openai.com/v1"
OURS = ("model", "messages", "stream", "n")
"""What no `extra` sets."""
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class ChatOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """A model at OpenAI, or at any endpoint that speaks the same protocol: Ollama, vLLM, llama.cpp, Groq, …"""

    model: str
    base_url: str = ""
    """Where the endpoint is, without `/chat/completions`; empty: OpenAI."""
    api_key: str = ""
    """Empty: the environment variable OPENAI_API_KEY, for OpenAI's own url only; many local servers need none."""
    headers: dict[str, str] = {}
    """Further headers of each request."""
    query: dict[str, str] = {}
    """What stands behind the `?` of each request."""
    extra: dict[str, Any] = {}
    """Goes into the body of each request as it is: reasoning_effort, top_p, …"""
    service_tier: str = ""
    temperature: float | None = None
    max_output_tokens: int | None = None
    tool_choice: str = ""
    """`auto`, `none`, `required`, or the name of a tool."""
    parallel_tool_calls: bool | None = None
    """Whether an answer may hold several calls; None leaves it to the provider."""
    max_tokens_field: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    """Older servers know `max_tokens` only."""
    developer_role: bool = True
    """False for models without it: the instructions are a system message, what the application says a user's."""
    usage: bool = True
    """Ask for the tokens of each answer; some servers refuse `stream_options`."""
    reasoning_field: Literal["", "reasoning_content", "reasoning"] = ""
    """Where the reasoning stands that a provider wants to see again with the calls that came of it (DeepSeek)."""
    retry_on_timeout: bool = False
    """A request whose first output is late is made once more, then without that limit."""
    retry_timeout_secs: float = 5.0
    """How late is late; less than the call itself waits for a first output."""
    connect_s: float = 5.0

    def __repr__(self) -> str:
        return f"ChatOptions({self.model!r}, {self.name!r})"  # headers, query and key may be secret

    @property
    def url(self) -> str:
        """Where the endpoint is."""
        return self.base_url or OPENAI_URL

    @property
    def name(self) -> str:
        """The url as it may be logged."""
        try:
            return _name(urlsplit(self.url))
        except ValueError:
            return "the endpoint"

    @property
    def loopback(self) -> bool:
        """It is on this machine, so no proxy is asked."""
        return urlsplit(self.url).hostname in _LOOPBACK

    @property
    def of_openai(self) -> bool:
        """It is OpenAI's own: api.openai.com, or a regional one."""
        parts = urlsplit(self.url)
        return parts.scheme == "https" and f".{parts.hostname}".endswith(".api.openai.com")

    def key(self, environment: str) -> str:
        """The key to show; `environment` is what OPENAI_API_KEY holds. Raises ConfigError for any wrong option."""
        _check_url(self)
        if not self.model:
            raise ConfigError("chat completions: say which model: model = …")
        _check_numbers(self)
        _check_headers(self.headers)
        if wrong := [name for name in OURS if name in self.extra]:
            raise ConfigError(
                f"chat completions: extra must not set {', '.join(wrong)}: that is for the service to say"
            )
        key = self.api_key or (environment.strip() if self.of_openai else "")  # nobody else is shown that key
        if key and not can_be_key(key):
            raise ConfigError("chat completions: api_key holds a character that no key has; was it copied whole?")
        if not key and self.of_openai and "authorization" not in map(str.lower, self.headers):
            raise ConfigError("chat completions: set api_key, or the environment variable OPENAI_API_KEY")
        return key

    def secrets(self, key: str) -> tuple[str, ...]:
        """What must not be seen in a log or an error, the longest first."""
        url = f"{self.url}?{urlencode(self.query)}"
        return tuple(secrets_of(url, [key, *self.headers.values()]))


def _name(parts: SplitResult) -> str:
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"


def _check_numbers(options: ChatOptions) -> None:
    for name in ("connect_s", "retry_timeout_secs"):
        if not 0 < getattr(options, name) < math.inf:
            raise ConfigError(f"chat completions: {name} must be a positive number of seconds")
    if options.temperature is not None and not 0 <= options.temperature < math.inf:
        raise ConfigError("chat completions: temperature must be a number from 0 on")
    if options.max_output_tokens is not None and options.max_output_tokens < 1:
        raise ConfigError("chat completions: max_output_tokens must be at least 1")


def _check_url(options: ChatOptions) -> None:
    wrong = ConfigError("chat completions: base_url must be an address like http://localhost:11434/v1")
    try:
        parts = urlsplit(options.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or " " in options.url or parts.port == 0:
            raise wrong
    except ValueError as error:
        raise wrong from error
    if parts.query or parts.fragment:
        raise ConfigError("chat completions: what follows the `?` of base_url belongs into `query`")
    if parts.path.rstrip("/").endswith("/chat/completions"):
        raise ConfigError("chat completions: base_url ends before /chat/completions, which is added to it")


def _check_headers(headers: dict[str, str]) -> None:
    if wrong := fault_of_headers(headers.items()):
        raise ConfigError(f"chat completions: headers {wrong}")
