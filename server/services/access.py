"""Where a provider is and which key it is shown: the same five options for every service that is somewhere else.

A key stands in the table (`api_key`) or in an environment variable: the provider's own, or the one that `key_env`
names. The provider's own is shown at its own address only: whoever gives another `base_url` says which key is meant.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from urllib.parse import parse_qsl, urlencode

from msgspec import Struct

from link.addresses import can_be_key, fault_of, fault_of_headers
from link.errors import ConfigError
from link.websocket import Endpoint


class Provider(Struct, frozen=True):
    """Where a provider is by itself, and how it is shown a key."""

    base_url: str
    key_env: str
    header: str = "Authorization: Bearer"
    """The header of the key, and what stands before the key in it."""


class Access(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a service is, and what it is shown."""

    base_url: str = ""
    """Where it is, without the path of what is asked there (that is added); empty: the provider's own address."""
    api_key: str = ""
    """Empty: the environment variable of `key_env`."""
    key_env: str = ""
    """The environment variable with the key; empty: the provider's own name for it, at its own address only."""
    headers: dict[str, str] = {}
    """Further headers. One that shows a key goes in the place of ours."""
    query: dict[str, str] = {}
    """What stands behind the `?` of the address, besides and instead of what we write there."""

    def __repr__(self) -> str:
        return f"Access({Endpoint(self.base_url).name!r})"  # headers, query and key may be secret


def endpoint(place: str, provider: Provider, access: Access, path: str, schemes: Sequence[str]) -> Endpoint:
    """Where to connect, and with which headers; `path` may have a query. Raises ConfigError that names the option."""
    base = (access.base_url or provider.base_url).rstrip("/")
    if fault := fault_of(base, schemes):
        raise ConfigError(f"{place}.base_url {fault}")
    if "?" in base:
        raise ConfigError(f"{place}.base_url must have no query; there is {place}.query")
    if fault := fault_of_headers(access.headers.items()):
        raise ConfigError(f"{place}.headers {fault}")
    headers = {**_key_header(place, provider, access), **access.headers}
    try:
        return Endpoint(base + _with_query(path, access.query), tuple(headers.items()))
    except UnicodeEncodeError:
        raise ConfigError(f"{place}.query holds a character that cannot be sent") from None


def key_of(place: str, api_key: str, variable: str) -> str:
    """The key of a table, or else that of an environment variable; without the name of one there may be none.

    Raises ConfigError for a key that is missing, or that holds what no key does.
    """
    key, origin = api_key, f"{place}.api_key"
    if not key and variable:  # a secret that is mounted as a file often ends in a newline
        key, origin = os.environ.get(variable, "").strip(), f"{place}: the environment variable {variable}"
        if not key:
            raise ConfigError(f"{place}: set {place}.api_key, or the environment variable {variable}")
    if key and not can_be_key(key):
        raise ConfigError(f"{origin} holds a character that no key has; was it copied whole?")
    return key


def shows_a_key(headers: dict[str, str], name: str = "Authorization") -> bool:
    """The headers have a key of their own, in this header or in the usual one."""
    return bool({each.lower() for each in headers} & {name.lower(), "authorization"})


def _key_header(place: str, provider: Provider, access: Access) -> dict[str, str]:
    """The header of the key; nobody but its own provider is shown that of the environment, unasked."""
    name, _, scheme = provider.header.partition(": ")
    if shows_a_key(access.headers, name):
        return {}
    ours = access.base_url.rstrip("/") in ("", provider.base_url)
    key = key_of(place, access.api_key, access.key_env or (provider.key_env if ours else ""))
    return {name: f"{scheme} {key}".strip()} if key else {}


def _with_query(path: str, query: dict[str, str]) -> str:
    """The path with more in its query; what has the same name is replaced."""
    if not query:
        return path
    plain, _, own = path.partition("?")
    pairs = [pair for pair in parse_qsl(own, keep_blank_values=True) if pair[0] not in query]
    return f"{plain}?{urlencode([*pairs, *query.items()])}"
