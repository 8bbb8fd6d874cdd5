"""What a user says of an MCP server: where it is, and which of its tools are offered. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
from msgspec import Struct

from link.addresses import hidden, secrets_of
from link.errors import ConfigError

NAME = re.compile(r"[a-zA-Z0-9_-]{1,32}")
HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9a-zA-Z-]+")  # a token of RFC 9110
HEADER_VALUE = re.compile(r"[\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?|")
MIN_SECRET = 6  # shorter values ("true", "8080") are not secret, and stand in every other word
MIN_SECRET_SEGMENT = 16  # some providers put the key into the path of the url
SECRET_NAME = re.compile("key|token|secret|passw|pwd|auth|credential|header", re.IGNORECASE)


class MCPServer(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A server of tools: a program (`command`, `args`, `env`) or an address (`url`, `headers`).

    `MCPServer(command="uvx", args=["mcp-server-time"])`, `MCPServer(url="https://mcp.example.org/mcp", headers={…})`.
    Raises ConfigError when that cannot be.
    """

    command: str = ""
    """A program that speaks MCP on its stdin and stdout. It is started once for the process."""
    args: Sequence[str] = ()
    env: dict[str, str] = {}
    """What the program sees besides PATH, HOME and the like; nothing else of our environment reaches it."""
    url: str = ""
    """Where a server speaks MCP over streamable HTTP."""
    headers: dict[str, str] = {}
    """Go with each request: `{"Authorization": "Bearer …"}`."""
    name: str = ""
    """Goes in front of the names of its tools: `github` makes `github_search` of `search`."""
    include: Sequence[str] = ("*",)
    """Only the tools that match one of these patterns (`*`, `?`, `[…]`), by the names that the server gives them."""
    exclude: Sequence[str] = ()
    """None of the tools that match one of these."""
    timeout_s: float = 30.0
    """A call that takes longer is given up, and so cancelled at the server."""
    connect_s: float = 10.0
    """How long a start, or a call while the server is away, waits for the connection."""
    cancel_on_interruption: bool = True
    """A barge-in cancels its calls; else they are async."""

    def __post_init__(self) -> None:
        for field in msgspec.structs.fields(self):  # a Struct made by hand is not checked by msgspec
            try:
                msgspec.convert(getattr(self, field.name), field.type)
            except msgspec.ValidationError as error:
                raise ConfigError(f"MCPServer: {field.name} is wrong: {error}") from None
        for holds, text in (
            (bool(self.command) != bool(self.url), "give either `command` or `url`"),
            (not self.url or _is_http(self.url), "url must be like https://mcp.example.org/mcp"),
            (not self.url or not (self.args or self.env), "`args` and `env` belong to `command`, not to `url`"),
            (not self.command or not self.headers, "`headers` belong to `url`, not to `command`"),
            *((HEADER.fullmatch(name), f"{name!r} is no name of a header") for name in self.headers),
            *(
                (HEADER_VALUE.fullmatch(value), f"the value of the header {name!r} has letters that cannot be sent")
                for name, value in self.headers.items()
            ),
            (not self.name or NAME.fullmatch(self.name), "a name has 1 to 32 letters, digits, '_' or '-'"),
            (self.timeout_s > 0, "timeout_s must be more than 0"),
            (0 < self.connect_s < math.inf, "connect_s must be more than 0, and not for ever"),
        ):
            if not holds:
                raise ConfigError(f"MCPServer: {text}")

    def __repr__(self) -> str:
        return f"MCPServer({self.label})"  # the arguments, variables and headers may hold secrets

    @property
    def label(self) -> str:
        """What it is called in messages: its name, its program, or its host."""
        return self.name or (
            urlsplit(self.url).netloc.rpartition("@")[2] if self.url else re.split(r"[\\/]", self.command)[-1]
        )

    def hide(self, text: str) -> str:
        """A text as it may be shown, without what may be secret: in `env`, `headers`, `args` and `url`."""
        return hidden(text, sorted(self._secrets(), key=len, reverse=True))

    def _secrets(self) -> set[str]:
        parts = urlsplit(self.url)
        found = {*self.env.values(), *self.headers.values(), parts.username or "", parts.password or ""}
        found |= {word for value in self.headers.values() for word in value.split()}
        found |= {value for _, value in parse_qsl(parts.query)}
        found |= {value.partition("=")[2] for value in parts.query.split("&")}  # as they stand, encoded
        segments = {segment for segment in parts.path.split("/") if len(segment) >= MIN_SECRET_SEGMENT}
        found |= segments | _secrets_of_args(self.args)
        return {secret for secret in found if len(secret) >= MIN_SECRET}


def _secrets_of_args(args: Sequence[str]) -> set[str]:
    """What may be secret in a program's arguments: `--key VALUE`, `--any=VALUE`, `KEY=VALUE`, parts of addresses."""
    found: set[str] = set()
    for flag, arg in zip(("", *args), args, strict=False):
        name, _, value = arg.partition("=")
        follows = flag.startswith("-") and SECRET_NAME.search(flag) and "=" not in flag and not arg.startswith("-")
        if follows or SECRET_NAME.search(name):
            found.add(arg if follows else value)
        values = [arg] if follows else [value] if name.startswith("-") else []
        found.update(secrets_of(arg if "://" in arg else "", values))
    return found


def _is_http(url: str) -> Any:
    """Whether it is an address that a request can be sent to."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
