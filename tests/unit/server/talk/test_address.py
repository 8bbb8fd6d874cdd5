"""Whom to call, from what a person types."""

from __future__ import annotations

import pytest

from link.errors import ConfigError
from server.talk.address import DEFAULT, is_address, parse_address


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (DEFAULT, "ws://127.0.0.1:8080/ws"),
        ("ws://host", "ws://host/ws"),
        ("ws://host/", "ws://host/ws"),
        ("wss://host:1/other?x=1", "wss://host:1/other?x=1"),
        ("http://host:8080", "ws://host:8080/ws"),
        ("http://host:8080/", "ws://host:8080/ws"),
        ("https://host/voice/", "wss://host/voice/ws"),
        ("https://host/voice/index.html", "wss://host/voice/ws"),
        ("https://host/voice/ws", "wss://host/voice/ws"),
        ("http://[::1]:8080/#top", "ws://[::1]:8080/ws"),
        ("HTTPS://Host", "wss://Host/ws"),
        ("127.0.0.1:18091", "ws://127.0.0.1:18091/ws"),
        ("localhost:80/voice/", "ws://localhost:80/voice/ws"),
        ("[::1]:8080", "ws://[::1]:8080/ws"),
        ("voice.example.org:8080/ws", "ws://voice.example.org:8080/ws"),
    ],
)
def test_addresses(text: str, url: str) -> None:
    address = parse_address(text)
    assert address.url == url
    assert address.secure == url.startswith("wss")


@pytest.mark.parametrize(
    "text",
    [
        "host:99999",
        "[::1::1::1]:80",
        "host",
        "ftp://host",
        "ws://",
        "http:///x",
        "ws://host:port",
        "ws://host:99999",
        "ws://[::1",
    ],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ConfigError, match="is not an address"):
        parse_address(text)


def test_a_password_is_not_shown() -> None:
    address = parse_address("wss://me:secret@host:8443/ws?key=secret")
    assert (address.name, address.host) == ("wss://host:8443/ws", "host:8443")


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [("127.0.0.1", True), ("localhost", True), ("[::1]", True), ("127.8.8.8", True), ("10.0.0.1", False), ("x", False)],
)
def test_loopback(host: str, is_loopback: bool) -> None:
    assert parse_address(f"ws://{host}").loopback is is_loopback


@pytest.mark.parametrize("word", ["ws://x", "ftp://x", "127.0.0.1:1", "localhost:8080", "x:1/ws", "[::1]:8080"])
def test_what_is_meant_as_an_address(word: str) -> None:
    assert is_address(word)


@pytest.mark.parametrize(
    "word", ["hello.wav", "./a:1", "C:\\a.wav", "C:/a.wav", "a b:1", "x:", "x:y", "folder/x:1", "::1"]
)
def test_what_is_meant_as_a_file(word: str) -> None:
    assert not is_address(word)
