"""Addresses, headers and keys: what can be sent at all, and what of them must not be seen. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote, quote_plus, unquote, unquote_plus, urlsplit

import msgspec

SECRET_CHARACTERS = 8
"""What is shorter is no secret (`Bearer`, a version, a name), and would be found in any text."""
_NAME = re.compile(r"[0-9A-Za-z!#$%&'*+.^_`|~-]+")  # a token: RFC 9110, 5.6.2
_VALUE = re.compile(r"[!-~]([ -~]*[!-~])?")
_USERINFO = re.compile(r"//([^/?#\s]+)@")


def fault_of(url: str, schemes: Sequence[str]) -> str:
    """What is wrong with an address, to be said after the name of its option, and without it; empty: nothing."""
    beginnings = tuple(f"{scheme}://" for scheme in schemes)
    if not url.startswith(beginnings):
        return f"must begin with {' or '.join(beginnings)}"
    if " " in url or not url.isprintable():
        return "must hold no white space and no control characters"
    if "#" in url:
        return "must not have a fragment (#…)"
    try:
        parts = urlsplit(url)
        if not parts.hostname or parts.port == 0:
            return f"must be an address like {beginnings[-1]}host/path"
    except ValueError:  # a port above 65535, half of an IPv6 address
        return f"must be an address like {beginnings[-1]}host/path"
    if parts.username is not None and parts.password is None:
        return "must have a password where it has a user (user:password@host)"
    return ""


def fault_of_headers(headers: Iterable[tuple[str, str]]) -> str:
    """What is wrong with headers, without any value; empty: nothing."""
    for name, value in headers:
        if not _NAME.fullmatch(name):  # it may be half of a line that holds a secret
            return "has a name with characters that no header can have"
        if value and not _VALUE.fullmatch(value):
            return f"has a value with characters that no header can have, under {name!r}"
    return ""


def can_be_key(key: str) -> bool:
    """Whether a key can be sent: on one line, and in ASCII."""
    return bool(_VALUE.fullmatch(key))


def secrets_of(url: str, values: Iterable[str]) -> list[str]:
    """What of an address and of its headers' `values` must not be seen, the longest first, in each of its spellings.

    An address has its secrets encoded; whoever quotes them may have decoded them, or encoded them in another way.
    """
    query = url.partition("#")[0].partition("?")[2]
    found = _USERINFO.search(url)
    userinfo = found[1] if found else ""
    parts = [query, *(pair.partition("=")[2] for pair in query.split("&")), userinfo, *userinfo.split(":", 1)]
    words = {spelling for part in parts for spelling in _spellings(part)}
    if userinfo:
        words.add(_basic(userinfo))
    words.update(values)
    words.update([piece for word in words for piece in word.split()])  # `Bearer …`
    return sorted((word for word in words if len(word) >= SECRET_CHARACTERS), key=lambda word: (-len(word), word))


def hidden(text: str, secrets: Iterable[str]) -> str:
    """A text without these secrets, and without the user and password of any address in it."""
    for secret in secrets:
        text = re.sub(re.escape(secret), "***", text, flags=re.IGNORECASE)  # %2F is %2f
    return _USERINFO.sub("//***@", text)


def _spellings(part: str) -> set[str]:
    plain = {part, unquote(part), unquote_plus(part)}
    return plain | {way(each) for each in plain for way in (_quote, quote_plus, _quote_all)}


def _quote(text: str) -> str:
    return quote(text, errors="replace")


def _quote_all(text: str) -> str:
    return quote(text, safe="", errors="replace")


def _basic(userinfo: str) -> str:
    """What the header `Authorization` has after `Basic`."""
    return str(msgspec.to_builtins(unquote(userinfo).encode(errors="replace")))
