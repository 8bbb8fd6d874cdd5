"""What a user may say of an MCP server, and what is never shown of it."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest

from link.errors import ConfigError
from llm.mcp import MCPServer

KEY = "sk-0123456789"


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({}, "either `command` or `url`"),
        ({"command": "a", "url": "http://b"}, "either `command` or `url`"),
        ({"command": "a", "args": "-y b"}, "args is wrong: Expected `array`"),
        ({"command": "a", "env": {"A": 1}}, "env is wrong"),
        ({"command": "a", "headers": {"A": "b"}}, "`headers` belong to `url`"),
        ({"command": "a", "timeout_s": "30"}, "timeout_s is wrong"),
        ({"command": "a", "timeout_s": 0}, "timeout_s must be more than 0"),
        ({"command": "a", "timeout_s": math.nan}, "timeout_s must be more than 0"),
        ({"command": "a", "connect_s": math.inf}, "connect_s must be more than 0"),
        ({"command": "a", "name": "a.b"}, "a name has"),
        ({"command": "a", "name": "a" * 33}, "a name has"),
        ({"url": "ws://b"}, "url must be like"),
        ({"url": "b.example.org/mcp"}, "url must be like"),
        ({"url": "http://"}, "url must be like"),
        ({"url": "http://b:99999"}, "url must be like"),
        ({"url": "http://b", "args": ["c"]}, "belong to `command`"),
        ({"url": "http://b", "headers": {"A b": "c"}}, "'A b' is no name of a header"),
        ({"url": "http://b", "headers": {"A": f"{KEY}\r\nB: c"}}, "the value of the header 'A'"),
        ({"url": "http://b", "headers": {"A": f"{KEY} "}}, "the value of the header 'A'"),
    ],
)
def test_what_cannot_be_is_named_where_it_is_written(options: dict[str, Any], what: str) -> None:
    with pytest.raises(ConfigError) as caught:
        MCPServer(**options)
    assert what in str(caught.value)
    assert KEY not in str(caught.value)


def test_a_table_of_toml_makes_one_and_an_unknown_key_is_named() -> None:
    server = msgspec.convert({"command": "uvx", "args": ["mcp-server-time"], "timeout_s": 5}, MCPServer)
    assert (server.label, server.timeout_s, server.connect_s) == ("uvx", 5, 10)
    with pytest.raises(msgspec.ValidationError, match="unknown field `comand`"):
        msgspec.convert({"comand": "uvx"}, MCPServer)


@pytest.mark.parametrize(
    ("server", "label"),
    [
        (MCPServer(command="/usr/bin/uvx", args=["--key", KEY]), "uvx"),
        (MCPServer(command="uvx", name="time", env={"KEY": KEY}), "time"),
        (MCPServer(url=f"https://me:{KEY}@mcp.example.org:8443/s/{KEY}?key={KEY}"), "mcp.example.org:8443"),
    ],
)
def test_it_is_called_by_its_name_its_program_or_its_host_and_shows_no_more(server: MCPServer, label: str) -> None:
    assert server.label == label
    assert repr(server) == f"MCPServer({label})"


def test_the_values_of_variables_headers_and_the_url_are_hidden_in_a_text() -> None:
    program = MCPServer(command="a", env={"KEY": KEY, "PORT": "8080"})
    assert program.hide(f"no user {KEY} on port 8080") == "no user *** on port 8080"
    server = MCPServer(
        url="https://me:pass%20word@b/s/0123456789abcdef/mcp?key=a%2Fbcdef&x=1",
        headers={"Authorization": f"Bearer {KEY}"},
    )
    said = f"{KEY} Bearer {KEY} pass%20word 0123456789abcdef a/bcdef a%2Fbcdef mcp"
    assert server.hide(said) == "*** *** *** *** *** *** mcp"


@pytest.mark.parametrize(
    ("args", "said", "shown"),
    [
        (["postgres://me:hunter2secret@db/x"], "no postgres://me:hunter2secret@db/x", "no postgres://***@db/x"),
        (
            ["postgres://me:hunter%2Fsecret@db/x"],
            "me may not with hunter/secret or hunter%2fsecret",
            "me may not with *** or ***",
        ),
        (["--url=https://h/p?key=a%2Fbcdefgh&x=1"], "no a/bcdefgh and no a%2Fbcdefgh", "no *** and no ***"),
        (["https://h/p?key=a%2Fbcdefgh&x=1"], "GET https://h/p?key=a%2Fbcdefgh&x=1", "GET https://h/p?***"),
        (["--dsn=a-long-value"], "--dsn=a-long-value", "--dsn=***"),
        (["--api-key", KEY, "--verbose"], f"--api-key {KEY} --verbose", "--api-key *** --verbose"),
        (["--Access-Token", "s3cret"], "--Access-Token s3cret", "--Access-Token ***"),
        (["--password", "s3cret", "file.txt"], "s3cret file.txt", "*** file.txt"),
        (["-e", f"GITHUB_TOKEN={KEY}"], f"GITHUB_TOKEN={KEY} {KEY}", "GITHUB_TOKEN=*** ***"),
        (["--header", f"Authorization: Bearer {KEY}"], f"Bearer {KEY}", "Bearer ***"),
        (["--token-stdin", "--verbose"], "--verbose", "--verbose"),
        (
            ["--level=debug", "/srv/files", "a=long-value"],
            "debug /srv/files a=long-value",
            "debug /srv/files a=long-value",
        ),
    ],
)
def test_secret_parts_of_the_arguments_are_hidden_in_a_text(args: list[str], said: str, shown: str) -> None:
    assert MCPServer(command="a", args=args).hide(said) == shown
