"""Which options of a Chat Completions endpoint are wrong, who is shown the key, and what is kept out of logs."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest

from link.errors import ConfigError
from llm.chat_failures import without
from llm.chat_options import OPENAI_URL, ChatOptions

LOCAL = "http://localhost:11434/v1"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": ""}, "say which model"),
        ({"base_url": "localhost:11434/v1"}, "an address like"),
        ({"base_url": "ws://localhost/v1"}, "an address like"),
        ({"base_url": "http:///v1"}, "an address like"),
        ({"base_url": "http://host:port/v1"}, "an address like"),
        ({"base_url": "http://host:99999/v1"}, "an address like"),
        ({"base_url": "http://host:0/v1"}, "an address like"),
        ({"base_url": "http://[::1/v1"}, "an address like"),
        ({"base_url": "http://a host/v1"}, "an address like"),
        ({"base_url": "http://host/v1?api-version=1"}, "`query`"),
        ({"base_url": "http://host/v1/chat/completions/"}, "ends before /chat/completions"),
        ({"headers": {"Authorization: Injected": "z"}}, "headers has a name"),
        ({"headers": {"X": "z\nInjected: 1"}}, "'X'"),
        ({"api_key": "sk-é"}, "api_key"),
        ({"api_key": "sk-1\nX: y"}, "api_key"),
        ({"connect_s": 0.0}, "connect_s"),
        ({"retry_timeout_secs": -1.0}, "retry_timeout_secs"),
        ({"connect_s": math.inf}, "connect_s"),
        ({"retry_timeout_secs": math.nan}, "retry_timeout_secs"),
        ({"temperature": math.nan}, "temperature"),
        ({"temperature": math.inf}, "temperature"),
        ({"temperature": -1.0}, "temperature"),
        ({"max_output_tokens": -1}, "max_output_tokens"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"extra": {"stream": False, "n": 2}}, "extra must not set stream, n"),
    ],
)
def test_a_wrong_option_is_named_in_one_sentence(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ChatOptions(**{"model": "m", "base_url": LOCAL, **options}).key("")
    assert str(caught.value).startswith("chat completions: ")
    assert words in str(caught.value)
    assert "Injected" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://localhost/", "https://[::1]:8443/v1", "http://host", "https://a.b.c/x/y/"])
def test_any_http_address_will_do(url: str) -> None:
    assert ChatOptions("m", base_url=url).key("") == ""


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="temprature"):
        msgspec.convert({"model": "m", "temprature": 1}, ChatOptions)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("", True),
        (OPENAI_URL, True),
        ("https://eu.api.openai.com/v1", True),
        ("http://api.openai.com/v1", False),  # in clear
        ("https://api.openai.com.example.net/v1", False),
        ("https://xapi.openai.com/v1", False),
        ("https://api.openai.com@example.net/v1", False),
        ("https://api.groq.com/openai/v1", False),
        (LOCAL, False),
    ],
)
def test_the_key_of_the_environment_is_for_openai_only(url: str, shown: bool) -> None:
    assert ChatOptions("m", base_url=url).key("sk-of-openai") == ("sk-of-openai" if shown else "")


def test_a_key_of_its_own_goes_wherever_it_was_set() -> None:
    assert ChatOptions("m", base_url=LOCAL, api_key="own").key("sk-of-openai") == "own"
    assert ChatOptions("m", api_key="own").key("sk-of-openai") == "own"


def test_openai_needs_a_key_or_a_header_in_its_place() -> None:
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        ChatOptions("m").key("")
    assert ChatOptions("m", headers={"authorization": "Bearer x"}).key("") == ""


def test_nothing_secret_is_in_the_name_or_the_repr() -> None:
    url = "https://user:pass-word@host:8443/v1"
    options = ChatOptions(
        "m", base_url=url, api_key="sk-secret", headers={"X": "Bearer he-said-so"}, query={"k": "in-the-query"}
    )
    assert options.name == "https://host:8443/v1"
    assert repr(options) == "ChatOptions('m', 'https://host:8443/v1')"
    assert ChatOptions("m", base_url="http://[::1").name == "the endpoint"


@pytest.mark.parametrize(
    "secret",
    [
        "sk-secret",
        "Bearer he-said-so",
        "he-said-so",
        "sk/abc+def gh==",  # of the query, as it was set
        "sk%2Fabc%2Bdef%20gh%3D%3D",  # as it is sent
        "sk%2Fabc%2Bdef+gh%3D%3D",
        "sk/abc%2Bdef%20gh%3D%3D",
        "sk%2fabc%2bdef%20gh%3d%3d",
        "already%2Fencoded",
        "a:user:pass@word",
        "pass%40word",
        "pass@word",
        "YTp1c2VyOnBhc3NAd29yZA==",  # as a header
    ],
)
def test_a_secret_is_masked_however_it_is_spelled(secret: str) -> None:
    options = ChatOptions(
        "m",
        base_url="https://a%3Auser:pass%40word@host/v1",
        headers={"X": "Bearer he-said-so"},
        query={"k": "sk/abc+def gh==", "l": "already%2Fencoded"},
    )
    assert without(options.secrets("sk-secret"), f"refused: {secret}.") == "refused: ***."


def test_the_longest_secret_goes_first_and_a_short_word_is_none() -> None:
    options = ChatOptions("m", base_url="http://me:it@host/v1", headers={"X": "Bearer he-said-so"})
    assert options.secrets("") == ("Bearer he-said-so", "he-said-so", "bWU6aXQ=")


def test_loopback_needs_no_proxy() -> None:
    assert [ChatOptions("m", base_url=url).loopback for url in (LOCAL, "http://[::1]:1/v1", "")] == [True, True, False]
