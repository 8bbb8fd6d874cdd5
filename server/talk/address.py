"""Where to call: from what a person types to a websocket's address. Pure."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit, urlunsplit

from msgspec import Struct

from link.errors import ConfigError

DEFAULT = "ws://127.0.0.1:8080/ws"
SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
PLAIN = re.compile(r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):[0-9]+(/.*)?")
"""A host and a port without a scheme."""


class Address(Struct, frozen=True):
    """A websocket's `url`; `name` is it as it may be shown, without a password or a query; `host` is for errors."""

    url: str
    name: str
    host: str
    secure: bool
    loopback: bool


def is_address(text: str) -> bool:
    """Whether a word is meant as an address: it has a scheme, or is `host:port`."""
    return "://" in text or PLAIN.fullmatch(text) is not None


def parse_address(text: str) -> Address:
    """Takes ws, wss, http and https, and `host:port` as ws. The address of the page does as well: its websocket is `ws`
    beside it.

    Raises ConfigError for what is no address.
    """
    try:
        parts = urlsplit(f"http://{text}" if PLAIN.fullmatch(text) else text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigError(f"{text} is not an address: {error}") from error
    if parts.scheme not in SCHEMES or not host:
        raise ConfigError(f"{text} is not an address; give something like {DEFAULT} or https://voice.example.org")
    scheme, path = SCHEMES[parts.scheme], _path(parts)
    place = f"[{host}]" if ":" in host else host
    at = place if port is None else f"{place}:{port}"
    return Address(
        url=urlunsplit((scheme, parts.netloc, path, parts.query, "")),
        name=f"{scheme}://{at}{path}",
        host=at,
        secure=scheme == "wss",
        loopback=_is_loopback(host),
    )


def _path(parts: SplitResult) -> str:
    if parts.scheme.startswith("http") and not parts.path.endswith("/ws"):
        return parts.path.rpartition("/")[0] + "/ws"
    return parts.path if parts.path not in ("", "/") else "/ws"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
